"""Kept scores of images made up for a test: categories under a shift, as they are, and of good training images; and
records with draws of unshifted cells.
"""

import numpy as np
import pandas as pd

from zsad.analysis.differences import headline_draws

NOISE = np.linspace(-0.01, 0.01, 50)


def scores_of(
    category: str, shift: dict[str, object], labels: np.ndarray, scores: np.ndarray, detector: str = "d"
) -> pd.DataFrame:
    """Rows of the table "images" of one cell of suite s; `shift` names what differs from the unshifted."""
    plain: dict[str, object] = {"shift": "none", "variant": "default", "setting": "none", "value": 0.0}
    where = {"study": "t", "suite": "s", "category": category, "detector": detector, "backbone": "b",
             "dtype": "float32"} | plain | shift  # fmt: skip
    ids = [f"{category}/{number:03}" for number in range(len(labels))]
    names = " ".join(str(value) for value in where.values())
    return pd.DataFrame({"id": ids, "label": labels, "score": np.float32(scores)}).assign(**where, key=names)


def training_of(images: pd.DataFrame, scores: np.ndarray) -> pd.DataFrame:
    """Rows of the table "training" of a cell."""
    ids = [f"train/{number:03}" for number in range(len(scores))]
    return pd.DataFrame({"id": ids, "score": np.float32(scores), "key": images["key"].iloc[0]})


def turned(degrees: float) -> dict[str, object]:
    return {"shift": "uniform", "setting": "angle", "value": float(degrees)}


def measured(values: dict[tuple[str, str], float], suite: str = "demo-mvtec"):
    """Records and draws of (detector, category) -> AUROC, of so many images that no interval is widened."""
    rows, draws = [], []
    for (detector, category), value in values.items():
        where = {"suite": suite, "category": category, "detector": detector, "key": f"{suite} {detector} {category}"}
        counts = {"n_images": 10**9, "n_anomalous": 5 * 10**8}
        for metric in ("image_auroc", "pixel_auroc"):
            ends = {"estimate": value, "low": value - 0.01, "high": value + 0.01}
            rows.append({**where, "metric": metric, **ends, **counts})
        drawn = {"image_auroc": value + NOISE, "pixel_auroc": value + NOISE, "aupro": np.nan}
        draws.append(pd.DataFrame({"replicate": range(50), **drawn, "key": where["key"]}))
    return pd.DataFrame(rows), headline_draws(pd.concat(draws))
