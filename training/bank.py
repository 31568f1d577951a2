"""Renders the training pictures once, so that an epoch reads memory and not the renderer.

A bank holds pictures and what their captions may say: product, kind of damage, zoom. It holds no mask.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy import ndarray
from PIL import Image

from training.families import FAMILIES
from training.store import Row, read_rows, write_rows
from training.world import Shot, draw_damaged, draw_posed, draw_studied, render_shot

SIDE = 120
SUBJECTS: dict[str, Callable[[np.random.Generator], Shot]] = {
    "damaged": draw_damaged, "studied": draw_studied, "posed": draw_posed,
}  # fmt: skip


@dataclass(frozen=True)
class Bank:
    """Training pictures and their facts, one row a specimen.

    Attributes:
        pictures: (specimen, shown, side, side, 3), uint8; of a damaged specimen two are shown: before, and after.
        products: full names. defects: kind of damage of the last picture, "" for none. zooms: 1 for the whole product.
        seed: what they were drawn from.
    """

    pictures: ndarray
    products: ndarray
    defects: ndarray
    zooms: ndarray
    seed: int = 0

    def __len__(self) -> int:
        return len(self.products)

    def undamaged_families(self) -> ndarray:
        """The rows whose first picture shows a whole, undamaged product of a named family (`training.families`)."""
        before = self.pictures.shape[1] == 2  # the first of two was taken before the damage
        undamaged = before | (self.defects == "")
        return np.flatnonzero((self.zooms == 1) & np.isin(self.products, list(FAMILIES)) & undamaged)


def render(index: int, subject: str, seed: int) -> Row:
    """The pictures of one specimen, and its facts: product, kind of damage, zoom."""
    rng = np.random.default_rng((seed, index))
    shot = SUBJECTS[subject](rng)
    seeds = rng.integers(2**31, size=2).tolist()
    pictures, zoom = render_shot(shot, (seeds[0], seeds[1]), subject == "damaged")
    shown = np.stack([_shrink(picture) for picture in pictures])
    return {"pictures": shown}, [shot.product.name, shot.defect, round(zoom, 3)]


def _shrink(picture: ndarray) -> ndarray:
    return np.asarray(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def write_bank(folder: Path, subject: str, count: int, seed: int, workers: int = 2) -> None:
    """Renders `count` specimens into `folder`; what an earlier call of the same subject, count and seed has rendered is
    kept.
    """
    about = {"subject": subject, "count": count, "seed": seed}
    shapes = {"pictures": (2 if subject == "damaged" else 1, SIDE, SIDE, 3)}
    write_rows(folder, about, count, shapes, partial(render, subject=subject, seed=seed), workers)


def read_bank(folder: Path) -> Bank:
    """A bank that `write_bank` has finished."""
    arrays, facts, about = read_rows(folder, "pictures")
    products, defects, zooms = zip(*facts, strict=True)
    return Bank(arrays["pictures"], np.array(products), np.array(defects), np.array(zooms), about["seed"])
