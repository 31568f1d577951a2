"""The contract of detectors that compare the images of a whole test batch with each other (league "test batch").

Such a detector's answer for one image depends on the others that are with it. It is therefore given all images of a
category together and never a part of them: `features` sees any number of images at a time and each by itself, `compare`
sees the features of all. Who calls it decides what a batch is; `Detector.predict` takes the images it is given for one.

What a bootstrap over images means here: the batch is held fixed. Images and the scores that they have in this batch are
drawn again, as if they were independent; the interval does not hold what the same image would score in other company.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn import functional as F

from zsad.detectors.base import Prediction, check_images, check_prediction

Features = dict[str, Shaped[Tensor, "image ..."]]
"""What a detector keeps of images: named tensors whose first axis is the image."""


class BatchDetector(ABC):
    """A `zsad.detectors.Detector` that compares the images of a batch with each other."""

    name: str

    @property
    @abstractmethod
    def least_images(self) -> int:
        """The smallest batch that it takes."""

    @abstractmethod
    def features(self, images: Float[Tensor, "image 3 height width"]) -> Features:
        """What is kept of each image, by itself: the same whichever images are with it. RGB in [0, 1], any size."""

    @abstractmethod
    def compare(self, features: Features, category: str) -> Prediction:
        """Scores and maps of all images of a batch from their features, which lie on the CPU, maybe in a file; the maps
        are those of the square that the detector sees, on the CPU. Memory beyond features and maps does not grow with
        the batch.
        """

    def predict(self, images: Float[Tensor, "image 3 height width"], category: str) -> Prediction:
        """Score the images of one category by comparing them with each other.

        Args:
            images: RGB in [0, 1], all that there are; squashed to the input size of the model.
            category: what they show; no detector of this kind reads it.

        Raises:
            ValueError: fewer images than `least_images`, images outside [0, 1] or not numbers, or a result that is not
                finite.
        """
        check_images(images)
        check_batch(self, len(images), category)
        with torch.no_grad():
            kept = {name: part.cpu() for name, part in self.features(images).items()}
            found = check_prediction(self.compare(kept, category), self.name, category)
        maps = resize_maps(found.map, images.shape[-2:])
        return Prediction(found.score.to(images.device), maps.to(images.device))


def check_batch(detector: BatchDetector, count: int, category: str) -> None:
    """Raise a ValueError for a batch smaller than the detector takes."""
    if count < (least := detector.least_images):
        images = "1 image" if count == 1 else f"{count} images"
        raise ValueError(
            f"{detector.name} compares the images of a category with each other and needs at least {least} of them, "
            f"but {category!r} has {images} here: give it more, or choose a detector that looks at one image at a time"
        )


def resize_maps(maps: Float[Tensor, "image rows columns"], size: Sequence[int]) -> Float[Tensor, "image height width"]:
    """Maps of the square that a detector sees, at the size of the images that were squashed to it."""
    height, width = size
    return F.interpolate(maps.unsqueeze(1), (height, width), mode="bilinear", align_corners=False).squeeze(1)
