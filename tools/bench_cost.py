"""What a detector costs for a picture, in passes of the picture through the image tower.

    make bench        (or: python tools/bench_cost.py --device cuda)

Detectors that compare a picture's embedding with texts should cost one pass and little more. Training, which happens
once a category, is timed apart. Rounds of all detectors alternate, so that a busy machine slows them alike; times are
of the process where that computes on the CPU, so that waiting does not count.
"""

from __future__ import annotations

import argparse
import json
import logging
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from bench_report import OUT, report
from tqdm import tqdm

from zsad.clip import load_backbone
from zsad.detectors import load_detector

DETECTORS = ("clip", "clip_ac", "rwda", "text_fnn", "april_gan", "anomalyclip", "winclip")
PICTURES, SIDE, ROUNDS = 64, 240, 7


def seconds(work: Callable[[], Any], device: str) -> float:
    on_gpu = device.startswith("cuda")
    clock = time.perf_counter if on_gpu else time.process_time
    started = clock()
    work()
    if on_gpu:
        torch.cuda.synchronize(device)
    return clock() - started


def measure(backbone_name: str, device: str, dtype: str) -> list[dict[str, Any]]:
    backbone = load_backbone(backbone_name, device=device, dtype=dtype)
    images = torch.rand(PICTURES, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)).to(device)
    work: dict[str, Callable[[], Any]] = {"one pass": lambda: backbone.embed_image(images)}
    first: dict[str, float] = {}
    for name in DETECTORS:
        detector = load_detector(name, backbone=backbone)
        work[name] = lambda detector=detector: detector.predict(images, "washer")
        first[name] = seconds(lambda work=work[name]: work(), device)
    times: dict[str, list[float]] = {name: [] for name in work}
    with torch.no_grad():
        for turn in tqdm(range(ROUNDS + 1), unit="round"):
            for name, call in work.items():
                spent = seconds(call, device)
                if turn:
                    times[name].append(spent)
    rows = []
    for name in DETECTORS:
        ratios = [own / one for own, one in zip(times[name], times["one pass"], strict=True)]
        row = {"detector": name, "backbone": backbone_name, "dtype": dtype, "pictures": PICTURES}
        row |= {"milliseconds_a_picture": round(1000 * statistics.median(times[name]) / PICTURES, 2)}
        row |= {"passes": {"median": round(statistics.median(ratios), 3), "lowest": round(min(ratios), 3),
                           "highest": round(max(ratios), 3)}}  # fmt: skip
        row |= {"first_call_seconds": round(first[name], 2)}
        rows.append(row)
        logging.info("%s", json.dumps(row))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--backbone", default="demo-b")
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    rows = [row for dtype in ("float32", "bfloat16") for row in measure(arguments.backbone, arguments.device, dtype)]
    report(rows, arguments.device, arguments.out, "cost-")


if __name__ == "__main__":
    main()
