"""What ports do otherwise, from records written down by hand."""

import zlib

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from zsad.analysis.differences import HEADLINE, Difference, headline_draws
from zsad.analysis.gaps import changes, counted_changes, gap_rows, gap_sentence, gap_table, of_sample, pooled
from zsad.metrics.bootstrap import draw_counts

NOISE = np.linspace(-0.02, 0.02, 50)
ESTIMATES = {"winclip": 0.8, "map maximum": 0.6, "squashed": 0.8, "temperature 0.01": 0.83}


def world(doubt: float = 0.0) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Two categories of so many images that no interval is widened; every detector's draws swing alike, and those of a
    port by `doubt` more."""
    rows, draws = [], []
    for detector, estimate in ESTIMATES.items():
        categories = ["nut", "cap"] if detector != "squashed" else ["nut"]
        for category in categories:
            value = estimate + (0.1 if category == "cap" else 0.0)
            key = f"{detector} {category}"
            swing = value + NOISE * (1 + doubt * (detector != "winclip"))
            draws.append(pd.DataFrame({"replicate": range(50), **dict.fromkeys(HEADLINE, swing), "key": key}))
            rows += [{"suite": "s", "category": category, "detector": detector, "metric": metric, "estimate": value,
                      "key": key, "n_images": 10**9, "n_anomalous": 5 * 10**8} for metric in HEADLINE]  # fmt: skip
    return pd.DataFrame(rows), headline_draws(pd.concat(draws))


def test_a_change_is_paired_and_over_the_categories_that_the_cause_has():
    found = changes(*world(), ["squashed", "map maximum", "no image scale"]).set_index(["cause", "metric"])
    assert {cause for cause, _ in found.index} == {"squashed", "map maximum"}, "what has no records is passed over"
    change = found.loc[("map maximum", "aupro"), "change"]
    assert (change.value, change.low, change.high, change.categories) == pytest.approx((-20, -20, -20, 2))
    assert found.loc[("map maximum", "aupro"), "plain"] == pytest.approx(85)
    assert found.loc[("squashed", "aupro"), "plain"] == pytest.approx(80), "of its own category"
    assert found.loc[("squashed", "aupro"), "change"].value == pytest.approx(0)


def test_what_is_said_turns_with_the_records():
    table = changes(*world(), ["squashed", "map maximum", "temperature 0.01"])
    text = gap_sentence(table)
    assert "Of 6 changes (each of one cause in one metric on one suite) 6 have a 95 % interval that excludes 0" in text
    assert "0.3 would be expected to" in text
    assert "What costs most: map maximum (the image's score is the maximum of its map), −20.0 (−20.0 to −20.0)" in text
    assert "What gains most: temperature 0.01" in text
    unsure = gap_sentence(changes(*world(doubt=20), ["map maximum", "temperature 0.01"]))
    assert "Of 6 changes (each of one cause in one metric on one suite) 0 have" in unsure
    assert "most:" not in unsure
    tiny = table.assign(change=[Difference(-0.01, -0.02, -0.01, 2)] * len(table))
    assert "most:" not in gap_sentence(tiny), "what is 0.0 in words is no most of anything"
    alarms = table.assign(metric="false_alarms")
    assert "most:" not in gap_sentence(alarms), "which way is worse differs from that of an AUROC"
    nothing = "Nothing that is done otherwise changes anything in these records."
    assert gap_sentence(table[table["cause"] == "squashed"]) == nothing
    assert gap_sentence(table[:0]) == nothing


def test_changes_are_counted_on_every_suite_where_they_can_be_any():
    """On each suite b does another thing to an AUROC, and c touches it on t alone."""
    table = pd.DataFrame(
        [
            {"suite": suite, "cause": cause, "metric": metric, "change": Difference(value, value - 1, value + 1, 2)}
            for suite in ("s", "t")
            for metric in ("pixel_auroc", "image_auroc", "misses")
            for cause, value in (("a", -5.0), ("b", 2.0 if suite == "s" else -9.0), ("c", 0.5))
        ]
    )
    untouched = (table["cause"] == "c") & (table["suite"] == "s") & (table["metric"] == "image_auroc")
    table.loc[untouched, "change"] = Difference(0.0, 0.0, 0.0, 2)
    text = counted_changes(table, "things")
    assert text == (
        "with intervals that exclude 0, image AUROC falls in 3 of 5 cases (a case is one of the things on one suite, "
        "where it can touch the metric; furthest b on t: −9.0 (−10.0 to −8.0) points) and rises in 1; misses rise in 1 "
        "of 6 (furthest b on s: +2.0 (+1.0 to +3.0) points); pixel AUROC falls in 3 of 6 (furthest b on t: −9.0 (−10.0 "
        "to −8.0) points) and rises in 1"
    )
    level = table[(table["cause"] == "c") & (table["metric"] == "image_auroc")]
    assert counted_changes(level, "things").endswith("image AUROC falls in 0 of 1 cases (a case is one of the things, "
                                                     "where it can touch the metric) and rises in 0")  # fmt: skip
    assert counted_changes(level[:1], "things") == "no metric of the image level is touched by any of the things"


def test_the_table_has_a_row_a_cause_and_the_figure_one_a_metric_too():
    table = changes(*world(), ["map maximum", "squashed"])
    shown = gap_table(table)
    assert shown["done otherwise"].tolist() == ["map maximum", "squashed"]
    assert shown["categories"].tolist() == [2, 1]
    assert shown.loc[0, "iAUROC"] == "−20.0 (−20.0 to −20.0)"
    rows = gap_rows(table)
    assert len(rows) == 6
    assert rows.loc[0, ["estimate", "low", "high"]].tolist() == pytest.approx([-20, -20, -20])
    assert gap_rows(table[:0]).empty
    assert gap_table(table[table["metric"] == "aupro"])["AUPRO"].notna().all()


def scored(shift: float, count: int = 60) -> pd.DataFrame:
    """Two categories that each are ranked well; the second scores higher by `shift`."""
    generator = np.random.default_rng(0)
    parts = []
    for place, category in enumerate(("nut", "cap")):
        label = np.arange(count) % 3 == 0
        score = generator.normal(size=count) + 2 * label + place * shift
        ids = [f"{category} {index}" for index in range(count)]
        parts.append(pd.DataFrame({"suite": "s", "category": category, "id": ids, "label": label, "score": score}))
    return pd.concat(parts, ignore_index=True)


def test_pooling_mixes_the_scales_of_categories():
    images = scored(4.0)
    (row,) = pooled(images, replicates=100).to_dict("records")
    own = [roc_auc_score(part["label"], part["score"]) for _, part in images.groupby("category")]
    expected = roc_auc_score(images["label"], images["score"]) - np.mean(own)
    assert row["change"].value == pytest.approx(100 * expected)
    assert row["plain"] == pytest.approx(100 * np.mean(own))
    assert row["change"].low < row["change"].value < row["change"].high < 0
    (same,) = pooled(scored(0.0), replicates=100).to_dict("records")
    assert same["change"].sign == 0
    shuffled = images.sample(frac=1, random_state=1)
    assert pooled(shuffled, replicates=100)["change"].tolist() == [row["change"]]


def test_pooled_categories_are_drawn_each_by_its_name():
    """Two of the same labels and scores: drawn alike, they would be ranked together as they are by themselves."""
    images = scored(0.0)
    nut = images[images["category"] == "nut"]
    twins = pd.concat([nut, nut.assign(category="cap")])
    (row,) = pooled(twins, replicates=30).to_dict("records")
    assert row["change"].low < 0 < row["change"].high
    rows = nut.sort_values("id")
    labels, scores = rows["label"].to_numpy(), rows["score"].to_numpy()
    drawn = {category: draw_counts(labels, labels, ~labels, 30,
                                   np.random.default_rng([0, zlib.crc32(f"s/{category}".encode())]))
             for category in ("nut", "cap")}  # fmt: skip
    both = np.concatenate([*drawn.values()], axis=1)
    together = [roc_auc_score([*labels] * 2, [*scores] * 2, sample_weight=counts) for counts in both]
    apart = [[roc_auc_score(labels, scores, sample_weight=counts) for counts in of] for of in drawn.values()]
    ends = 100 * np.quantile(together - np.mean(apart, axis=0), (0.025, 0.975))
    assert (row["change"].low, row["change"].high) == pytest.approx(tuple(ends))


def test_a_sample_of_protocols_is_compared_as_records_are():
    drawn = {"replicate": range(-1, 50), "n_images": 10**9, "n_anomalous": 5 * 10**8}
    table = pd.concat(
        [
            pd.DataFrame({"protocol": name, **drawn, **dict.fromkeys(HEADLINE, value + np.append(0.0, NOISE))})
            for name, value in (("winclip", 0.9), ("per-image min-max", 0.7))
        ]
    )
    found = changes(*of_sample("s", {"nut": table, "cap": table}), ["per-image min-max"])
    assert len(found) == 3
    change = found.loc[0, "change"]
    assert (change.value, change.low, change.high, change.categories) == pytest.approx((-20, -20, -20, 2))
