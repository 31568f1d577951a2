"""Batches of training pictures, and what a model takes over from an earlier one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from training import world
from training.bank import render_pair
from training.model import build, inherit
from training.sampler import MIRRORED, MOVE, NAMES, Sampler, displaced, window_indices

SIDE = 24


def bank(count: int, shape: tuple[int, ...], rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {
        "pictures": rng.integers(0, 256, (count, *shape, SIDE, SIDE, 3), dtype=np.uint8),
        "masks": np.packbits(rng.random((count, SIDE, SIDE)) < 0.1, axis=2),
        "products": rng.integers(0, len(NAMES), count),
        "defects": np.full(count, "hole"),
    }


def test_both_pictures_of_a_pair_are_moved_alike():
    rng = np.random.default_rng(0)
    paired = bank(30, (2,), rng)
    paired["pictures"][:, 1] = 255 - paired["pictures"][:, 0]
    batch = Sampler(bank(40, (), rng), paired, rng).draw(8, 5)
    assert len(batch.pictures) == 21
    assert (batch.pictures[:8] == 255 - batch.pictures[8:16]).all()
    assert (batch.products[:8] == batch.products[8:16]).all()
    assert batch.masks[:8].any()
    assert not batch.masks[8:16].any()
    assert (batch.defects[:8] == "hole").all()
    assert (batch.defects[8:16] == "").all()


def test_a_picture_and_its_mask_move_together_and_reflect_at_the_edge():
    column = np.arange(SIDE)
    picture = np.broadcast_to(column[None, None, :, None], (2, SIDE, SIDE, 3)).astype(np.uint8)
    mask = np.broadcast_to(column % 2, (2, SIDE, SIDE)).astype(np.uint8)
    moved, masks = displaced(picture, mask, np.array([False, True]), np.array([[0, 3], [0, -2]]))
    assert moved[0, 0, :, 0].tolist() == [*range(3, SIDE), SIDE - 2, SIDE - 3, SIDE - 4]
    assert moved[1, 0, :, 0].tolist() == [2, 1, *range(SIDE - 2)][::-1]
    assert (masks == moved[..., 0] % 2).all()


def test_only_what_has_no_upright_pose_is_mirrored():
    assert not MIRRORED[NAMES.index("socket")]
    assert not MIRRORED[NAMES.index("beans")]
    assert MIRRORED[NAMES.index("washer")]
    assert MOVE == 8  # one patch of demo-b


def test_both_pictures_of_a_pair_show_the_same_window():
    rng = np.random.default_rng(1)
    cells = rng.random((9, 15, 15)) * (rng.random((9, 1, 1)) < 0.5)
    found = window_indices(cells, 3, 4, rng)
    assert found.shape == (9, 9)
    assert (found[:4] == found[4:8]).all()
    assert ((found >= 0) & (found < 225)).all()


def test_twins_differ_by_the_damage_alone():
    for index in range(4):
        pictures, mask, product, defect = render_pair((11, index, True))
        assert NAMES[product] not in world.STUDIED
        assert defect in world.KINDS
        changed = np.abs(pictures[0].astype(int) - pictures[1]).max(-1) > 8
        shown = np.unpackbits(mask, axis=1).astype(bool)
        assert changed.any()
        rows, columns = np.nonzero(shown)
        near = np.zeros_like(shown)  # a shadow or a blur may reach a little beyond
        near[max(0, rows.min() - 8) : rows.max() + 9, max(0, columns.min() - 8) : columns.max() + 9] = True
        assert not (changed & ~near).any()


def test_a_suite_s_category_has_no_twins():
    with pytest.raises(ValueError, match="washer"):
        world.render_twins(world.Shot("washer", "crack"), (0, 1))


@pytest.mark.parametrize("words", [["gear", "plate"], ["anvil", "gear", "plate", "zebra"]])
def test_a_model_takes_over_the_words_it_knows(words):
    torch.manual_seed(0)
    earlier, _, tokenizer = build("demo-b", ["gear", "plate"])
    torch.manual_seed(1)
    model, _, larger = build("demo-b", words)
    inherit(model, larger, {"vocabulary": ["gear", "plate"]}, dict(earlier.state_dict()))
    text = ["a plate", "gear 7"]
    with torch.no_grad():
        assert torch.allclose(model.encode_text(larger(text)), earlier.encode_text(tokenizer(text)), atol=1e-6)
        images = torch.randn(2, 3, 120, 120)
        assert torch.allclose(model.encode_image(images), earlier.encode_image(images), atol=1e-5)


def test_a_deeper_model_begins_where_the_earlier_one_ended():
    torch.manual_seed(0)
    earlier, card, _ = build("demo-b", ["gear"])
    deeper, _, tokenizer = build("demo-l", ["gear"])
    inherit(deeper, tokenizer, {"vocabulary": ["gear"]}, dict(earlier.state_dict()))
    assert card["vision_cfg"]["layers"] < len(deeper.visual.transformer.resblocks)
    tokens = torch.randn(2, 9, 192)
    with torch.no_grad():
        assert torch.allclose(deeper.visual.transformer(tokens), earlier.visual.transformer(tokens), atol=1e-5)
    with pytest.raises(ValueError, match="do not fit"):
        inherit(earlier, tokenizer, {"vocabulary": ["gear"]}, dict(deeper.state_dict()))
