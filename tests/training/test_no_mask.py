"""No loss knows where in a picture anything is: what pictures show reaches it through their class tokens alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from narrow import NARROW
from torch import Tensor

from training import model, train_clip
from training.bank import Bank
from training.sampler import Batch
from training.train_clip import Recipe, Run

SIDE = 120
RECIPE = Recipe(
    shape="demo-b", counts={"damaged": 3, "studied": 2, "posed": 1}, augmentation="none", steps=4, peak=1e-3,
    scale=(15, 60), partial=0.5, kept=5, blocks=(2, 3), detail=0.3, seed=1,
)  # fmt: skip
OF_PICTURES, OF_BLOCKS = {"picture", "text", "twin"}, {"block", "block twin"}


def bank(count: int, shown: int, defect: str, product: str) -> Bank:
    pictures = np.random.default_rng(count).integers(0, 256, (count, shown, SIDE, SIDE, 3), dtype=np.uint8)
    return Bank(pictures, np.array([product] * count), np.array([defect] * count), np.full(count, 3.0))


BANKS = {
    "damaged": bank(4, 2, "hole", "gear"),
    "studied": bank(3, 1, "", "washer"),
    "posed": bank(2, 1, "turned", "clock"),
}


class Towers:
    """Stand in for both towers with vectors that depend on nothing; hold these, and the blocks that were asked for."""

    def __init__(self) -> None:
        self.given: list[Tensor] = []
        self.blocks: list[list[list[int]] | None] = []

    def picture(self, visual: object, tokens: Tensor, kept: Tensor | None = None) -> Tensor:
        self.blocks.append(None if kept is None else kept.tolist())
        return self._vectors(len(tokens))

    def text(self, clip: object, ids: Tensor) -> Tensor:
        return self._vectors(len(ids))

    def _vectors(self, count: int) -> Tensor:
        generator = torch.Generator().manual_seed(count)
        self.given.append(F.normalize(torch.randn(count, 32, generator=generator), dim=-1).requires_grad_())
        return self.given[-1]


@pytest.fixture
def run(monkeypatch) -> Run:
    monkeypatch.setattr(model, "MODELS", NARROW)
    return Run(RECIPE, BANKS, "float32")


@pytest.fixture
def towers(monkeypatch) -> Towers:
    towers = Towers()
    monkeypatch.setattr(train_clip, "embed", towers.picture)
    monkeypatch.setattr(train_clip.text_tower, "encode", towers.text)
    return towers


def terms_of(run: Run, batch: Batch, done: int) -> dict[str, Tensor]:
    run.rng, run.done = np.random.default_rng(0), done
    return run._terms(batch)


@pytest.mark.parametrize("done", [0, 3])  # a block stands for the whole picture; the whole picture
def test_other_pictures_have_the_same_losses_and_blocks_where_their_class_tokens_are_the_same(run, towers, done):
    batch = run.sampler.draw()
    others = replace(batch, pictures=torch.rand_like(batch.pictures))
    first = terms_of(run, batch, done)
    blocks, towers.blocks = towers.blocks, []
    second = terms_of(run, others, done)
    assert set(first) == OF_PICTURES | OF_BLOCKS
    assert {name: term.item() for name, term in first.items()} == {name: term.item() for name, term in second.items()}
    assert towers.blocks == blocks
    assert (blocks[0] is None) == (done == 3)


def test_the_losses_pull_at_class_tokens_and_captions_and_at_nothing_else(run, towers):
    sum(terms_of(run, run.sampler.draw(), 0).values()).backward()
    assert len(towers.given) == 1 + 1 + len(RECIPE.blocks)  # captions, pictures, blocks
    assert all(vectors.grad.abs().sum() > 0 for vectors in towers.given)
    assert not [name for name, weight in run.model.named_parameters() if weight.grad is not None]


def test_without_blocks_the_losses_are_those_of_pictures(monkeypatch):
    monkeypatch.setattr(model, "MODELS", NARROW)
    run = Run(replace(RECIPE, blocks=()), BANKS, "float32")
    assert set(terms_of(run, run.sampler.draw(), 0)) == OF_PICTURES
