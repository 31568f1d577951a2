"""False alarms and misses of cells, against thresholds that are found anew among copies of the images drawn."""

import zlib

import numpy as np
import pandas as pd
import pytest
from made_up import scores_of, training_of, turned
from scipy.stats import norm

from zsad.analysis.decisions import ANEW, BEST_F1, LEAST, TRAINING, decide, decide_anew, unshifted_sentence
from zsad.metrics.bootstrap import draw_counts


def world(seed: int = 0, detectors: str = "d"):
    """Two categories of 14 and 23 images as they are and turned; good training images of the first alone."""
    random = np.random.default_rng(seed)
    images, training = [], []
    for category, count in (("nut", 14), ("cap", 23)):
        labels = np.arange(count) % 3 == 0
        for detector in detectors:
            plain = scores_of(category, {}, labels, np.round(random.normal(labels, 1), 1), detector)
            images += [plain, scores_of(category, turned(30), labels, plain["score"] + random.random(count), detector)]
            if category == "nut":
                training.append(training_of(plain, random.normal(0, 1, 30)))
    shuffled = pd.concat(images).sample(frac=1, random_state=seed)
    return shuffled, pd.concat(training)


def errors_at(scores: np.ndarray, labels: np.ndarray, threshold: float) -> dict[str, float]:
    return {"false_alarms": (scores[~labels] >= threshold).mean(), "misses": (scores[labels] < threshold).mean()}


def just_above(good: np.ndarray) -> float:
    """The lowest of the scores, or what lies just above one, that at most one in twenty reaches."""
    return min(t for t in good + 1e-9 if (good >= t).sum() <= 0.05 * len(good))


def best_f1(scores: np.ndarray, labels: np.ndarray) -> float:
    f1 = {t: 2 * (labels & (scores >= t)).sum() / ((scores >= t).sum() + labels.sum()) for t in set(scores)}
    return max(f1, key=lambda t: (f1[t], t))


@pytest.mark.parametrize(("rule", "category"), [(TRAINING, "nut"), (BEST_F1, "nut"), (BEST_F1, "cap")])
def test_every_draw_sets_its_threshold_anew_on_the_unshifted_images(rule, category):
    images, training = world()
    found = decide(images, training, replicates=25, seed=3)
    of = {value: rows.sort_values("id") for value, rows in images[images["category"] == category].groupby("value")}
    labels, good = of[0]["label"].to_numpy(), training.sort_values("id")["score"].to_numpy(float)
    before = of[0]["score"].to_numpy(float)
    own = zlib.crc32(f"s/{category}".encode())
    counts = draw_counts(labels, labels, ~labels, 25, np.random.default_rng([3, own]))
    of_training = np.random.default_rng([3, own, 1]).multinomial(30, np.full(30, 1 / 30), size=25)
    for value, rows in found.records[(found.records["rule"] == rule) & (found.records["category"] == category)].groupby(
        "value"
    ):
        scores, drawn = of[value]["score"].to_numpy(float), []
        for row, other in zip(counts, of_training, strict=True):
            kinds = np.repeat(labels, row)
            copies = np.repeat(good, other) if rule == TRAINING else np.repeat(before, row)
            threshold = just_above(copies) if rule == TRAINING else best_f1(copies, kinds)
            drawn.append(errors_at(np.repeat(scores, row), kinds, threshold))
        threshold = just_above(good) if rule == TRAINING else best_f1(before, labels)
        expected = errors_at(scores, labels, threshold)
        assert set(rows["metric"]) == set(expected)
        for row in rows.itertuples():
            assert (row.n_images, row.n_anomalous) == (len(labels), labels.sum())
            assert row.threshold == pytest.approx(threshold)
            assert row.estimate == pytest.approx(expected[row.metric])
            assert row.low <= row.estimate <= row.high
            assert found.draws[row.metric][row.key].to_numpy() == pytest.approx([d[row.metric] for d in drawn])


def test_detectors_are_judged_on_the_same_draws():
    images, training = world(detectors="de")
    twin = images[images["detector"] == "d"]
    twin = twin.assign(detector="e", key=twin["key"] + " e")
    both = pd.concat([twin, images[images["detector"] == "d"]])
    found = decide(both, training)
    d, e = (found.records[(found.records["detector"] == name) & (found.records["rule"] == BEST_F1)] for name in "de")
    order = ["category", "value", "metric"]
    pairs = zip(d.sort_values(order).itertuples(), e.sort_values(order).itertuples(), strict=True)
    assert all(found.draws[a.metric][a.key].equals(found.draws[b.metric][b.key]) for a, b in pairs)


def test_categories_are_drawn_unlike_each_other_though_they_have_the_same_scores():
    labels, random = np.arange(40) % 2 == 0, np.random.default_rng(2)
    scores, good = random.normal(labels, 1), random.normal(0, 1, 30)
    plain = [scores_of(category, {}, labels, scores) for category in ("nut", "cap")]
    training = pd.concat([training_of(cell, good) for cell in plain])
    found = decide(pd.concat(plain), training)
    for (_, metric), (nut, cap) in found.records.groupby(["rule", "metric"])["key"]:
        one, other = (found.draws[metric][key] for key in (nut, cap))
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.3, "200 draws"
    # Good test images that are all alike: which of them are drawn changes nothing, the training images alone count.
    alike = pd.concat([cell.assign(score=np.where(labels, 9, np.sort(good)[-2])) for cell in plain])
    draws = decide(alike, training).draws["false_alarms"].filter(like=TRAINING)
    assert draws.shape[1] == 2
    assert abs(np.corrcoef(draws.T)[0, 1]) < 0.3


def test_few_images_have_a_wider_interval_than_percentiles_of_the_draws():
    """By the factor of `zsad.metrics.expanded` for 20 of each kind."""
    labels, random = np.arange(40) % 2 == 0, np.random.default_rng(3)
    images = scores_of("nut", {}, labels, random.normal(0, 1, 40))  # half of which, of either kind, raise an alarm
    found = decide(images, training_of(images, random.normal(-norm.isf(0.05), 1, 200)))
    rows = found.records[found.records["rule"] == TRAINING]
    assert set(rows["metric"]) == {"false_alarms", "misses"}
    for row in rows.itertuples():
        low, high = np.quantile(found.draws[row.metric][row.key], (0.025, 0.975))
        assert 0 < row.low < low
        assert high < row.high < 1
        assert (row.high - row.low) / (high - low) == pytest.approx(np.sqrt(20 / 19) * 2.093 / 1.960, rel=1e-3)


def test_without_training_images_there_is_the_optimistic_rule_alone():
    images, training = world()
    rules = decide(images, training).records.groupby("category")["rule"].unique()
    assert set(rules["nut"]) == {TRAINING, BEST_F1}
    assert list(rules["cap"]) == list(decide(images).records["rule"].unique()) == [BEST_F1]


def test_a_block_of_fewer_images_has_its_own_threshold():
    images, training = world()
    few = images[(images["category"] == "nut") & (images["id"] < "nut/009")]
    few = few.assign(variant="few", key=few["key"] + " few")
    found = decide(pd.concat([images, few]), training).records
    own = found[(found["variant"] == "few") & (found["rule"] == BEST_F1)]
    plain = few[few["value"] == 0]
    assert set(own["n_images"]) == {9}
    assert set(own["threshold"]) == {best_f1(plain["score"].to_numpy(float), plain["label"].to_numpy())}
    assert TRAINING not in set(found.loc[found["variant"] == "few", "rule"])


def test_a_sweep_names_the_unshifted_cell_once_more():
    images, training = world()
    zero = images[images["shift"] == "none"].assign(**turned(0))
    again, once = decide(pd.concat([images, zero]), training), decide(images, training)
    assert len(again.records) == len(once.records) + 6  # two rules and two metrics, and two of the other category
    assert again.draws["misses"].columns.is_unique
    assert again.moved.equals(once.moved)


def test_good_images_have_moved():
    images, _ = world()
    moved = decide(images).moved
    assert set(moved["value"]) == {30.0}
    rows = images[~images["label"] & (images["category"] == "nut")]
    before, after = (rows[rows["value"] == v].sort_values("id")["score"].to_numpy(float) for v in (0, 30))
    width = np.subtract(*np.quantile(before, (0.75, 0.25)))
    assert moved.set_index("category").loc["nut", "moved"] == pytest.approx(np.median(after - before) / width)


def test_a_shift_without_its_unshifted_images_is_refused():
    images, _ = world()
    with pytest.raises(ValueError, match="s/nut/d/b/float32: no unshifted cell of the same images"):
        decide(images[(images["value"] != 0) | (images["id"] != "nut/003")])


def test_a_threshold_set_anew_is_set_on_one_half_of_the_good_images_and_judges_the_rest():
    """By copies of the images drawn, one half after the other, under the shift and without it."""
    random = np.random.default_rng(4)
    labels = np.arange(60) % 4 == 0  # 45 good images: halves of 23 and 22
    plain = scores_of("nut", {}, labels, random.normal(labels, 1))
    images = pd.concat([plain, scores_of("nut", turned(30), labels, 3 + random.normal(labels, 1))])
    found = decide_anew(images.sample(frac=1, random_state=1), replicates=20, seed=3)
    counts = draw_counts(labels, labels, ~labels, 20, np.random.default_rng([3, zlib.crc32(b"s/nut")]))
    good = np.flatnonzero(~labels)
    for value, rows in found.records.groupby("value"):
        of = images[images["value"] == value].sort_values("id")["score"].to_numpy(float)

        def rates(row: np.ndarray, of=of) -> dict[str, float]:
            both = []
            for setting in (good[::2], good[1::2]):
                judged = np.where(np.isin(np.arange(60), setting), 0, row)
                threshold = just_above(np.repeat(of[setting], row[setting]))
                both.append(errors_at(np.repeat(of, judged), np.repeat(labels, judged), threshold))
            return {metric: np.mean([half[metric] for half in both]) for metric in both[0]}

        expected, drawn = rates(np.ones(60, int)), [rates(row) for row in counts]
        assert set(rows["rule"]) == {ANEW}
        assert {row.metric: row.estimate for row in rows.itertuples()} == pytest.approx(expected)
        for row in rows.itertuples():
            assert (row.n_images, row.n_anomalous) == (60, 15)
            assert found.draws[row.metric][row.key].to_numpy() == pytest.approx([d[row.metric] for d in drawn])
    alarms = found.records[found.records["metric"] == "false_alarms"]
    stays = errors_at(images.loc[images["value"] == 30, "score"].to_numpy(), labels, plain["score"].quantile(0.95))
    assert alarms["estimate"].max() < 0.5 * stays["false_alarms"], "all scores have risen by 3"


def test_a_threshold_is_set_anew_only_where_half_of_the_good_images_may_raise_an_alarm():
    labels = np.arange(2 * LEAST + 1) >= 2 * LEAST
    enough = scores_of("nut", {}, labels, np.arange(len(labels)))
    few = scores_of("cap", {}, labels[1:], np.arange(len(labels) - 1))
    assert set(decide_anew(pd.concat([enough, few])).records["category"]) == {"nut"}
    assert decide_anew(few[:0]).records.empty
    nothing = decide_anew(few)
    assert nothing.records.empty
    assert {"estimate", "low", "high", "rule", "metric"} <= set(nothing.records)


def test_what_rotation_is_held_against_is_told_where_it_is_other_products():
    rows = pd.DataFrame({"products": ["all", "rotation-invariant", "all"], "before": [10.0, 12.0, 10.0]})
    assert unshifted_sentence(rows) == (
        "As they are: 10.0 % of all products, the dotted line; rotation is held against the 12.0 % of those that were "
        "turned."
    )
    assert unshifted_sentence(rows[rows["products"] == "all"]) == "As they are: 10.0 %."
