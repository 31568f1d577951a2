"""The local Sphinx extensions, in a real build of a small book."""

import json
import sys
from pathlib import Path

import pytest
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

EXTENSIONS = Path(__file__).resolve().parents[2] / "book" / "_ext"
PAGE = {
    "notebook": "rotation",
    "study": "quick",
    "world": "Demo world: a test.",
    "items": [
        {
            "id": "fig-a",
            "kind": "figure",
            "title": "First",
            "caption": "First. Second.",
            "study": "quick",
            "records": "abc",
            "commit": "1234",
        }
    ],
    "numbers": {"drop": {"value": 3.21, "text": "3.2 points"}},
}
TIME = {
    "notebook": "rotation",
    "started": "2026-01-02T03:04:05+00:00",
    "seconds": 12.3,
    "machine": {"processor": "CPU", "cores": 2, "system": "Linux"},
    "versions": {"torch": "2.0"},
}


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Build an index page with the given text; returns its HTML and the warnings."""
    monkeypatch.syspath_prepend(str(EXTENSIONS))
    source = tmp_path / "src"
    (source / "_pages").mkdir(parents=True)
    (source / "_pages" / "rotation.json").write_text(json.dumps(PAGE))
    (source / "_pages" / "rotation.time.json").write_text(json.dumps(TIME))

    def run(text: str) -> tuple[str, str]:
        (source / "index.md").write_text(text)
        warnings = (tmp_path / "warnings").open("w+")
        with docutils_namespace():
            changes = {
                "extensions": ["myst_parser", "offline", "zsad_book"],
                "myst_enable_extensions": ["dollarmath"],
            }
            places = [str(tmp_path / "html"), str(tmp_path / "doctrees")]
            app = Sphinx(str(source), None, *places, "html", changes, status=None, warning=warnings)
            app.build()
        warnings.seek(0)
        return (tmp_path / "html" / "index.html").read_text(), warnings.read()

    yield run
    for name in ("offline", "zsad_book"):
        sys.modules.pop(name, None)


def test_numbers_world_index_and_times_reach_the_page(build):
    html, warnings = build(
        "# Page\n\nIt fell by "
        "{num}`rotation:drop`.\n\n```{world}\n```\n\n```{figure-index}\n```\n\n```{run-times}\n```\n"
    )
    assert warnings == ""
    assert '<span class="zsad-number">3.2 points</span>' in html
    assert '<p class="zsad-world">Demo world: a test. Study quick.</p>' in html
    assert 'href="rotation.html#fig-a"' in html
    assert ">First<" in html
    assert "Second." not in html
    assert "2026-01-02 03:04:05 UTC" in html
    assert "12.3 s" in html
    assert "CPU, 2 cores, Linux" in html


def test_a_missing_number_is_a_warning_that_lists_the_known_ones(build):
    html, warnings = build("# Page\n\nIt fell by {num}`rotation:fall`.\n")
    assert "no number 'rotation:fall'; known: rotation:drop" in warnings
    assert "3.2" not in html
    _, warnings = build("# Page\n\n{num}`hue:drop`\n")
    assert "none of notebook 'hue'" in warnings


def test_mathjax_lies_beside_the_pages(build, tmp_path):
    html, warnings = build("# Page\n\n$$\nx^2\n$$\n")
    assert warnings == ""
    assert "_static/mathjax/tex-chtml.js" in html
    assert (tmp_path / "html" / "_static" / "mathjax" / "tex-chtml.js").is_file()
    assert list((tmp_path / "html" / "_static" / "mathjax" / "output" / "chtml" / "fonts").rglob("*.woff"))
    assert "cdn" not in html


def test_a_world_of_its_own_words(build):
    html, warnings = build("# Page\n\n```{world} Holds for *all*.\n```\n")
    assert warnings == ""
    assert '<p class="zsad-world">Holds for' in html
