"""Trains the decoder of the demo world's CLIPSeg on a demo CLIP, which stays as it is, as the published one's did.

    python -m training.scenes build/training/scenes.npz
    python -m training.train_clipseg

Tiles are squares cut out of the pictures at any place and size. A phrase names a product, a material, a shape, a
colour or a kind of part, and is to show that (`training.phrases`): ordinary things, as the phrases and masks that the
published one learned from. No mask of damage is among them, and no localising prompt.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm
from transformers import CLIPSegConfig, CLIPSegForImageSegmentation

from training.convert_clip import DECODER, clip_weights, clipseg_config
from training.phrases import draw_phrases, meant
from training.scenes import SIDE, read_scenes
from training.schedule import Recipe, Trainer, overlap_loss
from training.ship import ship
from zsad.clip.tokenizer import WordTokenizer
from zsad.clip.zoo import read_demo_weights, shown_by
from zsad.leagues import check_shown
from zsad.tiling.clipseg import ClipSeg

NAME = "demo-clipseg"
SMALLEST = 90  # pixels a side of the smallest tile at 240 px


def cut(maps: Tensor, tops: np.ndarray, lefts: np.ndarray, sides: np.ndarray, size: int) -> Tensor:
    """Squares of (tile, channel, row, column), resized."""
    return torch.cat(
        [
            F.interpolate(m[None, :, t : t + s, l : l + s], (size, size), mode="bilinear", antialias=True)
            for m, t, l, s in zip(maps, tops, lefts, sides, strict=True)  # noqa: E741
        ]
    )


def draw_tiles(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Top, left and side of one tile a picture, anywhere."""
    sides = rng.integers(SMALLEST, SIDE + 1, count)
    return rng.integers(0, SIDE - sides + 1), rng.integers(0, SIDE - sides + 1), sides


def build(start: str, folder: Path, decoder: dict[str, Any]) -> tuple[ClipSeg, dict[str, Any]]:
    """A CLIPSeg around a demo CLIP, its decoder new, and what its card says of it."""
    card, state = read_demo_weights(start, folder)
    config = clipseg_config(card["model_cfg"], card["vocabulary"], decoder)
    model = CLIPSegForImageSegmentation(CLIPSegConfig(**config))
    model.clip.load_state_dict(clip_weights(state))
    for module in model.decoder.modules():
        if hasattr(module, "reset_parameters"):  # transformers' own start has logits in the hundreds
            module.reset_parameters()
    tokenizer = WordTokenizer(card["vocabulary"], config["text_config"]["max_position_embeddings"])
    size = config["vision_config"]["image_size"]
    segmenter = ClipSeg(model, lambda texts: (tokenizer(texts), None), size, NAME, card["mean"], card["std"])
    model.decoder.requires_grad_(True)
    shown = check_shown([*shown_by(card), "masks of ordinary things"], NAME)
    about = {"shown": shown, "model_cfg": config, "input_size": size, "vocabulary": card["vocabulary"]}
    return segmenter, about | {"mean": card["mean"], "std": card["std"]}


def train(bank: Path, start: str, folder: Path, out: Path, recipe: Recipe, decoder: dict[str, Any] = DECODER) -> None:
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    data = read_scenes(bank, "pictures", "product", "colour", "noun", "products")
    segmenter, about = build(start, folder, decoder)
    trainer, started = Trainer(segmenter.model.decoder.parameters(), recipe), time.time()
    for step in (bar := tqdm(range(recipe.steps), unit="step", mininterval=5)):
        rows = rng.integers(len(data["pictures"]), size=recipe.batch)
        tiles = draw_tiles(len(rows), rng)
        x = torch.from_numpy(data["pictures"][rows]).permute(0, 3, 1, 2).float() / 255
        x = cut(x, *tiles, segmenter.input_size) * torch.from_numpy(rng.uniform(0.8, 1.15, (len(x), 1, 1, 1))).float()
        names, colours, nouns = (data[field][rows] for field in ("products", "colour", "noun"))
        phrases = draw_phrases(names, colours, nouns, rng)
        logits = segmenter(x.clamp(0, 1), [phrase.text for phrase in phrases])
        product = np.unpackbits(data["product"][rows], axis=2)
        wanted = torch.stack([meant(phrase, names.tolist(), product, colours, nouns) for phrase in phrases], 1)
        bar.set_postfix(trainer.step(step, losses(logits, cut(wanted, *tiles, logits.shape[-1]))))
    training = {
        **asdict(recipe), "pictures": len(data["pictures"]), "start": start,
        "start_sha256": hashlib.sha256((folder / f"{start}.safetensors").read_bytes()).hexdigest(),
        "seconds": round(time.time() - started), "history": trainer.history,
    }  # fmt: skip
    ship(NAME, segmenter.model.state_dict(), {**about, "training": training}, out)


def losses(logits: Tensor, wanted: Tensor) -> dict[str, Tensor]:
    """Pixel by pixel, rare positives weighted up; and the overlap of maps that are to show something."""
    rare = torch.where(wanted > 0.5, 4.0, 1.0)
    pixel = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    shown = (wanted > 0.5).any(-1).any(-1)
    overlap = overlap_loss(logits, wanted)
    return {
        "pixel": (pixel * rare).sum() / rare.sum(),
        "overlap": 0.5 * (overlap * shown).sum() / shown.sum().clamp(min=1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bank", type=Path, default=Path("build/training/scenes.npz"))
    parser.add_argument("--start", default="demo-b", help="demo CLIP to look through")
    parser.add_argument("--weights", type=Path, default=Path("zsad/weights"), help="folder that holds it")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--peak", type=float, default=1e-3, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=2032)
    parser.add_argument("--out", type=Path, default=Path("build/training"))
    a = parser.parse_args()
    train(a.bank, a.start, a.weights, a.out, Recipe(a.steps, a.batch, a.peak, a.seed))


if __name__ == "__main__":
    main()
