"""The colour scale of heat maps: apart from the drawing, because pages compute it from maps that they do not keep."""

from typing import Any

import numpy as np


def heat_scale(maps: Any) -> tuple[float, float]:
    """One colour scale for all pictures of a category: 1st and 99.9th percentile of its unshifted maps, of any shape,
    or a list of them.

    Scores are probabilities, and a sure detector gives most pixels one near 0: hence a logarithmic scale, no lower than
    1e-6. Pictures beyond it saturate. A constant map gets a scale about its value.
    """
    values = np.concatenate([np.ravel(one) for one in maps]) if isinstance(maps, list) else np.asarray(maps)
    low, high = (max(float(x), 1e-6) for x in np.percentile(values, [1, 99.9]))
    return (low, high) if high > low else (low / 1.01, low * 1.01)
