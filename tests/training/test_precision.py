"""What trainings multiply in is what was asked for, in every trainer."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from training import make, train_dis, train_mae, train_sam
from training.precision import DTYPES, multiplying_in

ALWAYS_FLOAT32 = {"demo-clipseg", "demo-acr"}


@pytest.mark.parametrize("dtype", DTYPES)
def test_products_have_the_type_that_was_asked_for(dtype):
    layer, x = nn.Linear(3, 2), torch.ones(1, 3)
    with multiplying_in(dtype):
        assert layer(x).dtype == DTYPES[dtype]
    assert layer(x).dtype == torch.float32


@pytest.mark.parametrize("name", sorted(set(make.NAMES) - ALWAYS_FLOAT32))
def test_one_command_hands_it_to_the_trainer(name, tmp_path, monkeypatch):
    given = []

    def trained(*arguments, dtype=None):
        given.append(dtype or arguments[-1])

    for place, trainer in ((make, "train"), (make, "tune"), (train_dis, "train"), (train_sam, "train"),
                           (train_mae, "train")):  # fmt: skip
        monkeypatch.setattr(place, trainer, trained)
    for written in ("write_scenes", "read_scenes", "_banks", "_make_before"):
        monkeypatch.setattr(make, written, lambda *arguments: None)
    make.make(name, tmp_path, tmp_path, "float32")
    assert given == ["float32"]
