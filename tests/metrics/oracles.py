"""Slow, obvious versions of the metrics, written from their definitions."""

from collections import deque

import numpy as np


def regions_of(mask: np.ndarray) -> list[list[tuple[int, int]]]:
    """8-connected components by flood fill, as lists of (row, column)."""
    left = set(zip(*np.nonzero(mask), strict=True))
    regions = []
    while left:
        start = left.pop()
        region, queue = [start], deque([start])
        while queue:
            row, column = queue.popleft()
            for neighbour in [(row + dy, column + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]:
                if neighbour in left:
                    left.remove(neighbour)
                    region.append(neighbour)
                    queue.append(neighbour)
        regions.append(region)
    return regions


def slow_aupro(maps: np.ndarray, masks: np.ndarray, limit: float, valid_mask: np.ndarray | None = None) -> float:
    """A loop over all thresholds and all regions; trapezoids up to the limit, where the curve is interpolated."""
    valid_mask = np.ones_like(masks) if valid_mask is None else valid_mask
    masks, normal = masks & valid_mask, ~masks & valid_mask
    regions = [(image, region) for image, mask in enumerate(masks) for region in regions_of(mask)]
    rates, overlaps = [0.0], [0.0]
    for threshold in sorted(set(maps[valid_mask].tolist()), reverse=True):
        predicted = maps >= threshold
        rates.append((predicted & normal).sum() / normal.sum())
        overlaps.append(np.mean([np.mean([predicted[i][pixel] for pixel in region]) for i, region in regions]))
    area = 0.0
    for f0, f1, p0, p1 in zip(rates, rates[1:], overlaps, overlaps[1:], strict=False):
        if f0 >= limit:
            break
        if f1 > limit:
            p1 = p0 + (p1 - p0) * (limit - f0) / (f1 - f0)
            f1 = limit
        area += (f1 - f0) * (p0 + p1) / 2
    return area / limit


def slow_f1max(scores: np.ndarray, positive: np.ndarray) -> float:
    best = 0.0
    for threshold in set(scores.ravel().tolist()):
        predicted = scores >= threshold
        best = max(best, 2 * (predicted & positive).sum() / (predicted.sum() + positive.sum()))
    return best


def random_masks(random: np.random.Generator, images: int, height: int, width: int) -> np.ndarray:
    """A few specks and boxes on about two images of three, the first among them; the last one is normal."""
    masks = random.random((images, height, width)) < 0.04
    for mask in masks:
        row, column = random.integers(height - 3), random.integers(width - 3)
        mask[row : row + random.integers(1, 5), column : column + random.integers(1, 6)] = True
    masks &= (random.random(images) < 0.67)[:, None, None]
    masks[0, 1:3, 2:5] = True
    masks[-1] = False
    return masks


def random_maps(random: np.random.Generator, masks: np.ndarray, levels: int | None) -> np.ndarray:
    """Noise that is brighter under the mask; rounded to few levels where ties are wanted."""
    maps = random.random(masks.shape) + random.uniform(-0.3, 0.8) * masks
    return maps if levels is None else np.round(maps * levels) / levels
