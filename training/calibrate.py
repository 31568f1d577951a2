"""Measures WinCLIP on suites held in memory, to set the size and contrast of the suites' defects once.

    python -m training.calibrate zsad/weights --seed 100 --size 1.0 --contrast 1.0

Calibration looks at seed 100 alone. The study's suites (seed 0) and the fresh ones that confirm them are never used.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from tqdm import tqdm

from zsad.clip.zoo import load_demo_weights
from zsad.data.demo.suites import SUITES
from zsad.data.demo.write import planned_images, render
from zsad.detectors import load_detector
from zsad.metrics import all_metrics


def suite_pictures(name: str, seed: int, size: float, contrast: float) -> dict[str, tuple]:
    """Test pictures (240 x 240), masks and defects of every category, with scaled defects."""
    suite = SUITES[name]
    low, high = suite.style.contrast
    style = replace(
        suite.style,
        size=(suite.style.size[0] * size, suite.style.size[1] * size),
        contrast=(min(1, low * contrast), min(1, high * contrast)),
    )
    shown: dict[str, list] = {}
    for picture in tqdm([p for p in planned_images(suite) if p.split == "test"], desc=name, mininterval=2):
        image, mask = render(replace(suite, style=style), picture, picture.generator(name, seed))
        square = np.asarray(Image.fromarray(image).resize((240, 240), Image.Resampling.BICUBIC))
        flat = np.asarray(Image.fromarray(mask).resize((240, 240), Image.Resampling.NEAREST))
        shown.setdefault(picture.category, []).append((square, flat, picture.defect or "good"))
    return {category: tuple(zip(*rows, strict=True)) for category, rows in shown.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path, help="folder with the backbone's .json and .safetensors")
    parser.add_argument("--backbone", default="demo-b", help="the suites are set with demo-b alone")
    parser.add_argument("--seed", type=int, default=100)
    parser.add_argument("--size", type=float, default=1.0)
    parser.add_argument("--contrast", type=float, default=1.0)
    parser.add_argument("--suite", choices=list(SUITES), action="append")
    arguments = parser.parse_args()
    detector = load_detector(
        "winclip", backbone=load_demo_weights(arguments.backbone, arguments.weights, dtype="bfloat16")
    )
    rows = []
    for name in arguments.suite or SUITES:
        for category, (images, masks, defects) in suite_pictures(
            name, arguments.seed, arguments.size, arguments.contrast
        ).items():
            batch = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255
            words = SUITES[name].categories[category].name
            parts = [detector.predict(part, category=words) for part in batch.split(16)]
            score = torch.cat([p.score for p in parts]).float().numpy()
            heat = torch.cat([p.map for p in parts]).float().numpy()
            labels = np.array([defect != "good" for defect in defects])
            values = all_metrics(score, labels, heat, np.stack(masks))
            rows.append({"suite": name, "category": category, **values})
            for defect in dict.fromkeys(defects):
                if defect != "good":
                    chosen = np.array([d in (defect, "good") for d in defects])
                    part = all_metrics(score[chosen], labels[chosen], heat[chosen], np.stack(masks)[chosen])
                    rows.append({"suite": name, "category": f"  {defect}", **part})
    table = pd.DataFrame(rows)[["suite", "category", "image_auroc", "pixel_auroc", "aupro", "pixel_f1max"]]
    print(table.round(3).to_string(index=False))
    whole = table[~table.category.str.startswith(" ")]
    print(whole.groupby("suite")[["image_auroc", "pixel_auroc", "aupro", "pixel_f1max"]].mean().round(3))


if __name__ == "__main__":
    main()
