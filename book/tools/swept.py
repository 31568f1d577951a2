"""Which categories and records the pages of WinCLIP, as it is and under uniform shifts, show."""

import pandas as pd

from book.tools.absent import say_not_kept, shows_kept
from book.tools.page import Page
from zsad.analysis.means import unshifted
from zsad.analysis.unshifted import SHOWN
from zsad.study import load_records
from zsad.study.config import Study, load_study


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


def kept_sweep(page: Page, setting: str, suite: str = "demo-mvtec", variant: str = "default") -> list[pd.DataFrame]:
    """The records of one sweep, of a block of that name, that are kept in `results/demo`, as `kept_unshifted`."""
    return [
        page.uses(
            records[
                (records["shift"] == "uniform")
                & (records["variant"] == variant)
                & (records["setting"] == setting)
                & (records["suite"] == suite)
                & records["category"].isin(swept_categories(study, suite))
            ]
        )
        for study, records in _kept(page)
    ]


def kept_unshifted(page: Page) -> list[pd.DataFrame]:
    """The unshifted records that are kept in `results/demo`, of that study's first detector and backbone: one frame, or
    none where the page was made with other parameters than the book's, which it then says.
    """
    return [page.uses(unshifted(records[records["metric"].isin(SHOWN)])) for _, records in _kept(page)]


def _kept(page: Page) -> list[tuple[Study, pd.DataFrame]]:
    if not shows_kept(page):
        return []
    study = load_study("demo", check_models=False)
    try:
        records = load_records("demo")
    except FileNotFoundError:
        say_not_kept(page, "records of WinCLIP, as it is and under uniform shifts,")
        return []
    first = (records["detector"] == study.detectors[0].label) & (records["backbone"] == study.backbones[0])
    return [(study, records[first])]
