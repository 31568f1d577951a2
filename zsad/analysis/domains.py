"""Image AUROC in the domains of AeBAD: what another background, lamp or view costs each detector.

Records are a row a detector and "domain", in the order of the domains, and have one suite, so that domains can be
subtracted like cells of one suite; they show other images, so that such a difference is not a paired one. Estimates and
intervals are in percent.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from zsad import metrics
from zsad.analysis.corruption import METRIC, Sampled, as_row, in_order
from zsad.analysis.differences import Difference, Parts, minus
from zsad.analysis.words import points

SAME = "same"


def domains_of(found: Sampled) -> list[str]:
    """The domains, in the order of the records."""
    return in_order(found.records["domain"])


def mean_of(found: Sampled, detector: str, domains: Sequence[str] | None = None) -> Parts:
    """The mean over some domains, by default all, as parts of a `difference`."""
    domains = domains or domains_of(found)
    records = found.records[found.records["detector"] == detector]
    return [(1 / len(domains), records[records["domain"] == domain]) for domain in domains]


def pooled(images: pd.DataFrame, seed: int) -> Difference:
    """One AUROC over the images of all domains, with a bootstrap over them; `images`: score, and label (True:
    anomalous).
    """
    scores, labels = images["score"].to_numpy(np.float64), images["label"].to_numpy(bool)
    low, high = metrics.bootstrap_intervals(scores, labels, generator=np.random.default_rng(seed))[METRIC]
    return Difference(100 * metrics.image_auroc(scores, labels), 100 * low, 100 * high, 1)


def domain_table(found: Sampled, images: pd.DataFrame, seed: int) -> pd.DataFrame:
    """detector, column, estimate, low, high: each domain, the mean of all, all pooled, the mean of the shifted.

    Args:
        images: the table "images" of the records.
    """
    rows, domains = [], domains_of(found)
    shifted = [domain for domain in domains if domain != SAME]
    for detector in found.detectors:
        cells = {domain: found.level(mean_of(found, detector, [domain])) for domain in domains}
        cells["mean of all"] = found.level(mean_of(found, detector))
        cells["pooled"] = pooled(images[images["detector"] == detector], seed)
        if SAME in domains and shifted:
            cells["mean of the shifted"] = found.level(mean_of(found, detector, shifted))
        rows += [{"detector": detector, "column": name} | as_row(cell) for name, cell in cells.items()]
    return pd.DataFrame(rows)


def domain_drops(found: Sampled) -> dict[str, dict[str, Difference]]:
    """detector -> shifted domain -> what it costs; empty where there is nothing to measure that from."""
    shifted = [domain for domain in domains_of(found) if domain != SAME]
    if SAME not in domains_of(found) or not shifted:
        return {}
    return {
        detector: {
            domain: found.level(mean_of(found, detector, [SAME]) + minus(mean_of(found, detector, [domain])))
            for domain in shifted
        }
        for detector in found.detectors
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
            f"{detector} loses most by {worst}, {points(costs[worst])} points; {sure} of {len(costs)} drops have a "
            "95 % interval above 0"
        )
    return (
        f"Against the domain “same”: {'; '.join(said)}. The domains show other images, so that these differences are "
        "not paired, and the largest of several was chosen after looking."
    )
