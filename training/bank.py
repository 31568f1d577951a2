"""Renders the training pictures once, so that an epoch reads memory and not the renderer.

A bank holds pictures and what their captions may say: product, kind of damage, zoom. It holds no mask.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray
from PIL import Image
from tqdm import tqdm

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


def render(index: int, subject: str, seed: int) -> tuple[ndarray, tuple[str, str, float]]:
    """The pictures of one specimen, and its facts: product, kind of damage, zoom."""
    rng = np.random.default_rng((seed, index))
    shot = SUBJECTS[subject](rng)
    seeds = rng.integers(2**31, size=2).tolist()
    pictures, zoom = render_shot(shot, (seeds[0], seeds[1]), subject == "damaged")
    return np.stack([_shrink(picture) for picture in pictures]), (shot.product.name, shot.defect, round(zoom, 3))


def _shrink(picture: ndarray) -> ndarray:
    return np.asarray(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def write_bank(folder: Path, subject: str, count: int, seed: int, workers: int = 2) -> None:
    """Renders `count` specimens into `folder`; what an earlier call of the same subject, count and seed has rendered is
    kept.
    """
    about = {"subject": subject, "count": count, "seed": seed}
    said, facts, stored = folder / "about.json", folder / "facts.jsonl", folder / "pictures.npy"
    if not said.is_file() or json.loads(said.read_text()) != about:
        folder.mkdir(parents=True, exist_ok=True)
        facts.write_text("")
        shape = (count, 2 if subject == "damaged" else 1, SIDE, SIDE, 3)
        np.lib.format.open_memmap(stored, "w+", np.uint8, shape).flush()
        said.write_text(json.dumps(about))
    done = _facts(facts)
    pictures = np.load(stored, mmap_mode="r+")
    if len(done) == count:
        return
    with Pool(workers) as pool, facts.open("w") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in done)
        rest = range(len(done), count)
        drawn = pool.imap(partial(render, subject=subject, seed=seed), rest, chunksize=16)
        bar = tqdm(drawn, initial=len(done), total=count, desc=subject, unit="specimen", mininterval=5)
        for index, (found, row) in zip(rest, bar, strict=True):
            pictures[index] = found
            lines.write(json.dumps(row) + "\n")
    pictures.flush()


def _facts(path: Path) -> list[list[Any]]:
    """One row a specimen; a last one that a kill cut short is left out."""
    rows = path.read_text().split("\n")[:-1]
    return [json.loads(row) for row in rows]


def read_bank(folder: Path) -> Bank:
    """A bank that `write_bank` has finished."""
    products, defects, zooms = zip(*_facts(folder / "facts.jsonl"), strict=True)
    pictures = np.load(folder / "pictures.npy", mmap_mode="r")
    seed = json.loads((folder / "about.json").read_text())["seed"]
    return Bank(pictures, np.array(products), np.array(defects), np.array(zooms), seed)
