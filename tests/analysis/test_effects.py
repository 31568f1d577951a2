"""Many effects at once: against the paired difference of one, and the rule for all of them against its definition."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from zsad.analysis.differences import difference_of
from zsad.analysis.effects import beside_unshifted, effects, p_values, with_false_discovery_rate

BY = ["suite", "detector", "backbone", "setting"]
SIZES = {"nut": 20, "cap": 31, "box": 10**9}


def world(seed: int = 0, values: tuple[float, ...] = (-30.0, 30.0)) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Records of three categories as they are and turned, and draws with a part that a category's cells share."""
    random, rows, draws = np.random.default_rng(seed), [], {}
    for category, images in SIZES.items():
        shared = random.normal(0, 0.04, 300)
        for value in (0.0, *values):
            key = f"{category} {value}"
            rows.append({"study": "t", "suite": "s", "category": category, "detector": "d", "backbone": "b",
                         "dtype": "f", "shift": "uniform" if value else "none", "setting": "angle", "value": value,
                         "metric": "aupro", "estimate": random.uniform(0.5, 0.8), "n_images": 2 * images,
                         "n_anomalous": images, "key": key})  # fmt: skip
            draws[key] = rows[-1]["estimate"] + shared + random.normal(0, 0.02, 300)
    return pd.DataFrame(rows), {"aupro": pd.DataFrame(draws)}


def test_an_effect_is_the_paired_difference_and_both_directions_count_half():
    records, draws = world()
    (found,) = effects(beside_unshifted(records), draws, BY).to_dict("records")
    at = {value: records[records["value"] == value] for value in (-30.0, 0.0, 30.0)}
    turned = [(0.5, at[-30.0]), (0.5, at[30.0])]
    for name, parts in (("before", [(1, at[0.0])]), ("after", turned), ("change", [*turned, (-1, at[0.0])])):
        expected = difference_of(parts, draws["aupro"], "aupro")
        values = (found[name], found[f"{name}_low"], found[f"{name}_high"])
        assert values == pytest.approx((expected.value, expected.low, expected.high)), name
    assert (found["categories"], found["images"]) == (3, 2 * sum(SIZES.values()))


def p_of(estimate: float, drawn: np.ndarray, images: list[int]) -> float:
    (found,) = p_values(np.array([estimate]), [drawn], [np.array(images)])
    return found


def test_the_p_value_is_students_t_over_the_categories():
    drawn = np.random.default_rng(0).normal(0, (0.03, 0.01), (4000, 2))
    errors = drawn.std(0) * np.sqrt([10 / 9, 20 / 19])
    t = 0.02 / (np.sqrt((errors**2).sum()) / 2)
    freedom = (errors**2).sum() ** 2 / (errors[0] ** 4 / 9 + errors[1] ** 4 / 19)
    assert p_of(0.02, drawn, [10, 20]) == pytest.approx(2 * scipy.stats.t.sf(t, freedom))
    assert p_of(-0.02, drawn, [10, 20]) == p_of(0.02, drawn, [10, 20])


def test_images_that_agree_in_every_draw_prove_little():
    """Two good parts of two that both raise an alarm; and ten thousand of as many."""
    same = np.ones((100, 1))
    assert p_of(0.0, 0 * same, [2]) == 1
    assert p_of(1.0, same, [2]) > 0.1
    assert p_of(1.0, same, [10_000]) < 1e-6


def test_the_false_discovery_rate_is_that_of_benjamini_and_yekutieli():
    p = np.array([0.2, 1e-6, 0.004, 0.03, 0.0041])
    found = with_false_discovery_rate(pd.DataFrame({"p": p}))
    harmonic = sum(1 / k for k in range(1, 6))
    by_rank = [harmonic * 5 / (rank + 1) * p[i] for rank, i in enumerate(np.argsort(p))]
    expected = [min(1.0, *by_rank[rank:], 1.0) for rank in np.argsort(np.argsort(p))]
    assert found["q"].to_numpy() == pytest.approx(expected)
    assert found["clear"].tolist() == [False, True, True, False, True]


def test_images_of_a_block_are_compared_with_themselves():
    records, draws = world(values=(30.0,))
    few = records.assign(n_images=8, n_anomalous=4, variant="few", key=records["key"] + " few", estimate=0.5)
    draws = {"aupro": pd.concat([draws["aupro"], draws["aupro"].add_suffix(" few")], axis=1)}
    paired = beside_unshifted(pd.concat([records.assign(variant="default"), few]))
    found = effects(paired, draws, [*BY, "variant"]).set_index("variant")
    assert found.loc["few", ["before", "after", "change"]].tolist() == [50, 50, 0]
    with pytest.raises(ValueError, match="the same shift twice in one mean"):
        effects(paired, draws, BY)


def test_what_cannot_be_compared_is_refused():
    records, draws = world()
    with pytest.raises(ValueError, match="no unshifted record of t/s/nut/d/b/f/aupro"):
        beside_unshifted(records[records["value"] != 0])
    with pytest.raises(ValueError, match="`by` lacks detector"):
        effects(beside_unshifted(records), draws, ["suite", "backbone"])
    with pytest.raises(ValueError, match=r"no bootstrap draws for cell nut 30\.0"):
        effects(beside_unshifted(records), {"aupro": draws["aupro"].drop(columns="nut 30.0")}, BY)
