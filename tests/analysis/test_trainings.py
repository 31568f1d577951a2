"""How far training seeds move a detector, and how its control's training ended."""

import pandas as pd
import pytest
from made_up import measured

from zsad.analysis.trainings import (
    AUTHORS,
    compared_with,
    losses_in_words,
    seeds_in_words,
    spread,
    spread_table,
    trained,
    trainings_of,
)
from zsad.study import load_study
from zsad.study.config import Study

SUITES = ("demo-mvtec", "demo-visa")


def again(label: str, number: str = "", **options: object) -> dict[str, object]:
    """APRIL-GAN, on one suite trained on the other."""
    return {"name": "april_gan", "label": label, "options": {"trained_on": f"a{number}", **options},
            "suite_options": {"demo-mvtec": {"trained_on": f"b{number}"}}}  # fmt: skip


DETECTORS = [
    again("april_gan"), again("one", "-1"), again("two", "-2"), again("control", compared_with="learned vectors"),
    again("other", "-x"), "winclip", {"name": "text_fnn", "seeds": [0, 1]},
    {"name": "text_fnn", "label": "linear", "options": {"head": "linear", "seed": 0}},
]  # fmt: skip
STUDY = Study.model_validate(
    {"name": "t", "suites": {suite: {"reader": "mvtec_ad", "root": "."} for suite in SUITES}, "detectors": DETECTORS,
     "backbones": ["demo-b"]}
)  # fmt: skip
VALUES = {("april_gan", "a"): 0.80, ("april_gan", "b"): 0.90, ("one", "a"): 0.82, ("one", "b"): 0.92,
          ("two", "a"): 0.90, ("two", "b"): 0.98, ("control", "a"): 0.1, ("winclip", "a"): 0.5}  # fmt: skip
TITLES = {"april_gan": "APRIL-GAN", "winclip": "WinCLIP"}
FOUND = spread(measured(VALUES)[0], STUDY, ["april_gan", "winclip"])


def test_trainings_differ_in_their_seed_alone():
    assert trainings_of(STUDY, "april_gan", "demo-mvtec") == ["april_gan", "one", "two"]
    assert trainings_of(STUDY, "text_fnn", "demo-visa") == ["text_fnn", "text_fnn 1"]
    assert trainings_of(STUDY, "winclip", "demo-visa") == ["winclip"]


@pytest.mark.parametrize("label", ["anomalyclip", "april_gan"])
@pytest.mark.parametrize("suite", ["mvtec_ad", "visa"])
def test_a_checkpoint_of_the_authors_is_none_of_our_trainings(label, suite):
    """As in the published study, whose trainings end in -0, -1 and -2."""
    study = load_study("study/paper.yaml", check_models=False)
    assert trainings_of(study, label, suite) == [f"{label} {seed}" for seed in range(3)]
    assert trainings_of(study, label, "aebad-same") == [label]


def test_a_variant_is_compared_with_our_training_of_its_seed():
    study = load_study("study/paper.yaml", check_models=False)
    for label, variants in (("anomalyclip", ("no deep tokens", "plain tokens", "ln_post")),
                            ("april_gan", ("learned vectors",))):  # fmt: skip
        own = [f"{label} {seed}" for seed in range(3)]
        against = {one: compared_with(study, label, one, "mvtec_ad") for one in (label, *variants, *own)}
        assert set(against.values()) == {own[0]}
    assert compared_with(STUDY, "text_fnn", "linear", "demo-visa") == "text_fnn"
    assert compared_with(STUDY, "april_gan", "control", "demo-mvtec") == "april_gan"
    assert compared_with(STUDY, "april_gan", "two", "demo-mvtec") == "april_gan"


def test_in_the_demo_study_the_shipped_part_is_our_first_training():
    study = load_study("demo", check_models=False)
    for label in ("anomalyclip", "april_gan"):
        own = [label, f"{label} 1", f"{label} 2"]
        assert trainings_of(study, label, "demo-visa") == own
        others = [d.label for d in study.detectors if d.name == label]
        assert {compared_with(study, label, other, "demo-mvtec") for other in others} == {label}


def test_a_checkpoint_of_the_authors_stands_beside_the_spread_of_ours():
    study = load_study("study/paper.yaml", check_models=False)
    values = {("anomalyclip", "a"): 0.99, ("anomalyclip 0", "a"): 0.80, ("anomalyclip 1", "a"): 0.82,
              ("anomalyclip 2", "a"): 0.84}  # fmt: skip
    found = spread(measured(values, "visa")[0], study, ["anomalyclip"])
    ours, theirs = found[found["metric"] == "image_auroc"].to_dict("records")
    assert [ours[name] for name in ("trainings", "mean", "low", "high")] == pytest.approx([3, 82, 80, 84])
    assert (theirs["of"], theirs["trainings"], theirs["mean"]) == (AUTHORS, 1, pytest.approx(99))
    table = spread_table(found, {"anomalyclip": "AnomalyCLIP"})
    assert table[["method", "trainings", "iAUROC"]].to_numpy().tolist() == [
        ["AnomalyCLIP, trained here", 3, "82.0 ± 2.0 (80.0 to 84.0)"],
        ["AnomalyCLIP, authors' checkpoint", 1, "99.0"],
    ]
    said = seeds_in_words(found, ["image_auroc"], {"anomalyclip": "AnomalyCLIP"})
    assert "lies up to 4.0 points apart over 3 trainings, of which the authors' checkpoint is none (" in said


def test_the_spread_is_that_of_the_means_over_categories():
    row = FOUND[FOUND["metric"] == "image_auroc"].iloc[0]
    assert FOUND["label"].unique().tolist() == ["april_gan"]
    assert (row["suite"], row["trainings"]) == ("demo-mvtec", 3)
    assert row[["mean", "low", "high"]].tolist() == pytest.approx([(85 + 87 + 94) / 3, 85, 94])
    assert row["sd"] == pytest.approx(4.7258, abs=1e-4)
    table = spread_table(FOUND, TITLES)
    assert table[["method", "trainings", "iAUROC"]].to_numpy().tolist() == [
        ["APRIL-GAN", 3, "88.7 ± 4.7 (85.0 to 94.0)"]
    ]


def test_a_category_that_one_training_lacks_is_left_out_of_all():
    records = measured({key: value for key, value in VALUES.items() if key != ("two", "b")})[0]
    row = spread(records, STUDY, ["april_gan"]).iloc[0]
    assert (row["low"], row["high"]) == pytest.approx((80, 90))
    alone = records[~records["detector"].isin(["one", "two"])]
    assert spread(alone, STUDY, ["april_gan"]).empty


def test_a_caption_says_how_far_seeds_move_the_means():
    assert seeds_in_words(FOUND, ["image_auroc"], TITLES) == (
        "Intervals are of one training each and leave its seed out: APRIL-GAN lies up to 9.0 points apart over 3 "
        "trainings (iAUROC on demo-mvtec)."
    )
    assert seeds_in_words(FOUND, ["aupro"], TITLES) == ""
    assert seeds_in_words(pd.DataFrame(columns=FOUND.columns), ["aupro"], TITLES) == ""


def test_how_a_controls_training_ended_is_said_beside_its_detectors():
    plain = {"trained_on": "demo-visa", "losses": [2.5, 2.1428, 2.0995]}
    still = trained({"trained_on": "demo-visa", "losses": [2.3978, 2.3372, 2.3372]}, plain)
    falls = trained({"trained_on": "demo-mvtec", "losses": [2.9, 2.7, 2.6]}, plain)
    said = losses_in_words([falls, still], "learned vectors", "APRIL-GAN")
    assert said == (
        "How their trainings ended. On demo-mvtec the loss of learned vectors ends at 2.6000 and that of APRIL-GAN at "
        "2.0995; that of learned vectors still falls in its last epoch, from 2.7000. On demo-visa the loss of learned "
        "vectors ends at 2.3372 and that of APRIL-GAN at 2.0995; that of learned vectors does not fall in its last "
        "epoch, from 2.3372. What learned vectors measures behind the training on demo-visa may be a training that is "
        "stuck."
    )
    assert "stuck" not in losses_in_words([falls], "learned vectors", "APRIL-GAN")
    assert losses_in_words([], "learned vectors", "APRIL-GAN") == ""
