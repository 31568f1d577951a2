"""Where worst cases lie: counted on parameters written down by hand."""

import numpy as np
import pandas as pd

from zsad.analysis.parameters import conclude, count_parameters, finding, in_words

BOUNDS = {"angle": 90.0, "hue": np.pi, "saturation": 0.5}
SAMPLES = pd.DataFrame(
    {"suite": "toys", "backbone": "demo-b", "setting": "angle", "label": [True] * 4 + [False],
     "angle": [0.0, 4.0, -90.0, 45.0, 0.0], "hue": 0.0, "saturation": 0.0}
)  # fmt: skip


def test_parameters_are_counted_at_0_near_it_and_at_the_bound():
    anomalous, normal = count_parameters(SAMPLES, BOUNDS).to_dict("records")
    shares = ("images", "number", "at 0 [%]", "near 0 [%]", "at the bound [%]")
    assert [anomalous[name] for name in shares] == ["anomalous", 4, 25, 50, 25]
    assert [normal[name] for name in shares] == ["normal", 1, 100, 100, 0]
    assert count_parameters(SAMPLES.assign(setting="3d"), BOUNDS).empty


def test_a_hue_that_goes_all_the_way_round_has_no_bound():
    round_the_circle = SAMPLES.assign(setting="hue", hue=np.pi)
    (shown,) = count_parameters(round_the_circle, BOUNDS)["at the bound [%]"].unique()
    assert shown is None
    assert set(count_parameters(round_the_circle, BOUNDS | {"hue": 3.0})["at the bound [%]"]) == {100}
    assert "bound" not in conclude(round_the_circle, BOUNDS)


def test_a_peak_is_said_only_where_the_interval_lies_above_an_even_spread():
    def text(near: int, total: int = 100) -> str:
        angles = [1.0] * near + [60.0] * (total - near)
        return conclude(pd.DataFrame({"setting": "angle", "angle": angles, "hue": 0.0, "saturation": 0.0}), BOUNDS)

    assert text(20).startswith("Of 100 worst angles 20.0 % (95 % interval 13.3 to 28.9) lie near 0, where an even ")
    assert "spread would put 5 %: a peak; 0 are 0 itself, and 0.0 % (" in text(20)
    assert ": statistically no peak;" in text(6)
    assert ": a gap;" in text(0, 200)
    assert ": statistically no peak;" in text(0, 20)


def test_the_finding_is_of_the_first_setting_and_of_every_bound():
    colours = SAMPLES.assign(setting="saturation", saturation=[0.5, -0.5, 0.5, 0.1, 0.0])
    both = pd.concat([colours, SAMPLES, SAMPLES.assign(setting="hue")])
    text = finding(both, BOUNDS)
    assert text.startswith("Searched by itself, the worst angle lies near 0 for 60.0 % (95 % interval ")
    assert (
        "of 5 images, where an even spread would put 5 %: a peak. At the bound of what was searched lie 20.0 % ("
        in text
    )
    assert " of the angles and 60.0 % (" in text
    assert text.endswith(" of the saturation shifts.")
    assert "At the bound" not in finding(SAMPLES.assign(setting="hue"), BOUNDS)


def test_a_worst_case_in_words():
    assert in_words(pd.Series({"angle": -45.0, "hue": np.pi / 2, "saturation": 0.25})) == "−45°, +0.50 π, +0.25"
