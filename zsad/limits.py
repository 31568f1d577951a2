"""How small and how large numbers may be, wherever they come in: command line, study, detector options, library.

The upper ends are far above any use. They turn a slip of the keyboard, which would fill the memory or never end, into a
message.
"""

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any


@dataclass(frozen=True)
class Limit:
    """From `least` to `most`, both included; `whole` for numbers that count something."""

    least: float
    most: float
    whole: bool = True

    def __str__(self) -> str:
        if not math.isfinite(self.most):
            return "a finite number"
        kind = "a whole number" if self.whole else "a number"
        return f"{kind} from {self.least:,} to {self.most:,}"


LIMITS: dict[str, Limit] = {
    "resolution": Limit(8, 8192),  # pixels
    "image_size": Limit(8, 8192),
    "size": Limit(1, 8192),
    "min_tile": Limit(8, 8192),
    "batch_size": Limit(1, 65_536),
    "tile_batch": Limit(1, 65_536),
    "limit": Limit(2, 1_000_000_000),  # images: metrics need one of each kind
    "bootstrap": Limit(1, 100_000),
    "replicates": Limit(1, 100_000),
    "budget": Limit(1, 1_000_000),
    "seed": Limit(0, 2**32 - 1),
    "severity": Limit(0, 5),
    "temperature": Limit(0.0001, 10_000, whole=False),
    "threshold": Limit(0, 1, whole=False),  # of the tiling pipeline's foreground
    "score": Limit(-math.inf, math.inf, whole=False),  # of a detector, and what its maps hold
    # Texts, words and steps of the detectors that are trained on text.
    "sentences": Limit(10, 1_000_000),
    "random_words": Limit(0, 70),
    "diversity_words": Limit(1, 10_000),
    "distribution_words": Limit(1, 10_000),
    "diversity_tokens": Limit(1, 70),
    "distribution_tokens": Limit(1, 70),
    "word_steps": Limit(0, 1_000_000),
    "epochs": Limit(1, 1_000_000),
}

MIN_SIDE = 8  # pixels of an image's shorter side
MAX_ASPECT = 20  # of an image's sides: detectors cut a long one into squares


def check_number(name: str, value: Any, called: str | None = None) -> None:
    """Raise a ValueError unless `value` lies within the limits of that name.

    Args:
        called: how the message names it; by default `name`.
    """
    limit, called = LIMITS[name], called or name
    right = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    if not right or not limit.least <= value <= limit.most or (limit.whole and value != int(value)):
        raise ValueError(f"{called} must be {limit}, not {value}")


def check_sides(height: int, width: int, called: str = "an image") -> None:
    """Raise a ValueError for an image too small or too long for any detector."""
    short, long = sorted((height, width))
    if short < MIN_SIDE:
        raise ValueError(
            f"{called} is {width} x {height} pixels: detectors need at least {MIN_SIDE} on each side; enlarge it, "
            "or leave it out"
        )
    if long > MAX_ASPECT * short:
        raise ValueError(
            f"{called} is {width} x {height} pixels: one side is more than {MAX_ASPECT} times the other; cut it up"
        )
