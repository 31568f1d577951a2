"""What more images would decide, of changes written down by hand and of draws whose truth is known."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from zsad.analysis.undecided import sentence, undecided


def table(*rows, p=0.05):
    """Rows of (change, reach, clear); `p` of each that is clear."""
    changes, reach, clear = (np.array(values) for values in zip(*rows, strict=True))
    found = pd.DataFrame(
        {"change": changes, "clear": clear, "metric": "image_auroc", "rule": "", "level": "plausible", "p": p}
    )
    return found.assign(change_low=found["change"] - reach, change_high=found["change"] + reach)


def test_a_change_of_a_third_of_its_interval_takes_nine_times_as_many_images():
    found = undecided(table((-1.0, 3.0, False), (-9.0, 2.0, True), (2.0, 2.0, False), (0.0, 1.0, False)), "image_auroc")
    assert found["times"].tolist() == pytest.approx([9.0, 1.0, np.inf])
    assert found["reach"].tolist() == [3.0, 2.0, 1.0]


@pytest.mark.parametrize("p", [0.05, 0.001])
def test_with_so_many_times_as_many_images_every_other_test_set_would_tell(p):
    """Every other, since the change that such a set measures is itself drawn around the truth."""
    rng = np.random.default_rng(0)
    reach, change = 3.0, 1.0
    found = table((change, reach, False), (-9.0, 2.0, True), (-20.0, 2.0, True), p=[0.2, p, p / 100])
    of = undecided(found, "image_auroc")
    spread = reach / norm.isf(0.025) / np.sqrt(of["times"].item())
    measured = rng.normal(change, spread, 20_000)
    assert (2 * norm.sf(np.abs(measured) / spread) < p).mean() == pytest.approx(0.5, abs=0.02)


def test_the_sentence_counts():
    rows = table((-1.0, 3.0, False), (-9.0, 2.0, True), (2.0, 2.5, False), (0.1, 1.0, False))
    said = sentence(rows, {})
    assert said == (
        "Of 4 changes of image AUROC 3 are not clear. The interval of a change reaches 2.2 points to either side "
        "(median): smaller ones these images do not tell. If each of the 3 is what it is measured to be, 2 times as "
        "many images would settle 1 of them, 4 times 1, 10 times 2."
    )
    assert sentence(table((-9.0, 2.0, True)), {}) == ""
    names = ["winclip", "clip"]
    alike = {"s": pd.DataFrame(1.0, index=names, columns=names)}
    both = pd.concat([rows.assign(suite="s", detector=name) for name in names], ignore_index=True)
    assert sentence(both, alike) == sentence(rows, {})
