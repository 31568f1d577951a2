"""How far an attack may go: an interval for each of angle, hue and saturation, and which of them a setting searches."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

PARAMETERS = ("angle", "hue", "saturation")
WORST_SETTINGS = ("angle", "saturation", "hue", "3d")

Bound = float | int | Sequence[float | int]


@dataclass(frozen=True)
class Bounds:
    """Intervals of the three parameters of `zsad.perturb.semantic`; the defaults are those of the released attack.

    Each is a half-width around 0, or a pair (low, high) that contains 0, the image as it is.

    Attributes:
        angle: degrees, at most 180.
        hue: radians, at most pi. A full circle is searched as a circle.
        saturation: at most 1.

    Raises:
        ValueError: negative, not a number, too wide, or a pair that is reversed or leaves out 0.
    """

    angle: Bound = 90.0
    hue: Bound = math.pi
    saturation: Bound = 0.5

    def __post_init__(self) -> None:
        for name, widest in (("angle", 180.0), ("hue", math.pi), ("saturation", 1.0)):
            bound = getattr(self, name)
            if isinstance(bound, Sequence) and len(bound) != 2:
                raise ValueError(f"the bound of {name} must be a half-width or a pair (low, high), not {bound!r}")
            if not isinstance(bound, Sequence) and not bound >= 0:
                raise ValueError(f"the bound of {name} is a half-width and cannot be {bound}: give a number from 0 up")
            low, high = self.interval(name)
            if low > high:
                raise ValueError(f"the bounds of {name} are reversed: {low:g} > {high:g}")
            if not low <= 0 <= high:  # written so that NaN fails too
                raise ValueError(f"the bounds of {name}, {low:g} to {high:g}, must contain 0, the image as it is")
            if max(-low, high) > widest + 1e-9:
                raise ValueError(f"the bounds of {name}, {low:g} to {high:g}, must lie within ±{widest:g}")

    def interval(self, name: str) -> tuple[float, float]:
        """Lowest and highest value of a parameter."""
        bound = getattr(self, name)
        low, high = bound if isinstance(bound, Sequence) else (-bound, bound)
        return float(low), float(high)


@dataclass(frozen=True)
class SearchSpace:
    """What one setting searches: the parameters by name, and the ends of their intervals, in that order."""

    names: tuple[str, ...]
    low: Float[Tensor, " parameter"]
    high: Float[Tensor, " parameter"]

    @property
    def periodic(self) -> tuple[bool, ...]:
        """Whether the two ends of an interval are the same point: a hue that may go all the way round."""
        width = (self.high - self.low).tolist()
        return tuple(name == "hue" and wide >= 2 * math.pi - 1e-9 for name, wide in zip(self.names, width, strict=True))


def search_space(setting: str, bounds: Bounds) -> SearchSpace:
    """What a setting searches: one parameter, or with "3d" all those whose bounds leave room.

    Raises:
        ValueError: an unknown setting, or one whose bounds leave nothing to search.
    """
    if setting not in WORST_SETTINGS:
        raise ValueError(f"setting {setting!r} has no worst case to search; known: {', '.join(WORST_SETTINGS)}")
    candidates = PARAMETERS if setting == "3d" else (setting,)
    intervals = {name: bounds.interval(name) for name in candidates if bounds.interval(name) != (0.0, 0.0)}
    if not intervals:
        raise ValueError(f"the bounds of setting {setting!r} are all 0: there is nothing to search")
    low, high = torch.tensor(list(intervals.values()), dtype=torch.float64).unbind(1)
    return SearchSpace(tuple(intervals), low, high)
