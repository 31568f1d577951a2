"""Which data set a name means, of those that papers print a training for, and of the demo suites in their place."""

from __future__ import annotations

from zsad.data.usual_names import USUAL_NAMES
from zsad.detectors.learned import plain_name

_NAMES = {
    "mvtec_ad": USUAL_NAMES["mvtec_ad"],
    "visa": USUAL_NAMES["visa"],
    "demo-mvtec": ("demo-mvtec",),
    "demo-visa": ("demo-visa",),
}


def data_set_named(name: str) -> str | None:
    """What the package calls the data set of this name, however that is spelt; None for any other data set."""
    called = plain_name(name)
    return next((suite for suite, names in _NAMES.items() if called in map(plain_name, names)), None)
