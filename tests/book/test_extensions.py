"""The local Sphinx extensions, in a real build of a small book."""

import json
import re
import sys
from pathlib import Path

import pandas as pd
import pytest
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from book.tools.shown import figure_bundle, notes, table_bundle
from zsad.study.code import PACKAGE
from zsad.study.rewritten import rewritten

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
                "extensions": ["myst_parser", "offline", "zsad_book", "first_use"],
                "myst_enable_extensions": ["dollarmath", "colon_fence"],
                "numfig": True,
            }
            places = [str(tmp_path / "html"), str(tmp_path / "doctrees")]
            app = Sphinx(str(source), None, *places, "html", changes, status=None, warning=warnings)
            app.set_html_assets_policy("always")  # what a page does not load then is left out by the extensions
            app.build()
        warnings.seek(0)
        return (tmp_path / "html" / "index.html").read_text(), warnings.read()

    yield run
    for name in ("offline", "zsad_book", "first_use"):
        sys.modules.pop(name, None)


def test_world_index_and_times_reach_the_page(build, tmp_path):
    (tmp_path / "src" / "_bodies").mkdir()
    (tmp_path / "src" / "_bodies" / "fig-a.svg").write_text("<svg></svg>")
    figure = figure_bundle("fig-a", "", "_bodies/fig-a.svg", "A.", notes("from", "", {}))["text/markdown"]
    html, warnings = build(
        f"# Page\n\n```{{world}}\n```\n\n```{{figure-index}}\n```\n\n```{{run-times}}\n```\n\n{figure}\n"
    )
    assert warnings == ""
    assert '<p class="zsad-world">Demo world: a test. Study quick.</p>' in html
    assert re.search(r'href="#fig-a".*Fig. 1', html)
    assert ">First<" in html
    assert "Second." not in html
    assert "2026-01-02 03:04:05 UTC" in html
    assert "12.3 s" in html
    assert "CPU, 2 cores, Linux" in html


def test_a_figure_is_referred_to_by_number_where_its_page_shows_it(build, tmp_path):
    (tmp_path / "src" / "_bodies").mkdir()
    (tmp_path / "src" / "_bodies" / "fig-a.svg").write_text("<svg></svg>")
    figure = figure_bundle("fig-a", "", "_bodies/fig-a.svg", "A.", notes("from", "", {}))["text/markdown"]
    table = table_bundle("tab-b", pd.DataFrame({"n": [1]}), "B.", notes("from", "", {}))
    said = "See {shown}`rotation/fig-a`; {shown}`rotation/fig-b`; {shown}`no/fig-a`."
    html, warnings = build(f"# Page\n\n{said}\n\n{figure}\n\n{table['text/markdown']}\n")
    assert warnings == ""
    assert re.search(r'See <a class="reference internal" href="#fig-a">.*?Fig. 1.*?</a>', html)
    assert html.count("<em>not shown in this study</em>") == 2


def test_a_drawing_stands_in_the_page_and_is_numbered(build, tmp_path):
    (tmp_path / "src" / "_bodies").mkdir()
    (tmp_path / "src" / "_bodies" / "fig-b.svg").write_text('<svg role="img"><text>words</text></svg>')
    figure = figure_bundle("fig-b", "", "_bodies/fig-b.svg", "<strong>B < c.</strong> Of a_b*.", notes("from", "", {}))
    html, warnings = build(f"# Page\n\n{figure['text/markdown']}\n\nSee {{numref}}`fig-b`.\n")
    assert warnings == ""
    assert '<svg role="img"><text>words</text></svg>' in html
    assert "<strong>B &lt; c.</strong> Of a_b*." in html
    assert '<span class="zsad-origin">from</span>' in html
    assert '<span class="std std-numref">Fig. 1</span>' in html


def test_a_figure_that_a_notebook_names_and_no_page_shows_is_a_warning(build):
    html, warnings = build("# Page\n\nSee {shown}`rotation/fig-a`.\n")
    assert "no figure or table has the id fig-a" in warnings
    assert "See fig-a." in html


def test_cells_of_a_table_are_shown_as_they_stand(build):
    frame = pd.DataFrame({"a|b": ["<b>", "*x* [y](z) `v` {w}`u`"], "n": ["−1.0", None]})
    table = table_bundle("tab-b", frame, "<strong>B.</strong> <code>a_b</code>", notes("from", "", {}))
    html, warnings = build(f"# Page\n\n{table['text/markdown']}\n\nSee {{numref}}`tab-b`.\n")
    assert warnings == ""
    for text in ("a|b", "&lt;b&gt;", "*x* [y](z) `v` {w}`u`", "−1.0", "–"):
        assert f"<p>{text}</p>" in html
    assert '<code class="docutils literal notranslate"><span class="pre">a_b</span></code>' in html
    assert '<span class="std std-numref">Table 1</span>' in html


def test_numbers_of_a_table_end_below_each_other(build):
    frame = pd.DataFrame({"what": ["a", "b", "c"], "change": ["−6.2 (−7.2 to −5.1)", "+12.1 (<b> to)", "–"]})
    table = table_bundle("tab-c", frame, "C.", notes("from", "", {}))["text/markdown"]
    html, warnings = build(f"# Page\n\n{table}\n")
    assert warnings == ""
    cells = re.findall(r"<td[^>]*>(.*?)</td>", html, re.DOTALL)
    room = 'class="zsad-brackets" style="--room:14ch"'
    assert f"−6.2 <span {room}>(−7.2 to −5.1)</span>" in cells[1]
    assert f"+12.1 <span {room}>(&lt;b&gt; to)</span>" in cells[3]
    assert f"– <span {room}></span>" in cells[5]
    assert html.count("text-right") == 4, "the column's head and its three cells"


def test_a_name_in_a_table_is_not_folded_at_its_hyphens(build):
    cells = ["demo-aebad-same", "a demo-b_1, not", "<code>a demo-x b</code>", "−1 – 2"]
    table = table_bundle("tab-d", pd.DataFrame({"what": cells}), "D.", notes("from", "", {}))["text/markdown"]
    html, warnings = build(f"# Page\n\n{table}\n")
    assert warnings == ""
    assert re.findall(r'<span class="zsad-name">(.*?)</span>', html) == ["demo-aebad-same", "demo-b_1"]
    assert '<span class="pre">a</span> <span class="pre">demo-x</span> <span class="pre">b</span>' in html


def test_no_page_loads_the_icon_font(build, tmp_path):
    vendor = tmp_path / "src" / "_static" / "vendor" / "fontawesome" / "js"
    vendor.mkdir(parents=True)
    (vendor / "all.min.js").write_text("x" * 1000)
    html, warnings = build(
        '# Page\n\n<script src="_static/vendor/fontawesome/6/js/all.min.js?digest=1"></script>\n\n'
        '<link href="_static/vendor/fontawesome/6/css/all.css" rel="stylesheet" />\n\nWords.\n'
    )
    assert warnings == ""
    assert "fontawesome" not in html
    assert "Words." in html
    assert not (tmp_path / "html" / "_static" / "vendor" / "fontawesome").exists()


WORDS = "# Words\n\n```{glossary}\ndose\n  How much. A league.\n\nleague\n  Who.\n\nmiss\n  One that passes.\n```\n"


def test_a_word_of_the_glossary_is_linked_where_a_page_first_uses_it(build, tmp_path):
    (tmp_path / "src" / "words.md").write_text(f"---\norphan: true\n---\n{WORDS}")
    html, warnings = build(
        "# A dose\n\n```{world} No dose.\n```\n\n| dose |\n| --- |\n| 1 |\n\nA `dose` and **Doses**, one dose. "
        "{term}`league`: this league. Nothing dismissed; submission.\n"
    )
    assert warnings == ""
    links = re.findall(r'<a class="([^"]*)" href="([^"]*)"[^>]*><span[^>]*>(.*?)</span></a>', html)
    terms = [(target, words) for kind, target, words in links if "zsad-term" in kind]
    assert terms == [("words.html#term-dose", "Doses")]
    assert html.count("#term-league") == 1, "the page's own link is the only one"
    assert "#term-miss" not in html
    assert "zsad-term" not in (tmp_path / "html" / "words.html").read_text()


def test_a_book_without_a_glossary_has_no_links_to_it(build):
    html, warnings = build("# Page\n\nA dose.\n")
    assert (warnings, "zsad-term" in html) == ("", False)


def test_mathjax_lies_beside_the_pages(build, tmp_path):
    html, warnings = build("# Page\n\n$$\nx^2\n$$\n")
    assert warnings == ""
    assert "_static/mathjax/tex-chtml.js" in html
    assert (tmp_path / "html" / "_static" / "mathjax" / "tex-chtml.js").is_file()
    assert list((tmp_path / "html" / "_static" / "mathjax" / "output" / "chtml" / "fonts").rglob("*.woff"))
    assert "cdn" not in html


def test_a_page_without_mathematics_does_not_load_mathjax(build):
    html, warnings = build("# Page\n\nWords.\n")
    assert warnings == ""
    assert "mathjax/tex-chtml" not in html


def test_a_world_of_its_own_words(build):
    html, warnings = build("# Page\n\n```{world} Holds for *all*.\n```\n")
    assert warnings == ""
    assert '<p class="zsad-world">Holds for' in html


def test_the_proof_says_how_many_cells_agree_and_which_do_not(build, tmp_path):
    cell = {"suite": "s", "category": "c", "detector": "d", "backbone": "b", "shift": "none none", "images": 4,
            "difference": 1e-6, "agrees": True, "same_inputs": True}  # fmt: skip
    other = {**cell, "shift": "uniform hue 1", "difference": 0.5, "agrees": False, "same_inputs": False}
    found = {"study": "demo", "tolerance": 0.01, "failures": ["x on y: no weights"], "cells": [cell, other]}
    (tmp_path / "src" / "_pages" / "verified.proof").write_text(json.dumps(found))
    html, warnings = build("# Page\n\n```{proof}\n```\n")
    assert warnings == ""
    assert "1 of 2 sampled cells of study demo agree" in html
    assert "Of 1 the code, the weights or the data have changed since." in html
    assert "Not computed: x on y: no weights" in html
    assert re.search(r"uniform hue 1.*?0\.5.*?no<", html, re.DOTALL)


def test_the_proof_says_which_code_was_written_anew(build, tmp_path):
    found = {"study": "demo", "tolerance": 0.01, "failures": [], "cells": []}
    (tmp_path / "src" / "_pages" / "verified.proof").write_text(json.dumps(found))
    html, warnings = build("# Page\n\n```{proof}\n```\n")
    assert warnings == ""
    rows = rewritten(PACKAGE).values()
    assert ("was written anew since" in html) == bool(rows)
    for row in rows:
        assert row.module.removeprefix("zsad.") in html
        assert row.seen in html


def test_a_book_of_a_computed_study_has_no_proof(build):
    html, warnings = build("# Page\n\n```{proof}\n```\n")
    assert warnings == ""
    assert "nothing to compare" in html
