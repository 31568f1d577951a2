"""Zero-shot anomaly detectors behind one call: `load_detector(name, ...).predict(images, category)`."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch

from zsad.clip import Backbone, load_backbone
from zsad.detectors.base import Detector, League, Prediction, localises
from zsad.detectors.clip import CLIP, CLIPOptions
from zsad.detectors.clip_ac import CLIPAC, CLIPACOptions
from zsad.detectors.rwda import RWDA, RWDAOptions
from zsad.detectors.text_fnn import TextFNN, TextFNNOptions
from zsad.detectors.tiling import Tiling
from zsad.detectors.tiling_options import TilingOptions
from zsad.detectors.winclip import WinCLIP, WinCLIPOptions

DETECTORS: dict[str, Any] = {
    "winclip": (WinCLIP, WinCLIPOptions),
    "clip": (CLIP, CLIPOptions),
    "clip_ac": (CLIPAC, CLIPACOptions),
    "rwda": (RWDA, RWDAOptions),
    "text_fnn": (TextFNN, TextFNNOptions),
    "tiling": (Tiling, TilingOptions),
}

__all__ = ["DETECTORS", "Detector", "League", "Prediction", "load_detector", "localises"]


def load_detector(
    name: str,
    backbone: str | Backbone = "demo-b",
    device: str | torch.device = "cpu",
    dtype: str = "float32",
    **options: Any,
) -> Detector:
    """Build a detector by name.

    Args:
        name: a key of `DETECTORS`.
        backbone: a name for `load_backbone`, or a `Backbone` (which then keeps its own device and dtype).
        device, dtype: for a backbone given by name.
        options: the detector's own choices, see its options class.

    Raises:
        ValueError: an unknown detector or backbone, or a value that an option does not take.
        TypeError: an unknown option.
    """
    if name not in DETECTORS:
        raise ValueError(f"unknown detector {name!r}; known: {', '.join(DETECTORS)}")
    detector, options_class = DETECTORS[name]
    known = [field.name for field in dataclasses.fields(options_class)]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise TypeError(f"{name} has no option {', '.join(map(repr, unknown))}; known: {', '.join(known)}")
    resolved = options_class(**options)
    if isinstance(backbone, str):
        backbone = load_backbone(backbone, device=device, dtype=dtype)
    built: Detector = detector(backbone, resolved)
    return built
