"""Trains the decoder of the demo world's CLIPSeg on a demo CLIP, which stays as it is, as the published one's did.

Tiles are squares cut out of the pictures at any place and size. A phrase names a product, a material, a shape, a
colour or a kind of part, and is to show that (`training.phrases`): ordinary things, as the phrases and masks that the
published one learned from. No mask of damage is among them. Of the prompts that the pipeline looks for damage with
(`zsad.tiling.prompts.LOCALISING`) one is among the phrases, "a mark": it shows the marks on the dial of a clock.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy import ndarray
from torch import Tensor
from transformers import CLIPSegConfig, CLIPSegForImageSegmentation

from training.convert_clip import DECODER, clip_weights, clipseg_config
from training.phrases import draw_phrases, meant
from training.scenes import Scenes
from training.schedule import Recipe, Trainer, overlap_loss
from zsad.clip.ship import ship
from zsad.clip.tokenizer import WordTokenizer
from zsad.clip.zoo import read_demo_weights, shown_by
from zsad.leagues import check_shown
from zsad.tiling.clipseg import ClipSeg

SMALLEST = 90  # pixels a side of the smallest tile
LIGHT = (0.8, 1.15)  # strength of the light, against that of the picture


def cut(maps: Tensor, tops: ndarray, lefts: ndarray, sides: ndarray, size: int) -> Tensor:
    """Squares of (tile, channel, row, column), resized."""
    return torch.cat(
        [
            F.interpolate(m[None, :, t : t + s, l : l + s], (size, size), mode="bilinear", antialias=True)
            for m, t, l, s in zip(maps, tops, lefts, sides, strict=True)  # noqa: E741
        ]
    )


def draw_tiles(sizes: ndarray, rng: np.random.Generator) -> tuple[ndarray, ndarray, ndarray]:
    """Top, left and side of one tile a picture, anywhere in it; sizes are (picture, 2), height and width."""
    sides = rng.integers(SMALLEST, sizes.min(1) + 1)
    return rng.integers(0, sizes[:, 0] - sides + 1), rng.integers(0, sizes[:, 1] - sides + 1), sides


def build(name: str, start: str, folder: Path, decoder: dict[str, Any]) -> tuple[ClipSeg, dict[str, Any]]:
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
    segmenter = ClipSeg(model, lambda texts: (tokenizer(texts), None), size, name, card["mean"], card["std"])
    model.decoder.requires_grad_(True)
    shown = check_shown([*shown_by(card), "masks of ordinary things"], name)
    about = {"shown": shown, "model_cfg": config, "input_size": size, "vocabulary": card["vocabulary"]}
    about |= {"mean": card["mean"], "std": card["std"]}
    return segmenter, {**about, "start": {"start": start, "start_sha256": card["sha256"]}}


def train(
    name: str,
    start: str,
    scenes: Scenes,
    recipe: Recipe,
    work: Path,
    out: Path,
    decoder: dict[str, Any] = DECODER,
) -> None:
    """Trains on `out/<start>`, or goes on where an earlier call was stopped (`work/<name>.kept`), and ships
    `out/<name>`.
    """
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    segmenter, about = build(name, start, out, decoder)

    def terms() -> dict[str, Tensor]:
        rows = rng.integers(len(scenes), size=recipe.batch)
        tiles = draw_tiles(scenes.sizes[rows], rng)
        x = torch.from_numpy(scenes.pictures[rows]).permute(0, 3, 1, 2).float() / 255
        light = torch.from_numpy(rng.uniform(*LIGHT, (len(x), 1, 1, 1))).float()
        x = (cut(x, *tiles, segmenter.input_size) * light).clamp(0, 1)
        names, colours, nouns = scenes.names[rows], scenes.colour[rows], scenes.noun[rows]
        phrases = draw_phrases(names, colours, nouns, rng)
        logits = segmenter(x, [phrase.text for phrase in phrases])
        product = scenes.products(rows)
        wanted = torch.stack([meant(phrase, names.tolist(), product, colours, nouns) for phrase in phrases], 1)
        return losses(logits, cut(wanted, *tiles, logits.shape[-1]))

    said = {**asdict(recipe), "pictures": len(scenes), **about.pop("start")}
    modules = {"decoder": segmenter.model.decoder}
    training = Trainer(modules, recipe, rng, work / f"{name}.kept", said).run(terms)
    ship(name, segmenter.model.state_dict(), {**about, "training": training}, out)


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
