"""Measures what the demo world must have in common with CLIP's, on suites held in memory.

    python -m training.bands zsad/weights --seed 100

Calibration of the suites looks at seed 100 alone. The study's suites (seed 0) and fresh ones (seed 1) confirm it.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor
from tqdm import tqdm

from zsad.clip import Backbone
from zsad.clip.zoo import load_demo_weights
from zsad.data.demo.plan import planned_images, render
from zsad.data.demo.suites import SUITES
from zsad.detectors import load_detector
from zsad.detectors.winclip import WinCLIP
from zsad.metrics import all_metrics, pixel_auroc

Shown = tuple[ndarray, ndarray, list[str]]


def suite_images(name: str, seed: int, style: dict[str, Any], each: int | None = None) -> dict[str, Shown]:
    """Test images, masks and defects of every category.

    Args:
        name, seed: of the suite.
        style: what of its defects is otherwise than the suite has it (see `zsad.data.demo.damage.Style`).
        each: of every kind of defect so many at most, and twice as many undamaged ones.
    """
    suite = replace(SUITES[name], style=replace(SUITES[name].style, **style))
    if each is not None:
        suite = replace(suite, good=min(suite.good, 2 * each), each_defect=min(suite.each_defect, each))
    rows: dict[str, list[tuple[ndarray, ndarray, str]]] = {}
    for image in tqdm([p for p in planned_images(suite) if p.split == "test"], desc=name, mininterval=2):
        shown, mask = render(suite, image, image.generator(name, seed))
        rows.setdefault(image.category, []).append((shown, mask, image.defect or "good"))
    return {
        category: (np.stack([r[0] for r in found]), np.stack([r[1] for r in found]), [r[2] for r in found])
        for category, found in rows.items()
    }


def patch_maps(
    backbone: Backbone, images: Float[Tensor, "image 3 height width"], prototypes: Float[Tensor, "2 dim"]
) -> dict[str, Float[Tensor, "image height width"]]:
    """Anomaly maps of the last patch tokens: plain, and of a second path with V-V attention.

    The path leaves the plain one before the second sixth of the blocks and takes from each block the attention of its
    values to each other, without feed-forward (Zhou et al., "AnomalyCLIP", ICLR 2024, section 3.3, as released: each
    block reads the plain path).
    """
    visual = backbone.model.visual
    x = backbone._tokens(images)
    blocks = visual.transformer.resblocks
    first, path = max(1, round(len(blocks) * 5 / 24)), None
    for number, block in enumerate(blocks):
        normed = block.ln_1(x)
        if number >= first:
            attention = block.attn
            value = F.linear(normed, attention.in_proj_weight, attention.in_proj_bias).chunk(3, dim=-1)[2]
            heads = value.unflatten(-1, (attention.num_heads, -1)).transpose(1, 2)
            mixed = F.scaled_dot_product_attention(heads, heads, heads).transpose(1, 2).flatten(2)
            path = (x if path is None else path) + attention.out_proj(mixed)
        x = block(x)
    assert path is not None
    maps = {}
    for name, tokens in (("plain", x), ("v-v", path)):
        features = F.normalize((visual.ln_post(tokens[:, 1:]) @ visual.proj).float(), dim=-1)
        scores = (features @ prototypes.T / 0.07).softmax(-1)[..., 1].unflatten(1, backbone.grid)
        maps[name] = F.interpolate(scores[:, None], images.shape[-2:], mode="bilinear")[:, 0]
    return maps


def measure(backbone: Backbone, shown: Shown, words: str) -> tuple[dict[str, Any], dict[str, ndarray]]:
    """All bands of one category, and its scores and maps."""
    images, masks, defects = shown
    detectors = {name: load_detector(name, backbone=backbone) for name in ("winclip", "clip")}
    winclip = detectors["winclip"]
    assert isinstance(winclip, WinCLIP)
    parts: dict[str, list[Tensor]] = {}
    for part in torch.from_numpy(images).permute(0, 3, 1, 2).float().div(255).split(16):
        with torch.inference_mode():
            found = winclip.predict(part, words)
            naive = detectors["clip"].predict(part, words)
            others = patch_maps(backbone, part, winclip._text_prototypes(words))
        rows = {"score": found.score, "map": found.map, "clip score": naive.score, "clip map": naive.map, **others}
        for key, value in rows.items():
            parts.setdefault(key, []).append(value.float())
    seen = {key: torch.cat(values).numpy() for key, values in parts.items()}
    labels = np.array([defect != "good" for defect in defects])
    row: dict[str, Any] = dict(all_metrics(seen["score"], labels, seen["map"], masks))
    naive_metrics = all_metrics(seen["clip score"], labels, seen["clip map"], masks)
    row |= {"clip image": naive_metrics["image_auroc"], "clip pixel": naive_metrics["pixel_auroc"]}
    row |= {name: pixel_auroc(seen[name], masks) for name in ("plain", "v-v")}
    prototypes = winclip._text_prototypes(words)
    row["cosine"] = float(prototypes[0] @ prototypes[1])
    row["score 5%"], row["score 95%"] = np.quantile(seen["score"], (0.05, 0.95))
    row["outside"] = float(((seen["map"] < 0.02) | (seen["map"] > 0.98)).mean())
    return row, seen


SHOWN = (
    "image_auroc", "pixel_auroc", "aupro", "clip image", "clip pixel", "plain", "v-v", "cosine", "score 5%",
    "score 95%", "outside",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path, help="folder with the backbone's .json and .safetensors")
    parser.add_argument("--backbone", default="demo-b", help="the suites are set with demo-b alone")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--seed", type=int, default=100)
    parser.add_argument("--style", type=json.loads, default={}, help='other defects, such as {"size": [12, 25]}')
    parser.add_argument("--each", type=int, help="of every kind of defect so many at most, twice as many undamaged")
    parser.add_argument("--suite", choices=list(SUITES), action="append")
    parser.add_argument("--defects", action="store_true", help="also a line a kind of defect")
    arguments = parser.parse_args()
    backbone = load_demo_weights(arguments.backbone, arguments.weights, dtype=arguments.dtype)
    rows = []
    for name in arguments.suite or SUITES:
        images = suite_images(name, arguments.seed, arguments.style, arguments.each)
        for category, shown in images.items():
            row, seen = measure(backbone, shown, SUITES[name].categories[category].name)
            rows.append({"suite": name, "category": category, **row})
            for defect in dict.fromkeys(shown[2]) if arguments.defects else ():
                if defect != "good":
                    chosen = np.array([d in (defect, "good") for d in shown[2]])
                    labels = np.array([d != "good" for d in shown[2]])[chosen]
                    part = all_metrics(seen["score"][chosen], labels, seen["map"][chosen], shown[1][chosen])
                    rows.append({"suite": name, "category": f"  {defect}", **part})
    table = pd.DataFrame(rows)[["suite", "category", *SHOWN]]
    print(table.round(3).to_string(index=False))
    whole = table[~table.category.str.startswith(" ")]
    print(whole.groupby("suite")[[*SHOWN]].mean().round(3).to_string())


if __name__ == "__main__":
    main()
