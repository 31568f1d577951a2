"""Pre-training never shows a damaged category of the suites, and draws its lights and blots from other ranges."""

from __future__ import annotations

import numpy as np

from training import world
from zsad.data.demo import SUITES
from zsad.data.demo.specimen import POSE_FAULTS
from zsad.data.demo.suites import LOOK

CATEGORIES = {category for suite in SUITES.values() for category in suite.categories}


def test_no_category_of_the_suites_is_drawn_damaged():
    rng = np.random.default_rng(0)
    shots = [world.draw_shot(rng) for _ in range(20_000)]
    assert set(world.STUDIED) == CATEGORIES
    assert {shot.product for shot in shots} == set(world.WORLD)
    assert not [shot for shot in shots if shot.product in CATEGORIES and shot.defect is not None]
    elsewhere = {shot.defect for shot in shots if shot.product not in CATEGORIES}
    assert elsewhere == {None, *world.KINDS, *POSE_FAULTS}


def test_a_studied_category_is_rendered_without_a_mask():
    rng = np.random.default_rng(1)
    for name in sorted(CATEGORIES):
        _, mask = world.render_shot(world.Shot(name, world.draw_defect(name, rng)), rng)
        assert not mask.any()


def test_the_bank_asks_the_same_place():
    from training import bank

    seen = [bank.render((5, index, index % 2 == 0)) for index in range(60)]
    for _, masks, product, defect in seen:
        if bank.NAMES[product] in CATEGORIES:
            assert defect == ""
            assert not masks.any()
    assert any(defect for *_, defect in seen)


def test_backgrounds_lights_and_blots_differ_from_the_suites():
    assert world.LOOK.azimuth[0] >= LOOK.azimuth[1]
    assert np.mean(world.LOOK.value) > np.mean(LOOK.value) + 0.2
    for suite in SUITES.values():
        for style in (world.FINE, world.BOLD):
            assert style.roughness[1] < suite.style.roughness[1]
            assert style.harmonics != suite.style.harmonics
            assert style.wander[1] <= suite.style.wander[1]


def test_captions_name_the_state_that_the_view_shows():
    rng = np.random.default_rng(2)
    shot = world.Shot("gear", "crack")
    normal = {world.caption(shot, False, rng) for _ in range(300)}
    damaged = {world.caption(shot, True, rng) for _ in range(300)}
    assert all("gear" in text for text in normal | damaged)
    assert not normal & damaged
    known = set(world.vocabulary())
    assert all(set(text.replace("-", " ").split()) <= known for text in normal | damaged)
