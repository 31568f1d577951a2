"""What a demo suite consists of: every image with the seed that draws it, and its files in the suite's layout."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, UInt8
from numpy import ndarray
from PIL import Image

from zsad.data.demo.domains import leaning
from zsad.data.demo.specimen import render_specimen
from zsad.data.demo.suites import HABITUAL, Suite


@dataclass(frozen=True)
class Planned:
    """One image of a suite: where it belongs, and the seed that draws it."""

    category: str
    split: str
    defect: str | None
    index: int
    number: int  # running number among the images of its folder
    domain: str | None = None

    def generator(self, suite: str, seed: int) -> np.random.Generator:
        """Depends on (suite, category, split, defect, domain, index) alone, never on the other images."""
        place = f"{suite}/{self.category}/{self.split}/{self.defect or 'good'}"
        if self.domain:
            place += f"/{self.domain}"
        return np.random.default_rng([seed, zlib.crc32(place.encode()), self.index])


def planned_images(suite: Suite) -> Iterator[Planned]:
    """Every image of a suite, category by category."""
    for category, spec in suite.categories.items():
        for domain in suite.train_domains or (None,):
            for index in range(suite.train):
                yield Planned(category, "train", None, index, index, domain)
        for domain in suite.domains or (None,):
            for index in range(suite.good):
                yield Planned(category, "test", None, index, suite.train + index, domain)
            for kind, defect in enumerate(spec.defects):
                for index in range(suite.each_defect):
                    yield Planned(category, "test", defect, index, kind * suite.each_defect + index, domain)


def render(
    suite: Suite, planned: Planned, rng: np.random.Generator
) -> tuple[UInt8[ndarray, "height width 3"], Bool[ndarray, "height width"]]:
    """One image of a suite and its mask, under the conditions of its domain."""
    domain = suite.domains[planned.domain] if planned.domain else HABITUAL
    product = domain.pose(suite.categories[planned.category].product)
    image, mask = render_specimen(product, domain.look, suite.style, rng, planned.defect, *suite.size)
    return leaning(image, mask, domain.lean, rng) if domain.lean else (image, mask)


def names_of(suite: Suite, planned: Planned) -> tuple[str, ...]:
    """The paths of an image and, of a damaged one, its mask, below the folder of the suite.

    AeBAD-S has the layout of MVTec AD with one folder more, that of the domain, and masks named as their images.
    """
    if suite.reader == "visa":
        data, kind = f"{planned.category}/Data", "Anomaly" if planned.defect else "Normal"
        image, mask = f"{data}/Images/{kind}/{planned.number:03d}.JPG", f"{data}/Masks/Anomaly/{planned.number:03d}.png"
    else:
        below = "/".join(filter(None, [planned.defect or "good", planned.domain]))
        image = f"{planned.category}/{planned.split}/{below}/{planned.index:03d}.png"
        suffix = "" if planned.domain else "_mask"
        mask = f"{planned.category}/ground_truth/{below}/{planned.index:03d}{suffix}.png"
    return (image, mask) if planned.defect else (image,)


def files_of(name: str, suite: Suite, planned: Planned, seed: int) -> dict[str, bytes]:
    """Draw one image: the content of each of its files, by `names_of`. Masks of VisA hold the number of the defect
    class, from 1, as the published data set's do."""
    image, mask = render(suite, planned, planned.generator(name, seed))
    visa = suite.reader == "visa"
    how = {"format": "JPEG", "quality": 95, "subsampling": 0} if visa else {"format": "PNG"}
    contents = [_encoded(image, **how)]
    if planned.defect:
        level = suite.categories[planned.category].defects.index(planned.defect) + 1 if visa else 255
        contents.append(_encoded((mask * level).astype(np.uint8), format="PNG"))
    return dict(zip(names_of(suite, planned), contents, strict=True))


def _encoded(levels: np.ndarray, **how: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(levels).save(file, **how)
    return file.getvalue()
