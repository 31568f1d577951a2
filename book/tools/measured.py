"""The records that pages of the matrix, of doses and of the null show, with what lies beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from book.tools.absent import say_absent, say_not_kept
from book.tools.page import Page
from zsad.analysis.decisions import Decisions, decide
from zsad.analysis.differences import by_key
from zsad.study.config import Study
from zsad.study.results import load_sidecars, load_table
from zsad.study.schema import SUBJECT_COLUMNS
from zsad.study.shifts import Block

_HEADLINE = ("image_auroc", "pixel_auroc", "aupro")
WORST = None
"""As the names of blocks: every search for worst cases, and what goes with it."""


@dataclass(frozen=True)
class Measured:
    """Records of some blocks of a study and, with variant "default", of the same subjects as they are."""

    study: Study
    records: pd.DataFrame

    @cached_property
    def draws(self) -> dict[str, pd.DataFrame]:
        """Metric -> a row a bootstrap draw, a column a key."""
        replicates = load_table(self.records, "replicates", self.study)
        return {metric: by_key(replicates, metric) for metric in _HEADLINE}

    @cached_property
    def decisions(self) -> Decisions:
        """False alarms and misses in every cell. Takes seconds for thousands of cells."""
        images = load_table(self.records, "images", self.study)
        beside = {
            key for key, sidecar in load_sidecars(self.records, self.study).items() if "training" in sidecar["tables"]
        }
        judged = self.records[self.records["key"].isin(beside)]
        return decide(images, load_table(judged, "training", self.study) if len(judged) else None)

    @property
    def rotation_invariant(self) -> dict[str, list[str]]:
        """Suite -> the categories that may lie any way, where it names some."""
        return {name: list(suite.groups.get("rotation_invariant", [])) for name, suite in self.study.suites.items()}

    @property
    def who(self) -> str:
        """Suites, categories and images in words."""
        clean = self.records[self.records["shift"] == "none"].drop_duplicates(["suite", "category"])
        counts = clean.groupby("suite", sort=False)["n_images"].agg(["count", "sum"])
        return "; ".join(
            f"{suite}: {row['count']} {'category' if row['count'] == 1 else 'categories'}, {row['sum']} test images"
            for suite, row in counts.iterrows()
        )


def measured(page: Page, variants: Sequence[str] | None, what: str) -> Measured | None:
    """The shifted records of blocks of these names, or of all searches. Where there are none it says so, keeps
    that as the page's conclusion, and returns None.
    """
    blocks = list(page.study.worst) if variants is None else [b for b in page.study.blocks if b.variant in variants]
    named, kinds = {block.variant for block in blocks}, {block.kind for block in blocks}
    if not named:
        page.number("conclusion", say_absent(page, what))
        return None
    of_blocks = [page.records(block.kind, variant=block.variant) for block in blocks]
    plain = [page.records("none", variant=name) for name in _unshifted(blocks)]
    records = pd.concat([*of_blocks, *plain], ignore_index=True).drop_duplicates()
    if not (records["variant"].isin(named) & records["shift"].isin(kinds)).any():
        page.number("conclusion", say_not_kept(page, what))
        return None
    shifted = records["shift"].isin(kinds) & records["variant"].isin(named)
    shifted &= (records["shift"] == "worst") | (records["value"] != 0)  # value 0 is the unshifted once more
    return Measured(page.study, page.uses(_with_clean(records, records[shifted], _unshifted(blocks))))


def _unshifted(blocks: Sequence[Block]) -> set[str]:
    """The variants under which images of blocks are recorded as they are."""
    return {"default"} | {block.variant for block in blocks if getattr(block, "limit", None) is not None}


def _with_clean(records: pd.DataFrame, shifted: pd.DataFrame, names: set[str]) -> pd.DataFrame:
    """Shifted records, and of the same subjects those as they are, under some variants."""
    subjects = shifted[SUBJECT_COLUMNS].drop_duplicates()
    clean = records[(records["shift"] == "none") & records["variant"].isin(names)]
    return pd.concat([clean.merge(subjects, on=SUBJECT_COLUMNS), shifted], ignore_index=True)[list(records.columns)]
