"""The code cells of a notebook, run here on a page of toys: what they show can then be held against the toys."""

import json
from pathlib import Path
from typing import Any

import pytest

from book.tools import page as notebook
from book.tools.execute import convert

FOLDER = Path(__file__).parents[1] / "notebooks"


def run_cells(name: str, page: notebook.Page, monkeypatch: pytest.MonkeyPatch, **parameters: object) -> dict[str, Any]:
    """Run every code cell of `notebooks/<name>.py` on `page`, with parameters as papermill sets them; its variables."""
    monkeypatch.setattr(notebook, "start", lambda variables, name: page)
    page.name, variables = name, {"__name__": "__main__"}
    for number, cell in enumerate(convert(FOLDER / f"{name}.py").cells):
        if cell.cell_type == "code":
            exec(compile(cell.source, f"{name}.py, cell {number}", "exec"), variables)
        if "parameters" in cell.metadata.get("tags", []):
            variables |= parameters
    return variables


def shown_on(page: notebook.Page) -> tuple[set[str], dict[str, str]]:
    """The ids of the figures and tables of a page, and its numbers as a reader sees them."""
    assert page.folder is not None
    content = json.loads((page.folder / f"{page.name}.json").read_text())
    return {item["id"] for item in content["items"]}, {key: n["text"] for key, n in content["numbers"].items()}


def order_on(name: str, page: notebook.Page, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a reader of `notebooks/<name>.py` meets, from top to bottom: "finding", ids of figures and tables and,
    with "> " before them, those that are folded.
    """
    met: list[str] = []

    def noted(method: str, what: str | None) -> None:
        real = getattr(notebook.Page, method)

        def call(self: notebook.Page, *arguments: Any, **options: Any) -> Any:
            inside = "> " if self._folding is not None else ""
            met.append(inside + (what or arguments[1]))
            return real(self, *arguments, **options)

        monkeypatch.setattr(notebook.Page, method, call)

    for method, what in (("finding", "finding"), ("figure", None), ("table", None)):
        noted(method, what)
    run_cells(name, page, monkeypatch)
    return met
