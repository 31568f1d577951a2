import pytest
import torch

from zsad.detectors.windows import crop, harmonic_map, harmonic_mean, square_tiles, stitch, tile_starts


def test_the_published_example():
    """Four 2 x 2 windows on a 3 x 3 grid, as in anomalib's documentation of its WinCLIP."""
    result = harmonic_map(torch.tensor([[1.0, 0.75, 0.5, 0.25]]), (3, 3), 2)[0]
    expected = torch.tensor([[1, 0.8571, 0.75], [0.6667, 0.48, 0.375], [0.5, 0.3333, 0.25]])
    torch.testing.assert_close(result, expected, atol=5e-5, rtol=0)


@pytest.mark.parametrize(("grid", "size"), [((15, 15), 2), ((15, 15), 3), ((4, 6), 1), ((4, 6), 3), ((4, 4), 4)])
def test_harmonic_map_equals_a_slow_loop(grid, size):
    rows, columns = grid
    windows = [(top, left) for top in range(rows - size + 1) for left in range(columns - size + 1)]
    scores = torch.rand(2, len(windows), generator=torch.Generator().manual_seed(0)) * 0.98 + 0.01
    result = harmonic_map(scores, grid, size)
    for image in range(2):
        for row in range(rows):
            for column in range(columns):
                covering = [
                    1 / scores[image, index].item()
                    for index, (top, left) in enumerate(windows)
                    if top <= row < top + size and left <= column < left + size
                ]
                assert result[image, row, column].item() == pytest.approx(len(covering) / sum(covering), abs=1e-6)


def test_equal_scores_give_a_constant_map():
    result = harmonic_map(torch.full((1, 169), 0.3), (15, 15), 3)
    torch.testing.assert_close(result, torch.full((1, 15, 15), 0.3))


def test_harmonic_mean_lies_between_and_leans_low():
    maps = torch.tensor([0.2, 0.4, 0.8]).view(3, 1, 1, 1).expand(3, 2, 4, 5)
    torch.testing.assert_close(harmonic_mean(maps), torch.full((2, 4, 5), 3 / (5 + 2.5 + 1.25)))


def test_zero_scores_stay_finite_with_their_gradients():
    scores = torch.tensor([[0.0, 1e-38, 0.5, 1.0]], requires_grad=True)
    result = harmonic_mean(torch.stack([harmonic_map(scores, (3, 3), 2), torch.zeros(1, 3, 3)]))
    result.sum().backward()
    assert result.isfinite().all()
    assert scores.grad is not None
    assert scores.grad.isfinite().all()


@pytest.mark.parametrize(
    ("length", "side", "stride", "expected"),
    [(10, 10, 8, [0]), (11, 10, 8, [0, 1]), (18, 10, 8, [0, 8]), (30, 10, 8, [0, 8, 16, 20]), (26, 10, 8, [0, 8, 16])],
)
def test_the_last_tile_is_flush(length, side, stride, expected):
    assert tile_starts(length, side, stride) == expected


@pytest.mark.parametrize(("height", "width"), [(20, 52), (52, 20), (20, 20), (20, 21)])
def test_tiles_cover_the_image_and_stitch_back(height, width):
    images = torch.rand(3, 3, height, width, generator=torch.Generator().manual_seed(0))
    tiles = square_tiles(height, width)
    assert all(side == 20 and top + side <= height and left + side <= width for top, left, side in tiles)
    torch.testing.assert_close(stitch(crop(images, tiles)[:, 0], tiles, height, width), images[:, 0])


def test_overlapping_tiles_are_averaged():
    tiles = [(0, 0, 4), (0, 3, 4)]
    maps = torch.stack([torch.full((4, 4), 1.0), torch.full((4, 4), 3.0)])
    assert stitch(maps, tiles, 4, 7)[0, 0].tolist() == [1, 1, 1, 2, 3, 3, 3]


def test_smaller_tiles_cover_both_edges():
    assert square_tiles(10, 20, 0.5) == [(top, left, 5) for top in (0, 4, 5) for left in (0, 4, 8, 12, 15)]
