"""Mixed batches: only some of a test set's images are shifted, the others stay as they are.

A detector that compares the images of a batch with each other cannot see what all of them have in common: a shift of
all alike vanishes for it by construction. Where only some are shifted it does not.
"""

import hashlib
from collections.abc import Sequence


def drawn(ids: Sequence[str], share: float, seed: int) -> list[int]:
    """The places of the images that are shifted, in ascending order: the `share` of them, rounded, and at least one.

    Which ones follows from seed and ids alone, whatever the shift and whatever the order of the images, so that they
    are the same for every strength of it. Labels play no part.

    Raises:
        ValueError: a share out of (0, 1].
    """
    if not 0 < share <= 1:
        raise ValueError(f"share is {share}: it must lie above 0 and be at most 1 (all images)")
    ranks = [hashlib.sha256(f"mixed {seed}\0{name}".encode()).digest() for name in ids]
    return sorted(sorted(range(len(ids)), key=ranks.__getitem__)[: max(1, round(share * len(ids)))])
