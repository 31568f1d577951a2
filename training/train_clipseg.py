"""Trains the decoder of the demo world's CLIPSeg on a demo CLIP, which stays as it is, as the published one's did.

    python -m training.scenes build/training/scenes.npz
    python -m training.train_clipseg

Tiles are squares cut out of the pictures at any place and size. A prompt for damage of any kind is to show all damage;
one for certain kinds is to show those, and what it shows of other damage is left open. A product's name shows the
product. The categories of the suites are seen undamaged only.
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
from training.scenes import NAMES, SIDE, read_scenes
from training.schedule import Recipe, Trainer, overlap_loss
from training.ship import ship
from training.world import KIND_WORDS, WORLD
from zsad.clip.tokenizer import WordTokenizer
from zsad.clip.zoo import read_demo_weights, shown_by
from zsad.leagues import check_shown
from zsad.tiling.clipseg import ClipSeg
from zsad.tiling.prompts import LOCALISING, distinct

NAME = "demo-clipseg"
SMALLEST = 90  # pixels a side of the smallest tile at 240 px
# Localising prompts that name certain kinds; the others mean any damage.
KINDS_OF = {
    "a crack": {"crack"}, "a scratch": {"scratch"}, "a dent": {"dent"}, "a cut": {"scratch", "crack"},
    "a tear": {"crack", "hole"}, "a rip": {"crack", "hole"}, "a break": {"crack", "chip"},
    "a missing component": {"missing", "chip", "hole"},
    "a mark": {"scratch", "stain", "contamination", "burn", "rust", "discolouration"},
}  # fmt: skip


def draw_prompts(products: np.ndarray, rng: np.random.Generator) -> list[str]:
    """Six prompts: four for damage, one for a kind of damage to a product, one that names a product of the batch."""
    damage = [str(prompt) for prompt in rng.choice(distinct(LOCALISING), 4, replace=False)]
    kinds = list(KIND_WORDS)
    words = KIND_WORDS[kinds[rng.integers(len(kinds))]]
    names = [WORLD[NAMES[product]].name for product in rng.choice(products, 2)]
    return [*damage, words[rng.integers(len(words))].format(names[0]), f"a photo of a {names[1]}"]


def kinds_named(prompt: str) -> set[str] | None:
    """The kinds of damage that a prompt means; None for any."""
    if prompt in KINDS_OF:
        return KINDS_OF[prompt]
    phrases = {kind: [words.replace("{}", "").strip() for words in options] for kind, options in KIND_WORDS.items()}
    return {kind for kind, options in phrases.items() if any(phrase in prompt for phrase in options)} or None


def targets(
    prompt: str, products: list[str], defects: list[str], product: Tensor, damage: Tensor
) -> tuple[Tensor, Tensor]:
    """What a prompt is to show in each tile, and the weight of each pixel; masks are (tile, rows, columns)."""
    if prompt.startswith("a photo of a "):
        named = torch.tensor([prompt == f"a photo of a {name}" for name in products])
        return product * named[:, None, None], torch.ones_like(product)
    kinds = kinds_named(prompt)
    meant = torch.tensor([kinds is None or defect in kinds for defect in defects])
    if prompt not in LOCALISING:
        meant &= torch.tensor([name in prompt for name in products])
    weight = torch.where(meant[:, None, None] | (damage < 0.5), 1.0, 0.0)
    return damage * meant[:, None, None], weight


def cut(maps: Tensor, tops: np.ndarray, lefts: np.ndarray, sides: np.ndarray, size: int) -> Tensor:
    """Squares of (tile, channel, row, column), resized."""
    return torch.cat(
        [
            F.interpolate(m[None, :, t : t + s, l : l + s], (size, size), mode="bilinear", antialias=True)
            for m, t, l, s in zip(maps, tops, lefts, sides, strict=True)  # noqa: E741
        ]
    )


def draw_tiles(damage: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Top, left and side of one tile a picture; three of four of those with damage show its middle."""
    sides = rng.integers(SMALLEST, SIDE + 1, len(damage))
    corners = np.stack([rng.integers(0, SIDE - sides + 1), rng.integers(0, SIDE - sides + 1)], axis=1)
    for index, (mask, side) in enumerate(zip(damage, sides, strict=True)):
        if mask.any() and rng.random() < 0.75:
            middle = np.argwhere(mask).mean(0).astype(int)
            corners[index] = np.clip(middle - rng.integers(0, side, 2), 0, SIDE - side)
    return corners[:, 0], corners[:, 1], sides


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
    shown = check_shown([*shown_by(card), "masks of ordinary things", "masks of damage of other products"], NAME)
    about = {"shown": shown, "model_cfg": config, "input_size": size, "vocabulary": card["vocabulary"]}
    return segmenter, about | {"mean": card["mean"], "std": card["std"]}


def train(bank: Path, start: str, folder: Path, out: Path, recipe: Recipe, decoder: dict[str, Any] = DECODER) -> None:
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    data = read_scenes(bank, "pictures", "product", "damage", "products", "defects")
    segmenter, about = build(start, folder, decoder)
    chance = np.where(data["defects"] == "", 0.5, 1.0)
    trainer, started = Trainer(segmenter.model.decoder.parameters(), recipe), time.time()
    for step in (bar := tqdm(range(recipe.steps), unit="step", mininterval=5)):
        rows = rng.choice(len(chance), recipe.batch, p=chance / chance.sum())
        damage = np.unpackbits(data["damage"][rows], axis=2)
        tiles = draw_tiles(damage, rng)
        x = torch.from_numpy(data["pictures"][rows]).permute(0, 3, 1, 2).float() / 255
        x = cut(x, *tiles, segmenter.input_size) * torch.from_numpy(rng.uniform(0.8, 1.15, (len(x), 1, 1, 1))).float()
        prompts = draw_prompts(data["products"][rows], rng)
        logits = segmenter(x.clamp(0, 1), prompts)
        masks = torch.from_numpy(np.stack([np.unpackbits(data["product"][rows], axis=2), damage], axis=1)).float()
        product, damaged = cut(masks, *tiles, logits.shape[-1]).unbind(1)
        names, defects = [WORLD[NAMES[k]].name for k in data["products"][rows]], data["defects"][rows].tolist()
        wanted, weights = zip(*(targets(p, names, defects, product, damaged) for p in prompts), strict=True)
        bar.set_postfix(trainer.step(step, losses(logits, torch.stack(wanted, 1), torch.stack(weights, 1))))
    training = {
        **asdict(recipe), "pictures": len(chance), "start": start,
        "start_sha256": hashlib.sha256((folder / f"{start}.safetensors").read_bytes()).hexdigest(),
        "seconds": round(time.time() - started), "history": trainer.history,
    }  # fmt: skip
    ship(NAME, segmenter.model.state_dict(), {**about, "training": training}, out)


def losses(logits: Tensor, wanted: Tensor, weights: Tensor) -> dict[str, Tensor]:
    """Pixel by pixel, rare positives weighted up; and the overlap of maps that are to show something."""
    rare = torch.where(wanted > 0.5, 4.0, 1.0) * weights
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
