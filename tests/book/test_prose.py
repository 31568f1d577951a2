"""Prose pages lead to pages that the book has, and the papers' own index leaves out no figure and no table."""

import re
from pathlib import Path

import pytest

from book.tools.source import page_names
from book.tools.sources import sources

ROOT = Path(__file__).resolve().parents[2]
PAGES = page_names(ROOT / "_toc.yml")
PROSE = sorted(path.stem for path in (ROOT / "book").glob("*.md"))


@pytest.mark.parametrize("name", PROSE)
def test_links_lead_to_pages(name):
    text = (ROOT / "book" / f"{name}.md").read_text(encoding="utf-8")
    assert name in PAGES
    targets = re.findall(r"\]\(([a-z_]+)\.(ipynb|md)\)", text) + [
        (page, "ipynb") for page in re.findall(r"\{glue:text\}`([a-z_]+)\.ipynb::", text)
    ]
    for page, kind in targets:
        assert page in PAGES
        assert (kind == "md") == (page in PROSE), page


def test_the_papers_index_refers_to_what_notebooks_show():
    """A page shows its figures under ids that stand in its source, some made from a name there."""
    text = (ROOT / "book" / "papers.md").read_text(encoding="utf-8")
    shown = re.findall(r"\{shown\}`([a-z_]+)/([a-z-]+)`", text)
    assert len(shown) >= 20
    sources_of = sources(ROOT / "notebooks")
    for page, id in shown:
        source = sources_of[page].path.read_text(encoding="utf-8")
        made = (re.sub(r"\{.*?\}", ".+", found) for found in re.findall(r'f?"((?:fig|tab)-[^"]*)"', source))
        assert any(re.fullmatch(pattern, id) for pattern in made), f"{page} shows no {id}"


@pytest.mark.parametrize("name", PROSE)
def test_words_that_are_linked_are_explained(name):
    explained = set(
        re.findall(r"^(\S.*)$", (ROOT / "book" / "glossary.md").read_text("utf-8").split("{glossary}")[1], re.M)
    )
    text = (ROOT / "book" / f"{name}.md").read_text(encoding="utf-8")
    assert {word.lower() for word in re.findall(r"\{term\}`([^`]+)`", text)} <= {word.lower() for word in explained}


def test_the_papers_index_names_every_figure_and_table():
    stangl, gao, baugh = (ROOT / "book" / "papers.md").read_text(encoding="utf-8").split("\n## ")[1:]
    rows = [re.findall(r"^\| (.*?) \|", part, re.M)[2:] for part in (stangl, gao, baugh)]
    assert rows[0] == [*(f"Figure {n}" for n in range(1, 6)), "Figures 6 to 10", "Tables 1 to 3", "abstract"]
    assert rows[1][:2] == ["table", "figure"]
    assert rows[2] == ["Figure 1", "Figure 2", "Tables 1 and 2"]
