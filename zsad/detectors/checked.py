"""Detectors of one's own, looked at while they work: whatever is wrong with one is said by its name."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from zsad.detectors.base import Detector, Prediction, check_prediction
from zsad.detectors.batch import BatchDetector, Features
from zsad.leagues import League


@contextmanager
def said_by_name(name: str) -> Iterator[None]:
    """Whatever is raised within becomes a ValueError with the detector's name and the line of its code; what is one
    already, and a device that is out of memory, for which smaller batches help, pass.
    """
    try:
        yield
    except (ValueError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        last = [frame for frame in frames if "site-packages" not in frame.filename][-1]
        raise ValueError(
            f"detector {name!r} raised {type(error).__name__}: {error} ({Path(last.filename).name}, line {last.lineno})"
        ) from error


def check_shapes(found: Any, name: str, images: int, size: tuple[int, int] | None) -> Prediction:
    """The prediction of some images. Raises ValueError for one that has not a score an image and a map as large as the
    images are; of maps of `size` None, whose images are not at hand, the number alone is looked at.
    """
    if not (isinstance(found, Prediction) and all(isinstance(part, Tensor) for part in (found.score, found.map))):
        raise ValueError(f"detector {name!r} gave {type(found).__name__}, not a zsad.Prediction of tensors")
    score, maps = tuple(found.score.shape), tuple(found.map.shape)
    if score != (images,):
        raise ValueError(f"detector {name!r} gave scores of shape {score} for {images} images, not ({images},)")
    if maps[:1] != (images,) or len(maps) != 3 or size not in (None, maps[1:]):
        wanted = f"({images}, height, width)" if size is None else f"({images}, {size[0]}, {size[1]})"
        raise ValueError(
            f"detector {name!r} gave maps of shape {maps}, not {wanted}: a map has a value for each pixel of its "
            "image; enlarge yours, as with torch.nn.functional.interpolate"
        )
    return found


class _Around:
    """A detector of one's own, and what it is named by. In all else it is the detector."""

    def __init__(self, detector: Any, own_name: str) -> None:
        self._detector, self._own_name = detector, own_name
        self.name: str = detector.name

    def __getattr__(self, name: str) -> Any:
        if name == "_detector":  # not there yet, as in a copy in the making
            raise AttributeError(name)
        return getattr(self._detector, name)


class Checked(_Around):
    """One that scores an image by itself, and its predictions looked at."""

    _detector: Detector

    @property
    def league(self) -> League:
        with said_by_name(self._own_name):
            return self._detector.league

    @property
    def options(self) -> dict[str, Any]:
        with said_by_name(self._own_name):
            return self._detector.options

    @property
    def fingerprint(self) -> str:
        with said_by_name(self._own_name):
            return self._detector.fingerprint

    def predict(self, images: Float[Tensor, "image 3 height width"], category: str) -> Prediction:
        """The detector's prediction. Raises ValueError, by name, for whatever it raises and for what is none."""
        with said_by_name(self._own_name):
            found = self._detector.predict(images, category)
        found = check_shapes(found, self._own_name, len(images), (images.shape[2], images.shape[3]))
        return check_prediction(found, self._own_name, category)


class CheckedBatch(_Around, BatchDetector):
    """The same of one that compares the images of a batch with each other."""

    _detector: BatchDetector

    @property
    def least_images(self) -> int:
        return self._detector.least_images

    def features(self, images: Float[Tensor, "image 3 height width"]) -> Features:
        with said_by_name(self._own_name):
            return self._detector.features(images)

    def compare(self, features: Features, category: str) -> Prediction:
        with said_by_name(self._own_name):
            found = self._detector.compare(features, category)
        images = len(next(iter(features.values())))
        return check_prediction(check_shapes(found, self._own_name, images, None), self._own_name, category)


def checked(detector: Any, own_name: str) -> Any:
    """A detector of one's own, looked at from now on; with references, again."""
    return (CheckedBatch if isinstance(detector, BatchDetector) else Checked)(detector, own_name)
