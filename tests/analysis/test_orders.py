"""The order of methods within a league: only what one source prints side by side, on the same images."""

import numpy as np
import pandas as pd
import pytest
from made_up import measured

from zsad.analysis.orders import POSTER, Order, order_table, orders, orders_in_words, side_by_side
from zsad.analysis.poster import as_printed
from zsad.analysis.published import OTHER, SAME, UNDECIDED, not_compared
from zsad.study.project import project_root

PUBLISHED = project_root() / "results" / "published"
PRINTED = as_printed(pd.read_csv(PUBLISHED / "poster_table.csv"))
ROWS = [pd.read_csv(PUBLISHED / f"{name}.csv") for name in ("side_by_side", "fields_best", "baselines")]
TITLES = {"winclip": "WinCLIP", "clip": "CLIP", "april_gan": "APRIL-GAN", "anomalyclip": "AnomalyCLIP",
          "musc": "MuSc", "acr": "ACR"}  # fmt: skip
SCORES = {"winclip": "text only", "clip": "text only", "april_gan": "text only", "anomalyclip": "auxiliary anomalies",
          "musc": "test batch", "acr": "test batch"}  # fmt: skip
LEAGUES = {"image_auroc": SCORES, "pixel_auroc": {**SCORES, "april_gan": "auxiliary anomalies"}}
SOURCES = side_by_side(PRINTED, ROWS, TITLES)
README = "xrli-U/MuSc README"
VALUES = {("winclip", "a"): 0.8, ("winclip", "b"): 0.9, ("clip", "a"): 0.7, ("clip", "b"): 0.7,
          ("april_gan", "a"): 0.9, ("april_gan", "b"): 0.9, ("anomalyclip", "a"): 0.6, ("anomalyclip", "b"): 0.6,
          ("acr", "a"): 0.5, ("acr", "b"): 0.7, ("musc", "b"): 0.9}  # fmt: skip
RECORDS, DRAWS = measured(VALUES)
WHOLE = RECORDS[~RECORDS["detector"].isin(["musc", "acr"])]  # the others were not measured on all products


@pytest.fixture(autouse=True)
def _suite_of_two(monkeypatch):
    monkeypatch.setattr("zsad.study.whole.whole_counts", lambda suite: {"a": 10**9, "b": 10**9})


def of(found: list[Order]) -> dict[tuple[str, str, str], Order]:
    return {(c.metric, c.first, c.second): c for c in found}


def test_two_methods_are_compared_in_every_metric_where_one_source_prints_both():
    found = of(orders(WHOLE, DRAWS, LEAGUES, TITLES, SOURCES)[0])
    told = {pair: (c.source, round(c.printed, 1), c.verdict) for pair, c in found.items()}
    one = "AnomalyCLIP (ICLR 2024) Table 1"
    assert told == {
        ("image_auroc", "WinCLIP", "CLIP"): (POSTER, 18.0, SAME),
        ("image_auroc", "WinCLIP", "APRIL-GAN"): (README, 5.7, OTHER),
        ("pixel_auroc", "WinCLIP", "CLIP"): (one, 46.7, SAME),
        ("pixel_auroc", "APRIL-GAN", "AnomalyCLIP"): (README, -3.5, OTHER),
    }
    assert found["image_auroc", "WinCLIP", "CLIP"].measured.value == pytest.approx(15.0)


def test_what_different_sources_print_is_not_compared():
    """CLIP and APRIL-GAN are both printed, each by a source that lacks the other."""
    assert {(label, "MVTec AD", "image_auroc") for label in ("clip", "april_gan")} <= {
        k for s in SOURCES.values() for k in s
    }
    assert ("image_auroc", "CLIP", "APRIL-GAN") not in of(orders(RECORDS, DRAWS, LEAGUES, TITLES, SOURCES)[0])
    alone = {"one": {("clip", "MVTec AD", "image_auroc"): 1.0}, "two": {("winclip", "MVTec AD", "image_auroc"): 2.0}}
    assert orders(RECORDS, DRAWS, LEAGUES, TITLES, alone) == ([], {})
    other = {"one": {("clip", "MVTec AD", "image_auroc"): 1.0, ("winclip", "VisA", "image_auroc"): 2.0}}
    assert orders(RECORDS, DRAWS, LEAGUES, TITLES, other) == ([], {})
    assert orders(RECORDS.assign(suite="toys"), DRAWS, LEAGUES, TITLES, SOURCES) == ([], {})


def test_a_method_measured_on_a_part_of_the_suite_is_not_held_against_print_and_it_is_said():
    found, missing = orders(RECORDS, DRAWS, LEAGUES, TITLES, SOURCES)
    assert ("image_auroc", "MuSc", "ACR") not in of(found)
    assert missing == {("demo-mvtec", "MuSc"): "1 of 2 categories"}
    assert not_compared(missing) == (
        "Not held against print, which is of whole test splits: MuSc on demo-mvtec (1 of 2 categories)."
    )
    row = order_table([of(found)["image_auroc", "WinCLIP", "CLIP"]]).to_dict("records")[0]
    assert (row["products"], row["printed in"], row["printed order"]) == (2, POSTER, "holds")
    assert row["measured"] == "+15.0 (+15.0 to +15.0)"


def test_some_categories_or_some_images_of_a_data_set_are_not_held_against_print(monkeypatch):
    """As of a run with two categories of MVTec AD, or with --limit."""
    real = WHOLE.assign(suite="mvtec_ad")
    monkeypatch.setattr("zsad.study.whole.whole_counts", lambda suite: {"a": 10**9, "b": 10**9, "c": 1})
    found, missing = orders(real, DRAWS, LEAGUES, TITLES, SOURCES)
    assert found == []
    assert not_compared(missing).endswith("WinCLIP, CLIP, APRIL-GAN, AnomalyCLIP on mvtec_ad (2 of 3 categories).")
    monkeypatch.setattr("zsad.study.whole.whole_counts", lambda suite: {"a": 10**9, "b": 2 * 10**9})
    found, missing = orders(real, DRAWS, LEAGUES, TITLES, SOURCES)
    assert found == []
    assert missing["mvtec_ad", "CLIP"] == "b: 1000000000 of 2000000000 images"


def test_the_interval_says_whether_the_printed_order_holds():
    records, draws = measured({key: value for key, value in VALUES.items() if key[0] in ("winclip", "clip")})
    keys = records.loc[records["detector"] == "clip", "key"].unique()
    draws["image_auroc"][list(keys)] += np.linspace(-0.5, 0.5, len(draws["image_auroc"]))[:, None]
    ((found,), _) = orders(records, draws, {"image_auroc": SCORES}, TITLES, SOURCES)
    assert found.verdict == UNDECIDED
    assert order_table([found])["printed order"].tolist() == ["undecided"]
    assert orders_in_words([found]) == (
        "of 1 comparisons the printed order is borne out in 0 (image AUROC 0 of 1), reversed in 0, and statistically "
        "undecided in 1"
    )
    swapped, draws = measured({key: 1.6 - value for key, value in VALUES.items()})
    (row,) = order_table(
        orders(swapped, draws, {"image_auroc": {"winclip": "x", "clip": "x"}}, TITLES, SOURCES)[0]
    ).to_dict("records")
    assert (row["printed"], row["printed order"]) == (pytest.approx(18.0), "is reversed")


def test_what_is_only_recalled_stands_in_no_source():
    said = [rows.assign(evidence="recalled") for rows in ROWS]
    assert list(side_by_side(PRINTED, said, TITLES)) == [POSTER]
