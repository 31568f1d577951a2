"""Batches of training pictures: nothing in them tells where in a picture anything is."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from training.bank import Bank
from training.sampler import MOVE, UPRIGHT, Batch, Sampler, displaced, draw_blocks

SIDE = 24


def bank(count: int, shown: int, defect: str, product: str = "gear") -> Bank:
    rng = np.random.default_rng(count)
    pictures = rng.integers(0, 256, (count, shown, SIDE, SIDE, 3), dtype=np.uint8)
    if shown == 2:
        pictures[:, 1] = 255 - pictures[:, 0]
    return Bank(pictures, np.array([product] * count), np.array([defect] * count), np.linspace(1, 4, count))


BANKS = {"damaged": bank(20, 2, "hole"), "studied": bank(10, 1, "", "washer"), "posed": bank(5, 1, "turned", "clock")}
COUNTS = {"damaged": 6, "studied": 4, "posed": 2}


def draw(augmentation: str = "none", seed: int = 0) -> Batch:
    return Sampler(BANKS, COUNTS, augmentation, np.random.default_rng(seed)).draw()


def test_a_bank_and_a_batch_hold_pictures_and_captions_and_no_mask():
    assert {field.name for field in fields(Bank)} == {"pictures", "products", "defects", "zooms", "seed"}
    assert {field.name for field in fields(Batch)} == {"pictures", "captions", "true", "zooms", "specimens", "pairs"}
    batch = draw()
    # One truth a picture and caption, none for a part of a picture.
    assert batch.true.shape == (2 * 6 + 4 + 2, 2 * 6 + 4 + 2)
    assert batch.pictures.shape == (18, 3, SIDE, SIDE)


def test_what_a_batch_says_of_its_pictures_is_not_read_from_them():
    blank = {name: replace(bank, pictures=np.zeros_like(bank.pictures)) for name, bank in BANKS.items()}
    batch, other = draw(), Sampler(blank, COUNTS, "none", np.random.default_rng(0)).draw()
    assert not torch.equal(batch.pictures, other.pictures)
    assert batch.captions == other.captions
    assert torch.equal(batch.true, other.true)
    assert (batch.zooms == other.zooms).all()
    assert (batch.specimens == other.specimens).all()


def test_every_caption_is_true_of_its_picture_and_a_specimen_comes_before_and_after_damage():
    batch = draw()
    assert batch.true.diagonal().all()
    assert [caption.damaged for caption in batch.captions] == [False, True] * 6 + [False] * 4 + [True] * 2
    assert not batch.true[0, 1]
    assert not batch.true[1, 0]
    assert batch.true[0, 2]  # of another specimen of the same product in the same state


def test_both_pictures_of_a_specimen_are_moved_alike():
    exposed = torch.ones(1)
    for before, after in draw().pictures[:12].unflatten(0, (6, 2)):
        # Negatives of each other, under one exposure: their sum is the exposure wherever nothing is clipped.
        total = (before + after)[(before < 0.99) & (after < 0.99)]
        exposed = torch.cat([exposed, total.std()[None]])
    assert exposed[1:].max() < 1e-3


@pytest.mark.parametrize("augmentation", ["colour", "turned"])
def test_a_sibling_differs_in_its_augmentation_alone(augmentation):
    plain, sibling = draw(), draw(augmentation)
    assert [caption.text for caption in plain.captions] == [caption.text for caption in sibling.captions]
    assert torch.equal(plain.true, sibling.true)
    assert not torch.allclose(plain.pictures, sibling.pictures, atol=0.05)


def test_an_unknown_augmentation_is_refused():
    with pytest.raises(ValueError, match="unknown augmentation 'blur'"):
        draw("blur")


def test_a_picture_moves_and_reflects_at_the_edge():
    picture = np.broadcast_to(np.arange(SIDE)[None, None, :, None], (2, SIDE, SIDE, 3)).astype(np.uint8)
    moved = displaced(picture, np.array([False, True]), np.array([[0, 3], [0, -2]]))
    assert moved[0, 0, :, 0].tolist() == [*range(3, SIDE), SIDE - 2, SIDE - 3, SIDE - 4]
    assert moved[1, 0, :, 0].tolist() == [2, 1, *range(SIDE - 2)][::-1]


def test_only_what_has_no_upright_pose_is_mirrored():
    assert {"socket", "beans", "clock"} <= UPRIGHT
    assert not {"washer", "fabric"} & UPRIGHT
    assert MOVE == 8  # one patch of demo-b


def test_a_block_lies_together_on_the_grid_and_anywhere():
    blocks = draw_blocks(np.arange(2000), 15, 3, np.random.default_rng(1))
    rows, columns = blocks // 15, blocks % 15
    assert blocks.shape == (2000, 9)
    assert ((rows.amax(1) - rows.amin(1)) == 2).all()
    assert ((columns.amax(1) - columns.amin(1)) == 2).all()
    assert set(blocks.unique().tolist()) == set(range(225))


def test_both_pictures_of_a_specimen_are_seen_through_the_same_block():
    blocks = draw_blocks(np.array([0, 0, 1, 1, 2]), 15, 3, np.random.default_rng(0))
    assert (blocks[0] == blocks[1]).all()
    assert (blocks[2] == blocks[3]).all()
    assert not (blocks[0] == blocks[2]).all()
