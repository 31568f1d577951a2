"""A detector that compares images with each other, and whose answers are known."""

import hashlib

import torch

from zsad.detectors import Prediction
from zsad.detectors.batch import BatchDetector, Features


class Unlike(BatchDetector):
    """The map is how far an image's red lies from the batch's mean red, on an 8 x 8 grid; the score is its maximum."""

    name, league, least_images = "unlike", "test batch", 3

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.compared: list[int] = []

    @property
    def options(self) -> dict[str, object]:
        return {}

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(b"unlike").hexdigest()

    def features(self, images: torch.Tensor) -> Features:
        self.seen.append(len(images))
        red = torch.nn.functional.interpolate(images[:, :1], (8, 8), mode="area")
        return {"red": red[:, 0]}

    def compare(self, features: Features, category: str) -> Prediction:
        red = features["red"]
        self.compared.append(len(red))
        maps = (red - red.mean(0)).abs()
        return Prediction(maps.flatten(1).amax(1), maps)
