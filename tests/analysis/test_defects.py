"""Which kinds of defect are seen, of scores made up: against comparing every two images."""

import numpy as np
import pandas as pd
import pytest

from zsad.analysis.defects import LEAST, by_kind, sentence, told, with_kinds, without

POSE = ("turned",)


def images_of(category: str, scores: dict[str, list[float]], suite: str = "s") -> pd.DataFrame:
    rows = [(suite, category, f"{category}/{defect}/{number}", defect, defect != "good", score)
            for defect, values in scores.items() for number, score in enumerate(values)]  # fmt: skip
    return pd.DataFrame(rows, columns=["suite", "category", "id", "defect", "label", "score"])


def world(seed: int = 0, **means: float) -> pd.DataFrame:
    """Two categories with fifty good images and thirty of each kind; `means`: of the scores of each."""
    random, found = np.random.default_rng(seed), []
    for category in ("metal_nut", "washer"):
        drawn = {kind: random.normal(mean, 1, 50 if kind == "good" else 30) for kind, mean in means.items()}
        found.append(images_of(category, {kind: [*values.round(1)] for kind, values in drawn.items()}))
    return pd.concat(found, ignore_index=True)


def slow_auroc(images: pd.DataFrame) -> float:
    """The share of pairs, one anomalous and one good, that are ranked right; equal scores count half."""
    good, bad = (images.loc[images["label"] == label, "score"] for label in (False, True))
    return 100 * np.mean([(b > g) + (b == g) / 2 for b in bad for g in good])


def test_each_kind_is_held_against_the_good_images_of_its_own_category():
    images = world(good=0.0, hole=2.0, stain=0.4, turned=0.0)
    found = by_kind(images, POSE)
    assert len(found) == 6
    assert found["estimate"].is_monotonic_increasing
    for row in found.itertuples():
        of = images[(images["category"] == row.category) & images["defect"].isin(("good", row.defect))]
        assert row.estimate == pytest.approx(slow_auroc(of))
        assert row.low < row.estimate < row.high
        assert (row.images, row.good, row.pose) == (30, 50, row.defect == "turned")
    pd.testing.assert_frame_equal(found, by_kind(images, POSE))


def test_of_kinds_that_are_not_seen_one_in_forty_lies_above_chance():
    """Within what the number of them allows; and those that are seen all lie above."""
    blind = {f"kind {number}": 0.0 for number in range(8)}
    seen = [by_kind(world(seed, good=0.0, dent=1.5, **blind), POSE) for seed in range(20)]
    found = pd.concat([of.assign(told=told(of)) for of in seen])
    unseen = found.loc[found["defect"] != "dent", "told"]
    assert 0.003 < (unseen == 1).mean() < 0.06
    assert 0.003 < (unseen == -1).mean() < 0.06
    assert (found.loc[found["defect"] == "dent", "told"] == 1).all()


def test_the_mean_without_some_defects_is_that_of_the_other_images():
    images = world(good=0.0, hole=2.0, turned=0.0)
    (found,) = without(images, POSE).to_dict("records")
    by_category = images.groupby("category")
    before = np.mean([slow_auroc(of) for _, of in by_category])
    after = np.mean([slow_auroc(of[of["defect"] != "turned"]) for _, of in by_category])
    assert (found["before"], found["after"], found["change"]) == pytest.approx((before, after, after - before))
    assert 0 < found["change_low"] < found["change"] < found["change_high"]
    assert without(images, ("missing",)).empty, "no suite has one"


def test_a_category_that_no_pose_is_wrong_in_changes_nothing_and_counts_in_the_mean():
    images = world(good=0.0, hole=2.0, turned=0.0)
    one = images[(images["category"] == "washer") | (images["defect"] != "turned")]
    whole, half = (without(of, POSE).iloc[0] for of in (images[images["category"] == "washer"], one))
    assert half["change"] == pytest.approx(whole["change"] / 2)
    assert half["categories"] == 2


def test_of_a_few_images_nothing_is_said():
    scores = {"good": [0.0] * LEAST, "hole": [1.0] * LEAST, "stain": [1.0] * (LEAST - 1)}
    assert by_kind(images_of("nut", scores), POSE)["defect"].tolist() == ["hole"]
    assert by_kind(images_of("nut", {**scores, "good": [0.0] * (LEAST - 1)}), POSE).empty


def test_the_sentence_tells_seen_from_unseen():
    images = world(good=0.0, hole=3.0, stain=0.0, turned=0.0)
    kinds = by_kind(images, POSE)
    said = sentence(kinds, without(images, POSE), "X on b")
    assert "Of 4 kinds of damage to a surface 2 lie above chance with their whole interval; not told from " in said
    assert "metal nut: stain" in said
    assert ": hole" not in said
    assert "Of 2 kinds of wrong pose none lies above chance with its whole interval; not told from chance: " in said
    assert "Without the wrong poses mean image AUROC of s rises from " in said


def test_the_sentence_falls_the_other_way():
    images = world(good=0.0, hole=-3.0, turned=3.0)
    said = sentence(by_kind(images, POSE), without(images, POSE), "X on b")
    none = "Of 2 kinds of damage to a surface none lies above chance with its whole interval; below it with the whole "
    assert none in said
    assert said.count("Of 2 kinds of wrong pose 2 lie above chance with their whole interval.") == 1
    assert "Without the wrong poses mean image AUROC of s falls from " in said


def test_without_wrong_poses_none_are_spoken_of():
    images = world(good=0.0, hole=3.0)
    said = sentence(by_kind(images, POSE), without(images, POSE), "X on b")
    assert said.endswith("Of 2 kinds of damage to a surface 2 lie above chance with their whole interval.")


def test_an_image_of_no_known_kind_is_refused():
    images = world(good=0.0, hole=1.0)
    kinds = images[["suite", "category", "id", "defect"]]
    assert with_kinds(images.drop(columns="defect"), kinds)["defect"].tolist() == images["defect"].tolist()
    with pytest.raises(ValueError, match="no kind of defect is known of image washer/hole/29"):
        with_kinds(images.drop(columns="defect"), kinds.iloc[:-1])
