"""Batches of training pictures: single ones, and specimens before and after damage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.world import STUDIED, WORLD
from zsad.data.demo.specimen import POSE_FAULTS

NAMES = list(WORLD)
MOVE = 8  # pixels of the bank's pictures
MIRRORED = np.array([WORLD[name].kind in ("object", "texture") for name in NAMES])  # nothing with an upright pose


def read_banks(paths: list[Path]) -> dict[str, np.ndarray]:
    """The pictures of several banks as one."""
    banks = [np.load(path) for path in paths]
    return {key: np.concatenate([bank[key] for bank in banks]) for key in ("pictures", "masks", "products", "defects")}


@dataclass(frozen=True)
class Batch:
    """Pictures (uint8), masks of their damage, products (index) and defects ("" for none). The first `pairs` pictures
    are damaged; the next `pairs` show the same specimens undamaged; the rest are single.
    """

    pictures: np.ndarray
    masks: np.ndarray
    products: np.ndarray
    defects: np.ndarray
    pairs: int


class Sampler:
    """Draws batches from a bank of single pictures and one of pairs, moved and mirrored."""

    def __init__(self, single: dict[str, np.ndarray], paired: dict[str, np.ndarray], rng: np.random.Generator) -> None:
        self.single, self.paired, self.rng = single, paired, rng
        studied = np.isin(np.array(NAMES)[single["products"]], STUDIED)
        chance = np.where(studied, 0.6, 1.0) * np.where(np.isin(single["defects"], POSE_FAULTS), 0.6, 1.0)
        self.chance = chance / chance.sum()

    def draw(self, pairs: int, singles: int) -> Batch:
        one = self.rng.choice(len(self.chance), singles, p=self.chance)
        two = self.rng.choice(len(self.paired["products"]), pairs, replace=False)
        before, after = (self.paired["pictures"][two, when] for when in (0, 1))
        masks, blank = self.paired["masks"][two], np.zeros_like(self.paired["masks"][two])
        products = np.concatenate([self.paired["products"][two]] * 2 + [self.single["products"][one]])
        defects = [self.paired["defects"][two], np.full(pairs, ""), self.single["defects"][one]]
        pictures = np.concatenate([after, before, self.single["pictures"][one]])
        masks = np.unpackbits(np.concatenate([masks, blank, self.single["masks"][one]]), axis=2)
        mirrored = MIRRORED[products] & (self._alike(self.rng.random(len(products)), pairs) < 0.5)
        moves = self._alike(self.rng.integers(-MOVE, MOVE + 1, (len(products), 2)), pairs)
        return Batch(*displaced(pictures, masks, mirrored, moves), products, np.concatenate(defects), pairs)

    @staticmethod
    def _alike(drawn: np.ndarray, pairs: int) -> np.ndarray:
        """Both pictures of a pair get what the first drew."""
        drawn[pairs : 2 * pairs] = drawn[:pairs]
        return drawn


def displaced(
    pictures: np.ndarray, masks: np.ndarray, mirrored: np.ndarray, moves: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Pictures and masks moved by (picture, 2) pixels, edges reflected, and mirrored left to right where told."""
    count, side = len(pictures), pictures.shape[1]
    index = np.arange(side) + moves.T[:, :, None]
    index = np.where(index < 0, -index, index)
    index = np.where(index >= side, 2 * (side - 1) - index, index)
    rows, columns = index
    columns = np.where(mirrored[:, None], columns[:, ::-1], columns)
    picked = (np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :])
    return pictures[picked], masks[picked]


def window_indices(cells: np.ndarray, size: int, pairs: int, rng: np.random.Generator) -> np.ndarray:
    """(image, size * size) patch indices of one window an image; about half show damage where there is some. Both
    pictures of a pair get the same window.
    """
    grid = cells.shape[1]
    last = grid - size
    corner = rng.integers(0, last + 1, (len(cells), 2))
    for row, cell in enumerate(cells):
        hit = np.argwhere(cell > 0.02)
        if len(hit) and rng.random() < 0.55:
            corner[row] = np.clip(hit[rng.integers(len(hit))] - rng.integers(0, size, 2), 0, last)
    corner[pairs : 2 * pairs] = corner[:pairs]
    rows = corner[:, 0, None, None] + np.arange(size)[None, :, None]
    columns = corner[:, 1, None, None] + np.arange(size)[None, None, :]
    return (rows * grid + columns).reshape(len(cells), -1)
