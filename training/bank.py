"""Renders the training pictures once, so that an epoch reads memory and not the renderer.

python -m training.bank build/training/fine.npz --count 14000
"""

from __future__ import annotations

import argparse
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from training.world import BOLD, FINE, KINDS, WORLD, draw_shot, render_shot, render_twins

SIDE = 120
NAMES = list(WORLD)


def shrink(picture: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def pack(mask: np.ndarray) -> np.ndarray:
    """The mask at the size of the small pictures, eight pixels a byte."""
    return np.packbits(np.asarray(Image.fromarray(mask).resize((SIDE, SIDE), Image.Resampling.NEAREST)), axis=1)


def render(job: tuple[int, int, bool]):
    seed, index, bold = job
    rng = np.random.default_rng((seed, index))
    shot = draw_shot(rng)
    picture, mask = render_shot(shot, rng, BOLD if bold else FINE)
    return shrink(picture), pack(mask), NAMES.index(shot.product), shot.defect or ""


def render_pair(job: tuple[int, int, bool]):
    """As `render`, of a damaged specimen; `pictures` holds it undamaged and damaged."""
    seed, index, bold = job
    rng = np.random.default_rng((seed, index))
    shot = draw_shot(rng)
    while shot.defect not in KINDS:
        shot = draw_shot(rng)
    before, after, mask = render_twins(shot, tuple(rng.integers(2**31, size=2).tolist()), BOLD if bold else FINE)
    return np.stack([shrink(before), shrink(after)]), pack(mask), NAMES.index(shot.product), shot.defect


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=14000)
    parser.add_argument("--seed", type=int, default=20240513)
    parser.add_argument("--bold", action="store_true", help="large defects of strong contrast")
    parser.add_argument("--pairs", action="store_true", help="specimens before and after damage to their surface")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with Pool(arguments.workers) as pool:
        jobs = ((arguments.seed, index, arguments.bold) for index in range(arguments.count))
        shots = list(
            tqdm(
                pool.imap(render_pair if arguments.pairs else render, jobs, chunksize=32),
                total=arguments.count,
                unit="picture",
                mininterval=5,
            )
        )
    pictures, masks, products, defects = zip(*shots, strict=True)
    partial = arguments.out.with_suffix(".partial.npz")
    np.savez(
        partial,
        pictures=np.stack(pictures),
        masks=np.stack(masks),
        products=np.array(products),
        defects=np.array(defects),
    )
    partial.replace(arguments.out)


if __name__ == "__main__":
    main()
