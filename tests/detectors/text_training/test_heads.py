import math

import pytest
import torch
from torch.nn import functional as F

from zsad.detectors.text_training.heads import HEADS, ArcFace, anomaly_score, make_head, train_head

TRAINING = {"epochs": 40, "batch_size": 16, "learning_rate": 0.01}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def two_bundles(count=60, anomalous=30, dim=12, seed=0):
    """Unit features around two directions, and their sides; the first `anomalous` of them are anomalous."""
    drawn = generator(seed)
    centres = torch.eye(dim)[:2]
    sides = (torch.arange(count) < anomalous).long()
    return F.normalize(centres[sides] + 0.2 * torch.randn(count, dim, generator=drawn), dim=1), sides


def trained(kind, features, sides, seed=0, **changes):
    head = make_head(kind, features.shape[1], generator(seed))
    train_head(head, features, sides, generator(seed), **{**TRAINING, **changes})
    return head


@pytest.mark.parametrize("kind", HEADS)
def test_every_head_tells_two_bundles_apart(kind):
    features, sides = two_bundles()
    unseen, truth = two_bundles(seed=1)
    score = anomaly_score(trained(kind, features, sides), unseen)
    assert score[truth == 1].min() > score[truth == 0].max()
    assert ((score >= 0) & (score <= 1)).all()


def test_only_the_network_learns_what_no_line_divides():
    angle = torch.arange(80) * math.tau / 80
    features, sides = torch.stack([angle.cos(), angle.sin()], dim=1), (torch.arange(80) // 20) % 2
    features = F.normalize(torch.cat([features, torch.ones(80, 14) * 0.1], dim=1), dim=1)
    right = {
        kind: ((anomaly_score(trained(kind, features, sides, epochs=150), features) > 0.5) == sides).float().mean()
        for kind in ("fnn", "linear")
    }
    assert right["fnn"] > 0.95
    assert right["linear"] < 0.8


def test_prototype_is_the_mean_text_of_each_side():
    features, sides = two_bundles()
    means = [F.normalize(features[sides == side].mean(dim=0), dim=0) for side in (0, 1)]
    expected = torch.sigmoid(features @ (means[1] - means[0]) / 0.07)
    torch.testing.assert_close(anomaly_score(trained("prototype", features, sides), features), expected)


def test_arcface_adds_its_margin_to_the_angle_of_the_right_side():
    features, sides = two_bundles()
    head = ArcFace(12, generator())
    angles = torch.acos(features @ F.normalize(head.weight, dim=1).T)
    logits = torch.stack(
        [
            torch.tensor([5 * math.cos(angle + 0.5 * (index == side)) for index, angle in enumerate(row)])
            for row, side in zip(angles.tolist(), sides.tolist(), strict=True)
        ]
    )
    torch.testing.assert_close(head.loss(features, sides, torch.ones(2)), F.cross_entropy(logits, sides))
    torch.testing.assert_close(head(features), 5 * torch.cos(angles))


@pytest.mark.parametrize("layers", [2, 3])
def test_the_network_narrows_to_half(layers):
    head = make_head("fnn", 12, generator(), layers=layers)
    assert [tuple(layer.weight.shape) for layer in head.layers] == [(6, 12), *[(6, 6)] * (layers - 2), (2, 6)]


def test_the_generator_decides_and_the_global_one_is_left_alone():
    features, sides = two_bundles()
    before = torch.random.get_rng_state()
    heads = [trained("fnn", features, sides, seed) for seed in (0, 0, 1)]
    assert torch.equal(torch.random.get_rng_state(), before)
    scores = [anomaly_score(head, features) for head in heads]
    assert torch.equal(scores[0], scores[1])
    assert not torch.equal(scores[0], scores[2])


def test_dropout_and_noise_take_part_in_training_alone():
    features, sides = two_bundles()
    head = make_head("fnn", 12, generator(), dropout=0.5)
    plain, dropped = head(features), head(features, generator())
    assert not torch.allclose(plain, dropped)
    draws = torch.stack([head(features, generator(seed)) for seed in range(400)])
    torch.testing.assert_close(draws.mean(dim=0), plain, atol=0.05, rtol=0)
    weights = [trained("fnn", features, sides, noise=noise).layers[0].weight for noise in (0.0, 0.1)]
    assert not torch.allclose(*weights)


def test_sides_weigh_the_same_whatever_their_numbers():
    features, sides = two_bundles()
    more = torch.cat([features[:30]] * 3 + [features[30:]]), torch.cat([sides[:30]] * 3 + [sides[30:]])
    even, uneven = (trained("fnn", *texts, epochs=10, batch_size=200) for texts in [(features, sides), more])
    torch.testing.assert_close(uneven.layers[0].weight, even.layers[0].weight, atol=1e-5, rtol=0)


def test_training_stops_on_held_out_texts_and_keeps_the_best_epoch():
    features, sides = two_bundles()
    wrong = features, 1 - sides  # the better the training, the worse the held-out loss: the first epoch is the best
    stopped = trained("fnn", features, sides, held_out=wrong, patience=2)
    torch.testing.assert_close(
        stopped.layers[0].weight, trained("fnn", features, sides, epochs=1).layers[0].weight, atol=0, rtol=0
    )
    right = trained("fnn", features, sides, held_out=two_bundles(seed=1))
    assert right.loss(features, sides, torch.ones(2)) < stopped.loss(features, sides, torch.ones(2))


@pytest.mark.parametrize(("only", "missing"), [(0, "anomalous"), (1, "normal")])
@pytest.mark.parametrize("kind", HEADS)
def test_a_corpus_with_one_side_empty_is_refused(kind, only, missing):
    features, _ = two_bundles()
    with pytest.raises(ValueError, match=f"no texts on the {missing} side"):
        trained(kind, features, torch.full((60,), only))


def test_a_temperature_leaves_the_ranking():
    features, sides = two_bundles()
    head = trained("fnn", features, sides)
    scores = [anomaly_score(head, features, temperature) for temperature in (1.0, 10.0)]
    assert torch.equal(scores[0].argsort(), scores[1].argsort())
    assert scores[0].std() > scores[1].std()


def test_a_trained_head_is_frozen():
    features, sides = two_bundles()
    assert not any(parameter.requires_grad for parameter in trained("fnn", features, sides).parameters())
