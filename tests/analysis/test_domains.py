"""Domains of AeBAD one by one, together, and against "same"."""

import numpy as np
import pandas as pd
import pytest
from test_poster import domains_of

from zsad import metrics
from zsad.analysis.domains import domain_drops, domain_sentence, domain_table

FOUND = domains_of({"clip": {"same": 0.9, "background": 0.8, "view": 0.5}})


def test_means_are_of_all_domains_and_of_the_shifted_and_pooled_is_of_all_images():
    generator = np.random.default_rng(0)
    images = pd.DataFrame({"detector": "clip", "label": np.arange(30) % 3 == 0, "score": generator.normal(size=30)})
    images = pd.concat([images, images.assign(detector="winclip", score=0.0)])
    table = domain_table(FOUND, images, seed=0).set_index("column")
    assert table.loc["view", "estimate"] == pytest.approx(50)
    assert table.loc["mean of all", "estimate"] == pytest.approx(220 / 3)
    assert table.loc["mean of the shifted", "estimate"] == pytest.approx(65)
    clip = images[images["detector"] == "clip"]
    together = metrics.image_auroc(clip["score"].to_numpy(), clip["label"].to_numpy())
    assert table.loc["pooled", "estimate"] == pytest.approx(100 * together)
    assert table.loc["pooled", "low"] < 100 * together < table.loc["pooled", "high"]


def test_drops_are_from_the_same_domain():
    drops = domain_drops(FOUND)
    assert {name: found.value for name, found in drops["clip"].items()} == pytest.approx({"background": 10, "view": 40})
    text = domain_sentence(drops)
    assert "clip loses most by view, +40.0" in text
    assert "2 of 2 drops have a 95 % interval above 0" in text
    assert domain_drops(domains_of({"clip": {"view": 0.5}})) == {}
    assert "no shift can be measured" in domain_sentence({})
