"""The records that pages of the matrix, of doses and of the null show, with what lies beside them."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from book.tools.absent import say_absent, say_left_out, say_not_kept
from book.tools.page import Page
from book.tools.probes.blocks import Measured
from zsad.analysis.alike import rank_correlations
from zsad.study.results import leagues_of
from zsad.study.schema import SUBJECT_COLUMNS
from zsad.study.shifts import Block

BATCH = "test batch"  # the league of detectors that compare images
WORST = None
"""As the names of blocks: every search for worst cases, and what goes with it."""


def measured(page: Page, variants: Sequence[str] | None, what: str) -> Measured | None:
    """The shifted records of blocks of these names, or of all searches. Where there are none it says so, keeps
    that as the page's conclusion, and returns None.
    """
    blocks = list(page.study.worst) if variants is None else [b for b in page.study.blocks if b.variant in variants]
    named, kinds = {block.variant for block in blocks}, {block.kind for block in blocks}
    if not named:
        _conclude(page, say_absent(page, what))
        return None
    of_blocks = [page.records(block.kind, variant=block.variant) for block in blocks]
    subjects = pd.concat(of_blocks)[["detector", "backbone"]]
    theirs = {f"{name}s": subjects[name].unique().tolist() for name in subjects}
    of_all: dict[str, Any] = {"default": theirs}  # the study's own; a block's are of its detectors and backbones alone
    plain = [page.records("none", variant=name, **of_all.get(name, {})) for name in _unshifted(blocks)]
    records = pd.concat([*of_blocks, *plain], ignore_index=True).drop_duplicates()
    if not (records["variant"].isin(named) & records["shift"].isin(kinds)).any():
        _conclude(page, say_not_kept(page, what))
        return None
    shifted = records["shift"].isin(kinds) & records["variant"].isin(named)
    shifted &= (records["shift"] == "worst") | (records["value"] != 0)  # value 0 is the unshifted once more
    shown = _with_clean(records, records[shifted], blocks)
    if shown.empty:
        _conclude(page, say_not_kept(page, what))
        return None
    say_left_out(page, records.loc[shifted, "key"].nunique() - shown.loc[shown["shift"] != "none", "key"].nunique())
    return Measured(page.study, page.uses(shown))


def rank_correlations_of(page: Page, records: pd.DataFrame) -> pd.DataFrame:
    """How alike the detectors of some records rank the unshifted images, of the records' first suite:
    `zsad.analysis.alike.rank_correlations`.
    """
    as_they_are = (records["shift"] == "none") | ((records["shift"] != "worst") & (records["value"] == 0))
    plain = records[as_they_are & (records["suite"] == next(iter(records["suite"]), None))]
    return rank_correlations(page.details("images", plain))


def rank_correlations_by_suite(page: Page, records: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """`rank_correlations_of` of every suite of some records."""
    return {str(suite): rank_correlations_of(page, own) for suite, own in records.groupby("suite", sort=False)}


def batch_note(page: Page, records: pd.DataFrame) -> str:
    """Which of the detectors of some records compare the images of a batch, and what these cannot see; "" where none
    does.
    """
    labels = [label for label, league in leagues_of(records, page.study, "scores").items() if league == BATCH]
    if not labels:
        return ""
    names = ", ".join(page.titled(labels).values())
    return (
        f"Detectors of a whole test batch ({names}) compare its images with each other: what all of these share, as "
        "they share a shift here, should cancel out: see [how far it does](batches), and what half a batch costs."
    )


def _conclude(page: Page, lacking: str) -> None:
    """Keep what is lacking as the page's conclusion, the first where there is more: a key is glued once a page."""
    if "conclusion" not in page.numbers:
        page.number("conclusion", lacking)


def _unshifted(blocks: Sequence[Block]) -> set[str]:
    """The variants under which images of blocks are recorded as they are: the study's own, and those of blocks that
    have images of their own.
    """
    plain = {"default"} if any(block.limit is None for block in blocks) else set()
    return plain | {variant for _, variant in _own_images(blocks)}


def _own_images(blocks: Sequence[Block]) -> set[tuple[str, str]]:
    """Kind and name of the blocks whose images are recorded as they are under their own name."""
    return {(block.kind, block.variant) for block in blocks if block.limit is not None}


def _with_clean(records: pd.DataFrame, shifted: pd.DataFrame, blocks: Sequence[Block]) -> pd.DataFrame:
    """Shifted records, and of the same subjects and images those as they are; without the latter, neither."""
    own = pd.MultiIndex.from_frame(shifted[["shift", "variant"]]).isin(_own_images(blocks))
    same = [*SUBJECT_COLUMNS, "variant"]
    of = shifted.assign(variant=shifted["variant"].where(own, "default"))[same]
    clean = records[records["shift"] == "none"].merge(of.drop_duplicates(), on=same)
    there = pd.MultiIndex.from_frame(of).isin(pd.MultiIndex.from_frame(clean[same]))
    return pd.concat([clean, shifted[there]], ignore_index=True)[list(records.columns)]
