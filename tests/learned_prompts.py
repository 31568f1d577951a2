"""AnomalyCLIP's prompts for the tiny backbone, drawn and not learned."""

from pathlib import Path
from typing import Any

import torch
from tiny_clip import tiny_backbone

from zsad.detectors.anomalyclip import AnomalyCLIPOptions
from zsad.detectors.learned import Learned, TrainedOn, part_name, save_learned

MAKES: tuple[dict[str, Any], ...] = (
    {},
    {"tokens": "plain"},
    {"deep_tokens": False},
    {"class_norm": True},
    {"taps": [1, 2]},
)


def random_prompts(seed: int = 0, deep: bool = True, width: int = 32, sets: int = 1) -> dict[str, torch.Tensor]:
    """As they come back from a file, which holds float16."""
    generator = torch.Generator().manual_seed(seed)
    shapes = {"normal": (12, width), "anomalous": (12, width), "deep": (sets, 4, width)}
    drawn = {name: torch.randn(shape, generator=generator).half().float() for name, shape in shapes.items()}
    return drawn if deep else {name: drawn[name] for name in ("normal", "anomalous")}


def ship_prompts(folder: Path, seed: int = 0, suite: str = "demo-visa") -> Path:
    """Prompts of every make for the tiny backbone, as files of the package; the path of the published make's."""
    backbone = tiny_backbone()
    paths = []
    for make in MAKES:
        part = AnomalyCLIPOptions(**make).part
        prompts = random_prompts(seed, deep=make.get("deep_tokens", True))
        learned = Learned(part_name(part, backbone.name, suite), prompts, TrainedOn(suite))
        paths.append(save_learned(part, learned, backbone, {}, folder))
    return paths[0]
