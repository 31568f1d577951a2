"""Toys that stand for the tiling pipeline and its variants: their maps differ by how much green they forgive."""

import hashlib
from pathlib import Path

import pandas as pd
import torch
from toys import Reddish, tiny_study, write_suite

from zsad.detectors import Prediction
from zsad.study import compute
from zsad.study.config import DetectorConfig, Study

SHARES = {"winclip": 0.9, "tiling": 1.0, "clipseg alone": 0.6, "not scaled": 1.0}


class Shaded(Reddish):
    """The map is how far red exceeds a share of green; part masks take a quarter of a second an image."""

    def __init__(self, label: str, name: str) -> None:
        super().__init__(name=name)
        self.label = label
        self.seconds: dict[str, float] = {"part masks": 0.0}

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.label.encode()).hexdigest()

    def predict(self, images: torch.Tensor, category: str) -> Prediction:
        self.seconds["part masks"] += 0.25 * len(images)
        anomaly_map = (images[:, 0] - SHARES[self.label] * images[:, 1] + 0.2).clamp(0, 1)
        return Prediction(anomaly_map.flatten(1).amax(1), anomaly_map)


def load_shaded(study: Study, config: DetectorConfig, backbone: str) -> Shaded:
    return Shaded(config.label, config.name)


def shaded_study(folder: Path) -> Study:
    """WinCLIP on two suites, the pipeline and its variants on the second, computed."""
    write_suite(folder / "data" / "toys")
    suites = {name: {"reader": "mvtec_ad", "root": "toys"} for name in ("other", "toys")}
    variants = [{"name": "tiling", "label": label, "suites": ["toys"]} for label in SHARES if label != "winclip"]
    study = tiny_study(folder, suites=suites, detectors=["winclip", *variants], sweeps={})
    compute_shaded(study)
    return study


def compute_shaded(study: Study) -> pd.DataFrame:
    """Every unshifted record."""
    return compute(study, "none", progress=False, loader=load_shaded)
