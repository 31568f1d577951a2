"""Means over training seeds, and the spread of seeds inside an interval."""

import numpy as np
import pandas as pd
import pytest
from sampled import sampled

from zsad.analysis.corruption import Sampled
from zsad.analysis.seeds import mean_over_seeds


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_an_interval_holds_the_spread_of_seeds(seeds):
    """Where every image draw says the same, what is left is the variance of a mean over as many seeds."""
    generator = np.random.default_rng(0)
    estimates, labels = generator.normal(0.8, 0.05, seeds), [f"f {index}" for index in range(seeds)]
    place = {"suite": "s", "category": "c", "setting": "contrast", "value": 3.0, "metric": "image_auroc"}
    rows = [{**place, "detector": label, "key": label, "estimate": e}
            for label, e in zip(labels, estimates, strict=True)]  # fmt: skip
    draws = pd.DataFrame({row["key"]: np.full(20_000, row["estimate"]) for row in rows})
    records, drawn = mean_over_seeds(pd.DataFrame(rows), draws, labels)
    (row,) = records[records["detector"] == "f 0"].to_dict("records")
    assert row["estimate"] == pytest.approx(estimates.mean())
    assert drawn[row["key"]].mean() == pytest.approx(estimates.mean(), abs=1e-3)
    assert drawn[row["key"]].var() == pytest.approx(estimates.var(ddof=1) / seeds, rel=0.05)


def test_only_cells_of_all_seeds_become_means():
    found = sampled({"winclip": {3: 0.5}, "text_fnn": {0: 0.9, 3: 0.8}, "text_fnn 1": {3: 0.6}})
    changed = Sampled(*mean_over_seeds(found.records, found.draws, ["text_fnn", "text_fnn 1"]))
    means = {
        (detector, severity): changed.level(changed.mean_at("demo-visa", detector, severity)).value
        for detector, severity in (("winclip", 3), ("text_fnn", 0), ("text_fnn", 3))
    }
    assert list(means.values()) == pytest.approx([50, 90, 70])
