"""A sample of the pictures of the demo suites, as block means: `python tests/demo_sample.py > tests/demo_sample.csv`.

One picture of each kind of each category, split and domain, of seed 0. The table that is kept was made by the code
whose name is `zsad.data.demo.stamp.DRAWN_BY`; only code that draws other images, and so has another name, makes it
again.
"""

import csv
import sys
from collections.abc import Iterator

import numpy as np

from zsad.data.demo.plan import Planned, planned_images, render
from zsad.data.demo.suites import SUITES

BLOCKS = 4


def sampled() -> Iterator[tuple[str, Planned]]:
    """The first picture of each kind, with its suite."""
    for name, suite in SUITES.items():
        for planned in planned_images(suite):
            if planned.index == 0:
                yield name, planned


def named(name: str, planned: Planned) -> str:
    return "/".join(filter(None, [name, planned.category, planned.split, planned.defect or "good", planned.domain]))


def measured(name: str, planned: Planned) -> list[float]:
    """Number of damaged pixels, then the mean level (0 to 255) of each of 4 × 4 blocks in red, green and blue."""
    image, mask = render(SUITES[name], planned, planned.generator(name, 0))
    blocks = [
        cell.mean(axis=(0, 1)) for row in np.array_split(image, BLOCKS) for cell in np.array_split(row, BLOCKS, 1)
    ]
    return [float(mask.sum()), *np.concatenate(blocks).round(4).tolist()]


if __name__ == "__main__":
    csv.writer(sys.stdout, lineterminator="\n").writerows(
        [named(name, planned), *measured(name, planned)] for name, planned in sampled()
    )
