"""Measures what the demo world must have in common with CLIP's, on suites held in memory.

    python -m training.bands zsad/weights --seed 100
    python -m training.bands zsad/weights --seed 1 --maps --out maps.csv     maps of patch tokens alone: much quicker

Calibration of the suites looks at seed 100 alone. The study's suites (seed 0) and fresh ones (seed 1) confirm it.
What was measured so lies in `training/measured`, of the weights that ship: `maps-demo-b-demo-mvtec-1.csv` is what
`--maps --seed 1 --suite demo-mvtec --out` and its name write, with all test images; those of demo-visa have
`--each 25`, and that of demo-l has `--backbone demo-l --each 12`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor
from tqdm import tqdm

from zsad.clip import Backbone
from zsad.clip.prompts import ANOMALOUS, NORMAL
from zsad.clip.prototypes import text_prototypes
from zsad.clip.zoo import load_demo_weights
from zsad.data.demo.plan import planned_images, render
from zsad.data.demo.suites import SUITES
from zsad.detectors import load_detector
from zsad.detectors.anomalyclip import AnomalyCLIPOptions, FrozenFeatures, anomalous_patches
from zsad.detectors.winclip import WinCLIPOptions
from zsad.files import write_atomically
from zsad.metrics import all_metrics, aupro, pixel_auroc
from zsad.progress import progress_bar

Shown = tuple[ndarray, ndarray, list[str]]
TOKENS = {"plain": AnomalyCLIPOptions(tokens="plain"), "vv": AnomalyCLIPOptions(tokens="V-V")}
MAPS = ("plain_pixel_auroc", "plain_aupro", "vv_pixel_auroc", "vv_aupro")
BANDS = (
    "image_auroc", "pixel_auroc", "aupro", "naive_image_auroc", "naive_pixel_auroc", *MAPS, "prototype_cosine",
    "score_5_percent", "score_95_percent", "share_outside",
)  # fmt: skip


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


def prototypes(backbone: Backbone, words: str) -> Float[Tensor, "2 dim"]:
    """What WinCLIP compares a category's images with, normal first."""
    sentences = WinCLIPOptions().sentences(words)
    return text_prototypes(backbone, [sentences[NORMAL], sentences[ANOMALOUS]])


def patch_maps(
    backbone: Backbone, images: Float[Tensor, "image 3 height width"], sides: Float[Tensor, "2 dim"]
) -> dict[str, Float[Tensor, "image height width"]]:
    """Anomaly maps of the last patch tokens: plain, and of AnomalyCLIP's path of V-V attention (`zsad.clip.taps`)."""
    maps = {}
    for name, tokens in TOKENS.items():
        patches = FrozenFeatures(backbone, tokens)(images)[1][backbone.blocks]
        scores = anomalous_patches(patches, sides, tokens.temperature, backbone.grid)
        maps[name] = F.interpolate(scores[:, None], images.shape[-2:], mode="bilinear")[:, 0]
    return maps


def look(
    backbone: Backbone, images: UInt8[ndarray, "image height width 3"], words: str, maps_alone: bool = False
) -> dict[str, ndarray]:
    """Maps of patch tokens of one category's images and, unless these alone are asked for, scores and maps of the
    detectors.
    """
    detectors = {} if maps_alone else {name: load_detector(name, backbone=backbone) for name in ("winclip", "clip")}
    sides = prototypes(backbone, words)
    parts: dict[str, list[Tensor]] = {}
    for part in _in_parts(images, words):
        with torch.inference_mode():
            seen = patch_maps(backbone, part, sides)
            for name, detector in detectors.items():
                found = detector.predict(part, words)
                seen |= {f"{name} score": found.score, f"{name} map": found.map}
        for key, value in seen.items():
            parts.setdefault(key, []).append(value.float())
    return {key: torch.cat(values).numpy() for key, values in parts.items()}


def measure(backbone: Backbone, seen: dict[str, ndarray], shown: Shown, words: str) -> dict[str, float]:
    """What is measured of one category, by column."""
    _, masks, defects = shown
    row: dict[str, float] = {}
    for name in TOKENS:
        row |= {f"{name}_pixel_auroc": pixel_auroc(seen[name], masks), f"{name}_aupro": aupro(seen[name], masks)}
    if "winclip map" not in seen:
        return row
    labels = np.array([defect != "good" for defect in defects])
    row |= all_metrics(seen["winclip score"], labels, seen["winclip map"], masks)
    naive = all_metrics(seen["clip score"], labels, seen["clip map"], masks)
    row |= {f"naive_{name}": naive[name] for name in ("image_auroc", "pixel_auroc")}
    normal, anomalous = prototypes(backbone, words)
    row["prototype_cosine"] = float(normal @ anomalous)
    row["score_5_percent"], row["score_95_percent"] = np.quantile(seen["winclip score"], (0.05, 0.95))
    row["share_outside"] = float(((seen["winclip map"] < 0.02) | (seen["winclip map"] > 0.98)).mean())
    return row


def by_defect(seen: dict[str, ndarray], shown: Shown) -> Iterator[tuple[str, dict[str, float]]]:
    """WinCLIP's metrics of each kind of defect beside the undamaged images."""
    of = np.array(shown[2])
    for defect in dict.fromkeys(shown[2]):
        if defect != "good":
            chosen = (of == defect) | (of == "good")
            score, anomaly_map = seen["winclip score"][chosen], seen["winclip map"][chosen]
            yield defect, all_metrics(score, of[chosen] != "good", anomaly_map, shown[1][chosen])


def _in_parts(images: ndarray, words: str, size: int = 16) -> Iterator[Float[Tensor, "image 3 height width"]]:
    """So many images at a time, RGB in [0, 1], behind a progress bar."""
    with progress_bar(len(images), 0, "image", words) as bar:
        for part in torch.from_numpy(images).split(size):
            yield part.permute(0, 3, 1, 2).float().div(255)
            bar.update(len(part))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path, help="folder with the backbone's .json and .safetensors")
    parser.add_argument("--backbone", default="demo-b", help="the suites are set with demo-b alone")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--seed", type=int, default=100)
    parser.add_argument("--style", type=json.loads, default={}, help='other defects, such as {"size": [12, 25]}')
    parser.add_argument("--each", type=int, help="of every kind of defect so many at most, twice as many undamaged")
    parser.add_argument("--suite", choices=list(SUITES), action="append")
    parser.add_argument("--out", type=Path, help="a .csv for the table, a row a category")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--maps", action="store_true", help="only the maps of patch tokens, plain and V-V")
    what.add_argument("--defects", action="store_true", help="also a line a kind of defect")
    arguments = parser.parse_args()
    backbone = load_demo_weights(arguments.backbone, arguments.weights, dtype=arguments.dtype)
    columns = [*MAPS] if arguments.maps else [*BANDS]
    rows, lines = [], []
    for suite in arguments.suite or SUITES:
        images = suite_images(suite, arguments.seed, arguments.style, arguments.each)
        for category, shown in images.items():
            words = SUITES[suite].categories[category].name
            seen = look(backbone, shown[0], words, maps_alone=arguments.maps)
            place = {"backbone": backbone.name, "suite": suite, "seed": arguments.seed}
            measured = measure(backbone, seen, shown, words)
            rows.append({**place, "category": category, "images": len(shown[0]), **measured})
            lines.append(rows[-1])
            table = pd.DataFrame(rows)[["backbone", "suite", "seed", "category", "images", *columns]]
            if arguments.out:  # after each category, so that one that is stopped leaves what it has measured
                write_atomically(arguments.out, partial(table.round(4).to_csv, index=False))
            if arguments.defects:
                lines += [{**place, "category": f"  {name}", **part} for name, part in by_defect(seen, shown)]
    print(pd.DataFrame(lines)[["suite", "category", *columns]].round(3).to_string(index=False))
    print(table.groupby("suite", sort=False)[columns].mean().round(3).to_string())


if __name__ == "__main__":
    main()
