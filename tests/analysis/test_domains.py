"""Domains of AeBAD one by one, together, and against "same"."""

import numpy as np
import pandas as pd
import pytest
from test_poster import domains_of

from zsad import metrics
from zsad.analysis.domains import (
    SHIFTED,
    decided,
    domain_costs,
    domain_drops,
    domain_points,
    domain_sentence,
    domain_table,
    finding,
)

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
    assert domain_sentence(drops, {"clip": "CLIP"}) == text.replace("clip loses", "CLIP loses")
    assert "2 of 2 drops have a 95 % interval above 0" in text
    assert domain_drops(domains_of({"clip": {"view": 0.5}})) == {}
    assert "no shift can be measured" in domain_sentence({})


def scored(domains: tuple[str, ...] = ("same", "background", "view")) -> tuple[pd.DataFrame, ...]:
    """One detector's records, scores and good training scores: in each domain after the first the scores of 20 good and
    20 damaged images lie a quarter higher; a quarter of the training scores lie at 0.5, the rest below.
    """
    labels = np.arange(40) >= 20
    plain = np.where(labels, np.linspace(0.4, 1.3, 40), np.linspace(0, 0.9, 40))
    keys = {domain: f"d {domain}" for domain in domains}
    images = pd.concat(
        [pd.DataFrame({"key": key, "label": labels, "score": plain + 0.25 * number})
         for number, key in enumerate(keys.values())]
    )  # fmt: skip
    cells = {"suite": "aebad", "category": "blade", "detector": "d", "metric": "image_auroc", "estimate": 0.8,
             "n_images": 40, "n_anomalous": 20}  # fmt: skip
    records = pd.DataFrame([{**cells, "domain": domain, "key": key} for domain, key in keys.items()])
    training = pd.DataFrame({"key": keys[domains[0]], "score": np.repeat([0.2, 0.5], [15, 5])})
    return records, images, training


def test_false_alarms_of_every_domain_are_at_the_threshold_of_same():
    records, images, training = scored()
    found, draws = decided(records, images, training, replicates=50)
    of = found.set_index(["metric", "domain"])["estimate"]
    for domain, rows in images.groupby("key"):
        good, damaged = rows.loc[~rows["label"], "score"], rows.loc[rows["label"], "score"]
        assert of["false_alarms", domain.removeprefix("d ")] == pytest.approx((good > 0.5).mean())
        assert of["misses", domain.removeprefix("d ")] == pytest.approx((damaged <= 0.5).mean())
    assert of["false_alarms", "same"] < of["false_alarms", "background"] < of["false_alarms", "view"]
    assert {metric: of_metric.shape for metric, of_metric in draws.items()} == dict.fromkeys(draws, (50, 3))
    drawn = draws["false_alarms"]
    assert abs(np.corrcoef(drawn["d same"], drawn["d background"])[0, 1]) < 0.6, "other images, other draws"
    assert decided(records, images, training[:0])[0].empty


def test_a_change_of_domain_is_measured_from_same_and_their_mean_is_the_finding():
    records, images, training = scored()
    at, draws = decided(records, images, training, replicates=50)
    aurocs = pd.DataFrame({key: np.full(50, 0.8) for key in records["key"]})
    cost = domain_costs(pd.concat([records, at]), {"image_auroc": aurocs, **draws}).set_index(["metric", "domain"])
    alarms = at[at["metric"] == "false_alarms"].set_index("domain")["estimate"]
    assert cost.loc[("false_alarms", "view"), "before"] == pytest.approx(100 * alarms["same"])
    assert cost.loc[("false_alarms", "view"), "after"] == pytest.approx(100 * alarms["view"])
    mean = 50 * (alarms["background"] + alarms["view"])
    assert cost.loc[("false_alarms", SHIFTED), "after"] == pytest.approx(mean)
    assert cost.loc[("false_alarms", SHIFTED), "change"] == pytest.approx(mean - 100 * alarms["same"])
    assert cost.loc[("false_alarms", SHIFTED), "images"] == 120
    said = finding(cost.reset_index())
    both = pd.concat([cost.reset_index().assign(detector=name) for name in ("anomalyclip", "d")])
    assert "anomalyclip" in finding(both)
    assert finding(both, {"anomalyclip": "AnomalyCLIP"}) == finding(both).replace("anomalyclip", "AnomalyCLIP")
    assert f"from {100 * alarms['same']:.1f} to {mean:.1f} %" in said
    assert "From the domain “same” to the mean over background, view; 120 test images" in said
    points = domain_points(cost.reset_index())
    assert list(points["group"].unique()) == ["same", "background", "view"]
    assert points[(points["metric"] == "false_alarms")]["estimate"].tolist() == pytest.approx(
        [100 * alarms[domain] for domain in ("same", "background", "view")]
    )


def test_without_same_nothing_is_measured_from_it():
    records, _, _ = scored(domains=("view",))
    cost = domain_costs(records, {"image_auroc": pd.DataFrame({"d view": [0.8]})})
    assert cost.empty
    assert "no shift can be measured" in finding(cost)
    assert domain_points(cost).empty
