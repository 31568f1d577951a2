"""What two searches found on a few images after each evaluation, written down by hand."""

import numpy as np
import pandas as pd

from zsad.analysis.falls import with_forwards


def curve(search: str, id: str, aurocs: list[float], losses: list[float] | None = None, gradient: bool = False):
    """In bfloat16."""
    count = np.arange(1, len(aurocs) + 1)
    return pd.DataFrame(
        {"suite": "s", "dtype": "bfloat16", "category": "nut" if id < "c" else "pin", "id": id, "search": search,
         "evaluation": count,
         "gradients": count * gradient, "auroc": aurocs, "loss": aurocs if losses is None else losses}
    )  # fmt: skip


NAN = float("nan")
EVALUATIONS = with_forwards(
    pd.concat(
        [
            curve("bayes_opt", "a", [0.9, 0.7, 0.5, 0.5]),
            curve("bayes_opt", "b", [0.8, 0.8, 0.8, 0.8]),
            curve("bayes_opt", "c", [NAN] * 4, [0.0, -0.1, -0.3, -0.4]),
            curve("adam", "a", [0.92, 0.52], gradient=True),
            curve("adam", "b", [0.8, 0.8], gradient=True),
            curve("adam", "c", [NAN] * 2, [0.0, -0.2], gradient=True),
            curve("adam", "d", [0.9, 0.1], gradient=True),
        ],
        ignore_index=True,
    )
)
