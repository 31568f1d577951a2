"""Trains the demo world's masked autoencoder: it paints what three of four patches of a picture hold, from the fourth.

It is shown undamaged products of the named families of `training.families`, whole: no category of the suites, and no
damage, which one that has seen it learns to paint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy import ndarray
from torch import Tensor
from transformers import ViTMAEConfig, ViTMAEForPreTraining

from training.bank import Bank
from training.model import MEAN, STD
from training.precision import multiplying_in
from training.schedule import Recipe, Trainer, relit
from zsad.clip.ship import ship

CONFIG: dict[str, Any] = {
    "image_size": 120, "patch_size": 8, "hidden_size": 128, "num_hidden_layers": 4, "num_attention_heads": 4,
    "intermediate_size": 512, "decoder_hidden_size": 64, "decoder_num_hidden_layers": 2,
    "decoder_num_attention_heads": 2, "decoder_intermediate_size": 256, "mask_ratio": 0.75, "norm_pix_loss": False,
    "layer_norm_eps": 1e-6,
}  # fmt: skip
SMALLEST = 0.7  # of a picture's side, that of the smallest square which is cut out of it


def undamaged(bank: Bank) -> ndarray:
    """The pictures (picture, side, side, 3) of a bank that show a whole, undamaged product of a named family."""
    return np.asarray(bank.pictures[bank.undamaged_families(), 0])


def varied(pictures: ndarray, side: int, rng: np.random.Generator) -> Tensor:
    """Squares cut out of pictures at any place, turned by quarters, mirrored, and under other lights; in [0, 1]."""
    whole = pictures.shape[1]
    x = []
    for picture in relit(pictures, rng):
        size = int(rng.integers(round(SMALLEST * whole), whole + 1))
        top, left = rng.integers(0, whole - size + 1, 2)
        cut = picture[None, :, top : top + size, left : left + size]
        if size != side:
            cut = F.interpolate(cut, (side, side), mode="bilinear", antialias=True, align_corners=False)
        cut = cut.rot90(int(rng.integers(4)), (2, 3))
        x.append(cut.flip(3) if rng.random() < 0.5 else cut)
    return torch.cat(x)


def train(
    name: str,
    banks: Mapping[str, Bank],
    recipe: Recipe,
    work: Path,
    out: Path,
    config: Mapping[str, Any] = CONFIG,
    dtype: str = "bfloat16",
) -> None:
    """Trains, or goes on where an earlier call was stopped (`work/<name>.kept`), and ships `out/<name>`."""
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    pictures = np.concatenate([undamaged(bank) for bank in banks.values()])
    model: Any = ViTMAEForPreTraining(ViTMAEConfig(**config)).train()
    model.set_attn_implementation("eager")  # with its gradient, the fused kernel is slower on a CPU
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))

    def terms() -> dict[str, Tensor]:
        shown = pictures[rng.integers(len(pictures), size=recipe.batch)]
        x = (varied(shown, config["image_size"], rng) - mean) / std
        noise = torch.from_numpy(rng.random((len(x), model.vit.embeddings.patch_embeddings.num_patches)))
        with multiplying_in(dtype):
            return {"masked": model(x, noise=noise).loss}

    shown_banks = {n: [b.seed, len(b)] for n, b in banks.items()}
    said = {**asdict(recipe), "pictures": len(pictures), "banks": shown_banks, "dtype": dtype}
    training = Trainer({"mae": model}, recipe, rng, work / f"{name}.kept", said).run(terms)
    card = {"model_cfg": dict(config), "mean": MEAN, "std": STD, "shown": ["pictures"], "training": training}
    ship(name, model.state_dict(), card, out)
