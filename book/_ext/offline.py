"""Keep the built book light, quiet and free of the network: MathJax from a copy beside the pages and only where there
is mathematics, no thebe, no icon font (`_static/icons.css` draws the few icons there are), nothing on the console.
"""

import re
import shutil
from importlib.util import find_spec
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util.fileutil import copy_asset


def _mathjax() -> Path:
    spec = find_spec("sphinx-mathjax-offline")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("sphinx-mathjax-offline is not installed: pip install 'zsad[book]'")
    return Path(spec.origin).parent / "static" / "mathjax"


def copy_mathjax(app: Sphinx, error: Exception | None) -> None:
    """Copy the one program and the fonts that the pages use; the whole of MathJax is twenty times as large."""
    if error is None and app.builder.format == "html":
        target = Path(app.outdir) / "_static" / "mathjax"
        copy_asset(str(_mathjax() / "tex-chtml.js"), str(target))
        fonts = Path("output/chtml/fonts")
        copy_asset(str(_mathjax() / fonts), str(target / fonts))


def drop_scripts(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    """Leave out what a page does not use: thebe (from a CDN, loaded even where it is switched off), toggle buttons, and
    MathJax, a megabyte, where there is no mathematics.
    """
    unused = ["thebe", "toggle", *([] if 'class="math' in context.get("body", "") else ["mathjax", "MathJax"])]
    scripts = context.get("script_files", [])
    scripts[:] = [script for script in scripts if not any(name in _text(script) for name in unused)]


def _text(script) -> str:
    """A script's address and, for one that stands in the page, its program."""
    return f"{getattr(script, 'filename', script)} {getattr(script, 'attributes', {}).get('body') or ''}"


# The theme reports on the console what it does about light, dark and search: its reports go nowhere. And it fails where
# a page with a wide table has no list of contents to move aside.
_MENDED = {
    "_static/scripts/pydata-sphinx-theme.js": ("console.log(", "(()=>{})("),
    "_static/scripts/sphinx-book-theme.js": ('bd-sidebar-secondary").classList', 'bd-sidebar-secondary")?.classList'),
    "search.html": ("console.log(", "(()=>{})("),
}


def mend_theme(app: Sphinx, error: Exception | None) -> None:
    """Replace what the theme's scripts do wrong."""
    for name, (old, new) in _MENDED.items():
        program = Path(app.outdir) / name
        if error is None and program.is_file():
            text = program.read_text(encoding="utf-8")
            program.write_text(text.replace(old, new), encoding="utf-8")


# The theme writes these into every page: a stylesheet, three fonts and a script of 1.5 MB, for a dozen icons.
_FONT = re.compile(r"[ \t]*(?:<link[^>]*/vendor/fontawesome/[^>]*>|<script[^>]*/vendor/fontawesome/[^>]*></script>)\n?")


def drop_icon_font(app: Sphinx, error: Exception | None) -> None:
    """Take the icon font out of the pages, and away."""
    if error is not None or app.builder.format != "html":
        return
    for page in Path(app.outdir).glob("*.html"):
        text = page.read_text(encoding="utf-8")
        page.write_text(_FONT.sub("", text), encoding="utf-8")
    shutil.rmtree(Path(app.outdir) / "_static" / "vendor" / "fontawesome", ignore_errors=True)


def setup(app: Sphinx) -> dict:
    app.config.mathjax_path = "mathjax/tex-chtml.js"
    app.connect("html-page-context", drop_scripts, priority=900)
    app.connect("build-finished", copy_mathjax)
    app.connect("build-finished", mend_theme)
    app.connect("build-finished", drop_icon_font)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
