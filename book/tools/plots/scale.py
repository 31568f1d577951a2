"""The colour scale of heat maps: apart from the drawing, because pages compute it from maps that they do not keep."""

from typing import Any

import numpy as np


def heat_scale(maps: Any) -> tuple[float, float]:
    """One colour scale for all pictures of a category: 1st and 99.9th percentile of its unshifted maps, (image, height,
    width), and down to the lowest median of a map, so that every unshifted map shows half of its pixels or more. Of
    pixels in any other shape, the percentiles.

    Scores are probabilities, and a sure detector gives most pixels one near 0: hence a logarithmic scale, no lower than
    1e-6. Pictures beyond it saturate. A constant map gets a scale about its value.
    """
    values = np.concatenate([np.ravel(one) for one in maps]) if isinstance(maps, list) else np.asarray(maps)
    low, high = np.percentile(values, [1, 99.9])
    if values.ndim == 3:
        low = min(low, np.median(values, axis=(1, 2)).min())
    low, high = max(float(low), 1e-6), max(float(high), 1e-6)
    return (low, high) if high > low else (low / 1.01, low * 1.01)
