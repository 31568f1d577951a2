"""Components, tiles and the rule for long components."""

import numpy as np
import pytest
import torch

from zsad.tiling.components import Component, connected_components
from zsad.tiling.elongated import is_elongated, parts_of_components, starts, tiles_along
from zsad.tiling.part import Part
from zsad.tiling.tiles import Tile, crop, inside, place, square_tile, whole_image


def flooded(mask: np.ndarray, connectivity: int) -> list[set[tuple[int, int]]]:
    """Components by flooding, pixel after pixel."""
    todo = set(map(tuple, np.argwhere(mask)))
    steps = [(r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if connectivity == 8 or abs(r) + abs(c) == 1]
    found = []
    while todo:
        front, piece = [todo.pop()], set()
        while front:
            row, column = front.pop()
            piece.add((row, column))
            near = {(row + r, column + c) for r, c in steps} & todo
            todo -= near
            front += near
        found.append(piece)
    return found


@pytest.mark.parametrize("connectivity", [4, 8])
def test_components_are_what_flooding_finds(connectivity):
    mask = np.random.default_rng(0).random((20, 26)) < 0.35
    labels, components = connected_components(mask, connectivity)
    expected = {frozenset(piece) for piece in flooded(mask, connectivity)}
    assert {frozenset(map(tuple, np.argwhere(labels == c.label))) for c in components} == expected
    for c in components:
        rows, columns = np.nonzero(labels == c.label)
        assert (c.top, c.left, c.area) == (rows.min(), columns.min(), len(rows))
        assert (c.height, c.width) == (np.ptp(rows) + 1, np.ptp(columns) + 1)


def test_small_components_become_background():
    mask = np.zeros((10, 10), bool)
    mask[1, 1] = mask[4:8, 4:8] = mask[1, 7:9] = True
    labels, components = connected_components(mask, min_area=2)
    assert [(c.label, c.area) for c in components] == [(1, 2), (2, 16)]  # as many pixels as asked for are enough
    assert labels[1, 1] == 0
    assert (labels[1, 7:9] == 1).all()
    assert (labels[4:8, 4:8] == 2).all()
    labels, components = connected_components(np.zeros((3, 3), bool))
    assert components == []
    assert not labels.any()


def component(top: int, left: int, height: int, width: int) -> Component:
    return Component(1, top, left, height, width, height * width)


def test_a_tile_is_centred_and_never_below_the_minimum():
    assert square_tile(component(100, 200, 20, 10), 64, 400, 400) == Tile(78, 173, 64, 64)
    assert square_tile(component(100, 200, 20, 90), 64, 400, 400) == Tile(65, 200, 90, 90)


def test_a_component_at_the_border_gets_a_whole_tile_inside_the_picture():
    assert square_tile(component(0, 390, 30, 10), 64, 400, 400) == Tile(0, 336, 64, 64)
    assert square_tile(component(380, 0, 20, 20), 64, 400, 400) == Tile(336, 0, 64, 64)


@pytest.mark.parametrize(("height", "width"), [(400, 300), (60, 300), (50, 40)])
def test_a_square_covers_its_component_and_stays_inside_where_there_is_room(height, width):
    rng = np.random.default_rng(0)
    for _ in range(200):
        rows, columns = int(rng.integers(1, height + 1)), int(rng.integers(1, width + 1))
        c = component(int(rng.integers(0, height - rows + 1)), int(rng.integers(0, width - columns + 1)), rows, columns)
        tile = square_tile(c, 64, height, width)
        assert tile.height == tile.width == max(64, rows, columns)
        assert tile.top <= c.top
        assert tile.left <= c.left
        assert tile.top + tile.height >= c.top + rows
        assert tile.left + tile.width >= c.left + columns
        for start, side, length in ((tile.top, tile.height, height), (tile.left, tile.width, width)):
            assert min(0, length - side) <= start <= max(0, length - side)


def test_beyond_a_small_picture_a_tile_is_its_reflection():
    image = torch.arange(2 * 5 * 3.0).reshape(1, 5, 6).repeat(3, 1, 1)
    cut = crop(image, Tile(-7, -2, 16, 9))
    expected = np.pad(image.numpy(), ((0, 0), (7, 4), (2, 1)), mode="reflect")
    assert np.array_equal(cut.numpy(), expected)
    assert crop(torch.ones(3, 1, 1), Tile(-2, 0, 5, 5)).shape == (3, 5, 5)
    assert torch.equal(crop(image, whole_image(5, 6)), image)


def test_what_lies_inside_the_picture():
    picture, tile = inside(Tile(-7, 2, 16, 9), 5, 6)
    assert picture == (slice(0, 5), slice(2, 6))
    assert tile == (slice(7, 12), slice(0, 4))


def test_a_part_belongs_to_the_component_that_holds_half_of_it():
    labels = np.zeros((4, 12), np.int32)
    labels[:, :4], labels[:, 8:] = 1, 2
    half = Part(0, 2, np.ones((1, 4), bool))
    between = Part(1, 3, np.ones((1, 4), bool))
    both = Part(2, 0, np.ones((1, 12), bool))
    inner = Part(3, 9, np.ones((1, 2), bool))
    assert parts_of_components([half, between, both, inner], labels, 2).tolist() == [1, 1]
    assert parts_of_components([half, between, both, inner], labels, 2, share=0.3).tolist() == [2, 2]
    assert parts_of_components([], labels, 2).tolist() == [0, 0]


def test_long_and_of_many_parts_is_both_above_the_limit():
    assert is_elongated(component(0, 0, 151, 100), 21)
    assert is_elongated(component(0, 0, 100, 151), 21)
    assert not is_elongated(component(0, 0, 150, 100), 21)
    assert not is_elongated(component(0, 0, 151, 100), 20)


def test_starts_go_by_half_the_short_axis_and_end_flush():
    assert starts(1000, 352, 200) == [0, 100, 200, 300, 400, 500, 600, 648]
    assert starts(100, 40, 40) == [0, 20, 40, 60]
    assert starts(352, 352, 100) == [0]
    assert starts(300, 352, 100) == [0]
    assert starts(20, 16, 1) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("upright", [False, True])
def test_tiles_along_a_component_cover_it_and_centre_each_of_its_parts(upright):
    c = component(30, 20, 500, 100) if upright else component(20, 30, 100, 500)
    tiles = tiles_along(c, 64, 600, 600)
    covered = np.zeros((600, 600), bool)
    for tile in tiles:
        assert tile.height == tile.width == 100
        covered[tile.top : tile.top + 100, tile.left : tile.left + 100] = True
    assert covered[c.top : c.top + c.height, c.left : c.left + c.width].all()
    assert covered.sum() == c.area
    centres = np.array([(t.top if upright else t.left) + 50 for t in tiles])
    begin = c.top if upright else c.left
    for position in range(begin + 50, begin + 450):
        assert np.abs(centres - position).min() <= 25


def test_a_very_long_thin_component_has_no_more_tiles_than_pixels():
    tiles = tiles_along(component(10, 0, 1, 3000), 352, 400, 3000)
    assert len(tiles) == 3000 - 352 + 1
    assert {tile.top for tile in tiles} == {0}
    assert max(tile.left + tile.width for tile in tiles) == 3000
    shorter_than_a_tile = tiles_along(component(200, 100, 2, 300), 352, 400, 400)
    assert shorter_than_a_tile == [Tile(25, 48, 352, 352)]


def test_placing():
    assert place(0, 10, 20, 100) == 0
    assert place(45, 10, 20, 100) == 40
    assert place(95, 5, 20, 100) == 80
    assert place(0, 5, 20, 10) == -8
    assert place(0, 10, 20, 10) == -5
