"""What the page of the demo world asks of its study: the defect of each image, and every shift of whole suites."""

from collections.abc import Collection
from typing import Any

import pandas as pd

from book.tools.page import Page
from zsad.analysis import defects

SHIFTED = ("matrix", "doses")
"""The names of the blocks that shift every image of every category of a suite."""


def kinds_of(page: Page, records: pd.DataFrame) -> pd.DataFrame:
    """The defect of each test image of the categories of some records: suite, category, id, defect."""
    found = []
    for suite, category in records[["suite", "category"]].drop_duplicates().itertuples(index=False):
        dataset = page.dataset(suite, category)
        found.append(
            pd.DataFrame({"id": dataset.ids, "defect": dataset.defects}).assign(suite=suite, category=category)
        )
    return pd.concat(found, ignore_index=True)


def ranked(kinds: pd.DataFrame, suites: Collection[str]) -> pd.DataFrame:
    """`zsad.analysis.defects.by_kind` as rows of a drawing, suite after suite, those of wrong poses last: panel (the
    suite), row, series, estimate, low, high.
    """
    rows = kinds.assign(
        panel=kinds["suite"],
        row=[defects.name_of(row) for _, row in kinds.iterrows()],
        series=kinds["pose"].map({False: "damage to a surface", True: "wrong pose"}),
        place=kinds["suite"].map(list(suites).index),
    )
    return rows.sort_values(["place", "pose"], kind="stable")[["panel", "row", "series", "estimate", "low", "high"]]


def under_every_shift(page: Page, plain: pd.DataFrame) -> pd.DataFrame:
    """Some unshifted records and, of the same suites, detectors and backbones, those of every shift that the blocks
    `SHIFTED` make.
    """
    subject: dict[str, Any] = {f"{name}s": [*plain[name].unique()] for name in ("detector", "backbone")}
    found = [plain]
    for block in (block for block in page.study.blocks if block.variant in SHIFTED):
        suites = [suite for suite in plain["suite"].unique() if page.study.covered(block, suite)]
        if suites and all(_takes(getattr(block, name), of) for name, of in subject.items()):
            found.append(page.records(block.kind, variant=block.variant, suites=suites, **subject))
    return pd.concat(found, ignore_index=True)


def _takes(chosen: Collection[str], names: Collection[str]) -> bool:
    return chosen == "all" or set(names) <= set(chosen)
