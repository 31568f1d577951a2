"""Records of image AUROC made up for a test, and draws that differ from the estimate by as much in every cell."""

import numpy as np
import pandas as pd

from zsad.analysis.corruption import KIND_WORDS, Sampled

MANY = 10**9  # images, so that intervals are percentiles of the draws as they are
SHARED = np.linspace(-0.02, 0.02, 401)  # pairs cancel; a single mean has an interval of 3.8 points


def sampled(estimates: dict[str, dict[float, float]], spread: float = 0.0) -> Sampled:
    """One suite with two categories that lie `spread` below and above: detector -> severity -> image AUROC, the same
    under every kind of corruption.
    """
    rows = [
        {"suite": "demo-visa", "category": category, "detector": detector, "setting": kind, "value": float(severity),
         "metric": "image_auroc", "estimate": value + side * spread, "n_images": MANY,
         "n_anomalous": MANY // 2, "key": f"{detector} {severity} {kind} {category}"}
        for detector, of_detector in estimates.items()
        for severity, value in of_detector.items()
        for kind in KIND_WORDS
        for side, category in ((-1, "beans"), (1, "pcb"))
    ]  # fmt: skip
    draws = {row["key"]: row["estimate"] + SHARED for row in rows}
    return Sampled(pd.DataFrame(rows), pd.DataFrame(draws))
