"""The first page's three findings say what the numbers say, whichever way these fall."""

import pandas as pd
import pytest

from zsad.analysis import answers
from zsad.analysis.decisions import TRAINING
from zsad.analysis.matrix import EXTREME, PLAUSIBLE


def row(metric, change, clear, level=PLAUSIBLE, detector="winclip", before=10.0):
    rule = "" if metric == "image_auroc" else TRAINING
    return {"suite": "s", "detector": detector, "backbone": "b", "level": level, "metric": metric, "rule": rule,
            "before": before, "after": before + change, "change": change, "change_low": change - 0.5,
            "change_high": change + 0.5, "after_low": before + change - 0.5,
            "after_high": before + change + 0.5, "clear": clear, "shifts": 9, "images": 1470,
            "categories": 6}  # fmt: skip


@pytest.mark.parametrize(
    ("alarms", "auroc", "claim"),
    [
        ((12.0, True), -0.5, "Everyday shifts raise false alarms, and AUROC hardly shows it."),
        ((12.0, True), -5.0, "Everyday shifts raise false alarms."),
        ((12.0, False), -0.5, "Everyday shifts do not clearly change false alarms."),
        ((-3.0, True), -0.5, "Everyday shifts lower false alarms."),
    ],
)
def test_plausible_shifts(alarms, auroc, claim):
    other = row("false_alarms", 9.0, True, detector="clip")
    means = pd.DataFrame([row("false_alarms", *alarms), other, row("image_auroc", auroc, True, before=90.0)])
    said = answers.plausible(means)
    assert said.claim == claim
    assert f"from 10 to {10 + alarms[0]:.0f} % of good parts: **{alarms[0]:+.1f} (" in said.measured.replace("−", "-")
    assert said.number in said.measured
    assert said.further.startswith("1 of 1 other detectors" if alarms == (12.0, True) else "0 of 1 other detectors")
    assert said.further.endswith("Means are over 9 kinds of shift.")
    assert "Set anew" not in said.measured
    elsewhere = pd.DataFrame([other | {"suite": "t"}, row("false_alarms", 3.0, False) | {"suite": "t"},
                              row("false_alarms", 40.0, True, EXTREME) | {"suite": "t"}])  # fmt: skip
    told = answers.plausible(pd.concat([means, elsewhere]))
    assert told.further.endswith(
        ". On other suites, points of false alarms: +3.0 (+2.5 to +3.5) on t. Means are over 9 kinds of shift."
    )
    assert (told.claim, told.measured) == (said.claim, said.measured)
    assert answers.who(means) == "1,470 test images of 6 products"
    assert answers.who(means.assign(suite="demo-x")) == "1,470 rendered test images of 6 products"


def test_detectors_that_rank_alike_are_counted_once():
    """clip ranks as WinCLIP does, and two as one: of five others two are left, of which one raises more alarms."""
    of = {"winclip": 12.0, "clip": 12.0, "rwda": 9.0, "rwda 2": 9.0, "musc": -3.0}
    rows = [row("false_alarms", change, True, detector=name) for name, change in of.items()]
    means = pd.DataFrame([*rows, row("image_auroc", -0.5, True, before=90.0)])
    correlations = pd.DataFrame(0.3, index=list(of), columns=list(of))
    for one, other in (("winclip", "clip"), ("rwda", "rwda 2")):
        correlations.loc[one, other] = correlations.loc[other, one] = 0.9979
    told = answers.plausible(means, correlations=correlations).further
    assert told.startswith(
        "1 of 2 other detectors that rank the images otherwise (those that rank alike counted once) raise more alarms "
        "too. clip ranks the images of every category of s as WinCLIP does (rank correlation of the unshifted image "
        "scores at least 0.997); rwda 2 ranks the images of every category of s as rwda does"
    )
    assert answers.plausible(means).further.startswith("3 of 4 other detectors raise more alarms too. Means")


def test_a_threshold_that_is_set_anew_is_told_of_the_first_subject_at_plausible_shifts():
    means = pd.DataFrame([row("false_alarms", 12.0, True), row("image_auroc", -0.5, False)])
    subject = {"suite": "s", "detector": "winclip", "backbone": "b"}
    anew = pd.DataFrame(
        {**subject, "level": level, "metric": metric, "anew": at + value, "unshifted_anew": 40.0} | other
        for other, at in (({}, 0.0), ({"detector": "clip"}, 10.0))
        for level, metric, value in ((PLAUSIBLE, "false_alarms", 6.2), (PLAUSIBLE, "misses", 41.2),
                                     (EXTREME, "false_alarms", 7.0), (EXTREME, "misses", 60.0))
    )  # fmt: skip
    extreme = [row("image_auroc", -6.0, True, EXTREME), row("false_alarms", 40.0, True, EXTREME)]
    table = pd.DataFrame([extreme[0] | {"setting": "contrast", "dose": 4.0, "both_ways": False}])
    said = answers.extreme(pd.DataFrame(extreme), table, anew).measured
    assert said.endswith("under such a shift, it stops 7 % of good and misses 60 % of damaged parts.")
    said = answers.plausible(means, anew).measured
    assert said.endswith("the threshold stops 6 % of good and misses 41 % of damaged parts (40 % unshifted).")


@pytest.mark.parametrize(
    ("change", "clear", "after", "claim"),
    [
        (-6.0, True, 60.0, "Extreme shifts blur good and damaged, and make WinCLIP stop most good parts."),
        (-6.0, True, 50.3, "Extreme shifts blur good and damaged."),
        (-6.0, True, 20.0, "Extreme shifts blur good and damaged."),
        (
            -0.2,
            False,
            60.0,
            "Even extreme shifts do not clearly change how well good and damaged parts are told apart.",
        ),
        (6.0, True, 20.0, "Extreme shifts help to tell good from damaged."),
    ],
)
def test_extreme_shifts(change, clear, after, claim):
    auroc = row("image_auroc", change, clear, EXTREME, before=80.0)
    means = pd.DataFrame([auroc, row("false_alarms", after - 10, True, EXTREME)])
    table = pd.DataFrame([auroc | {"setting": "contrast", "dose": 4.0, "change": -25.0, "change_low": -26.0,
                          "change_high": -24.0}, auroc | {"setting": "angle", "dose": 45.0, "change": 3.0}]
                         ).assign(both_ways=False)  # fmt: skip
    said = answers.extreme(means, table)
    assert said.claim == claim
    assert said.further == (
        "Of all kinds of shift contrast (severity 4) lowers image AUROC most, by the estimates: −25.0 (−26.0 to −24.0) "
        "points."
    )
    assert said.measured.endswith(f"At the threshold that stays {after:.0f} % of good parts raise an alarm.")
    pooled = pd.DataFrame([auroc | {"setting": "exposure", "dose": 2.0, "change": -25.0, "both_ways": True}])
    assert "exposure (±2 stops) lowers image AUROC most" in answers.extreme(means, pooled).further
    elsewhere = pd.DataFrame([row("image_auroc", -1.0, True, EXTREME) | {"suite": "t"}])
    told = answers.extreme(pd.concat([means, elsewhere]), table)
    assert told.further.endswith("points. On other suites, points of image AUROC: −1.0 (−1.5 to −0.5) on t.")
    risen = answers.extreme(means, table.assign(change=[0.0, 3.0]))
    assert risen.further == "No kind of shift lowers image AUROC, by the estimates."


def test_who_else_stops_most_good_parts():
    """Of the other detectors clip, which ranks as WinCLIP does, and rwda do; the interval of acr holds 50. WinCLIP does
    on one of two other suites.
    """
    alarms = {"winclip": 45.0, "clip": 45.0, "rwda": 42.0, "acr": 40.3}
    rows = [row("false_alarms", change, True, EXTREME, name) for name, change in alarms.items()]
    rows += [row("false_alarms", change, True, EXTREME) | {"suite": s} for s, change in (("t", 40.3), ("u", 50.0))]
    auroc = row("image_auroc", -6.0, True, EXTREME)
    table = pd.DataFrame([auroc | {"setting": "contrast", "dose": 4.0, "both_ways": False}])
    told = answers.extreme(pd.DataFrame([auroc, *rows]), table).further
    assert told.startswith("2 of 3 other detectors stop most good parts too. WinCLIP does so on 1 of 2 other suites: "
                           "50.3 (49.8 to 50.8) % on t; 60.0 (59.5 to 60.5) % on u. Of all kinds")  # fmt: skip
    correlations = pd.DataFrame(0.3, index=list(alarms), columns=list(alarms))
    correlations.loc["winclip", "clip"] = correlations.loc["clip", "winclip"] = 0.998
    told = answers.extreme(pd.DataFrame([auroc, *rows]), table, correlations=correlations).further
    assert told.startswith("1 of 2 other detectors that rank the images otherwise (those that rank alike counted once) "
                           "stop most good parts too. WinCLIP does so on 1 of 2")  # fmt: skip
    calm = pd.DataFrame([auroc, *rows]).assign(after_low=49.9)
    assert answers.extreme(calm, table).further.startswith("Of all kinds")


@pytest.mark.parametrize(
    ("beyond", "low", "claim"),
    [
        (9.0, 5.0, "Most of what a worst case costs is the luck of many tries; some of it is not."),
        (9.0, -1.0, "What a search for the worst shift finds is not told from chance."),
        (50.0, 40.0, "A search for the worst shift finds far more than chance would."),
        (-1.0, -4.0, "What a search for the worst shift finds is not told from chance."),
        (-9.0, -15.0, "A search for the worst shift finds less than chance does."),
    ],
)
def test_worst_cases(beyond, low, claim):
    falls = {"suite": "s", "detector": "d", "backbone": "b", "setting": "3d", "size": 1.0, "worst": 37 + beyond,
             "random_worst": 37.0, "evaluations": 352.0, "random_evaluations": 352.0, "images": 24,
             "categories": 6, "beyond_random": beyond, "beyond_random_low": low,
             "beyond_random_high": beyond + 5}  # fmt: skip
    alone = {**falls, "setting": "angle", "evaluations": 33.0, "worst": 2.0, "beyond_random": 1.0}
    others = [{**falls, "size": 0.1, "worst": 1.0}, alone, falls, {**falls, "detector": "e", "worst": 3.0}]
    said = answers.searched(pd.DataFrame(others))
    assert said.claim == claim
    assert f"takes {37 + beyond:.1f} points of pixel AUROC" in said.measured
    assert "The worst of 352 turns and colours that a search tries" in said.measured
    of = (beyond, low, beyond + 5) if beyond > 0 else (-beyond, -beyond - 5, -low)
    words = "{:.1f} ({:.1f} to {:.1f})".format(*of).replace("-", "−")
    way = "more" if beyond > 0 else "less"
    assert f"the worst of as many at random 37.0: the search finds **{words} points** {way}, on 24" in said.measured
    assert said.number == words
    fewer = answers.searched(pd.DataFrame([{**falls, "random_evaluations": 100.0}]))
    assert "the worst of 100 at random 37.0: the search finds" in fewer.measured
    assert "The worst of 33 turns and colours" in answers.searched(pd.DataFrame([alone])).measured
