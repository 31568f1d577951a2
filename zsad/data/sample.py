"""What a data set hands out: `Sample`, and the lazy sequence of them, `Dataset`."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import overload

from jaxtyping import Bool, Float
from torch import Tensor

from zsad.data.decode import ImageError
from zsad.data.image import read_image
from zsad.data.mask import read_mask
from zsad.data.subset import stratified_indices

GOOD = "good"


@dataclass(frozen=True)
class Sample:
    """One picture with what is known of it.

    Attributes:
        image: float32 RGB in [0, 1].
        mask: True where the product is damaged, in the picture's own frame; None where the data set has no mask.
        label: True for an anomalous picture.
        category: the product, as the data set names it.
        id: the picture's path relative to the data set's root, with forward slashes.
        defect: the kind of damage as the data set names it; "good" for a normal picture.
        domain: the conditions it was taken under, as the data set names them; None where it tells none apart.
    """

    image: Float[Tensor, "3 height width"]
    mask: Bool[Tensor, "height width"] | None
    label: bool
    category: str
    id: str
    defect: str
    domain: str | None = None


@dataclass(frozen=True)
class Entry:
    """Where one sample lies on disk: what a reader finds without opening a picture."""

    image: Path
    mask: Path | None
    label: bool
    defect: str
    domain: str | None = None


class Dataset(Sequence):
    """One category's pictures of one split; a picture is decoded each time it is asked for, and not before.

    The base is a plain Sequence: of a `Sequence[Sample]`, type checking at run time would decode an item at each call.
    """

    def __init__(self, reader: str, root: Path, category: str, split: str, entries: Sequence[Entry]) -> None:
        self.reader = reader
        self.root = root
        self.category = category
        self.split = split
        self.entries = tuple(entries)

    def __len__(self) -> int:
        return len(self.entries)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> "Dataset": ...
    def __getitem__(self, index: int | slice) -> "Sample | Dataset":
        """Decodes one sample; a slice gives a Dataset and decodes nothing.

        Raises:
            ImageError: picture or mask cannot be read, do not have the same size, or an anomalous picture's mask
                marks no pixel.
        """
        if isinstance(index, slice):
            return self._of(self.entries[index])
        entry = self.entries[index]
        image = read_image(entry.image)
        mask = None
        if entry.mask is not None:
            mask = read_mask(entry.mask, size=(image.shape[1], image.shape[2]))
            if entry.label and not mask.any():
                raise ImageError(
                    f"{entry.mask}: the mask of an anomalous picture marks no pixel; correct the mask, or file "
                    f"{entry.image.name} under {GOOD!r}."
                )
        return Sample(image, mask, entry.label, self.category, self._id(entry), entry.defect, entry.domain)

    def __iter__(self) -> Iterator[Sample]:
        return (self[index] for index in range(len(self)))

    def __repr__(self) -> str:
        return (
            f"Dataset({self.reader!r}, {self.category!r}, {self.split!r}: "
            f"{len(self)} images, {sum(self.labels)} anomalous, in {self.root})"
        )

    @property
    def labels(self) -> list[bool]:
        """True for each anomalous picture; nothing is decoded."""
        return [entry.label for entry in self.entries]

    @property
    def ids(self) -> list[str]:
        return [self._id(entry) for entry in self.entries]

    @property
    def defects(self) -> list[str]:
        return [entry.defect for entry in self.entries]

    @property
    def domains(self) -> list[str | None]:
        """The domain of each picture; None where the data set tells none apart."""
        return [entry.domain for entry in self.entries]

    def in_domain(self, domain: str) -> "Dataset":
        """The samples of one domain.

        Raises:
            ValueError: the data set does not have it.
        """
        if domain not in self.domains:
            known = ", ".join(sorted({name for name in self.domains if name is not None})) or "none"
            raise ValueError(f"unknown domain {domain!r} of {self.category!r} in {self.root}; known: {known}.")
        return self._of([entry for entry in self.entries if entry.domain == domain])

    @property
    def has_masks(self) -> bool:
        """Whether every anomalous picture has a mask, so that pixel metrics can be computed."""
        return all(entry.mask is not None for entry in self.entries if entry.label)

    def subset(self, limit: int | None) -> "Dataset":
        """At most `limit` samples: the same ones each time, spread over normal pictures, every kind of defect and
        every domain."""
        if limit is None or limit >= len(self):
            return self
        kinds = [f"{entry.defect}/{entry.domain}" if entry.domain else entry.defect for entry in self.entries]
        return self._of([self.entries[index] for index in stratified_indices(self.labels, kinds, limit)])

    def fingerprint(self) -> str:
        """SHA-256 (hex) over category, ids, labels, defects and the bytes of every picture and mask.

        The root is left out, so a copy elsewhere has the same fingerprint. Read once, then remembered.
        """
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        total = hashlib.sha256(f"{self.category}\0{self.split}".encode())
        for entry in self.entries:
            files = [_file_sha256(path) if path else "none" for path in (entry.image, entry.mask)]
            total.update("\0".join(["", self._id(entry), str(entry.label), entry.defect, *files]).encode())
        return total.hexdigest()

    def _id(self, entry: Entry) -> str:
        return entry.image.relative_to(self.root).as_posix()

    def _of(self, entries: Sequence[Entry]) -> "Dataset":
        return Dataset(self.reader, self.root, self.category, self.split, entries)


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
