"""Prompts, tile scores, pixel maps, pasting and image scores."""

import math

import numpy as np
import pytest
import torch
from tiny_clip import random_images, tiny_backbone

from zsad.clip.prompts import ANOMALOUS, NORMAL, STATES
from zsad.tiling.image_score import component_scores, top_mean
from zsad.tiling.paste import Canvas
from zsad.tiling.pixel_map import mean_over_prompts, probabilities
from zsad.tiling.prompts import EXTRA_STATES, LOCALISING, SAMPLE_STATES, distinct
from zsad.tiling.tile_score import AVERAGES, side_vectors, tile_scores
from zsad.tiling.tiles import Tile

SIDES = [["a flawless nut", "the nut"], ["a damaged nut", "the nut with flaw", "nut without the nut"]]


def test_the_lists_have_the_printed_lengths():
    assert [len(EXTRA_STATES[side]) for side in (NORMAL, ANOMALOUS)] == [12, 19]
    assert [len(SAMPLE_STATES[side]) for side in (NORMAL, ANOMALOUS)] == [7 + 12, 4 + 19]
    assert all(SAMPLE_STATES[side][: len(STATES[side])] == STATES[side] for side in STATES)
    assert all(state.count("{}") == 1 for states in SAMPLE_STATES.values() for state in states)
    assert (len(LOCALISING), len(distinct(LOCALISING))) == (19, 18)
    assert LOCALISING.count("an error") == 2
    assert distinct(LOCALISING) == LOCALISING[:-1]


def test_the_score_is_the_softmax_of_mean_cosines():
    backbone = tiny_backbone()
    tiles = backbone.embed_image(random_images(3))
    cosines = [(tiles @ backbone.embed_text(side).T).mean(dim=1) for side in SIDES]
    expected = [1 / (1 + math.exp((n - a) / 0.07)) for n, a in zip(*(c.tolist() for c in cosines), strict=True)]
    assert tile_scores(tiles, side_vectors(backbone, SIDES)).tolist() == pytest.approx(expected, rel=1e-4)


def test_a_mean_embedding_differs_by_one_factor_a_side():
    """<m, v> / |m|: with the mean not normalised again nothing at all would change."""
    backbone = tiny_backbone()
    vectors, normalised = side_vectors(backbone, SIDES), side_vectors(backbone, SIDES, "embedding")
    assert (vectors.norm(dim=1) < 0.999).all()
    assert torch.allclose(vectors / vectors.norm(dim=1, keepdim=True), normalised, atol=1e-6)
    raw = torch.stack([backbone.embed_text(side, normalise=False).mean(dim=0) for side in SIDES])
    expected = raw / raw.norm(dim=1, keepdim=True)
    assert torch.allclose(side_vectors(backbone, SIDES, "raw embedding"), expected, atol=1e-6)


def test_vectors_are_kept_by_what_they_are(tmp_path, monkeypatch):
    backbone = tiny_backbone()
    first = [side_vectors(backbone, SIDES, average, tmp_path) for average in AVERAGES]
    monkeypatch.setattr(backbone, "embed_text", lambda *_, **__: pytest.fail("computed again"))
    for average, vectors in zip(AVERAGES, first, strict=True):
        assert torch.equal(side_vectors(backbone, SIDES, average, tmp_path), vectors)
        assert torch.equal(side_vectors(tiny_backbone(), SIDES, average), vectors)


def test_temperature_keeps_the_order_of_tiles():
    tiles = torch.nn.functional.normalize(torch.randn(20, 8, generator=torch.Generator().manual_seed(0)), dim=1)
    vectors = tiles[:2] * 0.8
    cold, warm = tile_scores(tiles, vectors, 0.05), tile_scores(tiles, vectors, 0.5)
    assert torch.equal(cold.argsort(), warm.argsort())
    assert cold.std() > warm.std()


def test_harmonic_mean_against_its_definition():
    values = torch.rand(2, 5, 3, 4, generator=torch.Generator().manual_seed(0))
    merged = mean_over_prompts(values, epsilon=1e-6)
    for index in np.ndindex(2, 3, 4):
        p = [values[index[0], k, index[1], index[2]].item() for k in range(5)]
        assert merged[index].item() == pytest.approx(5 / sum(1 / (x + 1e-6) for x in p), rel=1e-5)
    assert torch.allclose(mean_over_prompts(values, "arithmetic"), values.mean(dim=1))
    assert (merged <= values.mean(dim=1) + 1e-5).all()


def test_a_prompt_given_twice_has_twice_the_weight():
    p, q = torch.tensor(0.2), torch.tensor(0.8)
    twice = mean_over_prompts(torch.stack([p, p, q]).reshape(1, 3, 1, 1), epsilon=0.0)
    assert twice.item() == pytest.approx(3 / (2 / 0.2 + 1 / 0.8))
    once = mean_over_prompts(torch.stack([p, q]).reshape(1, 2, 1, 1), epsilon=0.0)
    assert twice < once


def test_one_prompt_of_zero_everywhere_leaves_a_small_and_ordered_map():
    values = torch.linspace(0.1, 0.9, 9).reshape(1, 1, 3, 3).repeat(1, 4, 1, 1).double()
    values[:, 2] = 0
    merged = mean_over_prompts(values, epsilon=1e-6)
    assert merged.isfinite().all()
    assert (merged > 0).all()
    assert (merged < 4.1e-6).all()
    assert (merged.flatten().diff() > 0).all()


def test_activations():
    logits = torch.tensor([[[[-3.0, 0.0], [1.0, 5.0]], [[2.0, 2.0], [2.0, 2.0]]]])
    assert torch.allclose(probabilities(logits)[0, 0, 0, 1], torch.tensor(0.5))
    stretched = probabilities(logits, "min-max")
    assert stretched[0, 0].tolist() == [[0, 0.375], [0.5, 1]]
    assert not stretched[0, 1].any()


def test_overlapping_tiles_are_averaged_and_the_rest_is_outside():
    canvas = Canvas(2, 6, 8)
    canvas.add(0, Tile(-2, 0, 5, 5), torch.full((5, 5), 0.2))
    canvas.add(0, Tile(1, 2, 5, 5), torch.full((5, 5), 0.8), times=2)
    total, count = np.zeros((6, 8)), np.zeros((6, 8))
    total[:3, :5] += 0.2
    count[:3, :5] += 1
    total[1:6, 2:7] += 1.6
    count[1:6, 2:7] += 2
    expected = np.where(count > 0, total / np.maximum(count, 1), 0.1)
    assert np.allclose(canvas.average(outside=0.1)[0], expected)
    assert (canvas.average(outside=0.1)[1] == 0.1).all()


def test_a_constant_map_is_pasted_exactly():
    canvas = Canvas(1, 20, 20)
    for start in range(0, 11, 3):
        canvas.add(0, Tile(start, start, 10, 10), torch.full((10, 10), 0.3))
    values = canvas.average()[0]
    assert torch.equal(values[values > 0].unique(), torch.tensor([0.3]))


def test_a_components_score_is_the_mean_of_its_tiles_and_an_images_that_of_the_top_quarter():
    tiles = torch.tensor([0.1, 0.9, 0.5, 0.3])
    components = component_scores(tiles, [[0, 1], [2], [3], [3], [0]])
    assert components.tolist() == pytest.approx([0.5, 0.5, 0.3, 0.3, 0.1])
    assert top_mean(components).item() == pytest.approx(0.5)  # ceil(5 / 4) = 2
    assert top_mean(components, 1.0).item() == pytest.approx(1.7 / 5)
    assert top_mean(components, 0.0).item() == pytest.approx(0.5)
    three = torch.tensor([0.3, 0.1, 0.9, 0.2, 0.6])  # the highest need not come first
    assert [round(top_mean(three, 0.3, r).item(), 3) for r in ("up", "down", "nearest")] == [0.75, 0.9, 0.75]
    assert top_mean(three[:1], 0.25, "down").item() == pytest.approx(0.3)
