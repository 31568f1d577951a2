"""Stage 3, the filter: of the part masks, those that the soft foreground covers (the report: at least 80 %).

SAM tells an object from its shadow, dichotomous segmentation takes them together: a shadow alone stays uncovered where
the soft foreground ends early, and an object is kept.
"""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from numpy import ndarray

from zsad.tiling.part import Part


def coverage(part: Part, soft: Float[ndarray, "height width"], threshold: float = 0.5, measure: str = "area") -> float:
    """How much of a part is foreground, in [0, 1].

    Args:
        soft: degrees of foreground in [0, 1].
        threshold: a pixel is foreground from this degree on.
        measure: "area", the share of the part's pixels that are foreground; "soft", their mean degree, which needs no
            threshold.
    """
    values = part.values(soft)
    return float((values >= threshold).mean() if measure == "area" else values.mean())


def covered_parts(
    parts: Sequence[Part],
    soft: Float[ndarray, "height width"],
    share: float = 0.8,
    threshold: float = 0.5,
    measure: str = "area",
    strict: bool = False,
) -> list[Part]:
    """The parts of which at least `share` (`strict`: more than that) is foreground, in their order."""
    shares = [coverage(part, soft, threshold, measure) for part in parts]
    return [part for part, value in zip(parts, shares, strict=True) if value > share or (value == share and not strict)]
