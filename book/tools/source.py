"""Put together the folder that jupyter-book reads: `python -m book.tools.source --pages DIR --out build/book-src`.

The prose of `book/`, the executed notebooks of DIR and what they export, and the explorer's data come to lie side by
side. Files that are already there with the same content are left alone, so that a page is rendered again only when it
changed; files that belong to no page any more go.
"""

import argparse
import json
import re
import sys
from pathlib import Path

import yaml

from zsad.files import write_atomically
from zsad.study.project import project_root

# Where the book's source has what belongs to a figure or table; `_extra` is copied as it is.
_PLACES = {"bodies": "_bodies", "figures": "_extra/figures", "tables": "_extra/tables"}
DEMO_PAGES = ("demo_world", "explorer")
"""Pages about the demo world, which the book of a study of other pictures does without."""
PROOF = "verified.proof"
"""What `zsad verify` found, where the book shows a study that is kept."""


def page_names(toc: Path) -> list[str]:
    """Every page of a `_toc.yml`, the root first."""
    content = yaml.safe_load(toc.read_text(encoding="utf-8"))
    names = [content["root"]]
    for part in content.get("parts", []):
        names += [chapter["file"] for chapter in part["chapters"]]
    return names


def is_demo(pages: Path) -> bool:
    """Whether the executed notebooks of a folder show rendered pictures; so where there are none."""
    worlds = [json.loads(path.read_text(encoding="utf-8")).get("world", "") for path in sorted(pages.glob("*.json"))
              if not path.name.endswith(".time.json")]  # fmt: skip
    return not any(worlds) or any("rendered" in world for world in worlds)


def without_demo(text: str) -> str:
    """A page of a study of other pictures: without what lies between the lines `% demo world` and `% end`, and with the
    words of links to `DEMO_PAGES` in place of the links.
    """
    text = re.sub(r"^% demo world\n.*?^% end\n", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(rf"\[([^\]]+)\]\((?:{'|'.join(DEMO_PAGES)})(?:\.ipynb|\.md)?\)", r"\1", text)


def assemble(book: Path, toc: Path, pages: Path, out: Path) -> None:
    """Fill `out`. Raises FileNotFoundError naming the pages of the toc that neither `book` nor `pages` holds."""
    demo = is_demo(pages)
    names = [name for name in page_names(toc) if demo or name not in DEMO_PAGES]
    missing = [n for n in names if not (book / f"{n}.md").is_file() and not (pages / f"{n}.ipynb").is_file()]
    if missing:
        raise FileNotFoundError(
            f"{toc}: no page for {', '.join(missing)} in {book} (prose) or {pages} (executed notebooks); "
            "execute notebooks with python -m book.tools.execute"
        )
    prose = [path.relative_to(book) for path in book.rglob("*") if path.is_file()]
    left_out = ("_ext", "tools") if demo else ("_ext", "tools", *(f"{name}.md" for name in DEMO_PAGES))
    wanted = {path: book / path for path in prose if path.parts[0] not in left_out}
    wanted[Path("_toc.yml")] = toc
    for name in names:
        if (pages / f"{name}.ipynb").is_file():
            wanted[Path(f"{name}.ipynb")] = pages / f"{name}.ipynb"
            exports = pages / f"{name}.json"
            wanted[Path("_pages") / exports.name] = exports
            shown = {item["id"] for item in json.loads(exports.read_text(encoding="utf-8"))["items"]}
            for folder, place in _PLACES.items():
                files = [p for p in (pages / folder).glob("*") if p.stem in shown or p.match(f"records-{name}-*.csv")]
                wanted |= {Path(place) / file.name: file for file in files}
        if (pages / f"{name}.time.json").is_file():
            wanted[Path("_pages") / f"{name}.time.json"] = pages / f"{name}.time.json"
    if (pages / PROOF).is_file():
        wanted[Path("_pages") / PROOF] = pages / PROOF
    data = book.parent / "results" / "explorer"
    wanted |= {Path("_extra/explorer/data") / path.name: path for path in data.glob("*.js")}
    wanted |= {Path("_extra/sources") / path.name: path for path in (pages / "sources").glob("*.py")}
    (out / "_extra").mkdir(parents=True, exist_ok=True)
    for old in out.rglob("*"):
        if old.is_file() and old.relative_to(out) not in wanted:
            old.unlink()
    for relative, source in wanted.items():
        content = source.read_bytes()
        if not demo and relative == Path("_toc.yml"):
            content = _toc_of(content, names)
        elif not demo and relative.suffix == ".md":
            content = without_demo(content.decode("utf-8")).encode("utf-8")
        _write_if_changed(content, out / relative)


def _toc_of(toc: bytes, names: list[str]) -> bytes:
    """A `_toc.yml` with these pages alone."""
    content = yaml.safe_load(toc)
    for part in content.get("parts", []):
        part["chapters"] = [chapter for chapter in part["chapters"] if chapter["file"] in names]
    content["parts"] = [part for part in content.get("parts", []) if part["chapters"]]
    text: str = yaml.safe_dump(content, sort_keys=False)
    return text.encode("utf-8")


def _write_if_changed(content: bytes, target: Path) -> None:
    if target.is_file() and target.read_bytes() == content:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(target, lambda temporary: temporary.write_bytes(content))


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns 1 with a message where a page is missing."""
    root = project_root()
    parser = argparse.ArgumentParser(
        prog="python -m book.tools.source", description="Assemble the book's source folder."
    )
    parser.add_argument("--pages", type=Path, required=True, help="folder of executed notebooks")
    parser.add_argument("--out", type=Path, default=root / "build" / "book-src")
    options = parser.parse_args(arguments)
    try:
        assemble(root / "book", root / "_toc.yml", options.pages, options.out)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
