"""What worst cases cost: sentences and tables from records written down by hand."""

import numpy as np
import pandas as pd
import pytest

from zsad.analysis.differences import Difference
from zsad.analysis.sweeps import METRICS
from zsad.analysis.worst import (
    SETTINGS,
    best_measured,
    categories_table,
    conclude,
    drops_table,
    examples_sentence,
    fare_pairs,
    finding,
    lowest_of_sweep,
    of_the_same_images,
    paired,
    pairs_table,
    points_of,
    typical_and_largest,
    verdicts,
    worst_drops,
)

NOISE = np.linspace(-0.01, 0.01, 50)


def world() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Records of so many images that no interval is widened, in which a FARE backbone falls less and hue hurts more
    than rotation, whichever images are drawn.
    """
    estimates = {"none": 0.9, "angle": 0.8, "saturation": 0.84, "hue": 0.5, "3d": 0.4}
    rows, draws, samples = [], [], []
    for backbone, gain in (("m", 0.0), ("m-fare2", 0.05)):
        for setting, estimate in estimates.items():
            value = estimate + gain * (setting != "none")
            key = f"{backbone} {setting}"
            where = {"suite": "s", "category": "nut_c", "backbone": backbone, "setting": setting}
            shift = "none" if setting == "none" else "worst"
            for metric in METRICS:
                rows.append({"study": "t", **where, "detector": "d", "dtype": "float32", "shift": shift,
                             "variant": "default", "value": 0.0, "metric": metric, "estimate": value, "key": key,
                             "n_images": 10**9, "n_anomalous": 5 * 10**8})  # fmt: skip
            drawn = {"replicate": range(50), "pixel_auroc": value + NOISE, "aupro": value + NOISE, "key": key}
            draws.append(pd.DataFrame(drawn))
            if shift == "worst":
                samples += [{**where, "label": label, "clean_auroc": 0.8, "auroc": 0.3} for label in (True, False)]
    return pd.DataFrame(rows), pd.concat(draws), pd.DataFrame(samples)


def test_drops_come_in_the_order_of_the_records_with_the_auroc_of_single_images():
    table = worst_drops(*world())
    assert table["setting"].tolist() == [s for s in SETTINGS for _ in range(2)] * 2
    assert table.loc[table["backbone"] == "m", "drop"].to_numpy() == pytest.approx(np.repeat([0.1, 0.06, 0.4, 0.5], 2))
    assert set(table["per_image_auroc_worst"]) == {0.3}
    assert points_of(table.iloc[-1]) == "45.0 points (45.0 to 45.0)"
    shown = drops_table(table).iloc[3]
    assert shown["setting"] == "3D (all three)"
    assert (shown["pAUROC"], shown["AUPRO drop"]) == ("90.0 → 40.0", "50.0 (50.0 to 50.0)")
    assert shown["AUPRO drop [%]"] == pytest.approx(100 * 5 / 9)
    assert shown["image's own"] == "80.0 → 30.0"


DROPS = pd.DataFrame(
    [
        {"suite": suite, "backbone": "m", "setting": setting, "metric": "pixel_auroc", "drop": drop, "drop_low": low,
         "drop_high": high}
        for suite, setting, drop, low, high in (
            ("few", "3d", 0.62, 0.16, 0.98), ("many", "3d", 0.45, 0.27, 0.70), ("many", "hue", 0.05, -0.01, 0.1),
            ("many", "angle", -0.01, -0.011, -0.009),
        )
    ]
)  # fmt: skip


def test_the_best_measured_drop_is_neither_the_largest_nor_a_rise():
    best = best_measured(DROPS, "pixel_auroc")
    assert (best["suite"], best["setting"]) == ("many", "3d")
    rises = DROPS.assign(drop=-DROPS["drop"].abs())
    assert best_measured(rises, "pixel_auroc")["setting"] == "angle"


def test_the_finding_is_of_the_best_measured_drop_at_image_level_first():
    cost = pd.DataFrame(
        [
            {"suite": suite, "backbone": "m", "setting": "3d", "metric": metric, "categories": n // 8, "images": n,
             "before": 10.0, "after": 10.0 + change, "change": change, "change_low": change - 1,
             "change_high": change + 1}
            for suite, n in (("many", 48), ("few", 16))
            for metric, change in (("image_auroc", -9.0 if n > 16 else -5.0), ("false_alarms", 20.0), ("misses", 0.5))
        ]
    )  # fmt: skip
    text = finding(cost, DROPS, pd.DataFrame(), pd.DataFrame())
    assert text.startswith(
        "With the worst turn, hue and saturation together searched for each image by itself, on 48 test images of 6 "
        "products of many: Image AUROC falls from 10.0 to 1.0 %"
    )
    assert "false alarms rise from 10.0 to 30.0 %" in text
    assert "lower by **45.0 points (27.0 to 70.0)**, the best measured of 4 drops. No random shifts of the" in text
    assert "excludes 0" not in text, "which the lowest of many tries does for almost any detector"
    case = {"suite": "many", "detector": "d", "backbone": "m", "setting": "3d"}
    pooled = pd.DataFrame(
        [
            {
                **case,
                "size": size,
                "metric": "pixel_auroc",
                "null": Difference(null, 16.0, 60.0, 6),
                "beyond": Difference(11.6, 1.0, 20.7, 6),
            }
            for size, null in ((0.5, 2.0), (1.0, 33.5))
        ]
    )
    falls = pd.DataFrame([{**case, "size": 1.0, "random_evaluations": 352.0, "beyond_random": 9.6,
                           "beyond_random_low": 5.7, "beyond_random_high": 13.7}])  # fmt: skip
    assert finding(cost, DROPS, pooled, falls).endswith(
        "The lowest of many tries lies low by itself: the worst of 352 random shifts of each image lowers the same "
        "mean by 33.5 points, and the search by 11.6 (1.0 to 20.7) more; in the mean over single damaged images it "
        "gets 9.6 (5.7 to 13.7) points further. Not kept are random shifts of rotation or hue alone."
    )


def test_every_category_is_shown_without_shift_and_at_each_setting():
    records, *_ = world()
    (row,) = categories_table(records[(records["backbone"] == "m") & (records["setting"] != "hue")]).to_dict("records")
    assert list(row)[:5] == ["suite", "category", "images", "pAUROC clean", "pAUROC rotation"]
    assert (row["category"], row["images"]) == ("nut c", 10**9)
    assert (row["AUPRO clean"], row["AUPRO 3D"]) == pytest.approx((90, 40))
    assert "AUPRO hue" not in row


def test_the_conclusion_names_what_hurts_most_and_the_fare_backbone():
    records, replicates, _ = world()
    text = conclude(records, replicates)
    assert "hue in 4 of 4 (a case" in text
    assert "hue against rotation: hurts more in 4 of 4; saturation against rotation: hurts less in 4 of 4" in text
    assert "The drops of m-fare2 beside those of m: smaller in 8 of 8" in text
    records, replicates, _ = world()
    without = records[(records["backbone"] == "m") | ~records["setting"].isin(["3d", "hue"])]
    assert "The drops of m-fare2 beside those of m: smaller in 4 of 4" in conclude(without, replicates)
    apart = without[(without["backbone"] == "m-fare2") | ~without["setting"].isin(["angle", "saturation"])]
    assert "worst cases of both are not among" in conclude(apart, replicates, ["m", "m-fare2"])
    assert fare_pairs(["ViT-L-14", "ViT-L-14-FARE2", "demo-l-fare2"]) == [("ViT-L-14-FARE2", "ViT-L-14")]


def test_what_hurts_more_than_one_other_does_not_hurt_more_than_every_other():
    """Hue lies below rotation in every draw, and level with saturation."""
    records, replicates, _ = world()
    for backbone, value in {"m": 0.5, "m-fare2": 0.55}.items():
        records.loc[(records["setting"] == "saturation") & (records["backbone"] == backbone), "estimate"] = value + 1e-6
        rows = replicates["key"] == f"{backbone} saturation"
        replicates.loc[rows, "pixel_auroc"] = replicates.loc[rows, "aupro"] = value - NOISE
    text = conclude(records, replicates)
    assert "statistically undecided in 4 of 4 (a case" in text
    assert "hue against rotation: hurts more in 4 of 4" in text


def test_a_study_of_one_setting_and_backbone_compares_neither():
    records, replicates, _ = world()
    alone = (records["backbone"] == "m") & records["setting"].isin(["none", "hue"])
    text = conclude(records[alone], replicates)
    assert text == "A FARE backbone beside the one it was made from is not in this study."
    assert conclude(records[alone], replicates, ["m", "m-fare2"]) == (
        "m-fare2, a FARE backbone, and m, which it was made from, are in this study: worst cases of both are not among "
        "its records."
    )


def test_pairs_are_of_what_both_have_and_say_how_much_higher_the_second_is():
    records, replicates, _ = world()
    first = records[records["setting"].isin(["angle", "hue"])]
    second = records[records["setting"].isin(["hue", "3d"])].assign(
        setting=lambda t: t["setting"].replace("3d", "angle")
    )
    pairs = paired(first, second, replicates)
    assert pairs.groupby("setting", sort=False)["difference"].first().map(lambda d: d.value).to_dict() == pytest.approx(
        {"angle": -40, "hue": 0}
    )
    assert verdicts(pairs, "higher", "lower") == "; ".join(
        f"{name}: lower in 2 of 4, undecided in 2 of 4" for name in ("pAUROC", "AUPRO")
    )
    table = pairs_table(pairs, {"": "{first}, {second}"})
    assert len(table) == 4
    assert table.iloc[0][["setting", "categories", "pAUROC", "AUPRO difference"]].tolist() == [
        "rotation", 1, "80.0, 40.0", "−40.0 (−40.0 to −40.0)"
    ]  # fmt: skip
    assert paired(first, second.assign(suite="other"), replicates).empty


def test_only_records_of_as_many_images_are_held_against_each_other():
    records, *_ = world()
    fewer = records.assign(n_images=records["n_images"].where(records["setting"] != "hue", 3))
    one, two = of_the_same_images(records, fewer)
    assert len(one) == len(two) == len(records) - 4
    assert "hue" not in set(one["setting"])


def test_the_lowest_value_of_a_sweep_is_found_metric_by_metric():
    where = {"suite": "s", "backbone": "m", "setting": "angle"}
    sweep = pd.DataFrame(
        [
            {**where, "category": category, "metric": metric, "value": value, "estimate": estimate}
            for metric, low in (("aupro", 30.0), ("pixel_auroc", -30.0))
            for value in (-30.0, 0.0, 30.0)
            for category, estimate in (("a", 0.5), ("b", 0.2 if value == low else 0.4))
        ]
    )
    lowest = lowest_of_sweep(sweep)
    assert lowest.groupby("metric")["value"].unique().map(list).to_dict() == {"aupro": [30.0], "pixel_auroc": [-30.0]}
    assert lowest["category"].tolist() == ["a", "b"] * 2


def test_the_rule_takes_the_median_and_the_largest_change():
    samples = pd.DataFrame(
        {"category": "c", "id": list("abcdef"), "label": [True] * 3 + [False] * 3,
         "clean_auroc": [0.9, 0.9, 0.9, np.nan, np.nan, np.nan], "auroc": [0.9, 0.1, 0.5, np.nan, np.nan, np.nan],
         "clean_loss": 0.0, "loss": [0, 0, 0, -0.3, -0.1, -0.2]}
    )  # fmt: skip
    found = typical_and_largest(samples)
    assert found["id"].tolist() == ["c", "b", "f", "d"]
    assert found["rule"].tolist()[:2] == ["median drop of AUROC", "largest drop of AUROC"]
    assert len(typical_and_largest(samples[samples["label"]])) == 2
    assert examples_sentence(found.assign(suite="s")) == (
        "At its worst the median damaged image of s loses pixel AUROC from 90.0 to 50.0 % (c), and the one that loses "
        "most from 90.0 to 10.0 % (c)."
    )
    assert examples_sentence(found[~found["label"]].assign(suite="s")) == ""
