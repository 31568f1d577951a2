"""Batches of training pictures with captions. Nothing here knows where in a picture anything is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from torch import Tensor

from training.bank import Bank
from training.captions import Caption, write
from training.world import WORLD
from zsad.perturb.colour import shift_colour
from zsad.perturb.rotation import rotate_image

MOVE = 8  # pixels of the bank's pictures
UPRIGHT = {product.name for product in WORLD.values() if product.kind not in ("object", "texture")}
AUGMENTATIONS = ("none", "colour", "turned")


@dataclass(frozen=True)
class Batch:
    """Pictures, a caption for each, and which captions are true of which picture.

    `zooms` are as in `Bank`; `specimens` number what is shown. The first `2 * pairs` pictures show `pairs` specimens,
    each before its damage and after it.
    """

    pictures: Float[Tensor, "picture 3 side side"]
    captions: list[Caption]
    true: Bool[Tensor, "picture caption"]
    zooms: ndarray
    specimens: ndarray
    pairs: int


class Sampler:
    """Draws batches from a bank of damaged specimens (before and after), of studied categories and of poses.

    Args:
        banks: "damaged", "studied" and "posed".
        counts: specimens of each in a batch, "damaged" first; one of these gives two pictures.
        augmentation: "none"; "colour" draws hue, saturation and brightness; "turned" an angle of rotation.
        rng: every choice.
    """

    def __init__(
        self, banks: dict[str, Bank], counts: dict[str, int], augmentation: str, rng: np.random.Generator
    ) -> None:
        if augmentation not in AUGMENTATIONS:
            raise ValueError(f"unknown augmentation {augmentation!r}: known are {', '.join(AUGMENTATIONS)}")
        self.banks, self.counts, self.augmentation, self.rng = banks, counts, augmentation, rng

    def draw(self) -> Batch:
        pictures, products, defects, zooms, specimens = [], [], [], [], []
        for name, count in self.counts.items():
            bank = self.banks[name]
            for row in self.rng.choice(len(bank), count, replace=False):
                shown = bank.pictures[row]
                states = ["", bank.defects[row]][-len(shown) :]
                pictures.append(shown)
                products += [str(bank.products[row])] * len(shown)
                defects += [str(state) for state in states]
                zooms += [bank.zooms[row]] * len(shown)
                specimens += [len(pictures) - 1] * len(shown)
        captions = [write(product, defect, self.rng) for product, defect in zip(products, defects, strict=True)]
        true = [[c.tells(p, d) for c in captions] for p, d in zip(products, defects, strict=True)]
        shown_of = np.array(specimens)
        x = self._seen(np.concatenate(pictures), products, shown_of)
        return Batch(x, captions, torch.tensor(true), np.array(zooms), shown_of, self.counts["damaged"])

    def _seen(self, pictures: ndarray, products: list[str], specimens: ndarray) -> Float[Tensor, "picture 3 side side"]:
        """As floats, moved, mirrored and exposed; both pictures of a specimen alike."""
        rng, count = self.rng, int(specimens.max()) + 1
        moves, flips = rng.integers(-MOVE, MOVE + 1, (count, 2))[specimens], (rng.random(count) < 0.5)[specimens]
        mirrored = flips & np.array([product not in UPRIGHT for product in products])
        x = torch.from_numpy(displaced(pictures, mirrored, moves)).permute(0, 3, 1, 2).float() / 255
        exposure, hue, saturation, angle = torch.from_numpy(
            rng.uniform(-1, 1, (4, count)).astype(np.float32)[:, specimens]
        )
        spread = 0.3 if self.augmentation == "colour" else 0.1
        x = (x * (1 + spread * exposure).view(-1, 1, 1, 1)).clamp(0, 1)
        if self.augmentation == "colour":
            return shift_colour(x, torch.pi * hue, 0.5 * saturation)
        return rotate_image(x, 180 * angle) if self.augmentation == "turned" else x


def displaced(pictures: ndarray, mirrored: ndarray, moves: ndarray) -> ndarray:
    """Pictures moved by (picture, 2) pixels, edges reflected, and mirrored left to right where told."""
    count, side = len(pictures), pictures.shape[1]
    index = np.arange(side) + moves.T[:, :, None]
    index = np.where(index < 0, -index, index)
    index = np.where(index >= side, 2 * (side - 1) - index, index)
    rows, columns = index
    columns = np.where(mirrored[:, None], columns[:, ::-1], columns)
    moved: ndarray = pictures[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
    return moved


def draw_blocks(specimens: ndarray, grid: int, size: int, rng: np.random.Generator) -> Int[Tensor, "picture kept"]:
    """Patch numbers of one block of size x size patches a picture, anywhere on the grid, the same one for pictures of
    one specimen (patch dropout as in Li et al., "FLIP", CVPR 2023, but what is kept lies together).

    Args:
        specimens: the number of the specimen that each picture shows.
    """
    corner = rng.integers(0, grid - size + 1, (int(specimens.max()) + 1, 2))[specimens]
    rows = corner[:, 0, None, None] + np.arange(size)[None, :, None]
    columns = corner[:, 1, None, None] + np.arange(size)[None, None, :]
    return torch.from_numpy((rows * grid + columns).reshape(len(specimens), -1))
