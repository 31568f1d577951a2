"""What the demo heads of ACR were shown, and that the files that ship are such heads."""

import numpy as np
import pytest

from training import train_acr
from training.bank import Bank
from training.families import FAMILIES
from zsad.auxiliary.acr import MetaRecipe
from zsad.clip import load_backbone, zoo
from zsad.data.demo.products import PRODUCTS
from zsad.detectors import load_detector
from zsad.detectors.acr_head import ACRHead, load_heads
from zsad.study.suites import demo_categories

NAMES = list(FAMILIES)


def bank(products, defects, zooms, shown):
    pictures = np.arange(len(products), dtype=np.uint8)[:, None, None, None, None] * np.ones(
        (1, shown, 4, 4, 3), dtype=np.uint8
    )
    return Bank(pictures, np.array(products), np.array(defects), np.array(zooms))


def test_a_head_is_shown_whole_undamaged_pictures_of_named_families_alone():
    first, second, category = NAMES[0], NAMES[1], next(iter(PRODUCTS))
    twins = bank(
        [first, first, "red plastic disc", second, category], ["hole"] * 5, [1.0, 2.0, 1.0, 1.0, 1.0], 2
    )  # of twins the first picture is from before the damage
    single = bank([first, first, second], ["", "turned", ""], [1.0, 1.0, 1.5], 1)
    found = train_acr.families([twins, single])
    assert list(found) == NAMES
    assert {name: [int(picture[0, 0, 0]) for picture in pictures] for name, pictures in found.items() if pictures} == {
        first: [0, 0],
        second: [3],
    }


def test_the_head_that_ships_was_made_by_todays_recipe_and_fits_demo_b():
    card, state = zoo.read_demo_weights("demo-acr", zoo.WEIGHTS)
    assert {name: card["training"][name] for name in vars(MetaRecipe())} == vars(train_acr.RECIPE)
    assert set(card["training"]["pictures"]) == set(FAMILIES)
    assert not set(card["training"]["pictures"]) & {product.name for product in PRODUCTS.values()}
    head = ACRHead(192, train_acr.HIDDEN)
    assert {name: tensor.shape for name, tensor in state.items()} == {n: t.shape for n, t in head.state_dict().items()}
    assert sum(parameter.numel() for parameter in head.parameters()) == 25_592
    for dtype in ("float32", "bfloat16"):
        assert load_detector("acr", load_backbone("demo-b", dtype=dtype)).league == "test batch"


@pytest.mark.parametrize("suite", ["demo-mvtec", "demo-visa"])
def test_the_heads_of_a_suite_that_ship_were_learned_from_its_other_categories_by_the_same_recipe(suite):
    name = f"acr-demo-b-{suite}"
    card, _ = zoo.read_demo_weights(name, zoo.WEIGHTS)
    assert card["left_out"] == sorted(demo_categories(suite))
    assert {name: card["training"][name] for name in vars(MetaRecipe())} == vars(MetaRecipe())
    assert card["training"]["pictures"] == dict.fromkeys(card["left_out"], 100)
    acr = load_detector("acr", load_backbone("demo-b"), head=name)
    assert acr.league == "test batch"
    heads = load_heads(name, card["extractor"])
    assert (
        len({heads.of(category).net.digest for category in [*card["left_out"], "blade"]}) == len(card["left_out"]) + 1
    )
