"""Image AUROC in the domains of AeBAD: what another background, lamp or view costs each detector.

Records are a row a detector and "domain", in the order of the domains, and have one suite, so that domains can be
subtracted like cells of one suite; they show other images, so that such a difference is not a paired one. Estimates and
intervals are in percent.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

from zsad import metrics
from zsad.analysis.corruption import METRIC, Sampled, as_row, in_order
from zsad.analysis.costs import IMAGE, PIXEL, many_sentence
from zsad.analysis.decisions import METRICS as DECIDED
from zsad.analysis.differences import Difference, Parts, difference_of, minus
from zsad.analysis.words import points
from zsad.metrics.bootstrap import draw_counts
from zsad.metrics.decision import error_rates, good_share_thresholds, once

SAME, SHIFTED = "same", "shifted"


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


def domain_sentence(drops: dict[str, dict[str, Difference]], titles: Mapping[str, str] | None = None) -> str:
    """What each shifted domain costs, detector by detector, and which of these costs are sure. `titles`: label -> what
    it is called.
    """
    if not drops:
        return "The study lacks the domain “same” or any other, so that no shift can be measured from it."
    said = []
    for detector, costs in drops.items():
        worst = max(costs, key=lambda domain: costs[domain].value)
        name = (titles or {}).get(detector, detector)
        sure = sum(found.sign > 0 for found in costs.values())
        said.append(
            f"{name} loses most by {worst}, {points(costs[worst])} points; {sure} of {len(costs)} drops have a "
            "95 % interval above 0"
        )
    return (
        f"Against the domain “same”: {'; '.join(said)}. The domains show other images, so that these differences are "
        "not paired, and the largest of several was chosen after looking."
    )


def decided(
    records: pd.DataFrame, images: pd.DataFrame, training: pd.DataFrame, replicates: int = 200, seed: int = 0
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """False alarms and misses in every domain at the threshold that the good training images of the domain "same" set,
    as records, and their draws: metric -> a row a draw, a column a key. A draw sets its threshold anew, as in
    `zsad.analysis.decisions.decide`; images of two domains are others, and are drawn by themselves.

    Args:
        records: a row a detector and domain.
        images, training: the tables of their cells. A detector without training images in "same" has no threshold.
    """
    good = {key: rows["score"].to_numpy(float) for key, rows in training.groupby("key")}
    scored = {key: rows for key, rows in images.groupby("key")}
    rows, draws = [], {metric: dict[str, Float[np.ndarray, " replicate"]]() for metric in DECIDED}
    for _, of_detector in records.groupby("detector", sort=False):
        here = good.get(next(iter(of_detector.loc[of_detector["domain"] == SAME, "key"]), None))
        if here is None:
            continue
        counts = np.random.default_rng([seed, 1]).multinomial(len(here), np.full(len(here), 1 / len(here)), replicates)
        threshold, drawn = good_share_thresholds(once(here), here), good_share_thresholds(counts, here)
        for number, (_, cell) in enumerate(of_detector.iterrows()):
            of_cell = scored[cell["key"]]
            scores, labels = of_cell["score"].to_numpy(float), of_cell["label"].to_numpy(bool)
            counts = draw_counts(labels, labels, ~labels, replicates, np.random.default_rng([seed, 2 + number]))
            found = error_rates(once(scores), scores, labels, threshold)
            for metric, (estimate,), values in zip(
                DECIDED, found, error_rates(counts, scores, labels, drawn), strict=True
            ):
                rows.append({**cell, "metric": metric, "estimate": float(estimate)})
                draws[metric][cell["key"]] = values
    return pd.DataFrame(rows, columns=records.columns), {metric: pd.DataFrame(of) for metric, of in draws.items()}


def domain_costs(records: pd.DataFrame, draws: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """What other conditions cost each detector: detector, metric, domain (each but "same", and `SHIFTED`: their mean),
    images, and before (in "same"), after and change like `zsad.analysis.costs.costs`. Empty without "same" or any
    other.

    Args:
        records: a row a detector, domain and metric of `costs.IMAGE` and `costs.PIXEL`.
        draws: metric -> a row a draw, a column a key.
    """
    rows = []
    for (detector, metric), found in records.groupby(["detector", "metric"], sort=False):
        same, others = found[found["domain"] == SAME], found[found["domain"] != SAME]
        if same.empty or others.empty or metric not in {**IMAGE, **PIXEL}:
            continue
        each = {str(row["domain"]): others[others["domain"] == row["domain"]] for _, row in others.iterrows()}
        for domain, cells in [*((name, [cell]) for name, cell in each.items()), (SHIFTED, [*each.values()])]:
            after: Parts = [(1 / len(cells), cell) for cell in cells]
            row = {"detector": detector, "metric": metric, "domain": domain, "categories": 1}
            row["images"] = int(same["n_images"].sum() + sum(cell["n_images"].sum() for cell in cells))
            for name, parts in (("before", [(1.0, same)]), ("after", after), ("change", [*after, (-1.0, same)])):
                of = difference_of(parts, draws[str(metric)], str(metric))
                row |= {name: of.value, f"{name}_low": of.low, f"{name}_high": of.high}
            rows.append(row)
    return pd.DataFrame(rows)


def domain_points(cost: pd.DataFrame) -> pd.DataFrame:
    """`domain_costs` as points of a drawing: series (the detector), metric, group (the domain, "same" first), estimate,
    low, high.
    """
    if cost.empty:
        return pd.DataFrame(columns=["series", "metric", "group", "estimate", "low", "high"])
    each = cost[cost["domain"] != SHIFTED]
    same = each.drop_duplicates(["detector", "metric"]).assign(domain=SAME)
    parts = [
        rows.assign(estimate=rows[name], low=rows[f"{name}_low"], high=rows[f"{name}_high"])
        for name, rows in (("before", same), ("after", each))
    ]
    columns = {"detector": "series", "domain": "group"}
    return pd.concat(parts, ignore_index=True).rename(columns=columns)[
        ["series", "metric", "group", "estimate", "low", "high"]
    ]


def finding(cost: pd.DataFrame, titles: Mapping[str, str] | None = None) -> str:
    """What other conditions cost at image level, in the mean over all of them. `titles`: label -> what it is called."""
    if cost.empty:
        return domain_sentence({})
    rows = cost[cost["domain"] == SHIFTED].replace({"detector": dict(titles or {})})
    others = cost.loc[cost["domain"] != SHIFTED, "domain"].unique()
    return (
        f"{many_sentence(rows)} From the domain “same” to the mean over {', '.join(others)}; {rows['images'].max():,} "
        "test images, in brackets 95 % intervals."
    )
