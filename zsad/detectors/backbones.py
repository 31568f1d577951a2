"""What detectors look through: the kinds of backbones, and how each is loaded by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from zsad.clip import Backbone, known_backbones, load_backbone
from zsad.mae import Autoencoder, known_autoencoders, load_autoencoder


@dataclass(frozen=True)
class Kind:
    """One kind of backbone.

    Attributes:
        usual: the name that is taken where none is given.
        known: the names there are.
        load: a backbone, from its name, `device` and `dtype`; raises ValueError and FileNotFoundError, saying what to
            do.
        made: what it loads.
    """

    usual: str
    known: Callable[[], list[str]]
    load: Callable[..., Any]
    made: type


# By what it is called in a detector's declaration (`looks_through`) and in errors.
KINDS = {
    "CLIP": Kind("demo-b", known_backbones, load_backbone, Backbone),
    "masked autoencoder": Kind("demo-mae", known_autoencoders, load_autoencoder, Autoencoder),
}
USUAL = "CLIP"


def kind_named(backbone: str) -> str | None:
    """The kind of a backbone; None for a name that none of them has."""
    return next((kind for kind, of in KINDS.items() if backbone in of.known()), None)


def kind_of(backbone: object) -> str | None:
    """The kind of a backbone in hand; None where it is none of those known."""
    return next((kind for kind, of in KINDS.items() if isinstance(backbone, of.made)), None)
