"""Pre-training never shows a damaged category of the suites, and draws its lights and blots from other ranges."""

from __future__ import annotations

import numpy as np
import pytest

from training import world
from training.bank import SUBJECTS, render
from zsad.data.demo import SUITES
from zsad.data.demo.specimen import POSE_FAULTS
from zsad.data.demo.suites import LOOK

CATEGORIES = {category for suite in SUITES.values() for category in suite.categories}
STUDIED_NAMES = {product.name for product in world.PRODUCTS.values()}


def test_no_category_of_the_suites_is_drawn_damaged():
    rng = np.random.default_rng(0)
    shots = [draw(rng) for draw in SUBJECTS.values() for _ in range(8_000)]
    assert set(world.STUDIED) == CATEGORIES
    names = {shot.product.name for shot in shots}
    assert names > {product.name for product in world.WORLD.values()}
    assert not [shot for shot in shots if shot.product.name in STUDIED_NAMES and shot.defect]
    assert {shot.defect for shot in shots} == {"", *world.KINDS, *POSE_FAULTS}


def test_a_damaged_specimen_is_never_one_of_the_suites():
    rng = np.random.default_rng(1)
    drawn = [world.draw_damaged(rng) for _ in range(8_000)]
    assert all(shot.defect in world.KINDS and shot.product.name not in STUDIED_NAMES for shot in drawn)
    assert all(world.draw_defect(product, rng) == "" for product in world.PRODUCTS.values() for _ in range(50))


def test_the_bank_asks_the_same_place_and_holds_no_mask():
    for index in range(12):
        arrays, (name, defect, zoom) = render(index, "studied", 5)
        assert set(arrays) == {"pictures"}
        assert arrays["pictures"].shape == (1, 120, 120, 3)
        assert name in STUDIED_NAMES
        assert defect == ""
        assert zoom >= 1


def test_before_and_after_differ_by_the_damage_alone():
    shot = world.Shot(world.WORLD["gear"], "hole")
    (before, after), _ = world.render_shot(shot, (3, 4), twin=True)
    changed = (before != after).any(2).mean()
    assert 0 < changed < 0.2
    (alone,), _ = world.render_shot(shot, (3, 4))
    assert (alone == after).all()


def test_a_detail_shows_the_same_product_larger():
    product = world.WORLD["coin"]
    near = world.detail(product, 3.0, np.random.default_rng(0))
    assert near.pose(np.random.default_rng(1)) == near.pose(np.random.default_rng(2))
    assert 3 * product.scale[0] <= near.pose(np.random.default_rng(0)).scale <= 3 * product.scale[1]
    assert world.detail(product, 1.0, np.random.default_rng(0)) is product


def test_a_fault_of_pose_has_no_twin():
    with pytest.raises(ValueError, match="no twins"):
        world.render_shot(world.Shot(world.WORLD["clock"], "missing"), (0, 0), twin=True)


def test_backgrounds_lights_and_blots_differ_from_the_suites():
    assert world.LOOK.azimuth[0] >= LOOK.azimuth[1]
    assert np.mean(world.LOOK.value) > np.mean(LOOK.value) + 0.2
    for suite in SUITES.values():
        assert world.STYLE.roughness[1] < suite.style.roughness[1]
        assert world.STYLE.harmonics != suite.style.harmonics
        assert world.STYLE.wander[1] <= suite.style.wander[1]
