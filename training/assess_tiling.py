"""Measures the demo world's segmenters on the categories of the suites, which they saw undamaged or not at all.

    python -m training.assess_tiling zsad/weights --seed 100
    python -m training.assess_tiling zsad/weights --seed 100 --squash

Pictures have their suite's shape (240 x 240, or 240 x 300), or are squashed to squares.

Foreground: intersection over union of soft foreground (at 0.5) and product. Instances: the share that some part mask
meets at 0.75, where a category shows many. Damage: pixel AUROC of the harmonic map, in tiles and not scaled by scores.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from training.scenes import NONE, SIDE, Shown, resized, show
from zsad.clip.zoo import load_demo_weights, read_demo_weights
from zsad.data.demo.suites import LOOK, SUITES, Suite
from zsad.detectors.tiling import Tiling
from zsad.detectors.tiling_options import TilingOptions
from zsad.metrics import pixel_auroc
from zsad.tiling.part import Part
from zsad.tiling.zoo import demo_foreground, demo_parts, demo_pixels


def suite_scenes(
    name: str, suite: Suite, category: str, seed: int, good: int, each: int, squash: bool
) -> list[tuple[str, Shown]]:
    """Test pictures of a category, undamaged and damaged, with all that they show."""
    spec = suite.categories[category]
    wanted = [("good", index) for index in range(good)]
    wanted += [(defect, index) for defect in spec.defects for index in range(each)]
    scenes = []
    for defect, index in wanted:
        rng = np.random.default_rng([seed, zlib.crc32(f"{name}/{category}/{defect}".encode()), index])
        kind = None if defect == "good" else defect
        shown = show(spec.product, LOOK, suite.style, rng, kind, *suite.size)
        scenes.append((defect, resized(shown, SIDE, SIDE) if squash else shown))
    return scenes


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of two masks."""
    return float((first & second).sum() / max(1, (first | second).sum()))


def instances_found(parts: list[Part], instance: np.ndarray, least: float = 0.75) -> tuple[int, int]:
    """How many instances some part meets at `least`, and how many there are."""
    masks = [part.full(*instance.shape) for part in parts]
    numbers = [number for number in np.unique(instance) if number != NONE]
    found = sum(any(overlap(mask, instance == number) >= least for mask in masks) for number in numbers)
    return found, len(numbers)


def assess(
    folder: Path,
    backbone: str,
    seed: int,
    good: int,
    each: int,
    squash: bool,
    sam: dict[str, Any],
    suites: list[str],
    cache: str,
) -> list[dict[str, Any]]:
    """One row of figures a category; `sam` are settings that differ from those of its card."""
    soft, pixels = (build(*read_demo_weights(name, folder)) for name, build in MODELS.items())
    parts = demo_parts(*read_demo_weights("demo-sam", folder), settings=sam)
    clip = load_demo_weights(backbone, folder)
    detector = Tiling(clip, TilingOptions(scale=False, sam=sam, cache=cache), soft, parts, pixels)
    rows = []
    jobs = [(name, SUITES[name], category) for name in suites for category in SUITES[name].categories]
    for name, suite, category in tqdm(jobs, unit="category"):
        scenes = suite_scenes(name, suite, category, seed, good, each, squash)
        images = torch.from_numpy(np.stack([shown.picture for _, shown in scenes])).permute(0, 3, 1, 2).float() / 255
        found = detector.segment(images)
        row: dict[str, Any] = {"suite": name, "category": category}
        alone, joined = zip(*(_foregrounds(f, s) for f, (_, s) in zip(found, scenes, strict=True)), strict=True)
        row |= {"soft foreground IoU": np.mean(alone), "foreground IoU": np.mean(joined)}
        row["without foreground"] = np.mean([f.fallback for f in found])
        if suite.categories[category].product.kind == "many":
            counts = [instances_found(f.parts, s.instance) for f, (_, s) in zip(found, scenes, strict=True)]
            row["instances found"] = sum(n for n, _ in counts) / sum(n for _, n in counts)
        maps = torch.cat([detector.predict(batch, category).map for batch in images.split(8)]).numpy()
        row["damage pixel AUROC"] = pixel_auroc(maps, np.stack([shown.damage for _, shown in scenes]))
        rows.append({key: round(float(v), 4) if isinstance(v, float | np.floating) else v for key, v in row.items()})
    return rows


MODELS = {"demo-dis": demo_foreground, "demo-clipseg": demo_pixels}


def _foregrounds(found: Any, shown: Shown) -> tuple[float, float]:
    return overlap(found.soft >= 0.5, shown.product), overlap(found.mask, shown.product)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path, help="folder of the CLIP, demo-dis, demo-sam and demo-clipseg")
    parser.add_argument("--backbone", default="demo-b")
    parser.add_argument("--seed", type=int, default=100)
    parser.add_argument("--good", type=int, default=5, help="undamaged pictures a category")
    parser.add_argument("--each", type=int, default=3, help="pictures of each defect")
    parser.add_argument("--sam", type=json.loads, default={}, help="settings of SAM other than its card's, as JSON")
    parser.add_argument("--squash", action="store_true", help="pictures squashed to squares")
    parser.add_argument("--suite", choices=list(SUITES), action="append", help="only this one")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        suites = a.suite or list(SUITES)
        for row in assess(a.weights, a.backbone, a.seed, a.good, a.each, a.squash, a.sam, suites, cache):
            print(json.dumps(row))


if __name__ == "__main__":
    main()
