"""Why a port does not reach the printed numbers: what each thing that ports do otherwise changes, in points."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from zsad.analysis.costs import IMAGE, PIXEL
from zsad.analysis.differences import HEADLINE, Difference, category_seed, difference_of, headline_draws
from zsad.analysis.words import number, points
from zsad.metrics import interval
from zsad.metrics.bootstrap import draw_counts, image_curve
from zsad.metrics.curve import roc_area
from zsad.metrics.decision import once

PLAIN = "winclip"
METRICS = {
    "image_auroc": "iAUROC",
    "false_alarms": "false alarms",
    "misses": "misses",
    "pixel_auroc": "pAUROC",
    "aupro": "AUPRO",
}
WORSE = {"false_alarms": 1, "misses": 1}
"""Which way is worse: up, and for every other metric down (-1)."""
# By the label of a detector of the study: what is done otherwise.
OPTIONS = {
    "temperature 0.01": "softmax at 0.01, not 0.07",
    "21 templates": "two ports' list of templates, one of them twice",
    "raw average": "sentences averaged without being normalised",
    "map maximum": "the image's score is the maximum of its map",
    "no image scale": "the whole image is no scale of the map",
    "normality": "harmonic means of normality, inverted at the end",
    "squashed": "images that are not square are squashed, not cut into squares",
}
# By their name in `book.tools.probes.protocol.protocols`: what is measured otherwise.
PROTOCOLS = {
    "per-image min-max": "each map is scaled to [0, 1] by itself before pixels are pooled",
    "200 thresholds": "AUPRO by 200 equal steps of the score, its false positive rates rescaled, as ports do",
    "other activation": "QuickGELU in a model that was trained with GELU, or the reverse",
    "float16": "the model in 16 bits, as one port has it",
    "bfloat16": "the model in 16 bits, of which fewer are digits",
    "blue for red": "images with red and blue exchanged, as one port reads them",
    "no antialiasing": "images go to the model's input, bicubic, without antialiasing",
}
_WORDS = {**IMAGE, "pixel_auroc": PIXEL["pixel_auroc"]}
POOLED = "pooled"
_LEAST = 0.05  # of points: what is less is 0.0 in words
_POOLED_WORDS = "one AUROC over the images of all categories, not the mean of theirs"
WORDS = {**OPTIONS, **PROTOCOLS, POOLED: _POOLED_WORDS}
COLUMNS = ["suite", "cause", "metric", "plain", "categories", "change"]


def changes(
    records: pd.DataFrame, draws: Mapping[str, pd.DataFrame], causes: Sequence[str], plain_label: str = PLAIN
) -> pd.DataFrame:
    """What each cause changes against the detector `plain_label` on the same categories and images.

    Args:
        records: of that detector and of the causes, each under its label in `detector`, on one backbone.
        draws: metric -> a row a draw, a column a key (`zsad.analysis.differences.by_key`).
        causes: labels, in the order wanted; one without records is passed over.

    Returns:
        A row a suite, cause and metric: plain, the mean of `plain_label` in percent; categories; and change, a
        `Difference`.
    """
    rows = []
    for suite, of_suite in records.groupby("suite", sort=False):
        for cause in causes:
            other = of_suite[of_suite["detector"] == cause]
            plain = of_suite[(of_suite["detector"] == plain_label) & of_suite["category"].isin(other["category"])]
            for metric in METRICS:
                one, two = (rows_[rows_["metric"] == metric] for rows_ in (plain, other))
                if len(two):
                    found = difference_of([(1, two), (-1, one)], draws[metric], metric)
                    mean = 100 * one["estimate"].mean()
                    rows.append((suite, cause, metric, mean, found.categories, found))
    return pd.DataFrame(rows, columns=COLUMNS)


def pooled(images: pd.DataFrame, replicates: int = 200, seed: int = 0) -> pd.DataFrame:
    """As `changes`, of an image AUROC over all categories of a suite together against the mean of the categories'.

    Args:
        images: the table "images" of one detector on one backbone: suite, category, id, label, score.
        replicates, seed: of the bootstrap, which draws images within each category.
    """
    rows = []
    for suite, of_suite in images.groupby("suite", sort=False):
        of_category = {str(category): part.sort_values("id") for category, part in of_suite.groupby("category")}
        generators = [np.random.default_rng(category_seed(str(suite), category, seed)) for category in of_category]
        parts = [*of_category.values()]
        labels = [part["label"].to_numpy(bool) for part in parts]
        scores = [part["score"].to_numpy(float) for part in parts]
        drawn = [draw_counts(of, of, ~of, replicates, own) for of, own in zip(labels, generators, strict=True)]
        counts = [np.concatenate([once(of), some]) for of, some in zip(labels, drawn, strict=True)]
        own = [roc_area(image_curve(*three)) for three in zip(counts, scores, labels, strict=True)]
        mean = np.mean(own, axis=0)
        together = roc_area(image_curve(np.concatenate(counts, 1), np.concatenate(scores), np.concatenate(labels)))
        change = 100 * (np.asarray(together) - mean)
        found = Difference(float(change[0]), *interval(change[1:]), len(parts))
        rows.append((suite, POOLED, "image_auroc", 100 * float(mean[0]), len(parts), found))
    return pd.DataFrame(rows, columns=COLUMNS)


def of_sample(suite: str, tables: Mapping[str, pd.DataFrame]) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """What `protocols` measured of each category, as records and draws that `changes` takes."""
    records, draws = [], []
    for category, table in tables.items():
        for protocol, rows in table.groupby("protocol", sort=False):
            named = {"suite": suite, "category": category, "detector": protocol, "key": f"{category} {protocol}"}
            whole = rows[rows["replicate"] < 0].iloc[0]
            counts = {name: int(whole[name]) for name in ("n_images", "n_anomalous")}
            records += [{**named, **counts, "metric": metric, "estimate": whole[metric]} for metric in HEADLINE]
            draws.append(rows.loc[rows["replicate"] >= 0, ["replicate", *HEADLINE]].assign(key=named["key"]))
    return pd.DataFrame(records), headline_draws(pd.concat(draws, ignore_index=True))


def gap_rows(table: pd.DataFrame) -> pd.DataFrame:
    """`changes` as `plot_forest` takes them; row is the cause."""
    return pd.DataFrame(
        [
            {"row": row.cause, "panel": row.metric, "estimate": row.change.value, "low": row.change.low,
             "high": row.change.high}
            for row in table.itertuples()
        ],
        columns=["row", "panel", "estimate", "low", "high"],
    )  # fmt: skip


def counted_changes(table: pd.DataFrame, what: str) -> str:
    """Of `changes`, on how many suites how many causes make each metric worse with an interval that excludes 0, image
    level first, which does so furthest, and how many make an AUROC better; a part of a sentence. `what` words the
    causes, several.

    A change of exactly 0 is no case: that cause cannot touch the metric there.
    """
    said: list[str] = []
    for metric, name in _WORDS.items():
        rows = [row for row in table[table["metric"] == metric].to_dict("records") if _touches(row["change"])]
        if not rows:
            continue
        way = WORSE.get(metric, -1)
        worse, better = (sum(row["change"].sign == sign for row in rows) for sign in (way, -way))
        most = max(rows, key=lambda row: way * (row["change"].low if way > 0 else row["change"].high))
        several = len({row["suite"] for row in rows}) > 1
        notes = [] if said else [f"a case is one of the {what}{' on one suite' if several else ''}, where it can touch "
                                 "the metric"]  # fmt: skip
        where = f" on {most['suite']}" if several else ""
        notes += [f"furthest {most['cause']}{where}: {points(most['change'])} points"] if worse else []
        cases = "" if said else " cases"
        clause = f"{name} {'falls' if way < 0 else 'rise'} in {worse} of {len(rows)}{cases}"
        clause += f" ({'; '.join(notes)})" if notes else ""
        said.append(clause if metric in WORSE else f"{clause} and rises in {better}")
    if not said:
        return f"no metric of the image level is touched by any of the {what}"
    return f"with intervals that exclude 0, {'; '.join(said)}"


def _touches(change: Difference) -> bool:
    return bool(change.low != 0 or change.high != 0)


def gap_table(table: pd.DataFrame) -> pd.DataFrame:
    """`changes` as a reader sees them: a row a suite and cause, the change of each metric in points."""
    rows: dict[tuple[str, str], dict[str, object]] = {}
    for row in table.to_dict("records"):
        of = {"suite": row["suite"], "done otherwise": row["cause"], "what": WORDS[row["cause"]]}
        shown = rows.setdefault((row["suite"], row["cause"]), {**of, "categories": row["categories"]})
        shown[METRICS[row["metric"]]] = points(row["change"])
    return pd.DataFrame(list(rows.values())).fillna("–")


def gap_sentence(table: pd.DataFrame) -> str:
    """How many changes have an interval that excludes 0, and the one that costs and the one that gains the most AUROC
    or AUPRO.

    What a cause cannot touch, such as the image AUROC by how pixels are pooled, is not counted.
    """
    found = [row for row in table.to_dict("records") if _touches(row["change"])]
    if not found:
        return "Nothing that is done otherwise changes anything in these records."
    clear = [row for row in found if row["change"].sign]
    ranked = [row for row in clear if row["metric"] not in WORSE and abs(row["change"].value) >= _LEAST]
    have = "has" if len(clear) == 1 else "have"
    said = [
        f"Of {len(found)} changes (each of one cause in one metric on one suite) {len(clear)} {have} a 95 % interval "
        f"that excludes 0; if none changed anything, {number(0.05 * len(found))} would be expected to."
    ]
    for words, rows in (
        ("costs most", [row for row in ranked if row["change"].sign < 0]),
        ("gains most", [row for row in ranked if row["change"].sign > 0]),
    ):
        if rows:
            most = max(rows, key=lambda row: abs(float(row["change"].value)))
            said.append(
                f"What {words}: {most['cause']} ({WORDS[most['cause']]}), {points(most['change'])} points of "
                f"{METRICS[most['metric']]} on {most['suite']}."
            )
    return " ".join(said)
