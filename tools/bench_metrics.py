"""How long the exact pixel metrics of many large maps take and how much memory, beside binned ones.

    python tools/bench_metrics.py                 100 maps of 1024 x 1024
    uv pip install --no-deps adeval opencv-python-headless    first, to have adeval beside

Of each row: seconds of a core, and the most memory beyond the maps and masks themselves, medians of five rounds. adeval
bins its thresholds (1000 by default) and reads one map at a time; here every distinct value is a threshold.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from multiprocessing.queues import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from tqdm import tqdm

from zsad.metrics import all_metrics, aupro, pixel_metrics_in_parts

ROUNDS = 5  # of which the median counts

Maps = NDArray[np.float32]
Masks = NDArray[np.bool_]


def test_set(count: int, side: int, rng: np.random.Generator) -> tuple[Maps, Masks]:
    """Smooth maps with a little noise, so that hardly two values are equal; every other image has three discs."""
    maps, masks = np.empty((count, side, side), np.float32), np.zeros((count, side, side), bool)
    row, column = np.mgrid[:side, :side]
    for index in tqdm(range(count), desc="maps", unit="map"):
        for _ in range(3 * (index % 2)):
            middle, radius = rng.uniform(0.1, 0.9, 2) * side, rng.uniform(0.02, 0.09) * side
            masks[index] |= (row - middle[0]) ** 2 + (column - middle[1]) ** 2 < radius**2
        coarse = rng.random((side // 16, side // 16), np.float32)
        noise = 0.01 * rng.random((side, side), np.float32)
        maps[index] = ndimage.zoom(coarse, 16, order=1) + noise + 0.2 * masks[index]
    return maps, masks


def measured(work: Callable[[], Any], found: SimpleQueue[tuple[float, float]]) -> None:
    """Seconds of a core and the most memory [MiB] beyond what is held before; in a process of its own, which is what
    the system counts memory of.
    """
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    work()
    seconds = time.process_time() - started
    found.put((seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**10))


def contestants(maps: Maps, masks: Masks, part: int) -> Iterator[tuple[str, Callable[[], Any]]]:
    scores, labels = maps.max((1, 2)), masks.any((1, 2))
    yield "aupro", lambda: aupro(maps, masks)
    yield "all metrics", lambda: all_metrics(scores, labels, maps, masks)
    ends = range(0, len(maps), part)
    parts = lambda: ((maps[i : i + part], masks[i : i + part]) for i in ends)  # noqa: E731
    yield f"pixel metrics in parts of {part}", lambda: pixel_metrics_in_parts(parts)
    try:
        setattr(np, "trapz", np.trapezoid)  # noqa: B010  # adeval asks for its old name
        from adeval import EvalAccumulator
    except ImportError:
        return

    def binned() -> None:
        low, high = float(maps.min()), float(maps.max())
        accumulator = EvalAccumulator(low, high, low, high)
        accumulator.add_anomap_batch(maps, masks.astype(np.uint8))
        accumulator.add_image(scores, labels.astype(np.uint8))
        accumulator.summary()

    yield "adeval, binned", binned


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100, help="maps")
    parser.add_argument("--side", type=int, default=1024, help="pixels, a multiple of 16")
    parser.add_argument("--part", type=int, default=10, help="maps a part")
    a = parser.parse_args()
    maps, masks = test_set(a.count, a.side, np.random.default_rng(0))
    forked = multiprocessing.get_context("fork")
    for name, work in contestants(maps, masks, a.part):
        found: SimpleQueue[tuple[float, float]] = forked.SimpleQueue()
        rounds = []
        for _ in range(ROUNDS):
            process = forked.Process(target=measured, args=(work, found))
            process.start()
            rounds.append(found.get())
            process.join()
        seconds, memory = (statistics.median(values) for values in zip(*rounds, strict=True))
        print(json.dumps({"name": name, "core_seconds": round(seconds, 1), "MiB": round(memory)}), flush=True)


if __name__ == "__main__":
    main()
