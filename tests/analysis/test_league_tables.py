"""Tables of leagues: what is measured, what is printed of it, and what stands on fewer categories."""

from dataclasses import replace

import pandas as pd
import pytest
from made_up import measured

from zsad.analysis.league_tables import (
    finding,
    images_in_words,
    in_print,
    levels,
    methods_by_league,
    partly_measured,
    rules,
    variants,
    variants_sentence,
    variants_table,
)
from zsad.analysis.orders import orders, side_by_side
from zsad.analysis.poster import as_printed
from zsad.study import load_study
from zsad.study.config import Study
from zsad.study.project import project_root

PUBLISHED = project_root() / "results" / "published"
POSTER = as_printed(pd.read_csv(PUBLISHED / "poster_table.csv"))
PAPERS = pd.read_csv(PUBLISHED / "fields_best.csv")
TITLES = {"winclip": "WinCLIP", "clip": "CLIP", "april_gan": "APRIL-GAN", "musc": "MuSc", "seed 1": "seed 1"}
LEAGUES = {"musc": "test batch", "winclip": "text only", "clip": "text only", "april_gan": "auxiliary anomalies"}
VALUES = {("winclip", "a"): 0.8, ("winclip", "b"): 0.9, ("clip", "a"): 0.7, ("clip", "b"): 0.7, ("musc", "b"): 0.95}
RECORDS, DRAWS = measured(VALUES)


@pytest.fixture(autouse=True)
def _suites_of_few(monkeypatch):
    whole = {"demo-mvtec": {"a": 10**9, "b": 10**9}, "demo-visa": {"c": 10**9}}
    monkeypatch.setattr("zsad.study.whole.whole_counts", whole.__getitem__)


def test_a_league_is_told_by_what_makes_it_and_what_it_was_never_shown():
    table = rules(["test batch", "no text", "text only", "text only", "auxiliary anomalies"]).set_index("league")
    assert list(table.index) == ["text only", "no text", "auxiliary anomalies", "test batch"]
    assert table["knows anomalies from"].tolist() == [
        "captions", "nothing", "anomalies of other products", "test images"
    ]  # fmt: skip
    assert table.loc["no text", "was never shown"].endswith("masks of damage of other products, captions")
    assert "captions" not in table.loc["text only", "was never shown"]
    assert table.loc["test batch", "was never shown"] == "–"
    known = rules(["test batch", "text only"], {"test batch": ["captions"]}).set_index("league")["was never shown"]
    assert known["test batch"] == "captions"
    assert known["text only"] == table.loc["text only", "was never shown"]


def test_what_the_poster_lacks_comes_from_the_methods_own_paper():
    found = in_print(POSTER, PAPERS, TITLES)
    assert found["winclip", "MVTec AD", "image_auroc"] == POSTER.loc["WinCLIP", ("MVTec AD", "none")]
    own = PAPERS[(PAPERS["method"] == "MuSc (ICLR 2024)") & (PAPERS["dataset"] == "VisA")].set_index("metric")["value"]
    assert found["musc", "VisA", "image_auroc"] == own["image_auroc"]
    assert found["musc", "VisA", "aupro"] == own["pixel_aupro"]
    assert ("april_gan", "MVTec AD", "pixel_auroc") in found
    assert not [key for key in found if key[0] == "seed 1"]


def test_methods_stand_by_league_beside_what_is_printed_and_say_where_categories_are_missing():
    table = methods_by_league(RECORDS, LEAGUES, TITLES, ["image_auroc"], in_print(POSTER, PAPERS, TITLES))
    assert table[["league", "method"]].to_numpy().tolist() == [
        ["text only", "WinCLIP"], ["text only", "CLIP"], ["test batch", "MuSc"]
    ]  # fmt: skip
    assert table["demo-mvtec iAUROC"].str[:4].tolist() == ["85.0", "70.0", "95.0"]
    assert table["demo-mvtec iAUROC"].str.endswith("(1 of 2 categories)").tolist() == [False, False, True]
    assert table["MVTec AD, printed iAUROC"].tolist() == ["91.8", "73.8", "–"], "one of two categories"
    assert methods_by_league(RECORDS, LEAGUES, TITLES, ["image_auroc"], {}).iloc[0, -1] == "–"


@pytest.mark.parametrize(
    ("whole", "said"),
    [({"a": 10**9, "b": 10**9, "c": 10**9}, "2 of 3 categories"),
     ({"a": 10**9, "b": 2 * 10**9}, "b: 1000000000 of 2000000000 images")],
)  # fmt: skip
def test_a_part_of_a_suite_stands_beside_nothing_printed_and_it_is_said_what_is_lacking(monkeypatch, whole, said):
    """As of a run with some of the categories, or with --limit, where no method has fewer than another."""
    monkeypatch.setattr("zsad.study.whole.whole_counts", lambda suite: whole)
    both = RECORDS[RECORDS["detector"] != "musc"]
    table = methods_by_league(both, LEAGUES, TITLES, ["image_auroc"], in_print(POSTER, PAPERS, TITLES))
    assert table["demo-mvtec iAUROC"].str.endswith(f" ({said})").all()
    assert table["MVTec AD, printed iAUROC"].tolist() == ["–", "–"]
    found = levels(both, LEAGUES, TITLES, ["image_auroc"])
    assert images_in_words(found) == f"demo-mvtec: 2,000,000,000 test images of 2 categories ({said})"
    compared = orders(both, DRAWS, {"image_auroc": LEAGUES}, TITLES, side_by_side(POSTER, [PAPERS], TITLES))
    assert finding(compared[0], found, compared[1]).startswith(
        f"Not held against print, which is of whole test splits: WinCLIP, CLIP on demo-mvtec ({said}). Without a shift"
    )


def test_of_a_whole_suite_the_images_are_counted():
    found = levels(RECORDS, LEAGUES, TITLES, ["image_auroc"])
    assert images_in_words(found) == "demo-mvtec: 2,000,000,000 test images of 2 categories"


def test_who_is_measured_on_fewer_categories_is_named_for_every_suite():
    visa, _ = measured({("winclip", "c"): 0.7, ("clip", "c"): 0.7}, "demo-visa")
    found = levels(pd.concat([RECORDS, visa]), LEAGUES, TITLES, ["image_auroc"])
    assert partly_measured(found) == (
        "MuSc is measured on 1 of 2 categories of demo-mvtec, on 0 of 1 categories of demo-visa: its numbers stand "
        "beside those of other images."
    )
    assert partly_measured(found[found["method"] != "MuSc"]) == ""


def test_the_finding_counts_orders_and_leaves_out_who_was_measured_on_less():
    found = levels(RECORDS, LEAGUES, TITLES, ["image_auroc"])
    sources = side_by_side(POSTER, [PAPERS], TITLES)
    compared, missing = orders(RECORDS, DRAWS, {"image_auroc": LEAGUES}, TITLES, sources)
    said = finding(compared, found, missing)
    assert said.startswith("Within a league who is ahead is mostly as printed: of 1 comparisons the printed order is ")
    assert "between 70.0 (69.3 to 70.7) % (CLIP, text only) and 85.0 (84.3 to 85.7) % (WinCLIP, text only)" in said
    assert said.endswith("on 2,000,000,000 images of 2 products.")
    assert finding([], found, {}).startswith("No two methods of one league are both measured and printed.")
    swapped, draws = measured({key: 1.6 - value for key, value in VALUES.items()})
    reversed_, _ = orders(swapped, draws, {"image_auroc": LEAGUES}, TITLES, sources)
    assert "is rarely as printed" in finding(reversed_, found, {})
    tie = replace(reversed_[0], printed=0.0)
    assert "is only in part as printed" in finding([*compared, tie, tie, tie], found, {}), "one of four is not often"


def test_a_variant_is_told_by_the_options_in_which_it_differs():
    detectors = ["winclip", {"name": "winclip", "label": "seed 1", "options": {"temperature": 0.5}}, "clip"]
    study = Study.model_validate(
        {"name": "t", "suites": {"demo-mvtec": {"reader": "mvtec_ad", "root": "."}}, "detectors": detectors,
         "backbones": ["demo-b"]}
    )  # fmt: skip
    records, draws = measured({("winclip", "a"): 0.8, ("seed 1", "a"): 0.7, ("clip", "a"): 0.5})
    found = variants(study, records, draws, "winclip")
    assert set(found["cause"]) == {"seed 1"}
    (row,) = variants_table(found).to_dict("records")
    assert (row["options"], row["iAUROC"]) == ("temperature: 0.5", "−10.0 (−10.0 to −10.0)")
    assert "seed 1: iAUROC on demo-mvtec −10.0 (−10.0 to −10.0); pAUROC on" in variants_sentence(found, "WinCLIP")
    level, drawn = measured({("winclip", "a"): 0.8, ("seed 1", "a"): 0.8})
    assert variants_sentence(variants(study, level, drawn, "winclip"), "WinCLIP").endswith("seed 1: no metric differs.")


def test_a_variant_differs_by_the_options_of_the_suite_it_was_measured_on():
    own = {"options": {"trained_on": "a"}, "suite_options": {"demo-mvtec": {"trained_on": "b"}}}
    seed = {"options": {"trained_on": "a-1"}, "suite_options": {"demo-mvtec": {"trained_on": "b-1"}}}
    control = {**own, "options": {"trained_on": "a", "compared_with": "learned vectors"}}
    detectors = [{"name": "april_gan", **own}, {"name": "april_gan", "label": "seed 1", **seed},
                 {"name": "april_gan", "label": "control", **control},
                 {"name": "april_gan", "label": "bare"}]  # fmt: skip
    suites = {suite: {"reader": "mvtec_ad", "root": "."} for suite in ("demo-mvtec", "demo-visa")}
    study = Study.model_validate({"name": "t", "suites": suites, "detectors": detectors, "backbones": ["demo-b"]})
    labels = [detector.label for detector in study.detectors]
    there = [measured({(label, "a"): 0.8 for label in labels}, suite) for suite in suites]
    draws = {"image_auroc": pd.concat([draws["image_auroc"] for _, draws in there], axis=1)}
    records = pd.concat([records for records, _ in there])
    found = variants(study, records[records["metric"] == "image_auroc"], draws, "april_gan")
    assert found.set_index(["suite", "cause"])["options"].to_dict() == {
        ("demo-mvtec", "seed 1"): "trained_on: b-1",
        ("demo-mvtec", "control"): "compared_with: learned vectors",
        ("demo-mvtec", "bare"): "trained_on: as usual",
        ("demo-visa", "seed 1"): "trained_on: a-1",
        ("demo-visa", "control"): "compared_with: learned vectors",
        ("demo-visa", "bare"): "trained_on: as usual",
    }


def test_where_the_detector_is_the_authors_checkpoint_variants_are_measured_against_our_training():
    """In the published study: an ablation without the gap between the authors' training and ours."""
    study = load_study("study/paper.yaml", check_models=False)
    values = {("anomalyclip", "a"): 0.90, ("anomalyclip 0", "a"): 0.80, ("anomalyclip 1", "a"): 0.81,
              ("no deep tokens", "a"): 0.79, ("plain tokens", "a"): 0.80}  # fmt: skip
    records, draws = measured(values, "visa")
    found = variants(study, records, draws, "anomalyclip")
    change = {row.cause: row.change.value for row in found.itertuples() if row.metric == "image_auroc"}
    assert change == pytest.approx(
        {"authors' checkpoint": 10, "anomalyclip 1": 1, "no deep tokens": -1, "plain tokens": 0}
    )
    table = variants_table(found).set_index("variant")
    assert set(table["against"]) == {"anomalyclip 0"}
    assert table.loc["no deep tokens", "options"] == "deep_tokens: False"
    assert variants_sentence(found, "AnomalyCLIP").startswith(
        "Against our own training of AnomalyCLIP (anomalyclip 0), in points"
    )


def test_a_variant_whose_counterpart_was_not_measured_is_left_out():
    study = load_study("study/paper.yaml", check_models=False)
    records, draws = measured({("anomalyclip", "a"): 0.90, ("no deep tokens", "a"): 0.79}, "visa")
    assert variants(study, records, draws, "anomalyclip").empty
