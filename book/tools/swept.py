"""Which categories the pages of WinCLIP, as it is and under uniform shifts, show."""

from zsad.study.config import Study


def swept_categories(study: Study, suite: str) -> list[str]:
    """The categories a sweep is shown for: those of the suite's group `rotation_invariant` that the study sweeps, or
    all that it sweeps where there are none.

    Raises ValueError where the study sweeps no category of the suite.
    """
    swept = study.swept(suite)
    if not swept:
        raise ValueError(
            f"study {study.name!r} sweeps no category of {suite!r}; name one with the parameter `category`"
        )
    return [name for name in study.suites[suite].groups.get("rotation_invariant", []) if name in swept] or swept


LEFT_OUT = "corners left out"
"""The block of sweeps in which the corners that a turned picture leaves empty are not counted."""
