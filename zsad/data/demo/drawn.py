"""A category of a demo suite whose pictures are drawn as they are read: some can be seen before it is written."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from zsad.data.demo.plan import Planned, files_of, names_of, planned_images
from zsad.data.demo.suites import SUITES
from zsad.data.names import GOOD
from zsad.data.sample import Dataset, Entry


class DrawnDataset(Dataset):
    """What the ordinary reader finds in the folder of a demo suite once it is written (`zsad.data.demo.write_suite`):
    the same images in the same order, each of the same bytes; nothing lies on disk. What was drawn is kept in memory,
    about 60 kB an image.
    """

    def __init__(
        self, root: Path, suite: str, seed: int, category: str, split: str, planned: Mapping[Entry, Planned]
    ) -> None:
        super().__init__(SUITES[suite].reader, root, category, split, list(planned))
        self._suite, self._seed, self._planned = suite, seed, planned
        self._by_path = {path: p for entry, p in planned.items() for path in (entry.image, *entry.masks)}
        self._drawn: dict[Path, bytes] = {}

    def _bytes(self, path: Path) -> bytes:
        if path not in self._drawn:
            files = files_of(self._suite, SUITES[self._suite], self._by_path[path], self._seed)
            self._drawn |= {self.root / name: content for name, content in files.items()}
        return self._drawn[path]

    def _remembered_sha256(self, path: Path) -> str:
        return hashlib.sha256(self._bytes(path)).hexdigest()

    def _of(self, entries: Sequence[Entry]) -> DrawnDataset:
        planned = {entry: self._planned[entry] for entry in entries}
        part = DrawnDataset(self.root, self._suite, self._seed, self.category, self.split, planned)
        part._drawn, part._recipe, part._remarks = self._drawn, self._recipe, self._remarks
        return part


def drawn_dataset(
    root: Path, suite: str, seed: int, *, category: str, split: str = "test", domain: str | None = None
) -> Dataset:
    """One category's images of one split, as `zsad.load_dataset` would list them below `root`.

    Args:
        root: the folder that the suite would be written to; paths begin with it, and nothing is read there.
        suite: one of `SUITES`.
        seed: chooses every image.
        category, split, domain: as for `zsad.load_dataset`.

    Raises:
        ValueError: the suite has no such category, split or domain.
    """
    if category not in SUITES[suite].categories:
        known = ", ".join(sorted(SUITES[suite].categories))
        raise ValueError(f"unknown category {category!r} of {suite}; known: {known}.")
    chosen = [p for p in planned_images(SUITES[suite]) if p.category == category and p.split == split]
    if not chosen:
        raise ValueError(f"unknown split {split!r}; known: train, test.")
    if SUITES[suite].reader != "visa":  # whose table names the images in the order that they are planned in
        chosen.sort(key=lambda p: (p.defect or GOOD, p.domain or "", p.index))
    planned = {_entry(root, suite, p): p for p in chosen}
    found = DrawnDataset(root, suite, seed, category, split, planned)
    return found if domain is None else found.in_domain(domain)


def _entry(root: Path, suite: str, planned: Planned) -> Entry:
    image, *masks = (root / name for name in names_of(SUITES[suite], planned))
    return Entry(image, tuple(masks), bool(planned.defect), planned.defect or GOOD, planned.domain)
