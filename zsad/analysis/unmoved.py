"""What stands in a table where no draw of the bootstrap differs: of twelve images that all raise an alarm every draw
raises as many, and an interval of no width would say that no other image ever could.
"""

from zsad.analysis.differences import Difference
from zsad.analysis.words import number, span

NOTE = (
    "Where no draw of the bootstrap differs, no interval is shown: that none of the images seen changed sides does not "
    "prove that none would."
)
_STILL = 1e-9  # points: what is narrower is rounding


def still(low: float, high: float) -> bool:
    """Whether no draw differs."""
    return bool(high - low <= _STILL)


def seen_span(value: float, low: float, high: float, images: int | None = None, sign: bool = False) -> str:
    """An estimate with its interval; where that has no width, with the number of images that were seen, such as "100.0
    (of 12 images)".
    """
    if not still(low, high):
        return span(value, low, high, sign=sign)
    return f"{number(value, sign=sign)} ({'no draw differs' if images is None else f'of {images:,} images'})"


def seen_points(found: Difference, images: int | None = None) -> str:
    """The same of a difference in points, with its sign."""
    return seen_span(found.value, found.low, found.high, images, sign=True)
