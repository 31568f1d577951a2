"""Features of a whole test batch, in memory as long as they are few and in a file that vanishes where they are many."""

import tempfile
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from zsad.detectors.batch import Features

IN_MEMORY = 2**30  # bytes of features that are held in memory; what goes beyond lies on disk, in the temporary folder


class FeatureStore:
    """Rows of features, put in any order."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._kept: dict[str, Tensor] = {}

    def put(self, rows: Sequence[int], features: Features) -> None:
        """Keep the features of some images, as they are."""
        if not self._kept:
            self._kept = _room_for(self._count, features)
        for name, values in features.items():
            self._kept[name][rows] = values.cpu()

    @property
    def features(self) -> Features:
        """Those of all images."""
        return self._kept


def _room_for(count: int, features: dict[str, Tensor]) -> dict[str, Tensor]:
    shapes = {name: (count, *values.shape[1:]) for name, values in features.items()}
    total = sum(int(np.prod(shape)) * features[name].element_size() for name, shape in shapes.items())
    if total <= IN_MEMORY:
        return {name: torch.empty(shape, dtype=features[name].dtype) for name, shape in shapes.items()}
    return {name: _in_file(shape, features[name].dtype) for name, shape in shapes.items()}


def _in_file(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """A tensor in a file without a name, which is gone with the tensor."""
    numbers = torch.empty(0, dtype=dtype).numpy().dtype
    with tempfile.TemporaryFile(prefix="zsad-features-") as file:
        file.truncate(int(np.prod(shape)) * numbers.itemsize)
        return torch.from_numpy(np.memmap(file, numbers, "r+", shape=shape))
