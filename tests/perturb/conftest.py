import math

import pytest
import torch


def smooth_images(count: int, height: int, width: int, dtype=torch.float32) -> torch.Tensor:
    """Sums of a few slow waves, different in every channel and image, within [0.1, 0.9]: nothing to ring or clip."""
    generator = torch.Generator().manual_seed(height * 1000 + width)
    y = torch.linspace(0, 1, height, dtype=dtype)[:, None]
    x = torch.linspace(0, 1, width, dtype=dtype)
    rows, columns, phases = torch.rand(3, count, 3, 4, 1, 1, generator=generator, dtype=dtype)
    return 0.5 + 0.1 * torch.sin(2 * math.pi * (2 * rows * y + 2 * columns * x + phases)).sum(2)


@pytest.fixture
def smooth():
    return smooth_images


@pytest.fixture
def disc():
    def inner(height: int, width: int, share: float = 0.9) -> torch.Tensor:
        """The pixels no rotation carries out of the frame, less a margin."""
        y = torch.arange(height)[:, None] - (height - 1) / 2
        x = torch.arange(width) - (width - 1) / 2
        return y**2 + x**2 < (share * min(height, width) / 2) ** 2

    return inner
