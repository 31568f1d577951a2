"""What a data set hands out: `Sample`, and the lazy sequence of them, `Dataset`."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import overload

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from zsad.data.decode import ImageError, read_bytes
from zsad.data.image import read_image
from zsad.data.mask import read_mask
from zsad.data.names import GOOD
from zsad.data.remarks import Remarks
from zsad.data.subset import stratified_indices


@dataclass(frozen=True)
class Sample:
    """One image with what is known of it.

    Attributes:
        image: float32 RGB in [0, 1].
        mask: True where the product is damaged, in the image's own frame; None where the data set has no mask.
        label: True for an anomalous image.
        category: the product, as the data set names it.
        id: the image's path relative to the data set's root, with forward slashes.
        defect: the kind of damage as the data set names it; "good" for a normal image.
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
    """Where one sample lies on disk: what a reader finds without opening an image. Several masks are joined."""

    image: Path
    masks: tuple[Path, ...]
    label: bool
    defect: str
    domain: str | None = None


class Dataset(Sequence):  # type: ignore[type-arg]
    """One category's images of one split; an image is decoded each time it is asked for, and not before.

    The base is a plain Sequence: of a `Sequence[Sample]`, type checking at run time would decode an item at each call.
    """

    def __init__(self, reader: str, root: Path, category: str, split: str, entries: Sequence[Entry]) -> None:
        self.reader = reader
        self.root = root
        self.category = category
        self.split = split
        self.entries = tuple(entries)
        self._sha256: dict[Path, str] = {}  # of every file that a fingerprint was taken of; parts share it
        self._recipe: str | None = None
        self._remarks = Remarks()

    def __len__(self) -> int:
        return len(self.entries)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> "Dataset": ...
    def __getitem__(self, index: int | slice) -> "Sample | Dataset":
        """Decodes one sample; a slice gives a Dataset and decodes nothing.

        Raises:
            ImageError: image or mask cannot be read, do not have the same size, or changed since the fingerprint was
                taken; an anomalous image's mask marks no pixel, or a normal image's marks some.
            OSError: a file is gone or may not be read.
        """
        if isinstance(index, slice):
            return self._of(self.entries[index])
        entry = self.entries[index]
        image = read_image(entry.image, self._bytes(entry.image), self._remarks)
        mask = self._mask(entry, (image.shape[1], image.shape[2])) if entry.masks else None
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
        """True for each anomalous image; nothing is decoded."""
        return [entry.label for entry in self.entries]

    @property
    def ids(self) -> list[str]:
        return [self._id(entry) for entry in self.entries]

    @property
    def defects(self) -> list[str]:
        return [entry.defect for entry in self.entries]

    @property
    def domains(self) -> list[str | None]:
        """The domain of each image; None where the data set tells none apart."""
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

    def normal(self) -> "Dataset":
        """The samples that are not anomalous."""
        return self._of([entry for entry in self.entries if not entry.label])

    @property
    def has_masks(self) -> bool:
        """Whether every anomalous image has a mask, so that pixel metrics can be computed."""
        return all(entry.masks for entry in self.entries if entry.label)

    def subset(self, limit: int | None) -> "Dataset":
        """At most `limit` samples: the same ones each time, spread over normal images, every kind of defect and
        every domain."""
        if limit is None or limit >= len(self):
            return self
        kinds = [f"{entry.defect}/{entry.domain}" if entry.domain else entry.defect for entry in self.entries]
        return self._of([self.entries[index] for index in stratified_indices(self.labels, kinds, limit)])

    def as_drawn(self, recipe: str, sha256: Mapping[str, str]) -> "Dataset":
        """This data set, known by what it was drawn from and not by its bytes: processors round differently, and drawn
        on another one a few images differ by a level.

        Args:
            recipe: SHA-256 (hex) of all that decides the images.
            sha256: path below the root -> SHA-256 (hex) of the file as it was drawn; another one is not decoded.
        """
        drawn = self._of(self.entries)
        drawn._recipe, drawn._sha256 = recipe, {self.root / name: digest for name, digest in sha256.items()}
        return drawn

    def fingerprint(self) -> str:
        """SHA-256 (hex) over category, ids, labels, defects and the bytes of every image and mask; of a data set
        `as_drawn` over its recipe instead of the bytes.

        The root is left out, so a copy elsewhere has the same fingerprint. Read once, then remembered: a file whose
        bytes are others when it is decoded is an error, so that what was computed from it cannot pass for this data.
        """
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        total = hashlib.sha256("\0".join([self.category, self.split, *filter(None, [self._recipe])]).encode())
        for entry in self.entries:
            files = [] if self._recipe else [self._remembered_sha256(path) for path in (entry.image, *entry.masks)]
            files += ["none"] * (not entry.masks)
            total.update("\0".join(["", self._id(entry), str(entry.label), entry.defect, *files]).encode())
        return total.hexdigest()

    @property
    def image_digests(self) -> list[str]:
        """SHA-256 (hex) of the file of each image; of a data set `as_drawn`, as it was drawn. Read once, as for the
        fingerprint."""
        return [self._remembered_sha256(entry.image) for entry in self.entries]

    def _remembered_sha256(self, path: Path) -> str:
        if path not in self._sha256:
            self._sha256[path] = hashlib.sha256(read_bytes(path)).hexdigest()
        return self._sha256[path]

    def _bytes(self, path: Path) -> bytes:
        """The bytes of a file: those that its part of the fingerprint was taken of, if there is one."""
        content = read_bytes(path)
        if path in self._sha256 and hashlib.sha256(content).hexdigest() != self._sha256[path]:
            raise ImageError(
                f"{path}: changed since this run took the data's fingerprint; results of the new file would stand "
                "under the key of the old. Start again once nothing writes into the folder."
            )
        return content

    def _mask(self, entry: Entry, size: tuple[int, int]) -> Bool[Tensor, "height width"]:
        """What any of the masks of an image marks."""
        parts = [read_mask(path, size, self._bytes(path), self._remarks) for path in entry.masks]
        mask = torch.stack(parts).any(dim=0)
        if entry.label and not mask.any():
            raise ImageError(
                f"{entry.masks[0]}: the mask of an anomalous picture marks no pixel; correct the mask, or file "
                f"{entry.image.name} as normal (under {GOOD!r}, or in a folder whose pictures all have masks)."
            )
        if mask.any() and not entry.label:
            raise ImageError(
                f"{entry.masks[0]}: marks pixels of {entry.image}, which is filed as normal; correct either."
            )
        if entry.label:
            masks = sum(1 for other in self.entries if other.label and other.masks)
            self._remarks.saw_mask(entry.masks[0], float(mask.float().mean()), masks)
        return mask

    def _id(self, entry: Entry) -> str:
        return entry.image.relative_to(self.root).as_posix()

    def _of(self, entries: Sequence[Entry]) -> "Dataset":
        part = Dataset(self.reader, self.root, self.category, self.split, entries)
        part._sha256, part._recipe, part._remarks = self._sha256, self._recipe, self._remarks
        return part
