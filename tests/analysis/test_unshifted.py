"""WinCLIP's unshifted metrics beside print, in another data type, and under other words."""

import pandas as pd
import pytest

from zsad.analysis import unshifted


def records(**estimates: float) -> pd.DataFrame:
    """One metric of categories of demo-mvtec, ten images each."""
    rows = [
        {"suite": "demo-mvtec", "category": category, "metric": "aupro", "estimate": value, "low": value - 0.1,
         "high": value + 0.1, "n_images": 10, "n_anomalous": 5}
        for category, value in estimates.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def printed(*rows: tuple[str, str, str, float, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["dataset", "category", "metric", "value", "evidence"])
    return frame.assign(method="WinCLIP")


PRINTED = printed(
    ("MVTec AD", "mean", "pixel_aupro", 64.6, "source"),
    ("VisA", "mean", "pixel_aupro", 56.8, "recalled"),
    ("MVTec AD", "bottle", "pixel_aupro", 76.4, "source"),
    ("MVTec AD", "bottle", "image_ap", 99.8, "recalled"),
)


def test_each_suite_ends_with_the_mean_of_its_categories():
    levels = unshifted.with_means(records(metal_nut=0.6, washer=0.8))
    assert list(levels["category"]) == ["metal_nut", "washer", "mean"]
    assert list(levels["images"]) == [10, 10, 20]
    assert levels["estimate"].tolist() == pytest.approx([60, 80, 70])
    assert unshifted.with_means(pd.concat([records(a=0.5), records(a=0.9).assign(metric="image_ap")])).shape[0] == 2


def test_printed_means_go_by_the_metrics_names_in_records():
    means = unshifted.printed_means(PRINTED)
    assert set(means["metric"]) == {"aupro"}
    assert set(means["category"]) == {"mean"}


def test_each_level_is_written_with_its_interval():
    table = unshifted.levels_table(unshifted.with_means(records(metal_nut=0.6, washer=0.8)), PRINTED)
    assert list(table["category"]) == ["metal nut", "washer", "mean (1 of 6 categories)"]
    assert table["aupro"].iloc[0] == "60.0\u00a0(50.0\u00a0to\u00a070.0)"


def test_a_metric_with_an_unchecked_number_is_marked():
    single = PRINTED[PRINTED["category"] != "mean"]
    wide = unshifted.printed_wide(single, ["dataset", "category"], {"pixel_aupro": "AUPRO"})
    assert list(wide.columns) == ["dataset", "category", "AUPRO", "image_ap †"]


def test_a_change_is_taken_category_by_category():
    found = unshifted.changes(records(metal_nut=0.6, washer=0.8), records(washer=0.77, metal_nut=0.61))
    assert found.set_index("category")["difference"].to_dict() == pytest.approx({"metal_nut": 1, "washer": -3})
    row = unshifted.changes_table(found).iloc[0]
    assert row["mean change [points]"] == pytest.approx(-1)
    assert row["largest change of a category [points]"] == pytest.approx(3)


def test_other_words_have_their_mean_over_draws_and_the_range_of_single_draws():
    index = pd.MultiIndex.from_tuples([("s", "a"), ("s", "b")], names=["suite", "category"])
    columns = {"as published": [90.0, 80.0], "swapped": [10.0, 21.0], "nonsense 0": [40.0, 50.0],
               "nonsense 1": [70.0, 60.0]}  # fmt: skip
    table = unshifted.other_words(pd.DataFrame(columns, index=index))
    assert list(table["category"]) == ["a", "b", "mean"]
    assert table.iloc[0][["nonsense", "lowest", "highest"]].tolist() == [55, 40, 70]
    assert table.iloc[2][["as published", "nonsense", "lowest", "highest"]].tolist() == [85, 55, 45, 65]
    said = unshifted.other_words_sentence(table)
    assert "add up to 100 within 1.0 points" in said
    assert "give 55.0 on average over all draws" in said
    assert "between 45.0 and 65.0 for a single draw, against 85.0" in said
