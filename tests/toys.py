"""A tiny world in the MVTec AD layout, and a detector simple enough to know its answers."""

import hashlib
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from zsad.detectors import Prediction
from zsad.study.config import DetectorConfig, Study

SIZE = 32
CATEGORIES = ("washer", "metal_nut")


def write_suite(root: Path, normal: int = 4, anomalous: int = 6, seed: int = 0) -> Path:
    """Grey pictures with noise; an anomalous one has a blob of 12 pixels, fainter from picture to picture."""
    generator = np.random.default_rng(seed)
    for category in CATEGORIES:
        for index in range(normal + anomalous):
            defect = "good" if index < normal else ("hole", "stain")[index % 2]
            image = generator.normal(128, 18, (SIZE, SIZE, 3))
            mask = np.zeros((SIZE, SIZE), dtype=np.uint8)
            if defect != "good":
                row, column = generator.integers(2, SIZE - 14, 2)
                mask[row : row + 12, column : column + 12] = 255
                image[mask > 0] += np.array([90.0, -30.0, -30.0]) / (1 + index - normal)
                truth = root / category / "ground_truth" / defect
                truth.mkdir(parents=True, exist_ok=True)
                Image.fromarray(mask).save(truth / f"{index:03d}_mask.png")
            folder = root / category / "test" / defect
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(folder / f"{index:03d}.png")
    return root


class Reddish:
    """The map is how far red exceeds green; the score is its maximum."""

    league = "text only"

    def __init__(self, limit: int | None = None, broken: int | None = None, name: str = "winclip") -> None:
        self.limit, self.broken, self.name = limit, broken, name
        self.batches: list[int] = []
        self.categories: set[str] = set()

    @property
    def options(self) -> dict[str, object]:
        return {"gain": 1.0}

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(f"reddish {self.name}".encode()).hexdigest()

    def predict(self, images: torch.Tensor, category: str) -> Prediction:
        if self.limit is not None and len(images) > self.limit:
            raise torch.OutOfMemoryError(f"{len(images)} pictures do not fit")
        self.batches.append(len(images))
        self.categories.add(category)
        anomaly_map = (images[:, 0] - images[:, 1]).clamp(0, 1)
        if self.broken is not None:
            anomaly_map[self.broken] = float("nan")
        return Prediction(anomaly_map.flatten(1).amax(1), anomaly_map)


def tiny_study(folder: Path, **changes: object) -> Study:
    fields: dict[str, object] = {
        "name": "tiny",
        "suites": {"toys": {"reader": "mvtec_ad", "root": "toys"}},
        "detectors": ["winclip"],
        "backbones": ["demo-b"],
        "data_root": folder / "data",
        "records_root": folder / "records",
        "resolution": SIZE,
        "batch_size": 4,
        "sweeps": {"over": ["washer"], "angle": [-30.0, 0.0, 30.0], "hue": [0.0, 1.0]},
        "bootstrap": 20,
    }
    return Study.model_validate({**fields, **changes})


def load_reddish(study: Study, detector: DetectorConfig, backbone: str) -> Reddish:
    return Reddish()
