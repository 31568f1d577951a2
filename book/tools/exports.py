"""What a page leaves beside itself: drawings and tables to download, and a list of its figures, tables and numbers."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from book.tools.markup import without_markup
from book.tools.world import world
from zsad.study.config import Study


@dataclass
class Exports:
    """Files of a page in a folder; without one it leaves none and offers none."""

    folder: Path | None
    items: list[dict[str, Any]] = field(default_factory=list)
    numbers: dict[str, dict[str, Any]] = field(default_factory=dict)
    computed: set[str] = field(default_factory=set)
    _written: dict[str, int] = field(default_factory=dict)

    def offered(self, links: dict[str, str]) -> dict[str, str]:
        """What can be downloaded: nothing where the notebook runs by itself."""
        return links if self.folder else {}

    def file(self, relative: str) -> Path:
        """The path of a file that a link leads to; its folder is there."""
        assert self.folder is not None
        path = self.folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def records(self, name: str, read: list[pd.DataFrame]) -> dict[str, str]:
        """The link to the records that were read so far, under a name; none where there are none."""
        frames = [frame for frame in read if "key" in frame]
        if not frames:
            return {}
        links = self.offered({"records (CSV)": f"tables/records-{name}.csv"})
        for target in links.values():
            if self._written.get(target) != len(frames):  # no more has been read since
                pd.concat(frames).drop_duplicates().to_csv(self.file(target), index=False)
                self._written[target] = len(frames)
        return links

    def check_new(self, id: str) -> None:
        """Raises ValueError for the id of a figure or table that the page has."""
        if any(item["id"] == id for item in self.items):
            raise ValueError(f"two figures or tables of this notebook have the id {id!r}")

    def add(self, kind: str, id: str, caption: str, study: str, made_from: str, commits: str) -> None:
        """List a figure or table: `made_from` and `commits` as its line of origin says them."""
        self.items.append(
            {
                "id": id,
                "kind": kind,
                "title": _title(caption),
                "caption": without_markup(caption),
                "study": study,
                "records": made_from.removeprefix("records "),
                "commit": commits.removeprefix("commits ").removeprefix("commit "),
            }
        )

    def write(self, name: str, study: Study) -> None:
        """Write the list as it is now: <name>.json."""
        if self.folder is None:
            return
        content = {
            "notebook": name,
            "study": study.name,
            "world": world(study),
            "items": self.items,
            "numbers": self.numbers,
            "computed": sorted(self.computed),
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / f"{name}.json").write_text(
            json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )


def _title(caption: str) -> str:
    """The emphasised beginning of a caption, else all of it."""
    strong = re.match(r"<strong>(.*?)</strong>", caption)
    return without_markup(strong.group(1) if strong else caption).rstrip(".")
