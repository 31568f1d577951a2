"""Which detectors rank images alike, of scores written down by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from zsad.analysis.alike import ALIKE, alike_sentence, counted_once, groups, named_once, one_of_each, rank_correlations


def scored(**changed: np.ndarray) -> pd.DataFrame:
    """Two categories of 50 images by four detectors: b ranks as a does, c in one category alone, and d otherwise."""
    random, parts = np.random.default_rng(0), []
    for category in ("nut", "cap"):
        a = random.normal(size=50)
        of = {"a": a, "b": np.exp(a), "c": a if category == "nut" else -a, "d": random.normal(size=50)} | changed
        for detector, score in of.items():
            parts.append(pd.DataFrame({"suite": "s", "category": category, "detector": detector, "id": range(50),
                                       "score": score}))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def test_the_lowest_correlation_over_categories_counts():
    images = scored()
    found = rank_correlations(images.sample(frac=1, random_state=1).sort_values("detector", kind="stable"))
    assert found.index.tolist() == ["a", "b", "c", "d"]
    assert found.loc["a", "b"] == pytest.approx(1)
    assert found.loc["a", "c"] == pytest.approx(-1)
    wide = {c: rows.pivot(index="id", columns="detector", values="score") for c, rows in images.groupby("category")}
    assert found.loc["a", "d"] == pytest.approx(min(spearmanr(of["a"], of["d"]).statistic for of in wide.values()))
    assert groups(found) == [["a", "b"], ["c"], ["d"]]
    apart = images[(images["detector"] == "a") != (images["category"] == "nut")]
    assert np.isnan(rank_correlations(apart).loc["a", "b"]), "they have seen no category in common"


def test_scores_that_are_all_equal_rank_as_no_other():
    found = rank_correlations(scored(d=np.zeros(50)))
    assert groups(found)[-1] == ["d"]


def test_those_that_share_a_ranking_are_named_and_counted_once():
    found = rank_correlations(scored())
    assert alike_sentence(found, "s", {"a": "WinCLIP"}) == (
        "b ranks the images of every category of s as WinCLIP does (rank correlation of the unshifted image scores at "
        "least 1.000): what is said of several of them at image level is one finding, not several."
    )
    assert alike_sentence(found.loc[["a", "d"], ["a", "d"]], "s") == ""
    nearly = found.mask(found == found.loc["a", "d"], ALIKE + 0.0059)
    assert "b and d rank the images of every category of s as a does" in alike_sentence(
        nearly.drop("c").drop(columns="c"), "s"
    )
    assert "at least 0.995)" in alike_sentence(nearly, "s")
    assert one_of_each(["a", "b", "c", "e"], groups(found)) == ["a", "c", "e"]
    assert one_of_each(["b", "c"], groups(found)) == ["b", "c"]


def test_effects_of_those_that_rank_alike_are_counted_once_suite_by_suite():
    found = rank_correlations(scored())
    effects = pd.DataFrame({"suite": list("ssstt"), "detector": ["b", "a", "d", "a", "b"]})
    kept = counted_once(effects, {"s": found})
    assert kept.to_numpy().tolist() == [["s", "b"], ["s", "d"], ["t", "a"], ["t", "b"]], "the first that is there"
    assert named_once({"s": found, "t": found, "u": found.loc[["a", "d"], ["a", "d"]]}) == (
        "Detectors that rank the images of every category alike are counted once: a and b on s, t."
    )
    assert named_once({}) == ""
