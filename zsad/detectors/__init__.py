"""Zero-shot anomaly detectors behind one call: `load_detector(name, ...).predict(images, category)`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch

from zsad.detectors.acr import ACR, ACROptions
from zsad.detectors.anomalyclip import AnomalyCLIP, AnomalyCLIPOptions
from zsad.detectors.april_gan import AprilGAN, AprilGANOptions
from zsad.detectors.backbones import KINDS, USUAL, kind_named, kind_of
from zsad.detectors.base import Detector, Prediction, localises
from zsad.detectors.batch import BatchDetector
from zsad.detectors.checked import Checked, checked, said_by_name
from zsad.detectors.clip import CLIP, CLIPOptions
from zsad.detectors.clip_ac import CLIPAC, CLIPACOptions
from zsad.detectors.defence import DEFENCES, Defended
from zsad.detectors.given import check_values, without_home_signs
from zsad.detectors.maeday import MAEDAY, MAEDAYOptions
from zsad.detectors.musc import MuSc, MuScOptions
from zsad.detectors.own import NoOptions, check_fits, find_class, is_own
from zsad.detectors.references import References
from zsad.detectors.rwda import RWDA, RWDAOptions
from zsad.detectors.text_fnn import TextFNN, TextFNNOptions
from zsad.detectors.tiling import Tiling
from zsad.detectors.tiling_options import TilingOptions
from zsad.detectors.winclip import WinCLIP, WinCLIPOptions
from zsad.detectors.winclip_plus import WinCLIPPlus, WinCLIPPlusOptions
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
    "maeday": (MAEDAY, MAEDAYOptions),
    "acr": (ACR, ACROptions),
    "april_gan": (AprilGAN, AprilGANOptions),
    "winclip_plus": (WinCLIPPlus, WinCLIPPlusOptions),
}

__all__ = [
    "DETECTORS",
    "Detector",
    "League",
    "Prediction",
    "check_options",
    "declared",
    "is_known",
    "known_to",
    "league_of",
    "load_backbone_of",
    "load_detector",
    "localises",
    "option_names",
    "takes",
    "usual_backbone",
    "wanted_references",
    "with_references",
]


def load_detector(
    name: str,
    backbone: Any = None,
    device: str | torch.device = "cpu",
    dtype: str = "float32",
    **options: Any,
) -> Detector:
    """Build a detector by name.

    Args:
        name: a key of `DETECTORS`, or `module:Class`, a class of your own (`zsad.detectors.own`).
        backbone: a name of the kind that the detector looks through (`known_to`), or a backbone (which then keeps its
            own device and dtype); by default `usual_backbone`.
        device, dtype: for a backbone given by name.
        options: the detector's own choices, see its options class; and, of one that scores an image by itself,
            `defence`, a key of `zsad.detectors.defence.DEFENCES`.

    Raises:
        ValueError: an unknown detector, backbone or option, a value that an option does not take, or a backbone of a
            kind that the detector does not look through.
    """
    resolved = check_options(name, options)
    if backbone is None or isinstance(backbone, str):
        backbone = load_backbone_of(name, backbone or usual_backbone(name), device, dtype)
    elif (kind := kind_of(backbone)) is not None:
        _check_kind(name, backbone.name, kind)
    given = [backbone] if isinstance(resolved, NoOptions) else [backbone, resolved]
    detector: Detector = _own(name, given) if is_own(name) else _class_of(name)(*given)
    defence: str | None = options.get("defence")
    return detector if defence is None else Defended(detector, defence)


def _own(name: str, given: list[Any]) -> Detector:
    with said_by_name(name):
        detector = _class_of(name)(*given)
        check_fits(detector, name)
    looked_at: Detector = checked(detector, name)
    return looked_at


def wanted_references(detector: Detector) -> int:
    """How many good images of the product a detector has yet to be given before it can predict; 0 of most."""
    count: int = getattr(detector, "wants_references", 0)
    return count


def with_references(detector: Detector, references: References) -> Detector:
    """A detector that compares with these good images; behind the defence that it has.

    Raises ValueError for one that compares with none.
    """
    if isinstance(detector, Defended):
        return Defended(with_references(detector._detector, references), detector.defence)
    if isinstance(detector, Checked):
        return Checked(with_references(detector._detector, references), detector._own_name)
    if not hasattr(detector, "with_references"):
        able = [name for name in DETECTORS if hasattr(DETECTORS[name][0], "with_references")]
        raise ValueError(f"{detector.name} takes no references; those that do: {', '.join(able)}")
    fitted: Detector = detector.with_references(references)
    return fitted


def usual_backbone(name: str) -> str:
    """The backbone that a detector looks through where none is named."""
    return KINDS[_looks_through(name)].usual


def known_to(name: str) -> list[str]:
    """The backbones that a detector can look through."""
    return KINDS[_looks_through(name)].known()


def takes(name: str, backbone: str, architecture: str | None = None) -> bool:
    """Whether a detector can look through a backbone; so it is taken to where either is not known. Weights of one's own
    that have an `architecture` are those of a CLIP.
    """
    kind = USUAL if architecture is not None else kind_named(backbone)
    return not is_known(name) or kind in (None, _looks_through(name))


def load_backbone_of(
    name: str, backbone: str, device: str | torch.device = "cpu", dtype: str = "float32", **own: Any
) -> Any:
    """A backbone for a detector; `own` is what the loader of its kind takes besides, such as weights and architecture
    of one's own. Raises ValueError for one that it cannot look through, and what its kind's own loader raises.
    """
    kind = USUAL if own.get("architecture") is not None else kind_named(backbone)
    if kind is not None:
        _check_kind(name, backbone, kind)
    return KINDS[_looks_through(name)].load(backbone, device=device, dtype=dtype, **own)


def _looks_through(name: str) -> str:
    kind: str = declared(name, "looks_through", USUAL)
    return kind


def _check_kind(name: str, backbone: str, kind: str) -> None:
    if kind != _looks_through(name):
        raise ValueError(
            f"{name} looks through a {_looks_through(name)}, and {backbone} is a {kind}; known: "
            f"{', '.join(known_to(name))}"
        )


def declared(name: str, attribute: str, otherwise: Any) -> Any:
    """What the class of a detector declares (see `Detector`), else `otherwise`; so for a name that is not known."""
    return getattr(_class_of(name), attribute, otherwise) if is_known(name) else otherwise


def is_known(name: str) -> bool:
    """Whether a detector can be loaded by a name. Raises ValueError for `module:Class` where there is none."""
    return name in DETECTORS or (is_own(name) and find_class(name) is not None)


def _class_of(name: str) -> Any:
    return _registered(name)[0]


def _registered(name: str) -> tuple[Any, Any]:
    """The class of a detector, and that of its options. Raises ValueError for an unknown one."""
    if is_own(name):
        return find_class(name)
    if name not in DETECTORS:
        raise ValueError(
            f"unknown detector {name!r}; known: {', '.join(DETECTORS)}, or a class of your own as module:Class"
        )
    found: tuple[Any, Any] = DETECTORS[name]
    return found


def option_names(name: str) -> list[str]:
    """The options that a detector has. Raises ValueError for an unknown detector."""
    own = [field.name for field in dataclasses.fields(_registered(name)[1])]
    return own if _compares_images(name) else [*own, "defence"]


def check_options(name: str, options: Mapping[str, Any]) -> Any:
    """The resolved options of a detector, an instance of its options class, without loading a model. A defence, which
    is none of that class's, is checked alone.

    Raises:
        ValueError: an unknown detector, an option that it does not have (the message lists those it has), or a value
            that an option does not take.
    """
    known = option_names(name)
    _check_defence(name, options)
    options = {option: value for option, value in options.items() if option != "defence"}
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ValueError(f"{name} has no option {', '.join(map(repr, unknown))}; known: {', '.join(known)}")
    options_class = _registered(name)[1]
    check_values(options_class, options)
    return options_class(**without_home_signs(options))


def _compares_images(name: str) -> bool:
    return issubclass(_class_of(name), BatchDetector)


def _check_defence(name: str, options: Mapping[str, Any]) -> None:
    defence = options.get("defence")
    if "defence" in options and _compares_images(name):
        raise ValueError(
            f"{name} compares images with each other, and a defence answers of one image by its copies: {name} takes "
            "none; leave it out, or choose a detector that looks at one image at a time"
        )
    if defence is not None and (not isinstance(defence, str) or defence not in DEFENCES):
        raise ValueError(f"unknown defence {defence!r}; known: {', '.join(DEFENCES)}")
