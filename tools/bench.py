"""How many evaluations of a worst-case search a second, and how much of the device's own matrix-multiply rate that is.

    make bench        (or: python tools/bench.py --device cuda)

An evaluation shifts an image, runs WinCLIP, and scores the map; an evaluation of adam goes backward too. The operations
counted are the matrix multiplications of the detector alone, so what the rest costs shows as a smaller fraction.
Weights do not
matter to speed: the published architectures are timed with random ones.
"""

from __future__ import annotations

import argparse
import json
import logging
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import open_clip
import torch
from bench_report import OUT, report
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

from zsad.clip import Backbone, load_backbone
from zsad.clip.released import RELEASED
from zsad.detectors import load_detector
from zsad.robustness import worst_case

SIDE = 240  # pixels of an image, as in the studies
ROUNDS = 3
DTYPES = ("float32", "bfloat16")
PASSES = {
    "forward": {"setting": "angle", "search": "grid", "budget": 5},
    "forward and backward": {"setting": "angle", "search": "adam", "budget": 5},
}


def backbones(device: str) -> list[str]:
    """demo-b everywhere; the published architectures where a GPU can hold them."""
    return ["demo-b", "demo-l"] + (["ViT-B-16-plus-240", "ViT-L-14"] if device.startswith("cuda") else [])


def backbone(name: str, device: str, dtype: str) -> Backbone:
    if name not in RELEASED:
        return load_backbone(name, device=device, dtype=dtype)
    architecture = RELEASED[name].architecture
    torch.manual_seed(0)
    model = open_clip.create_model(architecture, None)
    return Backbone(model, open_clip.get_tokenizer(architecture), name, device=device, dtype=dtype)


def rounds(work: Callable[[], None], device: str) -> Iterator[float]:
    """Seconds of each of `ROUNDS` calls, after one that is not counted."""
    for number in range(ROUNDS + 1):
        started = time.perf_counter()
        work()
        if device.startswith("cuda"):
            torch.cuda.synchronize(device)
        if number:
            yield time.perf_counter() - started


def multiply_rate(device: str, dtype: str) -> float:
    """Measured floating-point operations a second of a large square matrix multiplication: the median round."""
    side = 8192 if device.startswith("cuda") else 2048
    a, b = torch.randn(2, side, side, device=device, dtype=getattr(torch, dtype))

    def work() -> None:
        for _ in range(10):
            torch.mm(a, b)

    return 10 * 2 * side**3 / statistics.median(rounds(work, device))


def operations(detector: Any, device: str, backward: bool) -> float:
    """Floating-point operations of the matrix multiplications in one prediction, and its gradient if asked for."""
    image = torch.rand(1, 3, SIDE, SIDE, device=device, requires_grad=True)
    detector.predict(image, category="washer")  # its text prototypes are made once and do not count
    with FlopCounterMode(display=False) as counter:
        anomaly_map = detector.predict(image, category="washer").map
        if backward:
            anomaly_map.sum().backward()
    return float(counter.get_total_flops())


def measure(name: str, device: str, dtype: str, batch_size: int) -> list[dict[str, Any]]:
    detector = load_detector("winclip", backbone=backbone(name, device, dtype))
    rate = multiply_rate(device, dtype)
    images = torch.rand(batch_size, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    masks = torch.zeros(batch_size, SIDE, SIDE, dtype=torch.bool)
    masks[:, 60:90, 60:90] = True
    rows = []
    for direction, how in PASSES.items():

        def work(how: dict[str, Any] = how) -> None:
            worst_case(detector, images, masks, category="washer", batch_size=batch_size, device=device, **how)

        evaluations = [batch_size * int(how["budget"]) / seconds for seconds in rounds(work, device)]
        per_try = operations(detector, device, direction != "forward")
        rows.append(
            {
                "backbone": name,
                "weights": "random" if name in RELEASED else "trained",
                "dtype": dtype,
                "pass": direction,
                "batch_size": batch_size,
                "tries_per_second": {
                    "median": round(statistics.median(evaluations), 2),
                    "lowest": round(min(evaluations), 2),
                    "highest": round(max(evaluations), 2),
                },
                "gflop_per_try": round(per_try / 1e9, 2),
                "multiply_gflop_per_second": round(rate / 1e9),
                "fraction_of_multiply_rate": round(statistics.median(evaluations) * per_try / rate, 3),
            }
        )
        logging.info("%s", json.dumps(rows[-1]))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batch-size", type=int, help="evaluations at once; default 8, and 128 on a GPU")
    parser.add_argument("--backbone", action="append", help="only this one (may be repeated)")
    parser.add_argument("--dtype", action="append", choices=DTYPES, help="only this one (may be repeated)")
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    on_gpu = arguments.device.startswith("cuda")
    batch_size = arguments.batch_size or (128 if on_gpu else 8)
    named, dtypes = arguments.backbone or backbones(arguments.device), arguments.dtype or DTYPES
    jobs = [(name, dtype) for name in named for dtype in dtypes]
    rows = []
    for name, dtype in tqdm(jobs, unit="model"):
        rows += measure(name, arguments.device, dtype, batch_size)
    report(rows, arguments.device, arguments.out)


if __name__ == "__main__":
    main()
