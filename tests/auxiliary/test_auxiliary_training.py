"""Training on auxiliary anomalies: the loop, what it leaves, and what happens when it is stopped."""

import itertools
import json

import numpy as np
import pytest
import torch
from tiny_clip import tiny_backbone
from toy_learner import ToyLearner
from toys import write_suite

from zsad.auxiliary.data import read_auxiliary
from zsad.auxiliary.learner import Training
from zsad.auxiliary.train import ExampleReader, learn, train_part
from zsad.clip import zoo
from zsad.clip.store import write_tensors
from zsad.detectors.learned import load_learned

SHORT = Training(epochs=3, batch_size=6)


@pytest.fixture(scope="module")
def backbone():
    return tiny_backbone()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return read_auxiliary("toys", "mvtec_ad", write_suite(tmp_path_factory.mktemp("data") / "toys"))


def learner(backbone, **choices):
    return ToyLearner(backbone, choices, 0)


def test_the_loss_falls_and_each_image_is_embedded_once(backbone, data):
    toy = learner(backbone)
    reader = ExampleReader(toy, backbone, data, progress=False)
    losses = learn(toy, reader, len(data), SHORT, progress=False)
    assert len(losses) == 3
    assert losses == sorted(losses, reverse=True)
    assert toy.embedded == len(data) + 1  # one to see how large features are


def test_features_that_do_not_fit_are_computed_when_they_are_needed(backbone, data):
    toy, kept = learner(backbone), learner(backbone)
    reader = ExampleReader(toy, backbone, data, memory=0, progress=False)
    learn(toy, reader, len(data), SHORT, progress=False)
    assert toy.embedded == 3 * len(data) + 1
    learn(kept, ExampleReader(kept, backbone, data, progress=False), len(data), SHORT, progress=False)
    assert torch.allclose(toy.module.weight, kept.module.weight, atol=1e-5)


def test_adam_is_the_published_one(backbone, data, monkeypatch):
    given = {}
    adam = torch.optim.Adam
    monkeypatch.setattr(
        torch.optim, "Adam", lambda parameters, **options: given.update(options) or adam(parameters, **options)
    )
    toy = learner(backbone)
    learn(toy, ExampleReader(toy, backbone, data, progress=False), 4, Training(epochs=1), progress=False)
    assert given == {"lr": 1e-3, "betas": (0.5, 0.999)}


@pytest.mark.parametrize("mosaic", [0.0, 0.2])
def test_each_epoch_shows_every_image_once_in_an_order_of_its_own(backbone, data, mosaic):
    """Images lie category by category, the good ones first: not shuffled, most batches would be of one kind."""
    toy = learner(backbone)
    reader = ExampleReader(toy, backbone, data, progress=False)
    batches, examples = [], reader.examples

    def shown(numbers, mosaics, generator):
        batches.append([*numbers, *mosaics])
        return examples(numbers, mosaics, generator)

    reader.examples = shown
    learn(toy, reader, len(data), Training(epochs=3, batch_size=6, mosaic=mosaic), progress=False)
    assert [len(batch) for batch in batches] == [6, 6, 6, 2] * 3
    epochs = [[set(batch) for batch in batches[start : start + 4]] for start in (0, 4, 8)]
    in_order = [set(range(start, min(start + 6, 20))) for start in (0, 6, 12, 18)]
    assert all(set().union(*epoch) == set(range(20)) for epoch in epochs)
    assert all(batch not in in_order for epoch in epochs for batch in epoch)
    assert all(one != other for one, other in itertools.combinations(epochs, 2))


def test_an_image_keeps_the_label_of_its_data_set_where_its_mask_is_squashed_away(backbone, data, monkeypatch):
    monkeypatch.setattr("zsad.auxiliary.data.squashed_mask", lambda mask, size: torch.zeros(size, size).bool())
    toy = learner(backbone)
    for memory in (0, 2**30):
        reader = ExampleReader(toy, backbone, data, memory=memory, progress=False)
        found = reader.examples([0, 9, 19], [], np.random.default_rng(0))
        assert not found.masks.any()
        assert found.labels.tolist() == [False, True, True]


def test_mosaics_stand_for_some_images(backbone, data):
    toy = learner(backbone)
    reader = ExampleReader(toy, backbone, data, progress=False)
    learn(toy, reader, len(data), Training(epochs=20, mosaic=0.2), progress=False)
    drawn = toy.embedded - len(data) - 1
    assert 0.1 < drawn / (20 * len(data)) < 0.3
    found = reader.examples([3], [5, 15], np.random.default_rng(0))
    assert found.categories == ["metal_nut", "metal_nut", "washer"]
    assert found.labels.tolist() == found.masks.flatten(1).any(dim=1).tolist()


def test_a_part_says_what_it_is_and_can_be_loaded(backbone, data, tmp_path):
    toy = learner(backbone)
    path = train_part(toy, backbone, data, SHORT, tmp_path, progress=False)
    assert {file.name for file in tmp_path.iterdir()} == {"toy-tiny-toys.safetensors", "toy-tiny-toys.json"}
    card = json.loads(path.with_suffix(".json").read_text())
    assert card["shown"] == ["anomalies of other products"]
    assert card["training"] == {"epochs": 3, "batch_size": 6, "learning_rate": 1e-3, "mosaic": 0.0, "seed": 111}
    assert len(card["losses"]) == 3
    learned = load_learned("toy", path, backbone)
    assert learned.trained_on.suite == "toys"
    assert len(learned.trained_on.images) == len(data)
    assert learned.choices == {"bias": True}
    assert torch.allclose(learned.tensors["weight"], toy.module.weight, atol=1e-3)
    assert torch.equal(learned.tensors["weight"], toy.module.weight.detach().half().float())


def test_a_training_that_was_stopped_goes_on_to_the_same_part(backbone, data, tmp_path):
    training = Training(epochs=3, batch_size=6, mosaic=0.2)
    whole = train_part(learner(backbone), backbone, data, training, tmp_path / "whole", progress=False)
    first = learner(backbone)
    loss, calls = first.loss, []

    def stopped(*arguments):
        calls.append(0)
        if len(calls) == 10:  # in the third epoch of four steps each
            raise KeyboardInterrupt
        return loss(*arguments)

    first.loss = stopped
    with pytest.raises(KeyboardInterrupt):
        train_part(first, backbone, data, training, tmp_path / "parts", progress=False)
    assert [file.name for file in (tmp_path / "parts").iterdir()] == ["toy-tiny-toys.unfinished"]
    second = learner(backbone)
    second.loss = lambda *arguments: calls.append(1) or loss_of(second, arguments)
    parts = train_part(second, backbone, data, training, tmp_path / "parts", progress=False)
    assert calls.count(1) == 4
    assert parts.read_bytes() == whole.read_bytes()
    assert parts.with_suffix(".json").read_text() == whole.with_suffix(".json").read_text()


def loss_of(toy, arguments):
    return ToyLearner.loss(toy, *arguments)


def test_what_another_training_left_is_not_gone_on_with(backbone, data, tmp_path, caplog):
    short, unfinished = Training(epochs=1, batch_size=6), tmp_path / "toy-tiny-toys.unfinished"
    wanted = train_part(learner(backbone), backbone, data, short, tmp_path, progress=False).read_bytes()
    other = {"module.weight": torch.zeros(2, 24), "losses": torch.zeros(1)}
    damage = (lambda: unfinished.write_bytes(b"damaged"), lambda: write_tensors(unfinished, other, {"part": "toy"}))
    for leave in damage:
        leave()
        path = train_part(learner(backbone), backbone, data, short, tmp_path, progress=False)
        assert caplog.messages[-1].endswith("training from the start")
        assert path.read_bytes() == wanted
        caplog.clear()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"part": "other"}, "another part"),
        ({"backbone": tiny_backbone(seed=1)}, "another backbone weights"),
        ({"choices": {"bias": False}}, "another bias: True, not False"),
    ],
)
def test_a_part_of_something_else_is_refused(backbone, data, tmp_path, changed, words):
    path = train_part(learner(backbone), backbone, data, Training(epochs=1), tmp_path, progress=False)
    asked = {"part": "toy", "backbone": backbone, "choices": {}, **changed}
    with pytest.raises(ValueError, match=words):
        load_learned(asked["part"], path, asked["backbone"], asked["choices"])


def test_a_part_fits_its_backbone_in_any_type(backbone, data, tmp_path):
    path = train_part(learner(backbone), backbone, data, Training(epochs=1), tmp_path, progress=False)
    assert load_learned("toy", path, tiny_backbone(dtype="bfloat16")).name == "toy-tiny-toys"


def test_a_damaged_part_is_refused(backbone, data, tmp_path):
    path = train_part(learner(backbone), backbone, data, Training(epochs=1), tmp_path, progress=False)
    path.write_bytes(path.read_bytes()[:-2] + b"xy")
    with pytest.raises(ValueError, match="the file is damaged or was replaced"):
        load_learned("toy", path, backbone)


def test_a_part_that_does_not_ship_names_those_that_do(backbone, data, tmp_path, monkeypatch):
    train_part(learner(backbone), backbone, data, Training(epochs=1), tmp_path, progress=False)
    monkeypatch.setattr(zoo, "WEIGHTS", tmp_path)
    assert load_learned("toy", "toys", backbone).name == "toy-tiny-toys"
    with pytest.raises(FileNotFoundError, match=r"no toy for tiny that was trained on visa ships .* those of: toys\."):
        load_learned("toy", "visa", backbone)


def test_what_was_trained_on_is_not_tested(backbone, data, tmp_path):
    path = train_part(learner(backbone), backbone, data, Training(epochs=1), tmp_path, progress=False)
    trained_on = load_learned("toy", path, backbone).trained_on
    with pytest.raises(ValueError, match="trained on toys, with masks: that is no zero-shot test"):
        trained_on.check_unseen(["tested", "toys"], [])
    with pytest.raises(ValueError, match="1 of the tested images are among those of toys"):
        trained_on.check_unseen(["a copy"], ["0" * 64, data.image_digests[3]])
    trained_on.check_unseen(["others"], ["0" * 64])
