"""Auxiliary anomalies: a data set's test split with masks, which a detector learns from to be tested on others."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from zsad.data import Dataset, list_categories, load_dataset
from zsad.data.batch import mask_of, resize_image
from zsad.data.labels import check_labels
from zsad.data.mvtec_ad import MissingMaskError

Pictures = tuple[Float[Tensor, "image 3 size size"], Bool[Tensor, "image size size"], Bool[Tensor, " image"]]
"""Images, their masks, and whether each is anomalous."""


class AuxiliaryData:
    """The images of all categories of a data set's test split, numbered through; each is decoded when it is asked for.

    Args:
        suite: what the data set is called, in the card of whatever learns from it.
        datasets: its categories.

    Raises:
        ValueError: a category without masks, or with images of one kind alone.
    """

    def __init__(self, suite: str, datasets: Sequence[Dataset]) -> None:
        if not datasets:
            raise ValueError(f"{suite} has no category to learn from")
        for dataset in datasets:
            check_labels(dataset)
            if not dataset.has_masks:
                raise ValueError(
                    f"category {dataset.category!r} of {suite} in {dataset.root} has anomalous images without masks, "
                    "which are what is learned from: add them, or leave the category out"
                )
        self.suite = suite
        self.datasets = tuple(datasets)
        self._places = [(part, index) for part, dataset in enumerate(datasets) for index in range(len(dataset))]

    def __len__(self) -> int:
        return len(self._places)

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over every category's fingerprint."""
        return hashlib.sha256(" ".join(dataset.fingerprint() for dataset in self.datasets).encode()).hexdigest()

    @property
    def image_digests(self) -> list[str]:
        """SHA-256 (hex) of each image's file."""
        return [digest for dataset in self.datasets for digest in dataset.image_digests]

    def categories(self, numbers: Sequence[int]) -> list[str]:
        """The category of some images."""
        return [self.datasets[self._places[number][0]].category for number in numbers]

    def read(self, numbers: Sequence[int], size: int) -> Pictures:
        """Images squashed to a square of `size` pixels (antialiased bicubic), their masks (`squashed_mask`) and labels.

        Labels are the data set's: what is thinner than half a pixel of a squashed mask is gone from it.
        """
        return _squashed([self._one(*self._places[number]) for number in numbers], size)

    def mosaics(self, numbers: Sequence[int], size: int, generator: np.random.Generator) -> Pictures:
        """As `read`, with a mosaic of 2 x 2 images of its category in place of each image.

        For each of the four a kind of defect is drawn, undamaged ones being one kind, and then an image of it. All are
        brought to the size of the first before the mosaic is squashed (APRIL-GAN, `data/` of its code). A mosaic is
        anomalous where one of the four is.
        """
        return _squashed([self._mosaic(self._places[number][0], generator) for number in numbers], size)

    def _one(self, part: int, index: int) -> tuple[Tensor, Tensor, bool]:
        sample = self.datasets[part][index]
        return sample.image, mask_of(sample), sample.label

    def _mosaic(self, part: int, generator: np.random.Generator) -> tuple[Tensor, Tensor, bool]:
        kinds: dict[str, list[int]] = {}
        for index, defect in enumerate(self.datasets[part].defects):
            kinds.setdefault(defect, []).append(index)
        names = sorted(kinds)
        drawn = [kinds[names[generator.integers(len(names))]] for _ in range(4)]
        four = [self._one(part, members[generator.integers(len(members))]) for members in drawn]
        size = (four[0][0].shape[1], four[0][0].shape[2])
        images = [resize_image(image, size) for image, _, _ in four]
        masks = [mask if mask.shape == size else _resized_mask(mask, size) for _, mask, _ in four]
        rows = [torch.cat(images[:2], dim=2), torch.cat(images[2:], dim=2)]
        mask_rows = [torch.cat(masks[:2], dim=1), torch.cat(masks[2:], dim=1)]
        return torch.cat(rows, dim=1), torch.cat(mask_rows, dim=0), any(label for _, _, label in four)


def read_auxiliary(suite: str, reader: str, root: str | Path, categories: Sequence[str] = ()) -> AuxiliaryData:
    """The test split of a data set, of all its categories unless some are named; images are decoded later.

    Args:
        suite: its name, in the card of whatever learns from it.
        reader, root: as for `zsad.load_dataset`.

    Raises:
        ValueError: an unknown reader or category, masks that are missing, images of one kind alone.
        FileNotFoundError: the folder, an image or a mask is missing.
    """
    chosen = list(categories) or list_categories(reader, root)
    try:
        return AuxiliaryData(suite, [load_dataset(reader, root, category=category) for category in chosen])
    except MissingMaskError as error:
        raise FileNotFoundError(
            f"{error.image}: its mask {error.mask} is missing, and masks are what is learned from: restore it from the "
            "data set's archive, or learn from other categories (`zsad train --category`)"
        ) from None


def squashed_mask(mask: Bool[Tensor, "height width"], size: int) -> Bool[Tensor, "size size"]:
    """A mask at the size that images are learned at: antialiased bilinear, True above 0.5, as both works have it."""
    return mask if mask.shape == (size, size) else _resized_mask(mask, (size, size))


def _squashed(found: Sequence[tuple[Tensor, Tensor, bool]], size: int) -> Pictures:
    images = torch.stack([resize_image(image, (size, size)) for image, _, _ in found])
    masks = torch.stack([squashed_mask(mask, size) for _, mask, _ in found])
    return images, masks, torch.tensor([label for _, _, label in found])


def _resized_mask(mask: Tensor, size: tuple[int, int]) -> Tensor:
    resized = F.interpolate(mask[None, None].float(), size, mode="bilinear", antialias=True, align_corners=False)
    return resized[0, 0] > 0.5
