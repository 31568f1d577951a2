"""Chooses a small, fixed part of a data set that still holds normal images and every kind of defect."""

from collections.abc import Hashable, Sequence
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)


def stratified_indices(labels: Sequence[bool], defects: Sequence[str], limit: int) -> list[int]:
    """Indices of at most `limit` samples, in their original order; no randomness.

    Normal and anomalous images keep their proportion, then the kinds of defect keep theirs, each with at least one
    image as long as the limit allows (both classes come first, then the commonest kinds). Within a kind the picks
    are spread evenly, since neighbours on disk often show the same product.

    Raises:
        ValueError: the limit is below 1.
    """
    if limit < 1:
        raise ValueError(f"limit must be at least 1 image, not {limit}.")
    if limit >= len(labels):
        return list(range(len(labels)))
    classes = _group(list(range(len(labels))), labels)
    class_share = _allocate({label: len(members) for label, members in classes.items()}, limit)
    chosen: list[int] = []
    for label, members in classes.items():
        kinds = _group(members, [defects[index] for index in members])
        share = _allocate({kind: len(indices) for kind, indices in kinds.items()}, class_share[label])
        for kind, indices in kinds.items():
            chosen += _spread(indices, share[kind])
    return sorted(chosen)


def _group(members: Sequence[int], keys: Sequence[Key]) -> dict[Key, list[int]]:
    groups: dict[Key, list[int]] = {}
    for member, key in zip(members, keys, strict=True):
        groups.setdefault(key, []).append(member)
    return groups


def _allocate(sizes: dict[Key, int], limit: int) -> dict[Key, int]:
    """Shares `limit` among strata: one each for the largest, then always to the one furthest below its proportion."""
    total = sum(sizes.values())
    share = dict.fromkeys(sizes, 0)
    for key in sorted(sizes, key=lambda key: (-sizes[key], str(key)))[:limit]:
        share[key] = 1
    for _ in range(limit - sum(share.values())):
        open_keys = [key for key in sizes if share[key] < sizes[key]]
        neediest = max(open_keys, key=lambda key: (sizes[key] * limit / total - share[key], str(key)))
        share[neediest] += 1
    return share


def _spread(indices: list[int], count: int) -> list[int]:
    return [indices[(2 * pick + 1) * len(indices) // (2 * count)] for pick in range(count)]
