"""What a few good images change, from records written down by hand."""

import numpy as np
import pandas as pd
import pytest

from zsad.analysis import few_shot
from zsad.analysis.differences import by_key
from zsad.study.config import Study

GIVEN = {"winclip": 0, "one": 1, "four": 4}
LEAGUES = {"winclip": "text only", "one": "few-shot", "four": "few-shot"}
ESTIMATES = {"winclip": 0.7, "one": 0.75, "four": 0.65}
SWING = np.linspace(-0.3, 0.3, 50)  # all detectors' draws swing alike: only a paired interval is narrow
PRINTED = pd.DataFrame(
    [
        ("WinCLIP", "MVTec AD", "mean", "image_auroc", 91.8),
        ("WinCLIP+ 1-shot", "MVTec AD", "mean", "image_auroc", 93.1),
        ("WinCLIP+ 4-shot", "MVTec AD", "mean", "pixel_aupro", 89.0),
        ("WinCLIP+ 1-shot", "VisA", "mean", "image_auroc", 83.8),
    ],
    columns=["method", "dataset", "category", "metric", "value"],
)


def world(doubt: float = 0.0, without: tuple[tuple[str, str], ...] = ()):
    """Two products of demo-mvtec; references make draws swing by `doubt` more; `without`: (product, detector)."""
    rows, draws = [], []
    for category in ("nut", "bottle_cap"):
        for detector, value in ESTIMATES.items():
            if (category, detector) in without:
                continue
            key = f"{detector} {category}"
            swing = value + SWING * (1 + doubt * (detector != "winclip"))
            draws.append(pd.DataFrame({"replicate": range(50), **dict.fromkeys(few_shot.METRICS, swing), "key": key}))
            rows += [
                {"suite": "demo-mvtec", "category": category, "detector": detector, "metric": metric, "key": key,
                 "estimate": value, "low": value - 0.1, "high": value + 0.1, "n_images": 2000, "n_anomalous": 1000}
                for metric in few_shot.METRICS
            ]  # fmt: skip
    return pd.DataFrame(rows), {metric: by_key(pd.concat(draws), metric) for metric in few_shot.METRICS}


def test_a_study_says_how_many_each_is_given():
    few = [{"name": "winclip_plus", "label": label, "options": {"references": n}} for label, n in (("b", 4), ("a", 1))]
    none = {"name": "winclip_plus", "label": "none", "options": {}}
    fields = {"name": "s", "suites": {"demo-mvtec": {}}, "backbones": ["demo-b"]}
    study = Study.model_validate({**fields, "detectors": ["winclip", "clip", *few, none]})
    assert list(few_shot.counts(study).items()) == [("winclip", 0), ("a", 1), ("b", 4)]
    assert few_shot.counts(Study.model_validate({**fields, "detectors": ["winclip", none]})) == {}


def test_products_that_one_lacks_are_left_out_for_all_and_a_suite_of_one_detector_too():
    records, _ = world(without=(("bottle_cap", "four"),))
    assert set(few_shot.on_the_same(records)["category"]) == {"nut"}
    assert len(few_shot.on_the_same(records[records["detector"] != "four"])["category"].unique()) == 2
    assert few_shot.on_the_same(records[records["detector"] == "winclip"]).empty


def test_the_finding_turns_with_the_records_and_is_paired():
    records, draws = world()
    said = few_shot.sentence(few_shot.changed(records, draws, GIVEN), records)
    assert said.startswith(
        "On demo-mvtec (4,000 test images of nut and bottle cap) image AUROC is 70.0 % without a good picture, "
        "+5.0 (+5.0 to +5.0) points with 1, −5.0 (−5.0 to −5.0) points with 4; misses are 70.0 %, +5.0"
    )
    alone = few_shot.changed(records[~records["metric"].isin(["misses", "false_alarms"])], draws, GIVEN)
    assert "misses" not in few_shot.sentence(alone, records), "without training images there is no threshold"
    unsure = few_shot.sentence(few_shot.changed(*world(doubt=2), GIVEN), records)
    assert ") points with 1 (undecided), " in unsure


def test_a_table_has_each_number_of_references_with_its_league_and_what_is_printed(monkeypatch):
    monkeypatch.setattr("zsad.study.whole.whole_counts", lambda suite: {"nut": 2000, "bottle_cap": 2000})
    records, draws = world()
    found = few_shot.changed(records, draws, GIVEN)
    table = few_shot.table(records, found, GIVEN, LEAGUES, PRINTED, ["image_auroc", "aupro"])
    assert table["references"].tolist() == [0, 1, 4]
    assert table["league"].tolist() == ["text only", "few-shot", "few-shot"]
    assert table["products"].tolist() == ["2", "2", "2"]
    assert table["iAUROC, change"].tolist() == ["–", "+5.0 (+5.0 to +5.0)", "−5.0 (−5.0 to −5.0)"]
    assert table["iAUROC, printed"].tolist() == ["91.8", "93.1", "–"]
    assert table["AUPRO, printed"].tolist() == ["–", "–", "89.0"]
    assert table.loc[1, "iAUROC"] == "75.0 (67.9 to 82.1)"
    fewer = few_shot.table(records[records["detector"] != "one"], found, GIVEN, LEAGUES, PRINTED, ["image_auroc"])
    assert fewer["references"].tolist() == [0, 4], "what is not kept has no row"


def test_the_mean_of_some_products_stands_beside_nothing_printed():
    records, draws = world()
    table = few_shot.table(records, few_shot.changed(records, draws, GIVEN), GIVEN, LEAGUES, PRINTED, ["image_auroc"])
    assert not any("printed" in column for column in table)
    assert table["products"].tolist() == 3 * ["2 (1 of 6 categories)"], "demo-mvtec has a bottle cap, and no nut"


def test_the_figure_has_a_row_a_number_of_references():
    rows = few_shot.forest(few_shot.changed(*world(), GIVEN))
    assert list(dict.fromkeys(rows["row"])) == ["demo-mvtec, 1 picture", "demo-mvtec, 4 pictures"]
    assert rows["estimate"].tolist() == pytest.approx([5] * 5 + [-5] * 5)
