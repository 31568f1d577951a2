"""Kept scores of images made up for a test: categories under a shift, as they are, and of good training images."""

import numpy as np
import pandas as pd


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
