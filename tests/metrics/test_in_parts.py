"""Metrics of maps that are read part by part equal those of all maps at once, to the last bit."""

import tracemalloc
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from zsad.metrics import all_metrics, pixel_metrics_in_parts

Part = tuple[list[NDArray[np.float32]], list[NDArray[np.bool_]]]
FOUR = ("pixel_auroc", "pixel_ap", "pixel_f1max", "aupro")


def images(seed: int, count: int = 9, levels: int = 40) -> Part:
    """Maps with many equal values, of sizes that differ; every third image is normal."""
    rng = np.random.default_rng(seed)
    maps, masks = [], []
    for index in range(count):
        height, width = rng.integers(8, 20, 2)
        mask = np.zeros((height, width), bool)
        if index % 3:
            mask[2:5, 1:4] = mask[-2:, -3:] = True
        maps.append((rng.integers(0, levels, mask.shape) / levels + 0.2 * mask).astype(np.float32))
        masks.append(mask)
    return maps, masks


def split(whole: Part, size: int) -> Callable[[], Iterator[Part]]:
    maps, masks = whole
    return lambda: ((maps[i : i + size], masks[i : i + size]) for i in range(0, len(maps), size))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("size", [1, 2, 4, 9])
def test_parts_give_what_all_maps_at_once_give(seed: int, size: int) -> None:
    maps, masks = images(seed)
    at_once = all_metrics([m.max() for m in maps], [m.any() for m in masks], maps, masks, fpr_limit=0.2)
    assert pixel_metrics_in_parts(split((maps, masks), size), fpr_limit=0.2) == {name: at_once[name] for name in FOUR}


def test_one_part_alone_is_in_memory() -> None:
    """Of fifty parts read one after the other, no more is held at a time than of two."""

    def parts(count: int) -> Callable[[], Iterator[tuple[NDArray[np.float32], NDArray[np.bool_]]]]:
        def read() -> Iterator[tuple[NDArray[np.float32], NDArray[np.bool_]]]:
            for index in range(count):
                mask = np.zeros((1, 200, 200), bool)
                mask[0, 0, 0] = True
                yield np.random.default_rng(index).random((1, 200, 200), np.float32), mask

        return read

    def most(count: int) -> int:
        tracemalloc.start()
        pixel_metrics_in_parts(parts(count))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    most(2)  # what is imported on the way
    assert most(50) < 1.5 * most(2)


def test_a_generator_that_runs_out_is_refused() -> None:
    once = iter([images(0)])
    with pytest.raises(ValueError, match="the second 0 with 0: give a function that begins anew"):
        pixel_metrics_in_parts(lambda: once)


@pytest.mark.parametrize(
    ("keep", "words"), [(lambda mask: mask.any(), "0 normal"), (lambda mask: not mask.any(), "0 pixels are anomalous")]
)
def test_one_class_alone_is_refused(keep: Callable[[NDArray[np.bool_]], bool], words: str) -> None:
    maps, masks = images(0)
    chosen = [(m, k) for m, k in zip(maps, masks, strict=True) if keep(k)]
    whole = [m for m, _ in chosen], [np.full_like(k, k.any()) for _, k in chosen]
    with pytest.raises(ValueError, match=words):
        pixel_metrics_in_parts(split(whole, 2))


def test_no_images_are_refused() -> None:
    with pytest.raises(ValueError, match="there are no images"):
        pixel_metrics_in_parts(lambda: iter(()))
