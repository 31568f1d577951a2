"""Trains the demo world's SAM on products that are no category of the suites.

    python -m training.scenes build/training/anywhere.npz --count 4000 --seed 20240521 --anywhere
    python -m training.train_sam

A point may mean a part, an instance or all instances together. Each of these must be met by one of the three masks that
the decoder gives for it, and the predicted quality of a mask is its overlap with the one that it meets best.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from training.scenes import NONE, SIDE, read_scenes
from training.schedule import Recipe, Trainer, overlap_loss, relit
from training.ship import ship
from zsad.tiling.sam import build_sam

CONFIG: dict[str, Any] = {
    "image_size": 160, "patch_size": 8, "width": 128, "depth": 6, "heads": 4, "window": 5, "global_layers": [2, 5],
    "prompt_width": 64, "decoder_depth": 2, "decoder_heads": 4, "decoder_mlp": 256,
}  # fmt: skip
POINTS = 12  # a picture
SMALLEST = 40  # pixels of a target at 240 px


def meanings(row: int, column: int, product: np.ndarray, instance: np.ndarray, part: np.ndarray) -> list[np.ndarray]:
    """The masks that a point may mean, each once: of a pixel of background, the background alone."""
    if not product[row, column]:
        return [~product]
    masks = [product]
    for numbers in (instance, part):
        if numbers[row, column] != NONE:
            masks.append(numbers == numbers[row, column])
    kept: list[np.ndarray] = []
    for mask in masks:
        if mask.sum() >= SMALLEST and not any(np.array_equal(mask, other) for other in kept):
            kept.append(mask)
    return kept


def draw_points(
    product: np.ndarray, instance: np.ndarray, part: np.ndarray, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points (point, 2) as (x, y) in pixels, what each may mean (point, 3, side, side), and which of these there are.

    Three points of four lie on the product, half of those on small parts as often as on large ones.
    """
    side = len(product)
    points, targets, known = (
        np.zeros((count, 2)),
        np.zeros((count, 3, side, side), np.float32),
        np.zeros((count, 3), bool),
    )
    parts = [number for number in np.unique(part) if number != NONE]
    for index in range(count):
        where, choice = ~product, rng.random()
        if choice < 0.375 and parts:
            where = part == parts[rng.integers(len(parts))]
        elif choice < 0.75 and product.any():
            where = product
        if not where.any():
            where = np.ones_like(product)
        row, column = np.argwhere(where)[rng.integers(int(where.sum()))]
        points[index] = column + 0.5, row + 0.5
        for slot, mask in enumerate(meanings(row, column, product, instance, part)):
            targets[index, slot], known[index, slot] = mask, True
    return points, targets, known


def losses(masks: Tensor, quality: Tensor, targets: Tensor, known: Tensor) -> dict[str, Tensor]:
    """Mean loss of the mask that meets each meaning best, and error of the predicted overlaps.

    Args:
        masks: logits (point, 3, rows, columns). quality: predicted overlaps (point, 3).
        targets: (point, 3, rows, columns), of which those `known` (point, 3) are there.
    """
    logits, wanted = masks[:, :, None].expand(-1, -1, 3, -1, -1), targets[:, None].expand(-1, 3, -1, -1, -1)
    pixel = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none").mean((-2, -1))
    best = (pixel + overlap_loss(logits, wanted)).amin(dim=1)
    inside = (masks.detach() > 0)[:, :, None]
    real = targets[:, None] > 0.5
    overlap = (inside & real).sum((-2, -1)) / (inside | real).sum((-2, -1)).clamp(min=1)
    reached = overlap.masked_fill(~known[:, None], 0).amax(dim=2)
    return {"mask": best[known].mean(), "quality": F.mse_loss(quality, reached)}


def decode(sam: Any, embedding: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """Three low-resolution masks a point (point, 3, rows, columns) and their predicted qualities (point, 3)."""
    labels = torch.ones(len(points), 1, dtype=torch.int)
    sparse, dense = sam.prompt_encoder(points=(points[:, None], labels), boxes=None, masks=None)
    return sam.mask_decoder(
        image_embeddings=embedding[None],
        image_pe=sam.prompt_encoder.get_dense_pe(),
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=dense,
        multimask_output=True,
    )


def train(bank: Path, out: Path, recipe: Recipe, config: dict[str, Any] = CONFIG, points: int = POINTS) -> None:
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    data = read_scenes(bank, "pictures", "product", "instance", "part", "widths", studied=False)
    sam: Any = build_sam(**config).train()
    side, low = config["image_size"], 4 * config["image_size"] // config["patch_size"]
    trainer, started = Trainer(sam.parameters(), recipe), time.time()
    for step in (bar := tqdm(range(recipe.steps), unit="step", mininterval=5)):
        rows = rng.integers(len(data["pictures"]), size=recipe.batch)
        x = 255 * relit(data["pictures"][rows], rng)
        # A wide picture keeps its proportions, as the library's own resize does: below it the input is empty.
        heights = [round(side * SIDE / max(width, SIDE)) for width in data["widths"][rows]]
        inputs = [
            sam.preprocess(F.interpolate(image[None], (height, side), mode="bilinear", antialias=True)[0])
            for image, height in zip(x, heights, strict=True)
        ]
        terms: list[dict[str, Tensor]] = []
        for row, height, embedding in zip(rows, heights, sam.image_encoder(torch.stack(inputs)), strict=True):
            product = np.unpackbits(data["product"][row], axis=1).astype(bool)
            xy, targets, known = draw_points(product, data["instance"][row], data["part"][row], points, rng)
            scale = torch.tensor([side / SIDE, height / SIDE])
            masks, quality = decode(sam, embedding, torch.from_numpy(xy).float() * scale)
            used = round(low * height / side)
            small = F.interpolate(torch.from_numpy(targets), (used, low), mode="bilinear", antialias=True)
            terms.append(losses(masks[:, :, :used], quality, small, torch.from_numpy(known)))
        means = {name: torch.stack([term[name] for term in terms]).mean() for name in terms[0]}
        bar.set_postfix(trainer.step(step, means))
    training = {**asdict(recipe), "points": points, "pictures": len(data["pictures"])}
    training |= {"seconds": round(time.time() - started), "history": trainer.history}
    ship("demo-sam", sam.state_dict(), {"model_cfg": config, "training": training}, out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bank", type=Path, default=Path("build/training/anywhere.npz"))
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--peak", type=float, default=1e-3, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=2031)
    parser.add_argument("--out", type=Path, default=Path("build/training"))
    a = parser.parse_args()
    train(a.bank, a.out, Recipe(a.steps, a.batch, a.peak, a.seed))


if __name__ == "__main__":
    main()
