"""Defences: a detector answers of changed copies of an image, so that a shift of the image changes its answer less.

Every detector that scores an image by itself takes one, as its option `defence`. What a defence makes of an image is
differentiable, so worst cases can be searched through it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from kornia.color import linear_rgb_to_rgb, rgb_to_grayscale, rgb_to_linear_rgb
from torch import Tensor

from zsad.detectors.base import Detector, Prediction, check_images
from zsad.detectors.options import fingerprint
from zsad.perturb.colour import shift_colour
from zsad.perturb.rotation import rotate_image, rotate_map

WHITE = 0.99  # the share of an image's pixels that are no lighter than its white
LEAST_LIGHT = 1e-3  # of a channel, of 1: with less than that, about 3 of 255, noise would be made a colour


@dataclass(frozen=True)
class Copy:
    """One copy of an image that a detector is shown.

    Attributes:
        quarters: quarter turns, counter-clockwise. They swap the sides, and so lose no pixel and leave no corner.
        slant: degrees by which it is then turned in its frame, whose corners repeat the border.
        recolour: what is done to its colours.
    """

    quarters: int = 0
    slant: float = 0.0
    recolour: Callable[[Tensor], Tensor] | None = None

    def of(self, images: Float[Tensor, "image 3 height width"]) -> Float[Tensor, "image 3 rows columns"]:
        """The copies of images."""
        if self.recolour is not None:
            images = self.recolour(images)
        turned = torch.rot90(images, self.quarters, (-2, -1))
        return rotate_image(turned, self.slant) if self.slant else turned

    def back(self, maps: Float[Tensor, "image rows columns"]) -> Float[Tensor, "image height width"]:
        """Maps of copies in the frame of the images; 0 where a copy does not show them."""
        upright = rotate_map(maps, -self.slant) if self.slant else maps
        return torch.rot90(upright, -self.quarters, (-2, -1))


def grey(images: Float[Tensor, "image 3 height width"]) -> Float[Tensor, "image 3 height width"]:
    """Three channels that equal the luma of ITU-R BT.601 (0.299, 0.587 and 0.114 of the encoded red, green and blue),
    as PIL and kornia make an image grey. Blind to every change of colour that leaves the luma alone. A shift of hue or
    saturation in HSV does not: it leaves the largest channel alone.
    """
    return rgb_to_grayscale(images).expand_as(images)


def grey_world(images: Float[Tensor, "image 3 height width"]) -> Float[Tensor, "image 3 height width"]:
    """Each channel's light times what makes its mean the mean of all three: the mean colour of a scene is taken to be
    grey (Buchsbaum, "A spatial processor model for object colour perception", 1980).

    Takes out a gain a channel, in linear light and as far as nothing is clipped, but not their common share, the
    exposure.
    """
    light = rgb_to_linear_rgb(images.clamp(0, 1))
    means = light.mean((2, 3), keepdim=True)
    return _times(light, means.mean(1, keepdim=True) / means.clamp(min=LEAST_LIGHT))


def white_patch(images: Float[Tensor, "image 3 height width"]) -> Float[Tensor, "image 3 height width"]:
    """Each channel's light over its 99th percentile, clipped: the lightest surface is taken to be white (Land & McCann,
    "Lightness and retinex theory", 1971, whose maximum is the 100th).

    Takes out a gain a channel and the exposure with it, in linear light and as far as nothing is clipped.
    """
    light = rgb_to_linear_rgb(images.clamp(0, 1))
    values = light.flatten(2)
    white = values.kthvalue(math.ceil(WHITE * values.shape[2]), dim=2).values[..., None, None]
    return _times(light, 1 / white.clamp(min=LEAST_LIGHT))


def _times(light: Float[Tensor, "image 3 height width"], gain: Float[Tensor, "image 3 1 1"]) -> Tensor:
    encoded: Tensor = linear_rgb_to_rgb((light * gain).clamp(0, 1))
    return encoded


# By name, the copies of an image whose mean is the answer; each costs a forward pass. "turned copies": by right angles,
# whatever the shift. "finely turned copies": twelve, so that one of them stands within 15 degrees of upright at any
# angle. "hue copies": six, so that one has within 30 degrees of the circle the hue it should have.
DEFENCES: dict[str, tuple[Copy, ...]] = {
    "turned copies": tuple(Copy(quarters) for quarters in range(4)),
    "finely turned copies": tuple(Copy(quarters, slant) for quarters in range(4) for slant in (-30.0, 0.0, 30.0)),
    "hue copies": tuple(Copy(recolour=partial(shift_colour, hue=sixth * math.pi / 3)) for sixth in range(6)),
    "grey input": (Copy(recolour=grey),),
    "grey world": (Copy(recolour=grey_world),),
    "white patch": (Copy(recolour=white_patch),),
}


def passes(defence: str | None) -> int:
    """The forward passes that an image costs with a defence; 1 with none."""
    return 1 if defence is None else len(DEFENCES[defence])


class Defended:
    """A detector behind a defence: the mean of its scores, and of its maps turned back, over the copies.

    A pixel's value is the mean over those copies that show it; scores count the corners that a slanted turn fills. In
    all else it is the detector, whose declarations it has.
    """

    def __init__(self, detector: Detector, defence: str) -> None:
        self._detector, self.defence = detector, defence
        self.name = detector.name

    def __getattr__(self, name: str) -> Any:
        if name == "_detector":  # not there yet, as in a copy in the making
            raise AttributeError(name)
        return getattr(self._detector, name)

    @property
    def options(self) -> dict[str, Any]:
        """The detector's, and the defence."""
        return {**self._detector.options, "defence": self.defence}

    @property
    def fingerprint(self) -> str:
        """sha256 over the detector and the defence."""
        return fingerprint(self.name, {"defence": self.defence}, self._detector)

    @property
    def with_class_token_gradient(self) -> Callable[[], "Defended"]:
        """As the detector's, where it has that."""
        variant: Callable[[], Detector] = self._detector.with_class_token_gradient  # type: ignore[attr-defined]
        return lambda: Defended(variant(), self.defence)

    def predict(self, images: Float[Tensor, "image 3 height width"], category: str) -> Prediction:
        """Score images of one category: RGB in [0, 1], any size; a copy after the other. Errors as the detector's."""
        check_images(images)
        copies = DEFENCES[self.defence]
        found = [self._detector.predict(copy.of(images), category) for copy in copies]
        score = torch.stack([prediction.score for prediction in found]).mean(0)
        shown = torch.stack([copy.back(torch.ones_like(p.map)) for copy, p in zip(copies, found, strict=True)])
        maps = torch.stack([copy.back(p.map) for copy, p in zip(copies, found, strict=True)])
        return Prediction(score, maps.sum(0) / shown.sum(0))
