"""Keep the built book free of the network: no thebe, and MathJax from a copy beside the pages."""

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


def drop_thebe(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    """Jupyter Book loads thebe on every page, from a CDN and with errors in the console, even where it is switched
    off.
    """
    scripts = context.get("script_files", [])
    scripts[:] = [s for s in scripts if "thebe" not in str(getattr(s, "filename", s)) and "thebe" not in _inline(s)]


def _inline(script) -> str:
    return str(getattr(script, "attributes", {}).get("body") or "")


def setup(app: Sphinx) -> dict:
    app.config.mathjax_path = "mathjax/tex-chtml.js"
    app.connect("html-page-context", drop_thebe, priority=900)
    app.connect("build-finished", copy_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
