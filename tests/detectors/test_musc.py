"""MuSc against its definition written out in loops."""

import pytest
import torch
from tiny_clip import random_images, tiny_backbone

from zsad.detectors import load_detector
from zsad.detectors.batch import BatchDetector
from zsad.detectors.musc import PAIRS, aggregated, mutual_scores, quarters, rescored

GRID, COUNT = (3, 4), 9


@pytest.fixture
def patches():
    return torch.randn(COUNT, GRID[0] * GRID[1], 5, generator=torch.Generator().manual_seed(0))


def neighbourhood(image, row, column, degree):
    """The mean over a square of patches, of unit length."""
    reach, found = degree // 2, torch.zeros(image.shape[1])
    for r in range(row - reach, row + reach + 1):
        for c in range(column - reach, column + reach + 1):
            if 0 <= r < GRID[0] and 0 <= c < GRID[1]:
                found += image[r * GRID[1] + c]
    return found / found.norm()


def slow_scores(patches, degree, lowest):
    """Of each patch: to each other image the smallest distance, then the mean of the smallest of these."""
    around = [
        [neighbourhood(image, row, column, degree) for row in range(GRID[0]) for column in range(GRID[1])]
        for image in patches
    ]
    scores = torch.zeros(patches.shape[:2])
    for i, mine in enumerate(around):
        for p, patch in enumerate(mine):
            distances = sorted(
                min(float((patch - other).norm()) for other in theirs) for j, theirs in enumerate(around) if j != i
            )
            kept = distances[: int(lowest * (len(around) - 1))]
            scores[i, p] = sum(kept) / len(kept)
    return scores


@pytest.mark.parametrize(("degree", "lowest"), [(1, 0.3), (3, 0.3), (5, 0.5), (1, 1.0)])
def test_mutual_scores_are_those_of_the_loops(patches, degree, lowest):
    found = mutual_scores(patches, GRID, degree, lowest)
    torch.testing.assert_close(found, slow_scores(patches, degree, lowest), atol=1e-5, rtol=0)


def test_how_many_are_compared_at_once_changes_nothing(patches):
    whole = mutual_scores(patches, GRID, 3, 0.3)
    for pairs in (1, 2 * 12**2, 16 * 12**2):  # one image, one, four
        torch.testing.assert_close(mutual_scores(patches, GRID, 3, 0.3, pairs=pairs), whole, atol=1e-5, rtol=0)


def test_a_patch_that_only_one_image_has_stands_out(patches):
    alike = patches[:1].repeat(COUNT, 1, 1) + 0.01 * patches
    alike[4, 7] = -alike[4, 7]
    scores = mutual_scores(alike, GRID, 1, 0.3)
    assert scores.argmax() == 4 * 12 + 7
    assert scores[4, 7] > 10 * scores.flatten().sort().values[-2]


def test_an_aggregated_patch_has_unit_length(patches):
    for degree in (1, 3, 5):
        assert torch.allclose(aggregated(patches, GRID, degree).norm(dim=-1), torch.ones(COUNT, 12))


@pytest.mark.parametrize("k", [1, 3])
def test_rescoring_is_the_weighted_mean_over_the_nearest_class_tokens(k):
    tokens = torch.nn.functional.normalize(torch.rand(6, 4, generator=torch.Generator().manual_seed(1)), dim=1)
    score = torch.tensor([3.0, 5.0, 4.0, 7.0, 3.5, 6.0])
    scaled = (score - 3) / 4
    for i in range(6):
        nearest = sorted(range(6), key=lambda j, i=i: -float(tokens[i] @ tokens[j]))[:k]
        weights = [float(tokens[i] @ tokens[j]) for j in nearest]
        expected = sum(w * float(scaled[j]) for w, j in zip(weights, nearest, strict=True)) / sum(weights)
        assert rescored(score, tokens, [k])[i].item() == pytest.approx(expected, abs=1e-6)
    one, three = rescored(score, tokens, [1]), rescored(score, tokens, [3])
    torch.testing.assert_close(rescored(score, tokens, [1, 3]), (one + three) / 2)
    torch.testing.assert_close(one, scaled)


def test_it_is_a_batch_detector_of_the_league_of_test_batches():
    musc = load_detector("musc", tiny_backbone())
    assert isinstance(musc, BatchDetector)
    assert musc.league == "test batch"
    assert musc.least_images == 5, "of four others the lowest 30 % are one"
    assert load_detector("musc", tiny_backbone(), lowest=0.1).least_images == 11
    assert load_detector("musc", tiny_backbone(), neighbours=[1, 8, 9]).least_images == 9
    assert musc.options["taps"] == [1, 2], "the tower has two blocks"
    assert quarters(24) == (6, 12, 18, 24)
    assert quarters(6) == (2, 3, 5, 6)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"taps": [2, 3]}, "has the blocks 1 to 2, no 3"),
        ({"taps": []}, "name at least one of the 2 blocks"),
        ({"degrees": [2]}, "degrees must be odd"),
        ({"degrees": []}, "degrees must be odd"),
        ({"lowest": 0.0}, "lowest must be above 0"),
        ({"neighbours": [0]}, "must be at least 1"),
    ],
)
def test_options_that_cannot_be_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        load_detector("musc", tiny_backbone(), **options)


def between_corners(grid, side):
    """Bilinear, with the outermost patches in the outermost pixels."""
    rows = torch.linspace(0, grid.shape[1] - 1, side)
    low = rows.floor().long().clamp(max=grid.shape[1] - 2)
    to_pixels = torch.zeros(side, grid.shape[1])
    to_pixels[torch.arange(side), low] = 1 - (rows - low)
    to_pixels[torch.arange(side), low + 1] = rows - low
    return to_pixels @ grid @ to_pixels.T


def test_what_is_open_is_chosen_as_published():
    options = load_detector("musc", tiny_backbone()).options
    assert (options["degrees"], options["lowest"], options["neighbours"]) == ([1, 3, 5], 0.3, [])


def test_no_more_is_held_at_once_than_is_said(monkeypatch):
    """Of 40 images with 16 patches each: 409,600 pairs, of which 2**10 are compared together."""
    largest, product = 0, torch.Tensor.__matmul__

    def seen(a, b):
        nonlocal largest
        found = product(a, b)
        largest = max(largest, found.numel())
        return found

    monkeypatch.setattr(torch.Tensor, "__matmul__", seen)
    mutual_scores(torch.randn(40, 16, 5), (4, 4), 1, 0.3, pairs=2**10)
    assert largest == 2**10
    mutual_scores(torch.randn(40, 16, 5), (4, 4), 1, 0.3)
    assert largest == 640**2, "fewer than 2**22 are compared at once"
    assert PAIRS == 2**22


def test_its_score_is_the_maximum_of_the_map_over_all_taps_and_degrees():
    backbone = tiny_backbone()
    images = random_images(6)
    musc = load_detector("musc", backbone, degrees=[1, 3])
    found = musc.compare(musc.features(images), "nut")
    _, states = backbone.embed_image_and_states(images, [1, 2])
    total = torch.zeros(6, 25)
    for state in states.values():
        own = (state - state.mean((1, 2), keepdim=True)) / (state.var((1, 2), False, keepdim=True) + 1e-5).sqrt()
        for degree in (1, 3):
            total += mutual_scores(own, (5, 5), degree, 0.3) / 4
    torch.testing.assert_close(found.map, between_corners(total.unflatten(1, (5, 5)), 80), atol=1e-5, rtol=0)
    assert torch.equal(found.score, found.map.flatten(1).amax(1))
    again = load_detector("musc", backbone, degrees=[1, 3], neighbours=[1])
    assert torch.equal(again.predict(images, "nut").map, musc.predict(images, "nut").map)
    assert again.predict(images, "nut").score.aminmax() == (0, 1)
