"""Which categories the pages of WinCLIP, as it is and under uniform shifts, show."""

from zsad.study.config import Study


def swept_categories(study: Study, suite: str) -> list[str]:
    """The categories a sweep is shown for: those of the suite's group `rotation_invariant` that the study sweeps, or
    all that it sweeps where there are none. Empty where it sweeps no category of the suite.
    """
    swept = study.swept(suite)
    return [name for name in study.suites[suite].groups.get("rotation_invariant", []) if name in swept] or swept


def shown_category(study: Study, suite: str) -> str:
    """The category of a page that shows one: the first of `swept_categories`, else the suite's first."""
    return (swept_categories(study, suite) or study.categories_of(suite))[0]


LEFT_OUT = "corners left out"
"""The block of sweeps in which the corners that a turned picture leaves empty are not counted."""
