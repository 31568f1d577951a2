"""What a figure or a table leaves in an executed notebook: HTML for Jupyter, and a MyST directive for the book.

Sphinx numbers what stands in a directive, so that prose can refer to it with {numref}. Below a caption comes a line on
where the result is from, and what can be had: the notebook's source, the numbers, the drawing.
"""

import html
import re
from collections.abc import Mapping, Sequence

import pandas as pd
from markdown_it import MarkdownIt

from book.tools.markup import as_html, as_markdown, as_myst, without_markup
from book.tools.tables import Parts, cell_text, in_parts, is_wide

Bundle = dict[str, str]

_TOKENS = re.compile(r"([\s,;()]+)")
_NAME = re.compile(r"\w+(?:-\w+)+")


def figure_bundle(id: str, body: str, place: str, caption: str, notes: str) -> Bundle:
    """A figure under the id `id`.

    Args:
        body: the drawing as HTML. place: the file that holds it, as the book's source sees it.
        notes: HTML of `notes`.
    """
    shown = _in_html("figure", id, body, caption, notes)
    directive = f":::{{figure}} {place}\n:name: {id}\n:figclass: zsad zsad-figure\n\n{as_myst(caption)}\n\n{notes}\n:::"
    return {"text/html": shown, "text/markdown": directive, "text/plain": id}


def table_bundle(id: str, frame: pd.DataFrame, caption: str, notes: str) -> Bundle:
    """A table of cells that are ready to be read. Numbers stand under each other, with what is in brackets behind them
    beside or, where that does not fit, below; what would not fit the column of text may be as wide as the window.
    """
    columns = [[cell_text(value) for value in frame[name]] for name in frame]
    names, parts = [str(name) for name in frame], [in_parts(cells) for cells in columns]
    rows = [list(row) for row in zip(*columns, strict=True)]
    body = frame.to_html(index=False, border=0, classes=["dataframe", "table"], justify="left", na_rep="–")
    align = ", ".join(f"#{id} tr > :nth-child({i + 1})" for i, found in enumerate(parts) if found)
    style = f"<style>{align} {{ text-align: right; }}</style>" if align else ""
    shown = _in_html("table", id, f'{style}<div class="zsad-scroll">{body}</div>', caption, notes)
    cells = [[_in_one_piece(cell) for cell in column] if found is None else _aligned(found)
             for column, found in zip(columns, parts, strict=True)]  # fmt: skip
    table = [[as_myst(name) for name in names], ["--:" if found else ":--" for found in parts]]
    table += [list(row) for row in zip(*cells, strict=True)]
    lines = "\n".join(f"| {' | '.join(row)} |" for row in table)
    wide = " zsad-wide full-width" if is_wide(names, rows) else ""  # the theme moves its contents aside for the latter
    head = f":::{{table}} {as_myst(caption)}\n:name: {id}\n:class: zsad-table{wide}\n:align: left"
    directive = f"{head}\n\n{lines}\n:::\n\n{notes}"
    return {"text/html": shown, "text/markdown": directive, "text/plain": id}


def text_bundle(text: str) -> Bundle:
    """Markdown, in which HTML is shown as it stands."""
    return {"text/html": MarkdownIt("js-default").render(text), "text/markdown": as_markdown(text), "text/plain": text}


def folded_bundle(title: str, inside: Sequence[Bundle]) -> Bundle:
    """Several of these behind one click on `title`."""
    body = "\n\n".join(bundle["text/markdown"] for bundle in inside)
    shown = "".join(bundle["text/html"] for bundle in inside)
    return {
        "text/html": f'<details class="zsad-fold"><summary>{as_html(title)}</summary>{shown}</details>',
        "text/markdown": f"::::::{{dropdown}} {as_myst(title)}\n:class-container: zsad-fold\n\n{body}\n\n::::::",
        "text/plain": title,
    }


def notes(origin: str, moved: str, links: Mapping[str, str]) -> str:
    """HTML of one line: where a result is from, whether the code has moved on since, and links (words -> file)."""
    offered = "".join(
        f' · <a class="zsad-download" href="{html.escape(target, quote=True)}" download>{html.escape(words)}</a>'
        for words, target in links.items()
    )
    later = f'<span class="zsad-moved">{as_html(moved)}</span>' if moved else ""
    return f'<div class="zsad-notes"><span class="zsad-origin">{as_html(origin)}{offered}</span>{later}</div>'


def _in_html(kind: str, id: str, body: str, caption: str, notes: str) -> str:
    return (
        f'<figure class="zsad zsad-{kind}" id="{html.escape(id)}">{body}<figcaption>{as_html(caption)} {notes}'
        "</figcaption></figure>"
    )


def _in_one_piece(cell: str) -> str:
    """A cell of words for MyST, in which no name is folded at its hyphens."""
    if without_markup(cell) != cell:
        return as_myst(cell)
    return "".join(
        f'<span class="zsad-name">{as_myst(part)}</span>' if _NAME.fullmatch(part) else as_myst(part)
        for part in _TOKENS.split(cell)
    )


def _aligned(cells: list[Parts]) -> list[str]:
    """Cells of numbers for MyST. Brackets take the same room in each cell of the column, so that the numbers before
    them end below each other.
    """
    room = max(len(cell.brackets) for cell in cells)
    return [
        as_myst(cell.number)
        + (f' <span class="zsad-brackets" style="--room:{room}ch">{as_myst(cell.brackets)}</span>' if room else "")
        for cell in cells
    ]
