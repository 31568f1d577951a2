"""What ports of WinCLIP do otherwise: records of the page's study, and measurements on a few images."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from book.tools import plots
from book.tools.absent import say_absent, say_not_kept
from book.tools.page import Page
from book.tools.probes.blocks import Measured
from zsad.analysis.decisions import METRICS as DECIDED
from zsad.analysis.decisions import RULES, TRAINING
from zsad.analysis.gaps import METRICS, OPTIONS, PLAIN, PROTOCOLS, changes, gap_rows, of_sample, pooled
from zsad.analysis.means import unshifted
from zsad.study.config import Study

if TYPE_CHECKING:
    from zsad.data import Dataset

CATEGORIES, IMAGES = 3, 24  # of a sample, for which maps are made


@dataclass(frozen=True)
class Gaps:
    """What is changed in a study, and in words on what."""

    study: Study
    changes: pd.DataFrame
    who: str


def ported(page: Page) -> list[Gaps]:
    """What changes with options in the page's study, or nothing; that it is missing is said, and kept as the page's
    conclusion."""
    what = "WinCLIP that does one thing otherwise"
    labels = [detector.label for detector in page.study.detectors if detector.label in OPTIONS]
    if not labels or PLAIN not in [detector.label for detector in page.study.detectors]:
        page.number("conclusion", say_absent(page, what))
        return []
    found = _of(page, page.study, page.records("none", detectors=[PLAIN, *labels]))
    if found is None:
        page.number("conclusion", say_not_kept(page, what))
        return []
    return [found]


def _of(page: Page, study: Study, records: pd.DataFrame) -> Gaps | None:
    """On the first backbone that has such a detector; None where there is none."""
    records = unshifted(records)
    records = records[records["detector"].isin([PLAIN, *OPTIONS]) & records["metric"].isin(METRICS)]
    others = records[records["detector"] != PLAIN]
    on = others["backbone"].iloc[0] if len(others) else None
    records = records[(records["backbone"] == on) & records["suite"].isin(others["suite"])]
    plain = records[records["detector"] == PLAIN]
    if plain.empty:
        return None
    table = changes(*Measured(study, page.uses(records)).judged, list(OPTIONS))
    together = pooled(page.details("images", plain), study.bootstrap, study.seed)
    both = pd.concat([table, together[together["categories"] > 1]], ignore_index=True)
    places = both["suite"].map({suite: place for place, suite in enumerate(study.suites)})
    counted = "; ".join(
        f"{suite}: {len(rows)} {'category' if len(rows) == 1 else 'categories'}, {rows['n_images'].sum()} images"
        for suite, rows in plain.drop_duplicates(["suite", "category"]).groupby("suite", sort=False)
    )
    who = f"WinCLIP on {on} ({plain['dtype'].iloc[0]}), {counted}"
    return Gaps(study, both.loc[places.sort_values(kind="stable").index], who)


def draw(page: Page, found: Gaps, level: str, metrics: Mapping[str, str]) -> None:
    """Show what changes some metrics, those of one `level`, in words: a figure a suite."""
    for name, table in found.changes.groupby("suite", sort=False):
        table = table[table["metric"].isin(metrics)]
        causes = list(dict.fromkeys(table["cause"]))
        panels = {metric: words for metric, words in metrics.items() if metric in set(table["metric"])}
        judged = f" Threshold of false alarms and misses: each port's own, {RULES[TRAINING]}."
        page.figure(
            plots.plot_forest(gap_rows(table), causes, panels, "otherwise − WinCLIP [points]"),
            f"fig-gaps-{level}-{name}",
            f"<strong>{level.capitalize()} level: what ports do otherwise, {name}.</strong> Change of the mean over "
            "categories in points; lines: 95 % interval, from a paired bootstrap over images. In colour: intervals "
            f"that exclude 0.{judged if DECIDED.keys() & panels.keys() else ''}",
            study=found.study.name,
        )


def measured(page: Page) -> Gaps | None:
    """What changes with how things are measured, on a few images of the first suite; None, and said, where that has no
    masks, or the study's first detector is another than WinCLIP.
    """
    from book.tools.probes.protocol import protocols
    from zsad.detectors import load_backbone_of
    from zsad.study.evaluate import sizes_of

    study = page.study.model_copy(update={"limit": min(page.study.limit or IMAGES, IMAGES)})
    suite, first = next(iter(study.suites)), study.detectors[0]
    datasets = {name: _images(page, study, suite, name) for name in study.categories_of(suite)[:CATEGORIES]}
    if first.name != PLAIN or not all(dataset.has_masks for dataset in datasets.values()):
        page.say("Not measured here: it takes WinCLIP as the first detector of the study, and masks.")
        return None
    if page.first["backbones"][0] in study.own_weights:  # in a second data type it is loaded by its name
        page.say("Not measured here: it takes a backbone of this package, and not weights of your own.")
        return None
    backbone = load_backbone_of(PLAIN, page.first["backbones"][0], device=study.device)
    tables = {
        name: page.computed(
            protocols, backbone=backbone, dataset=dataset, sizes=sizes_of(study), fpr_limit=study.fpr_limit,
            replicates=study.bootstrap, seed=study.seed,
        )
        for name, dataset in datasets.items()
    }  # fmt: skip
    seen = ", ".join(f"{name.replace('_', ' ')} {table['n_images'].iloc[0]}" for name, table in tables.items())
    who = f"WinCLIP on {backbone.name} (float32), {suite}, images: {seen}"
    return Gaps(study, changes(*of_sample(suite, tables), list(PROTOCOLS)), who)


def _images(page: Page, study: Study, suite: str, category: str) -> "Dataset":
    from zsad.study.data import ensure_suite, read_suite

    ensure_suite(study, suite, whole=False)
    found = read_suite(study, suite, category, study.limit)
    page.sources.data[f"{suite}/{category}"] = found.fingerprint()
    return found
