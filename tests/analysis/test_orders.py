"""The order of methods within a league: only what one source prints side by side, on the same images."""

import numpy as np
import pandas as pd
import pytest
from made_up import measured

from zsad.analysis.orders import POSTER, Order, order_table, orders, orders_in_words, side_by_side
from zsad.analysis.poster import as_printed
from zsad.analysis.published import OTHER, SAME, UNDECIDED
from zsad.study.config import project_root

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


def of(found: list[Order]) -> dict[tuple[str, str, str], Order]:
    return {(c.metric, c.first, c.second): c for c in found}


def test_two_methods_are_compared_in_every_metric_where_one_source_prints_both():
    found = of(orders(RECORDS, DRAWS, LEAGUES, TITLES, SOURCES))
    told = {pair: (c.source, round(c.printed, 1), c.verdict) for pair, c in found.items()}
    one = "AnomalyCLIP (ICLR 2024) Table 1"
    assert told == {
        ("image_auroc", "WinCLIP", "CLIP"): (POSTER, 18.0, SAME),
        ("image_auroc", "WinCLIP", "APRIL-GAN"): (README, 5.7, OTHER),
        ("image_auroc", "MuSc", "ACR"): (README, 12.0, SAME),
        ("pixel_auroc", "WinCLIP", "CLIP"): (one, 46.7, SAME),
        ("pixel_auroc", "APRIL-GAN", "AnomalyCLIP"): (README, -3.5, OTHER),
        ("pixel_auroc", "MuSc", "ACR"): (README, 4.8, SAME),
    }
    assert found["image_auroc", "WinCLIP", "CLIP"].measured.value == pytest.approx(15.0)


def test_what_different_sources_print_is_not_compared():
    """CLIP and APRIL-GAN are both printed, each by a source that lacks the other."""
    assert {(label, "MVTec AD", "image_auroc") for label in ("clip", "april_gan")} <= {
        k for s in SOURCES.values() for k in s
    }
    assert ("image_auroc", "CLIP", "APRIL-GAN") not in of(orders(RECORDS, DRAWS, LEAGUES, TITLES, SOURCES))
    alone = {"one": {("clip", "MVTec AD", "image_auroc"): 1.0}, "two": {("winclip", "MVTec AD", "image_auroc"): 2.0}}
    assert orders(RECORDS, DRAWS, LEAGUES, TITLES, alone) == []
    other = {"one": {("clip", "MVTec AD", "image_auroc"): 1.0, ("winclip", "VisA", "image_auroc"): 2.0}}
    assert orders(RECORDS, DRAWS, LEAGUES, TITLES, other) == []
    assert orders(RECORDS.assign(suite="toys"), DRAWS, LEAGUES, TITLES, SOURCES) == []


def test_a_method_measured_on_less_is_compared_on_the_products_that_both_have_and_it_is_said():
    found = orders(RECORDS, DRAWS, LEAGUES, TITLES, SOURCES)
    batch = of(found)["image_auroc", "MuSc", "ACR"]
    assert batch.measured.value == pytest.approx(20.0)
    row = order_table([batch]).to_dict("records")[0]
    assert (row["products"], row["printed in"], row["printed order"]) == ("1 of 2", README, "holds")
    assert row["measured"] == "+20.0 (+20.0 to +20.0)"
    assert orders_in_words(found).endswith(
        "and statistically undecided in 0; 2 of them on a part of the suite's products alone"
    )
    lacking = RECORDS[~((RECORDS["detector"] == "acr") & (RECORDS["category"] == "b"))]
    assert ("image_auroc", "MuSc", "ACR") not in of(orders(lacking, DRAWS, LEAGUES, TITLES, SOURCES))


def test_the_interval_says_whether_the_printed_order_holds():
    records, draws = measured({key: value for key, value in VALUES.items() if key[0] in ("winclip", "clip")})
    keys = records.loc[records["detector"] == "clip", "key"].unique()
    draws["image_auroc"][list(keys)] += np.linspace(-0.5, 0.5, len(draws["image_auroc"]))[:, None]
    (found,) = orders(records, draws, {"image_auroc": SCORES}, TITLES, SOURCES)
    assert found.verdict == UNDECIDED
    assert order_table([found])["printed order"].tolist() == ["undecided"]
    assert orders_in_words([found]) == (
        "of 1 comparisons the printed order is borne out in 0 (image AUROC 0 of 1), reversed in 0, and statistically "
        "undecided in 1"
    )
    swapped, draws = measured({key: 1.6 - value for key, value in VALUES.items()})
    (row,) = order_table(
        orders(swapped, draws, {"image_auroc": {"winclip": "x", "clip": "x"}}, TITLES, SOURCES)
    ).to_dict("records")
    assert (row["printed"], row["printed order"]) == (pytest.approx(18.0), "is reversed")


def test_what_is_only_recalled_stands_in_no_source():
    said = [rows.assign(evidence="recalled") for rows in ROWS]
    assert list(side_by_side(PRINTED, said, TITLES)) == [POSTER]
