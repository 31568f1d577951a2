"""Variants as means over seeds, and what is said of them."""

import pandas as pd
import pytest
from sampled import sampled

from zsad.analysis.ablation import ablation_sentence, ablation_table, gaps, learned_against_drawn, words_table
from zsad.analysis.differences import Difference


def test_seeds_are_averaged_and_their_deviation_is_theirs():
    found = sampled({"text_fnn": {0: 0.9, 3: 0.8}, "text_fnn 1": {0: 0.9, 3: 0.7}, "linear": {0: 0.9, 3: 0.65}})
    variants = {"text_fnn": ["text_fnn", "text_fnn 1"], "linear": ["linear"]}
    against = gaps(found, variants)
    assert against["demo-visa", "linear"].value == pytest.approx(-10)
    table = ablation_table(found, variants, against).set_index("variant")
    assert table.loc["text_fnn", "corrupted"].startswith("75.0 (")
    assert table.loc["text_fnn", "sd corrupted"] == pytest.approx(10 / 2**0.5)
    assert table.loc["text_fnn", "sd clean"] == pytest.approx(0)
    assert pd.isna(table.loc["linear", "sd corrupted"])
    assert table.loc["linear", "against the method"] == "−10.0 (−10.0 to −10.0)"
    assert gaps(found, {"linear": ["linear"]}) == {}


def test_the_conclusion_on_words_turns_with_the_sign():
    def gap(low, high):
        return {("s", "random words"): Difference((low + high) / 2, low, high, 2)}

    assert "trained words hurt under corruption: −2.0 (−3.0 to −1.0)" in ablation_sentence(gap(1, 3))
    assert "trained words help under corruption: +2.0 (+1.0 to +3.0)" in ablation_sentence(gap(-3, -1))
    assert "statistically undecided" in ablation_sentence(gap(-1, 1))
    linear = {("s", "linear"): Difference(-2.0, -3.0, -1.0, 2), ("s", "prototype"): Difference(0.0, -1.0, 1.0, 2)}
    assert "whose 95 % interval excludes 0: linear on s −2.0 (−3.0 to −1.0)." in ablation_sentence(linear)


def test_words_are_compared_over_seeds():
    def row(variant, cosine):
        return pd.DataFrame(
            [{"diversity words": cosine, "moved right": 0.5, "nearer own side": 1.0, "variant": variant, "seed": 0}]
        )

    table = words_table([row("text_fnn", 0.1), row("text_fnn 1", 0.2), row("random words", 0.7)])
    assert list(table.columns[:2]) == ["variant", "seed"]
    assert list(table["moved right"]) == [50, 50, 50]
    assert learned_against_drawn(table) == "0.150 against 0.700"
    assert learned_against_drawn(table[:2]) == ""
