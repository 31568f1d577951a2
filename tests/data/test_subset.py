import numpy as np
import pytest

import zsad
from zsad.data.subset import stratified_indices


def kinds(*counts: tuple[str, int]) -> tuple[list[bool], list[str]]:
    defects = [name for name, count in counts for _ in range(count)]
    return [name != "good" for name in defects], defects


def chosen_kinds(labels: list[bool], defects: list[str], limit: int) -> dict[str, int]:
    chosen = [defects[index] for index in stratified_indices(labels, defects, limit)]
    return {name: chosen.count(name) for name in chosen}


def test_every_kind_is_there_and_proportions_are_kept():
    assert chosen_kinds(*kinds(("bent", 30), ("good", 60), ("cut", 10)), 10) == {"bent": 3, "good": 6, "cut": 1}


def test_both_classes_come_before_rare_kinds():
    many = kinds(*((f"kind {number}", 1) for number in range(20)), ("good", 20))
    picked = chosen_kinds(*many, 8)
    assert picked.pop("good") == 4
    assert list(picked.values()) == [1, 1, 1, 1]
    assert set(chosen_kinds(*kinds(("good", 90), ("bent", 1)), 2)) == {"good", "bent"}


@pytest.mark.parametrize("seed", range(20))
def test_any_limit_is_met_in_order_without_repetition(seed):
    rng = np.random.default_rng(seed)
    defects = rng.choice(["good", "a", "b", "c"], size=rng.integers(5, 60), p=[0.4, 0.3, 0.2, 0.1]).tolist()
    labels = [defect != "good" for defect in defects]
    for limit in range(1, len(defects) + 3):
        indices = stratified_indices(labels, defects, limit)
        assert len(indices) == min(limit, len(defects))
        assert indices == sorted(set(indices))
        if limit >= 2 * len(set(defects)):
            share = indices and sum(labels[index] for index in indices) / len(indices)
            assert abs(share - np.mean(labels)) <= 1 / len(indices) + 1e-12


def test_picks_are_spread_evenly():
    assert stratified_indices([False] * 100, ["good"] * 100, 4) == [12, 37, 62, 87]


def test_limit_below_one():
    with pytest.raises(ValueError, match="at least 1 image, not 0"):
        stratified_indices([False] * 3, ["good"] * 3, 0)


def test_dataset_subset(mvtec_root):
    dataset = zsad.load_dataset("mvtec_ad", mvtec_root, category="nut")
    assert dataset.subset(None) is dataset
    assert dataset.subset(6) is dataset
    assert dataset.subset(4).defects == ["bent", "good", "good", "scratch"]
    assert dataset.subset(3).ids == dataset.subset(3).ids
    assert dataset.subset(3).fingerprint() != dataset.fingerprint()
