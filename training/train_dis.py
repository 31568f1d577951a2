"""Trains the demo world's dichotomous-segmentation network on products that are no category of the suites."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from training.precision import multiplying_in
from training.scenes import Scenes
from training.schedule import Recipe, Trainer, overlap_loss, relit
from zsad.clip.ship import ship
from zsad.tiling.dis import SmallDIS

WIDTHS = (24, 48, 72, 96)
INPUT_SIZE = 240
MEAN, STD = (0.5, 0.5, 0.5), (1.0, 1.0, 1.0)  # IS-Net's
NOISE = 0.01  # standard deviation, of channels in [0, 1]


def train(
    name: str,
    scenes: Scenes,
    recipe: Recipe,
    work: Path,
    out: Path,
    widths: tuple[int, ...] = WIDTHS,
    side: int = INPUT_SIZE,
    dtype: str = "bfloat16",
) -> None:
    """Trains, or goes on where an earlier call was stopped (`work/<name>.kept`), and ships `out/<name>`."""
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    net = SmallDIS(widths).train().to(memory_format=torch.channels_last)  # with bfloat16, twice as fast on a CPU
    shown = scenes.of_no_category()

    def terms() -> dict[str, Tensor]:
        rows = shown[rng.integers(len(shown), size=recipe.batch)]
        pictures, products = relit(scenes.pictures[rows], rng), torch.from_numpy(scenes.products(rows)).float()
        sizes = scenes.sizes[rows].tolist()
        x = torch.cat([_squashed(p[None, :, :h, :w], side) for p, (h, w) in zip(pictures, sizes, strict=True)])
        target = torch.cat([_squashed(p[None, None, :h, :w], side) for p, (h, w) in zip(products, sizes, strict=True)])
        for axis in (-1, -2):
            if rng.random() < 0.5:
                x, target = x.flip(axis), target.flip(axis)
        x = x + NOISE * torch.from_numpy(rng.standard_normal(x.shape, np.float32))
        x = ((x - MEAN[0]) / STD[0]).contiguous(memory_format=torch.channels_last)
        with multiplying_in(dtype):
            predictions = [p.float() for p in net(x)]
        target = target.squeeze(1)
        pixel = torch.stack([F.binary_cross_entropy_with_logits(p, target) for p in predictions])
        overlap = torch.stack([overlap_loss(p, target).mean() for p in predictions])
        return {"pixel": pixel.mean(), "overlap": overlap.mean()}

    said = {**asdict(recipe), "pictures": len(shown), "dtype": dtype}
    training = Trainer({"net": net}, recipe, rng, work / f"{name}.kept", said).run(terms)
    card = {"model_cfg": {"widths": list(widths)}, "input_size": side, "mean": MEAN, "std": STD}
    card["shown"] = ["masks of ordinary things"]  # products, some of them damaged: no mask says where
    ship(name, net.state_dict(), {**card, "training": training}, out)


def _squashed(maps: Tensor, side: int) -> Tensor:
    return F.interpolate(maps, (side, side), mode="bilinear", antialias=True)
