"""Zero-shot anomaly detectors behind one call: `load_detector(name, ...).predict(images, category)`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch

from zsad.clip import Backbone, load_backbone
from zsad.detectors.anomalyclip import AnomalyCLIP, AnomalyCLIPOptions
from zsad.detectors.base import Detector, Prediction, localises
from zsad.detectors.clip import CLIP, CLIPOptions
from zsad.detectors.clip_ac import CLIPAC, CLIPACOptions
from zsad.detectors.given import check_values, without_home_signs
from zsad.detectors.musc import MuSc, MuScOptions
from zsad.detectors.rwda import RWDA, RWDAOptions
from zsad.detectors.text_fnn import TextFNN, TextFNNOptions
from zsad.detectors.tiling import Tiling
from zsad.detectors.tiling_options import TilingOptions
from zsad.detectors.winclip import WinCLIP, WinCLIPOptions
from zsad.leagues import League, league_of

DETECTORS: dict[str, Any] = {
    "winclip": (WinCLIP, WinCLIPOptions),
    "clip": (CLIP, CLIPOptions),
    "clip_ac": (CLIPAC, CLIPACOptions),
    "rwda": (RWDA, RWDAOptions),
    "text_fnn": (TextFNN, TextFNNOptions),
    "tiling": (Tiling, TilingOptions),
    "musc": (MuSc, MuScOptions),
    "anomalyclip": (AnomalyCLIP, AnomalyCLIPOptions),
}

__all__ = [
    "DETECTORS",
    "Detector",
    "League",
    "Prediction",
    "check_options",
    "declared",
    "league_of",
    "load_detector",
    "localises",
    "option_names",
]


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
        ValueError: an unknown detector, backbone or option, or a value that an option does not take.
    """
    resolved = check_options(name, options)
    if isinstance(backbone, str):
        backbone = load_backbone(backbone, device=device, dtype=dtype)
    detector: Detector = DETECTORS[name][0](backbone, resolved)
    return detector


def declared(name: str, attribute: str, otherwise: Any) -> Any:
    """What the class of a detector declares (see `Detector`), else `otherwise`; so for a name that is not known."""
    return getattr(DETECTORS[name][0], attribute, otherwise) if name in DETECTORS else otherwise


def option_names(name: str) -> list[str]:
    """The options that a detector has. Raises ValueError for an unknown detector."""
    if name not in DETECTORS:
        raise ValueError(f"unknown detector {name!r}; known: {', '.join(DETECTORS)}")
    return [field.name for field in dataclasses.fields(DETECTORS[name][1])]


def check_options(name: str, options: Mapping[str, Any]) -> Any:
    """The resolved options of a detector, an instance of its options class, without loading a model.

    Raises:
        ValueError: an unknown detector, an option that it does not have (the message lists those it has), or a value
            that an option does not take.
    """
    known = option_names(name)
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ValueError(f"{name} has no option {', '.join(map(repr, unknown))}; known: {', '.join(known)}")
    check_values(DETECTORS[name][1], options)
    return DETECTORS[name][1](**without_home_signs(options))
