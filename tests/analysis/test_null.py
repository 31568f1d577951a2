"""What searches find beyond chance, and what empty corners do, from tables written down by hand."""

import zlib

import numpy as np
import pandas as pd
import pytest

from zsad.analysis.corners import ARTEFACT, COUNTED, LEFT_OUT, corner_curves, corners_sentence, worst_sentence
from zsad.analysis.differences import Difference
from zsad.analysis.null import (
    Bound,
    beside_null,
    falls,
    gaps_as_columns,
    image_sentence,
    in_both,
    lowest_criterion,
    pooled,
    rows_of,
    score_sentences,
)
from zsad.metrics import expanded, interval

WHERE = {"study": "t", "suite": "s", "detector": "d", "backbone": "b", "setting": "3d", "dtype": "f"}
BOUNDS = [Bound("published", "random", 1.0), Bound("tenth", "random tenth", 0.1)]
MANY = 10**9


def samples() -> pd.DataFrame:
    """Two categories of 40 and 20 anomalous images: a search that falls by 0.4 and 0.2, random shifts by 0.3 and 0.2 at
    their worst and by 0.1 in the mean; within a tenth nothing falls further than by chance. Normal images have
    no AUROC.
    """
    rows = []
    for variant, worst, mean in (
        ("published", {"nut": 0.5, "cap": 0.7}, 0.6),
        ("random", {"nut": 0.6, "cap": 0.7}, 0.8),
        ("tenth", {"nut": 0.8, "cap": 0.8}, 0.9),
        ("random tenth", {"nut": 0.8, "cap": 0.8}, 0.9),
    ):
        for category, count in (("nut", 40), ("cap", 20)):
            for number in range(count + 1):
                own = 0.02 * (number % 3 - 1)
                normal = {"label": False, "clean_auroc": np.nan, "auroc": np.nan, "mean_auroc": np.nan}
                found = worst[category] + own * (variant == "published")
                values = {"label": True, "clean_auroc": 0.9 + own, "auroc": found, "mean_auroc": mean + own}
                values = values if number < count else normal
                rows.append({**WHERE, "variant": variant, "category": category, "id": f"{number:02}", **values,
                             "evaluations": 256})  # fmt: skip
    return pd.DataFrame(rows).sample(frac=1, random_state=0)


def test_falls_are_means_over_categories_of_the_same_images():
    images = beside_null(samples(), BOUNDS)
    assert len(images) == 2 * 60
    found = falls(images).set_index("size")
    row = found.loc[1.0]
    names = ["worst", "random_worst", "random_mean", "beyond_random", "beyond_mean"]
    assert row[names].tolist() == pytest.approx([30, 25, 10, 5, 20], abs=0.2)
    assert row[["categories", "images", "evaluations", "random_evaluations"]].tolist() == [2, 60, 256, 256]
    assert row["worst_low"] == pytest.approx(row["worst"])  # every image falls alike
    assert row["beyond_random_low"] < row["beyond_random"] < row["beyond_random_high"]
    assert found.loc[0.1, "beyond_random"] == pytest.approx(0, abs=1e-9)


def test_what_a_search_of_all_parameters_begins_with_counts_among_its_evaluations():
    """Two searches of one parameter with 33 evaluations each, of which one is the image as it is."""
    joint = samples()
    alone = joint[joint["variant"] == "published"].assign(evaluations=33)
    table = pd.concat([joint, alone.assign(setting="angle"), alone.assign(setting="hue")])
    images = beside_null(table, BOUNDS)
    assert set(images["setting"]) == {"3d"}
    assert images.groupby("size")["evaluations"].unique().map(list).to_dict() == {1.0: [256 + 32 + 32], 0.1: [256]}
    assert falls(images).set_index("size").loc[1.0, "evaluations"] == 320


def test_images_are_drawn_within_their_category():
    """Categories that differ by far make no interval wider."""
    found = falls(beside_null(samples(), BOUNDS)).set_index("size").loc[1.0]
    assert found["random_worst_high"] - found["random_worst_low"] < 1.5


def test_categories_are_drawn_unlike_each_other_though_their_images_fall_alike():
    """The mean of two has an interval narrower by the root of two."""
    images = beside_null(samples(), BOUNDS[:1])
    nut = images[images["category"] == "nut"]
    both = [falls(of).iloc[0] for of in (nut, pd.concat([nut, nut.assign(category="cap")]))]
    widths = [found["beyond_random_high"] - found["beyond_random_low"] for found in both]
    assert widths[0] / widths[1] == pytest.approx(np.sqrt(2), rel=0.1)


def test_an_image_that_only_one_of_them_has_seen_is_left_out():
    table = samples()
    table = table[~((table["variant"] == "random") & (table["id"] == "03"))]
    assert (beside_null(table, BOUNDS).groupby("size").size() == pd.Series({0.1: 60, 1.0: 58})).all()


def cells(values: dict[str, dict[str, float]], metric: str = "image_auroc", images: int = MANY):
    """variant -> category -> estimate; "none" is unshifted. Draws differ from the estimates by one amount in all."""
    rows = [
        {**WHERE, "variant": "default" if v == "none" else v, "shift": "none" if v == "none" else "worst", "value": 0.0,
         "category": c, "metric": metric, "estimate": e, "n_images": images, "n_anomalous": images // 2,
         "key": f"{v} {c}"} | ({"setting": "none"} if v == "none" else {})
        for v, of in values.items() for c, e in of.items()
    ]  # fmt: skip
    draws = {row["key"]: row["estimate"] + np.linspace(-0.02, 0.02, 101) for row in rows}
    return pd.DataFrame(rows), {metric: pd.DataFrame(draws) for metric in ("image_auroc", "pixel_auroc", "aupro")}


def test_whole_test_sets_are_compared_over_the_categories_that_all_have():
    searched = {"published": {"nut": 0.5, "cap": 0.4, "box": 0.1}, "random": {"nut": 0.7, "cap": 0.5}}
    records, draws = cells({"none": {"nut": 0.9, "cap": 0.8, "box": 0.1}, **searched})
    plain = records[records["shift"] == "none"]  # which blocks of few images name again
    records = pd.concat([records, *(plain.assign(variant=block) for block in ("published", "random"))])
    (row,) = pooled(records, draws, BOUNDS).to_dict("records")
    assert [row[n] for n in ("size", "categories", "clean", "worst", "random")] == pytest.approx([1, 2, 85, 45, 60])
    assert [row[n].value for n in ("drop", "null", "beyond")] == pytest.approx([40, 25, 15])
    assert row["beyond"].low == pytest.approx(15)  # what draws share cancels
    columns = gaps_as_columns(pd.DataFrame([row])).iloc[0]
    assert columns[["beyond", "null_low", "drop_high"]].tolist() == pytest.approx([15, 25, 40])


def test_a_category_that_only_the_search_has_seen_is_not_among_those_of_both():
    estimates = {"none": {"nut": 0.9, "cap": 0.9}, "published": {"nut": 0.5, "cap": 0.4}, "random": {"nut": 0.6}}
    records, _ = cells(estimates)
    kept = in_both(records, BOUNDS)
    assert {*zip(kept["variant"].where(kept["shift"] == "worst", "none"), kept["category"], strict=True)} == {
        ("none", "nut"), ("none", "cap"), ("published", "nut"), ("random", "nut"),
    }  # fmt: skip
    assert list(kept.columns) == list(records.columns)
    assert len(in_both(records, [*BOUNDS, BOUNDS[0]])) == len(kept), "each record once"


def test_the_image_level_is_told_of_the_widest_bounds_and_only_as_far_as_it_is_clear():
    found = pd.DataFrame(
        [
            {**WHERE, "metric": metric, "size": size, "clean": 90.0, "worst": worst, "random": worst + 8,
             "drop": Difference(90 - worst, 5.0, 80.0, 6), "null": Difference(82 - worst, 4.0, 70.0, 6),
             "beyond": Difference(8.0, low, 17.0, 6), "categories": 2}
            for metric, size, worst, low in (
                ("aupro", 1.0, 1.0, 1.0), ("image_auroc", 0.5, 60.0, -1.0), ("image_auroc", 1.0, 30.0, 1.0)
            )
        ]
    )  # fmt: skip
    text = image_sentence(found)
    assert "image AUROC falls from 90.0 to 30.0 % by the search, and to 38.0 % by as many random shifts" in text
    assert text.endswith("random shifts; the search's is lower: 8.0 (1.0 to 17.0) points. ")
    alone = found.assign(setting="hue", worst=70.0)
    assert image_sentence(pd.concat([alone, found, found.assign(detector="other")])) == text, "of all parameters"
    assert "falls from 90.0 to 70.0 % by the search" in image_sentence(alone)
    assert "is not told from that: 8.0 (−1.0 to 17.0) points" in image_sentence(found[found["size"] < 1])
    assert image_sentence(found[found["metric"] == "aupro"]) == image_sentence(pd.DataFrame()) == ""
    said = score_sentences(found[found["size"] == 1], {"d": "D"})
    assert said == (
        "D on b, s (2 categories): image AUROC falls from 90.0 to 30.0 %, which is lower than that of as many random "
        "shifts, 38.0 %: 8.0 (1.0 to 17.0) points."
    )
    assert score_sentences(pd.DataFrame(), {}) == score_sentences(found[found["metric"] == "aupro"], {}) == ""


def test_image_auroc_falls_rises_or_moves_as_its_interval_says():
    """The search lets it rise; what random shifts do is not told from nothing, and no draw of theirs may differ."""
    case = {**WHERE, "metric": "image_auroc", "size": 1.0, "clean": 66.7, "worst": 85.4, "random": 66.0,
            "categories": 1, "drop": Difference(-18.7, -30.0, -6.0, 1), "null": Difference(0.7, -3.0, 4.0, 1),
            "beyond": Difference(-19.4, -29.0, -7.0, 1)}  # fmt: skip
    assert image_sentence(pd.DataFrame([case])).endswith(
        "image AUROC rises from 66.7 to 85.4 % by the search, and moves to 66.0 % by as many random shifts (the "
        "interval holds 0); the search's is higher: −19.4 (−29.0 to −7.0) points. "
    )
    still = Difference(0.0, 0.0, 0.0, 1)
    same = pd.DataFrame([{**case, "worst": 66.7, "random": 66.7, "drop": still, "null": still, "beyond": still}])
    assert image_sentence(same).endswith(
        "image AUROC moves from 66.7 to 66.7 % by the search (no draw differs), and to 66.7 % by as many random shifts "
        "(no draw differs); the search's is not told from that: 0.0 (no draw differs) points. "
    )
    assert score_sentences(same, {}).endswith(
        "image AUROC moves from 66.7 to 66.7 % (no draw differs), which is not told from that of as many random "
        "shifts, 66.7 %: 0.0 (no draw differs) points."
    )
    assert "AUROC rises from 66.7 to 85.4 %, which is higher" in score_sentences(pd.DataFrame([case]), {})


def test_a_block_of_few_images_is_held_against_as_many_unshifted():
    few = {"published": {"nut": 0.5}, "random": {"nut": 0.7}}
    records, draws = cells({"none": {"nut": 0.9}, **few})
    records.loc[records["shift"] == "worst", ["n_images", "n_anomalous"]] = 8, 4
    assert pooled(records, draws, BOUNDS).empty


def test_the_criterion_with_the_lowest_bound_stands_beside_the_published_one():
    values = {"auroc": {"nut": 0.5, "cap": 0.6}, "loss": {"nut": 0.4, "cap": 0.5, "box": 0.9}}
    records, draws = cells({**values, "none": {"nut": 0.9, "cap": 0.8}})
    plain = records[records["shift"] == "none"]
    records = pd.concat([records, *(plain.assign(variant=block) for block in values)])
    (row,) = lowest_criterion(records, draws, {"AUROC": "auroc", "loss": "loss"}, "AUROC").to_dict("records")
    assert (row["lowest"], row["categories"]) == ("loss", 2)
    assert (row["lowest_mean"], row["published_mean"], row["gap"].value) == pytest.approx((45, 55, 10))
    assert lowest_criterion(records, draws, {"AUROC": "auroc", "other": "nothing"}, "AUROC").empty


def swept(corners: str, estimates: dict[float, float]) -> pd.DataFrame:
    rows = [
        {"suite": "s", "category": c, "value": v, "metric": metric, "estimate": e, "n_images": MANY,
         "n_anomalous": MANY // 2, "key": f"{corners} {v} {c}"}
        for v, e in estimates.items() for metric in ("pixel_auroc", "aupro") for c in ("nut", "cap")
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_corners_counted_and_left_out_stand_side_by_side():
    counted, left_out = swept("c", {0.0: 0.8, 45.0: 0.9, 90.0: 0.85}), swept("l", {0.0: 0.8, 45.0: 0.6, 90.0: 0.75})
    both = pd.concat([counted, left_out[left_out["category"] == "nut"]])
    draws = [pd.DataFrame({"replicate": range(50), "pixel_auroc": row.estimate + np.linspace(-0.01, 0.01, 50),
                           "aupro": row.estimate, "key": row.key}) for row in both.itertuples()]  # fmt: skip
    curves = corner_curves(counted, left_out[left_out["category"] == "nut"], pd.concat(draws))
    row = curves.set_index(["metric", "value", "corners"]).loc[("pixel_auroc", 45.0)]
    assert row["estimate"].to_dict() == pytest.approx({COUNTED: 90, LEFT_OUT: 60})
    assert row.loc[COUNTED, ["gain", "gain_low", "gain_high"]].tolist() == pytest.approx([30, 30, 30])
    assert row.loc[COUNTED, "high"] - row.loc[COUNTED, "low"] == pytest.approx(1.9, abs=0.01)
    said = corners_sentence(curves)
    assert said.startswith(
        "At 90 degrees pAUROC moves by +5.0 points with the empty corners counted and by −5.0 without"
    )
    assert "adds up to 30.0 (30.0 to 30.0) points, at 45 degrees." in said


def test_draws_of_few_images_are_widened():
    images = beside_null(samples(), BOUNDS[:1])
    nut = images[images["category"] == "nut"].head(6)
    found = falls(nut).iloc[0]
    values = (100 * (nut["random_worst"] - nut["worst"])).to_numpy()
    drawn = np.random.default_rng([0, zlib.crc32(b"s/nut")]).integers(6, size=(1000, 6))
    wider = expanded(values[drawn].mean(1)[:, None], np.array([6]))[:, 0]
    low, high = interval(wider)
    assert (found["beyond_random_low"], found["beyond_random_high"]) == pytest.approx((low, high))


def test_worst_cases_with_corners_counted_and_left_out_stand_side_by_side():
    """Two products have both; a third has the corners counted alone."""
    rows, draws = [], []
    for corners, estimates, categories in (("c", {"none": 0.9, "worst": 0.8}, ("nut", "cap", "box")),
                                           ("l", {"none": 0.9, "worst": 0.5}, ("nut", "cap"))):  # fmt: skip
        for shift, estimate in estimates.items():
            for category in categories:
                key = f"{corners} {shift} {category}"
                rows.append({"suite": "s", "backbone": "b", "category": category, "shift": shift,
                             "setting": "angle" if shift == "worst" else "none", "metric": "pixel_auroc",
                             "estimate": estimate - (category == "box") / 2, "n_images": MANY,
                             "n_anomalous": MANY // 2, "key": key})  # fmt: skip
                draws.append(pd.DataFrame({"replicate": range(50), "pixel_auroc": estimate, "key": key}))
    records = pd.DataFrame(rows)
    counted, left_out = (records[records["key"].str.startswith(corners)] for corners in "cl")
    said = worst_sentence(counted, left_out, pd.concat(draws))
    assert said.startswith(ARTEFACT)
    assert said.endswith("rotation on s, 2 products: 10.0 (10.0 to 10.0) → 40.0 (40.0 to 40.0).")
    assert worst_sentence(counted, left_out[:0], pd.concat(draws)) == ARTEFACT


def test_rows_name_backbone_and_setting_only_where_there_are_several():
    cases = pd.DataFrame({"suite": "s", "detector": ["d", "e"], "backbone": ["b", "l"], "setting": "3d"})
    assert rows_of(cases).tolist() == ["d, s", "e, s"]
    assert rows_of(cases.assign(detector="d")).tolist() == ["d, s, b", "d, s, l"]
    assert rows_of(cases.assign(setting=["3d", "angle"])).tolist() == ["d, s, 3d", "e, s, angle"]
