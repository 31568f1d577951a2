"""Means under corruption, what a severity costs, and where one image stands among the normal ones."""

import pandas as pd
import pytest
from sampled import sampled

from zsad.analysis.corruption import KIND_WORDS, ranks_of, scores_below, severity_curves, severity_sentence


def test_curves_are_means_over_categories_and_kinds_with_their_intervals():
    found = sampled({"winclip": {0: 0.9, 3: 0.7}, "text_fnn": {0: 0.8, 3: 0.75}}, spread=0.05)
    noisier = (found.records["setting"] == "gaussian_noise") & (found.records["value"] == 3)
    found.records.loc[noisier, "estimate"] -= 0.2
    table = severity_curves(found).set_index(["detector", "corruption", "severity"])
    assert table.loc[("winclip", "brightness", 3), "estimate"] == pytest.approx(70)
    assert table.loc[("winclip", "gaussian_noise", 3), "estimate"] == pytest.approx(50)
    assert table.loc[("winclip", "mean", 3), "estimate"] == pytest.approx(65)
    assert table.loc[("winclip", "mean", 0), "estimate"] == pytest.approx(90)
    low, high = table.loc[("text_fnn", "mean", 0), ["low", "high"]]
    assert (low, high) == pytest.approx((80 - 1.9, 80 + 1.9))


def test_the_severity_of_tables_is_3_or_the_strongest():
    assert sampled({"clip": {0: 0.9, 3: 0.8, 5: 0.7}}).severity == 3
    assert sampled({"clip": {0: 0.9, 1: 0.8, 2: 0.7}}).severity == 2


@pytest.mark.parametrize(
    ("worse", "words"),
    [(0.6, "text_fnn loses more than WinCLIP: +10.0 (+10.0 to +10.0)"),
     (0.8, "text_fnn loses less than WinCLIP: −10.0 (−10.0 to −10.0)"),
     (0.7, "it is statistically undecided whether text_fnn loses more than WinCLIP: +0.0")],
)  # fmt: skip
def test_losses_are_paired_and_compared(worse, words):
    text = severity_sentence(sampled({"winclip": {0: 0.9, 3: 0.7}, "text_fnn": {0: 0.9, 3: worse}}))
    assert "severity 3 costs, in points of the mean image AUROC, winclip +20.0 (+20.0 to +20.0)" in text
    assert f"There {words}" in text.replace("−0.0", "+0.0")


def test_an_image_is_ranked_among_the_normal_ones():
    images = pd.DataFrame({"id": list("abcd"), "label": [False, False, False, True], "score": [0.1, 0.5, 0.9, 0.5]})
    assert scores_below(images, "d") == pytest.approx(50)
    higher = images.assign(score=[0.1, 0.2, 0.3, 0.5])
    assert scores_below(higher, "d") == 100
    place = {"detector": "clip", "setting": "defocus_blur"}
    table = ranks_of(pd.concat([images.assign(value=0.0, **place), higher.assign(value=3.0, **place)]), "d")
    assert table.to_dict("records") == [
        {"detector": "clip", "corruption": KIND_WORDS["defocus_blur"], "severity 0": 50, "severity 3": 100}
    ]
