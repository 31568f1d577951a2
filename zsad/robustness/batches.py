"""Work through many items in batches that fit the device."""

import logging
from collections.abc import Callable
from typing import TypeVar

import torch

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


def in_batches(
    work: Callable[[slice], Result], count: int, batch_size: int, device: str | torch.device
) -> tuple[list[Result], int]:
    """Call `work` on slices that cover `count` items in order; where memory runs out, halve the batch and repeat it.

    Returns:
        What the calls returned, and the batch size in the end, for the next time.

    Raises:
        torch.OutOfMemoryError: a single item does not fit.
    """
    results: list[Result] = []
    start = 0
    while start < count:
        size = min(batch_size, count - start)
        try:
            result = work(slice(start, start + size))
        except torch.OutOfMemoryError:
            if size == 1:
                raise
        else:
            results.append(result)
            start += size
            continue
        batch_size = size // 2
        logger.warning("out of memory on %s: going on with batches of %d", device, batch_size)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    return results, batch_size
