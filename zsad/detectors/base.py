"""What every detector has in common: its prediction, its league, and the checks around them."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from zsad.leagues import League
from zsad.limits import check_sides


@dataclass(frozen=True)
class Prediction:
    """Anomaly scores, growing with abnormality: one value an image, and one a pixel at the size of the image."""

    score: Float[Tensor, " image"]
    map: Float[Tensor, "image height width"]


@runtime_checkable
class Detector(Protocol):
    """A zero-shot anomaly detector. `options` holds every choice, resolved and fit for JSON; `fingerprint` is a sha256
    over options and weights, so that equal fingerprints on equal images mean equal predictions. `league` is computed
    from what the parts that it uses were shown (`zsad.leagues.league_of`).

    Where scores and maps come from different parts, `league_of_scores` and `league_of_maps` may stand for `league`
    (`zsad.leagues.leagues_of_outputs`). One that was trained on anomalies of a data set says which: `trained_on`
    (`zsad.detectors.learned.TrainedOn`). It is not tested on that.

    One that compares with good images of the product says how many it has yet to be given, `wants_references`, and
    takes them with `with_references` (`zsad.detectors.references`).

    A class may also declare its `title` (what it is called beside printed numbers; by default its name), the kind of
    backbone that it `looks_through` (a key of `zsad.detectors.backbones.KINDS`; by default a CLIP), the `resolution` of
    the images it is given where none is named ("native"), `localises = False`, and `cached_by`: the modules that make
    what lies in the folder of its option `cache`, for detectors that share it.
    """

    name: str

    @property
    def league(self) -> League: ...

    @property
    def options(self) -> dict[str, Any]: ...

    @property
    def fingerprint(self) -> str: ...

    def predict(self, images: Float[Tensor, "image 3 height width"], category: str) -> Prediction:
        """Score images of one category, given as its folder is called or in words: RGB in [0, 1], any size."""
        ...


def localises(detector: Detector) -> bool:
    """Whether a detector's maps tell one place of an image from another, as they do unless it declares
    `localises = False`. Maps of one value an image have a pixel AUROC and more, but it says nothing about places."""
    return getattr(detector, "localises", True)


class NotFiniteError(ValueError):
    """A detector gave NaN or infinity; `index` is the first such image of the batch."""

    def __init__(self, message: str, index: int) -> None:
        super().__init__(message)
        self.index = index


def check_images(images: Tensor) -> None:
    """Raise a ValueError that names the first image which is not RGB in [0, 1] of shape (image, 3, height, width), or
    says that they are too small or too long (`zsad.limits`).
    """
    if images.ndim != 4 or images.shape[1] != 3 or not images.is_floating_point():
        raise ValueError(
            "images must be floating-point RGB in [0, 1] of shape (image, 3, height, width), "
            f"not {images.dtype} of shape {tuple(images.shape)}"
        )
    check_sides(images.shape[2], images.shape[3])
    # A resampled image may leave the range by rounding; 8-bit values kept as 0 to 255 leave it by far.
    low, high = _extremes(images)
    if not (low >= -0.01 and high <= 1.01):
        inside = ((images >= -0.01) & (images <= 1.01)).flatten(1).all(dim=1)
        index = int((~inside).nonzero()[0])
        raise ValueError(f"image {index} of {len(images)} has values outside [0, 1] or that are not a number")


def check_prediction(prediction: Prediction, detector: str, category: str) -> Prediction:
    """Return the prediction, or raise a NotFiniteError that names the first image whose score or map is not finite."""
    if not all(torch.stack(_extremes(values)).isfinite().all() for values in (prediction.score, prediction.map)):
        finite = prediction.score.isfinite() & prediction.map.flatten(1).isfinite().all(dim=1)
        index = int((~finite).nonzero()[0])
        raise NotFiniteError(
            f"{detector} gave a score or map that is not finite for image {index} of {len(finite)} "
            f"(category {category!r}); check the weights, or use a wider dtype",
            index,
        )
    return prediction


def _extremes(values: Tensor) -> tuple[Tensor, Tensor]:
    """The least and the largest value, both NaN where any value is; of none at all, 0. A tenth of the time that looking
    at each value would take."""
    return values.detach().aminmax() if values.numel() else (values.new_zeros(()), values.new_zeros(()))
