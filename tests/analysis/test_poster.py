"""The poster's table in print and measured, and how their orders are compared."""

from dataclasses import replace

import pandas as pd
import pytest
from sampled import MANY, sampled

from zsad.analysis.corruption import Sampled
from zsad.analysis.differences import Difference
from zsad.analysis.leagues import of_printed
from zsad.analysis.poster import (
    absent_from,
    as_printed,
    comparisons,
    measured_table,
    partly,
    poster_sentence,
    printed_table,
)
from zsad.analysis.published import OTHER, SAME, TIE, UNDECIDED, Comparison, comparison_table
from zsad.study.project import project_root
from zsad.study.suites import DOMAINS

WHOLE = {"beans": MANY, "pcb": MANY}
ROWS = pd.read_csv(project_root() / "results" / "published" / "poster_table.csv")
TITLES = {"winclip": "WinCLIP", "text_fnn": "text FNN", "toy": "Toy of one line"}
FOUND = sampled({"text_fnn": {0: 0.9, 3: 0.7}, "winclip": {0: 0.85, 3: 0.8}})


def domains_of(estimates: dict[str, dict[str, float]]) -> Sampled:
    """detector -> domain -> image AUROC."""
    found = sampled({name: dict(enumerate(values.values())) for name, values in estimates.items()})
    names = dict(enumerate(next(iter(estimates.values()))))
    one = found.records[(found.records["setting"] == "contrast") & (found.records["category"] == "pcb")]
    return Sampled(one.assign(suite="demo-aebad", domain=one["value"].map(names)), found.draws)


@pytest.fixture(autouse=True)
def _suite_of_two(monkeypatch):
    monkeypatch.setattr("zsad.study.whole.whole_counts", lambda suite: WHOLE)
    monkeypatch.setattr("zsad.study.whole._images_of_domains", lambda suite: 4 * MANY)


@pytest.mark.parametrize(
    ("printed", "low", "high", "verdict"),
    [(3.0, 1.0, 5.0, SAME), (-3.0, 1.0, 5.0, OTHER), (3.0, -5.0, -1.0, OTHER), (-1.0, -5.0, -1.0, SAME),
     (3.0, -1.0, 5.0, UNDECIDED), (0.0, 1.0, 5.0, TIE), (0.0, -1.0, 5.0, UNDECIDED)],
)  # fmt: skip
def test_an_order_is_borne_out_only_by_an_interval_that_excludes_0(printed, low, high, verdict):
    measured = Difference((low + high) / 2, low, high, 2)
    found = Comparison("text FNN", "WinCLIP", "demo-visa", "VisA", "x", printed, measured)
    assert found.verdict == verdict
    assert found.as_large == (low <= printed <= high)
    (row,) = comparison_table([found], "poster").to_dict("records")
    assert (row["text FNN against"], row["data set"]) == ("WinCLIP", "demo-visa (VisA)")
    assert (row["poster"], row["which is ahead"]) == (printed, verdict)


def test_the_conclusion_counts_and_names_disagreement():
    def case(low, high, second="WinCLIP"):
        measured = Difference((low + high) / 2, low, high, 2)
        return Comparison("text FNN", second, "demo-visa", "VisA", "mean of four corruptions", 3.8, measured)

    text = poster_sentence([case(-3, -1), case(-1, 1, "RWDA"), case(1, 3, "CLIP")], {})
    assert "borne out in 1, reversed in 1, and statistically undecided in 1" in text
    assert "−2.0 (−3.0 to −1.0) points from WinCLIP; the poster prints +3.8 on VisA: the other order" in text
    assert "The demo world disagrees with the poster here: WinCLIP on demo-visa (mean of four corruptions)." in text
    assert "lies in the measured interval in 0." in text
    assert "disagrees" not in poster_sentence([case(1, 3)], {})
    real = replace(case(-3, -1), suite="AeBAD", data_set="AeBAD", what="mean of its domains")
    assert "This study disagrees with the poster here: WinCLIP on AeBAD" in poster_sentence([real], {})


def test_the_printed_means_are_those_of_the_four_corruptions():
    league = of_printed(pd.read_csv(project_root() / "results" / "published" / "leagues.csv"), "image")
    table = printed_table(as_printed(ROWS), league).set_index("method")
    for data_set in ("MVTec AD", "VisA"):
        four = table[[f"{data_set} {kind}" for kind in ("brightness", "contrast", "blur", "noise")]].mean(axis=1)
        assert (four - table[f"{data_set} mean"]).abs().max() <= 0.051
    assert table.loc["AnomalyCLIP", "league"] == "auxiliary anomalies"
    assert table.loc["text FNN (theirs)", "league"] == "text only"


def test_the_measured_table_calls_domains_by_their_suite():
    domains = domains_of({"text_fnn": {"same": 0.9, "view": 0.7}, "winclip": {"same": 0.6, "view": 0.5}})
    table = measured_table(FOUND, domains, TITLES).set_index(["method", "column"])["estimate"]
    assert table["text FNN", "demo-aebad"] == pytest.approx(80)
    assert table["text FNN", "demo-visa mean"] == pytest.approx(70)
    assert table["WinCLIP", "demo-visa none"] == pytest.approx(85)
    assert "AeBAD" not in table.index.get_level_values("column")


def test_a_detector_that_the_poster_does_not_print_has_its_title_in_the_measured_table():
    found = sampled({"toy": {0: 0.9, 3: 0.7}, "winclip": {0: 0.85, 3: 0.8}})
    assert measured_table(found, None, TITLES)["method"].unique().tolist() == ["WinCLIP", "Toy of one line"]


def test_a_detector_whose_title_is_printed_is_measured_and_compared_beside_its_row():
    titles = {"winclip": "WinCLIP", "text_fnn": "text FNN", "one of these days": "MAEDAY"}
    levels = {0: 0.9, 3: 0.7}
    found = sampled({"winclip": levels, "text_fnn": levels, "one of these days": {0: 0.6, 3: 0.5}})
    assert measured_table(found, None, titles)["method"].unique().tolist() == ["MAEDAY", "WinCLIP", "text FNN"]
    compared = {(c.second, c.what): c for c in comparisons(found, None, as_printed(ROWS), titles)}
    against = compared["MAEDAY", "no corruption"]
    printed = ROWS.set_index(["method", "dataset", "shift"])["value"]
    theirs = printed["Poster method (text FNN)", "VisA", "none"] - printed["MAEDAY", "VisA", "none"]
    assert (against.printed, against.measured.value) == pytest.approx((theirs, 30))
    missing = ["ACR", "CLIP", "CLIP-AC", "RWDA", "AnomalyCLIP", "RWDA, random tokens", "RWDA, object unknown"]
    assert absent_from(found.detectors, titles) == missing


def test_differences_are_compared_with_the_printed_ones():
    domains = domains_of(
        {label: dict.fromkeys(DOMAINS, value) for label, value in (("text_fnn", 0.9), ("winclip", 0.6))}
    )
    found = {(c.data_set, c.what): c for c in comparisons(FOUND, domains, as_printed(ROWS), TITLES)}
    assert len(found) == 3
    against = found["VisA", "mean of four corruptions"]
    assert (against.measured.value, against.measured.low) == pytest.approx((-10, -10))  # paired: the draws cancel
    assert found["VisA", "no corruption"].measured.value == pytest.approx(5)
    printed = ROWS.set_index(["method", "dataset", "shift"])["value"]
    theirs = printed["Poster method (text FNN)", "AeBAD", "unspecified"] - printed["WinCLIP", "AeBAD", "unspecified"]
    assert found["AeBAD", "mean of its domains"].printed == pytest.approx(theirs)
    alone = FOUND.records[FOUND.records["detector"] == "winclip"].assign(suite="demo-mvtec")
    with_one = replace(FOUND, records=pd.concat([alone, FOUND.records], ignore_index=True))
    assert comparisons(with_one, domains, as_printed(ROWS), TITLES) == list(found.values()), "of both, or of neither"
    assert comparisons(sampled({"clip": {0: 0.9, 3: 0.8}}), None, as_printed(ROWS), {"clip": "CLIP"}) == []


def test_a_part_of_a_data_set_is_not_held_against_the_poster_and_it_is_said(monkeypatch):
    """As of a run with some categories, with --limit, or with some domains of AeBAD."""
    levels = {"text_fnn": 0.9, "winclip": 0.6}
    few = domains_of({label: {"same": value, "view": value} for label, value in levels.items()})
    printed, named = as_printed(ROWS), "text FNN, WinCLIP"
    assert {c.data_set for c in comparisons(FOUND, few, printed, TITLES)} == {"VisA"}
    monkeypatch.setattr("zsad.study.whole.whole_counts", lambda suite: {**WHOLE, "cashew": MANY})
    assert comparisons(FOUND, few, printed, TITLES) == []
    said = poster_sentence([], partly(FOUND, few, TITLES))
    assert said == (
        f"Not held against print, which is of whole test splits: {named} on demo-visa (2 of 3 categories); {named} on "
        "demo-aebad (2 of 4 domains)."
    )
    every = domains_of({label: dict.fromkeys(DOMAINS, value) for label, value in levels.items()})
    assert [c.data_set for c in comparisons(FOUND, every, printed, TITLES)] == ["AeBAD"]
    monkeypatch.setattr("zsad.study.whole._images_of_domains", lambda suite: 5 * MANY)
    assert comparisons(FOUND, every, printed, TITLES) == []
    missing = partly(FOUND, every, TITLES)
    assert missing["demo-aebad", "WinCLIP"] == "4,000,000,000 of 5,000,000,000 images"
    assert poster_sentence([], partly(sampled({"clip": {0: 0.9}}), None, TITLES)).startswith("The study lacks")
