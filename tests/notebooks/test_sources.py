"""Every notebook source of the book: converts, takes the documented parameters, and has its place in the contents."""

from pathlib import Path

import jupytext
import nbformat
import pytest
from refresh import NAMES

from book.tools.execute import convert, known_parameters
from book.tools.source import page_names
from book.tools.sources import sources

ROOT = Path(__file__).resolve().parents[2]
PAGES = sources(ROOT / "notebooks")
SOURCES = sorted((ROOT / "notebooks").glob("*.py"))
SHARED_SOURCES = {made.path for made in PAGES.values() if made.head}
LONGEST = 25  # lines of a cell
SHARED = ["study", "suite", "category", "backbone", "device", "data_root", "limit"]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_source_converts_and_takes_the_shared_parameters(source):
    notebook = convert(source)
    assert known_parameters(notebook)[: len(SHARED)] == SHARED
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert "parameters" in code[0].metadata.tags  # so that papermill's cell comes before anything is computed
    name = "name" if source in SHARED_SOURCES else f'"{source.stem}"'
    assert f"notebook.start(globals(), {name})" in code[1].source


@pytest.mark.parametrize("page", PAGES)
def test_a_page_begins_with_a_heading_and_what_it_asks(page):
    first = convert(PAGES[page].path).cells[0]
    assert first.cell_type == "markdown"
    head = PAGES[page].head or first.source
    assert head.startswith("# ")
    assert "?" in head or "**What to see.**" in head
    assert set(PAGES[page].parameters) <= set(known_parameters(convert(PAGES[page].path)))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_cells_are_short(source):
    for cell in convert(source).cells:
        if cell.cell_type == "code" and "parameters" not in cell.metadata.get("tags", []):
            assert len(cell.source.splitlines()) <= LONGEST, cell.source.splitlines()[0]


def test_every_page_of_the_contents_has_one_source():
    prose = {path.stem for path in (ROOT / "book").glob("*.md")}
    notebooks = {*PAGES}
    assert not prose & notebooks
    assert prose | notebooks == set(page_names(ROOT / "_toc.yml"))


def test_no_derived_notebook_is_kept_beside_the_sources():
    tracked = {path.name for path in (ROOT / "tests" / "notebooks").glob("*.ipynb")}
    assert not tracked & {f"{path.stem}.ipynb" for path in SOURCES}


@pytest.mark.parametrize("name", NAMES)
def test_a_reference_is_its_source_executed(name):
    folder = ROOT / "tests" / "notebooks"
    source = jupytext.read(folder / f"{name}.py")
    executed = nbformat.read(folder / f"{name}.ipynb", as_version=4)
    assert [cell.source for cell in executed.cells] == [cell.source for cell in source.cells]
    code = [cell for cell in executed.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)  # nbval compares no other cell
    assert sum(len(cell.outputs) for cell in code) >= 3
