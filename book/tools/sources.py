"""Which source each page of the book is executed from: `notebooks/<page>.py`, or one that pages share with other
parameters and words, as `notebooks/pages.yml` says.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Source:
    """A page's source, the parameters it is executed with, and the Markdown that takes the place of its first cell."""

    path: Path
    parameters: dict[str, Any] = field(default_factory=dict)
    head: str | None = None


def sources(folder: Path) -> dict[str, Source]:
    """Page -> its source, for every page that the notebooks of a folder make, in the order of the alphabet."""
    listed = folder / "pages.yml"
    pages = yaml.safe_load(listed.read_text(encoding="utf-8")) if listed.is_file() else {}
    found = {
        page: Source(folder / f"{entry['source']}.py", entry["parameters"], entry["head"].rstrip())
        for page, entry in pages.items()
    }
    shared = {source.path for source in found.values()}
    found |= {path.stem: Source(path) for path in folder.glob("*.py") if path not in shared}
    return dict(sorted(found.items()))
