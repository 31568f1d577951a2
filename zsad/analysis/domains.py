"""Image AUROC in the domains of AeBAD: what another background, lamp or view costs each detector.

Records are of one backbone and one metric, a row a detector and "domain". Their suite is `ALL` whatever the domain's
own, so that domains can be subtracted like cells of one suite; they show other images, so that such a difference is not
a paired one. Draws are by key; estimates and intervals are in percent.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from zsad import metrics
from zsad.analysis.corruption import METRIC, as_row, in_order, level
from zsad.analysis.differences import Difference, Parts
from zsad.analysis.words import points

ALL, SAME = "aebad", "same"


def at(records: pd.DataFrame, detector: str, domain: str) -> pd.DataFrame:
    return records[(records["detector"] == detector) & (records["domain"] == domain)]


def mean_of(records: pd.DataFrame, detector: str, domains: Sequence[str] | None = None) -> Parts:
    """The mean over some domains, by default all, as parts of a `difference`."""
    domains = domains or in_order(records["domain"])
    return [(1 / len(domains), at(records, detector, domain)) for domain in domains]


def pooled(images: pd.DataFrame, seed: int) -> Difference:
    """One AUROC over the images of all domains, with a bootstrap over them; `images`: score, and label (True:
    anomalous).
    """
    scores, labels = images["score"].to_numpy(np.float64), images["label"].to_numpy(bool)
    drawn = metrics.bootstrap_replicates(scores, labels, generator=np.random.default_rng(seed))[METRIC]
    low, high = metrics.interval(drawn)
    return Difference(100 * metrics.image_auroc(scores, labels), 100 * low, 100 * high, 1)


def domain_table(records: pd.DataFrame, draws: pd.DataFrame, images: pd.DataFrame, seed: int) -> pd.DataFrame:
    """detector, column, estimate, low, high: each domain, the mean of all, all pooled, the mean of the shifted.

    Args:
        images: the table "images" of the records.
    """
    rows, domains = [], in_order(records["domain"])
    shifted = [domain for domain in domains if domain != SAME]
    for detector in in_order(records["detector"]):
        found = {domain: level([(1.0, at(records, detector, domain))], draws) for domain in domains}
        found["mean of all"] = level(mean_of(records, detector), draws)
        found["pooled"] = pooled(images[images["detector"] == detector], seed)
        if SAME in domains and shifted:
            found["mean of the shifted"] = level(mean_of(records, detector, shifted), draws)
        rows += [{"detector": detector, "column": name} | as_row(cell) for name, cell in found.items()]
    return pd.DataFrame(rows)


def domain_drops(records: pd.DataFrame, draws: pd.DataFrame) -> dict[str, dict[str, Difference]]:
    """detector -> shifted domain -> what it costs; empty where there is nothing to measure that from."""
    domains = in_order(records["domain"])
    shifted = [domain for domain in domains if domain != SAME]
    if SAME not in domains or not shifted:
        return {}
    return {
        detector: {
            domain: level([(1.0, at(records, detector, SAME)), (-1.0, at(records, detector, domain))], draws)
            for domain in shifted
        }
        for detector in in_order(records["detector"])
    }


def domain_sentence(drops: dict[str, dict[str, Difference]]) -> str:
    """What each shifted domain costs, detector by detector, and which of these costs are sure."""
    if not drops:
        return "The study lacks the domain “same” or any other, so that no shift can be measured from it."
    said = []
    for detector, costs in drops.items():
        worst = max(costs, key=lambda domain: costs[domain].value)
        sure = sum(found.sign > 0 for found in costs.values())
        said.append(
            f"{detector} loses most by {worst}, {points(costs[worst])} points; {sure} of {len(costs)} shifts lower it "
            "by a drop whose 95 % interval excludes 0"
        )
    return (
        f"Against the domain “same”: {'; '.join(said)}. The domains show other images, so that these differences are "
        "not paired, and the largest of several was chosen after looking."
    )
