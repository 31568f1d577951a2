"""Print and measurement side by side: a category with its own, a suite's mean only where it is one of the whole."""

import pandas as pd
import pytest

from zsad.analysis import beside_print, unshifted
from zsad.data.counts import TEST_COUNTS
from zsad.study.whole import lacking, whole_counts

MVTEC = {category: sum(counts) for category, counts in TEST_COUNTS["mvtec_ad"].items()}


def printed(*rows: tuple[str, str, float, str]) -> pd.DataFrame:
    """Of MVTec AD: category, metric, value, evidence."""
    frame = pd.DataFrame(rows, columns=["category", "metric", "value", "evidence"])
    return frame.assign(method="WinCLIP", dataset="MVTec AD")


PRINTED = printed(
    ("mean", "image_auroc", 91.8, "source"),
    ("mean", "pixel_aupro", 64.6, "recalled"),
    ("transistor", "image_auroc", 88.0, "source"),
    ("transistor", "pixel_aupro", 50.0, "recalled"),
    ("bottle", "image_auroc", 99.2, "source"),
)
MEANS = unshifted.printed_means(PRINTED)


def records(suite: str, images: dict[str, int], metric: str = "image_auroc", estimate: float = 0.9) -> pd.DataFrame:
    frame = pd.DataFrame({"suite": suite, "category": list(images), "n_images": list(images.values())})
    return frame.assign(metric=metric, estimate=estimate, low=estimate - 0.04, high=estimate + 0.02)


def test_a_whole_suite_has_its_mean_beside_print_with_an_interval():
    row, other = beside_print.means_beside_print(MEANS, records("mvtec_ad", MVTEC)).to_dict("records")
    assert (row["measured on"], row["checked"], row["measured"]) == ("mvtec_ad", "yes", "90.0")
    assert row["difference"] == "−1.8 (−2.8 to −1.3)", "the mean of 15 has an interval narrower by the root of 15"
    assert (other["metric"], other["checked"], other["measured"], other["difference"]) == ("aupro", "no", "–", "–")


@pytest.mark.parametrize(
    ("images", "said"),
    [
        ({"transistor": 100}, "no mean: 1 of 15 categories"),
        ({**MVTEC, "transistor": 8}, "no mean: transistor: 8 of 100 images"),
        (dict.fromkeys(MVTEC, 8), "no mean: 15 categories with other images than all (bottle: 8 of 83 images)"),
    ],
)
def test_a_part_of_a_suite_has_no_mean_beside_that_of_the_whole(images, said):
    row = beside_print.means_beside_print(MEANS, records("mvtec_ad", images)).iloc[0]
    assert row["measured"] == said
    assert row["difference"] == "–"


def test_a_demo_suite_is_whole_with_all_that_is_drawn():
    whole = whole_counts("demo-mvtec")
    assert whole["washer"] == 245
    assert sum(whole_counts("demo-visa").values()) == 4 * 800
    row = beside_print.means_beside_print(MEANS, records("demo-mvtec", whole)).iloc[0]
    assert (row["measured on"], row["measured"]) == ("demo-mvtec", "90.0")
    assert lacking("demo-mvtec", {**whole, "washer": 16}) == "washer: 16 of 245 images"
    assert lacking("parts", {"bracket": 3}) == "", "nobody knows how many there are"
    assert lacking("demo-aebad", {}) == "", "its domains are suites of their own"


def test_each_category_stands_beside_its_own_printed_number():
    measured = pd.concat(
        [
            records("mvtec_ad", {"transistor": 8}, estimate=0.8),
            records("mvtec_ad", {"transistor": 8}, "aupro", 0.5),
            records("demo-mvtec", {"bottle": 9}),
        ]
    )
    found = beside_print.categories_beside_print(PRINTED, measured)
    assert list(found["metric"]) == ["image_auroc", "aupro"], "a demo category is another world"
    first = found.iloc[0]
    assert first[["difference", "low", "high"]].tolist() == pytest.approx([-8, -12, -6])
    table = beside_print.in_words(found, {"image_auroc": "image AUROC"})
    assert list(table.iloc[0]) == [
        "mvtec_ad", "transistor", "image AUROC", "8 of 100", "88.0", "80.0", "−8.0 (−12.0 to −6.0)"
    ]  # fmt: skip
    assert beside_print.sentence(found) == (
        "Of 2 numbers that are in print and were measured here, 1 differ from print by more than the 95 % interval of "
        "the measurement; the largest difference is 8.0 points."
    )
    assert beside_print.categories_beside_print(PRINTED, records("demo-mvtec", {"bottle": 9})).empty


def test_below_the_mean_of_a_part_nothing_is_printed():
    whole = whole_counts("demo-mvtec")
    levels = unshifted.with_means(records("demo-mvtec", whole))
    assert list(unshifted.levels_table(levels, MEANS)["category"])[-2:] == ["mean", "published mean"]
    part = unshifted.with_means(records("demo-mvtec", {"washer": 245, "wood": 245}))
    assert list(unshifted.levels_table(part, MEANS)["category"]) == ["washer", "wood", "mean (2 of 6 categories)"]
