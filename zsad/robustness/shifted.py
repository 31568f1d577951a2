"""From images to scores and maps under a shift, the same for every image of a test set or for some of them: an angle, a
hue or a saturation (Stangl et al., arXiv 2405.07969), an exposure or a white balance.

`predict_shifted` is the one path from an image to score and map under a shift; sweeps, studies and pages all use it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from zsad import perturb
from zsad.detectors import Detector
from zsad.detectors.base import NotFiniteError, check_prediction
from zsad.detectors.batch import BatchDetector, check_batch, resize_maps
from zsad.robustness.batches import in_batches
from zsad.robustness.feature_store import FeatureStore
from zsad.robustness.test_set import Images, Maps, groups_of, joined

LIGHT = {"exposure": perturb.expose, "white_balance": perturb.balance_white}
SETTINGS = ("none", "angle", "hue", "saturation", *LIGHT)

MOST_PIXELS = 2**24  # of a batch, however many images may go through at once: 1 of 4000 x 3000, 16 of 1024 x 1024


@dataclass(frozen=True)
class Shifted:
    """Scores and maps under one shift, on the CPU; maps lie in the unshifted image's frame and have its size.

    `batch_size` is the number of images that went through at once in the end: smaller than asked for where the
    device ran out of memory. `compared` is the number of images that a `BatchDetector` compared with each other; None
    for detectors that score each image by itself.
    """

    score: Float[Tensor, " image"]
    map: Maps
    batch_size: int
    compared: int | None = None


def predict_shifted(
    detector: Detector,
    images: Float[Tensor, "image 3 height width"] | Images,
    category: str,
    setting: str = "none",
    value: float | int = 0.0,
    *,
    only: Sequence[int] | None = None,
    batch_size: int = 16,
    rotation: str = "three_pass",
    device: str | torch.device = "cpu",
) -> Shifted:
    """Shift the images, predict, and turn the maps back (section 2 of the paper: the ground truth stays fixed).

    A `BatchDetector` is given all of the images together, however many and of whatever sizes: `batch_size` bounds those
    whose features are taken at once, and changes nothing else.

    Args:
        images: RGB in [0, 1]. Those of one size go through together; no batch has more than `MOST_PIXELS` pixels,
            unless a single image has.
        category: folder name or words, as the detector takes it.
        setting: "none", "angle" (degrees), "hue" (radians), "saturation" ([-1, 1]), "exposure" (stops) or
            "white_balance" (mired).
        value: strength of the shift, the same for every image. Corners that a rotation leaves empty score 0.
        only: places of the images that are shifted (`zsad.robustness.mixed`), while the others stay as they are; by
            default all.
        batch_size: images at once. Where the device runs out of memory it is halved, and the batch repeated.
        device: where the images are shifted and the detector runs.

    Raises:
        ValueError: unknown setting; fewer images than a `BatchDetector` needs.
        torch.OutOfMemoryError: a single image does not fit.
    """
    if setting not in SETTINGS:
        raise ValueError(f"unknown setting {setting!r}; known: {', '.join(SETTINGS)}")
    if len(images) == 0:
        raise ValueError("no images to predict")
    moved = torch.zeros(len(images), dtype=torch.bool)
    if setting != "none" and value != 0:
        moved[list(range(len(images)) if only is None else only)] = True
    shift = _Shift(setting, value, rotation, moved)
    if isinstance(detector, BatchDetector):
        return _together(detector, images, category, shift, batch_size, device)
    scores = torch.zeros(len(images))
    maps: list[Tensor] = [torch.empty(0)] * len(images)

    @torch.no_grad()
    def predict(chosen: list[int], batch: Tensor) -> None:
        try:
            found = detector.predict(shift.image(batch, chosen), category=category)
        except NotFiniteError as error:
            index = chosen[error.index]
            raise NotFiniteError(f"image {index}: {error}", index) from None
        scores[chosen] = found.score.float().cpu()
        for index, anomaly_map in zip(chosen, shift.map_back(found.map, chosen).float().cpu(), strict=True):
            maps[index] = anomaly_map

    batch_size = _each_size(predict, images, batch_size, device)
    return Shifted(scores, joined(maps), batch_size)


def _together(
    detector: BatchDetector,
    images: Tensor | Images,
    category: str,
    shift: "_Shift",
    batch_size: int,
    device: str | torch.device,
) -> Shifted:
    """Features of the images, a few at a time, then one comparison of all."""
    check_batch(detector, len(images), category)
    store = FeatureStore(len(images))

    @torch.no_grad()
    def keep(chosen: list[int], batch: Tensor) -> None:
        store.put(chosen, detector.features(shift.image(batch, chosen)))

    batch_size = _each_size(keep, images, batch_size, device)
    with torch.no_grad():
        found = check_prediction(detector.compare(store.features, category), detector.name, category)
    maps: list[Tensor] = [torch.empty(0)] * len(images)
    for size, members in groups_of(images).items():
        for index in members:
            maps[index] = shift.map_back(resize_maps(found.map[index][None], size), [index])[0]
    return Shifted(found.score.float(), joined(maps), batch_size, len(images))


@dataclass(frozen=True)
class _Shift:
    """One shift, of those images of a test set that are `moved`."""

    setting: str
    value: float | int
    rotation: str
    moved: Bool[Tensor, " image"]

    def image(self, images: Tensor, places: list[int]) -> Tensor:
        """Some images, shifted; they stand at these places of the test set."""
        moved = self.moved[places].to(images.device)
        if not moved.any():
            return images
        return images.index_put((moved,), self._changed(images[moved]))

    def _changed(self, images: Tensor) -> Tensor:
        if self.setting in LIGHT:
            return LIGHT[self.setting](images, self.value)
        return perturb.semantic(images, **{self.setting: self.value}, rotation=self.rotation)  # type: ignore[arg-type]

    def map_back(self, maps: Tensor, places: list[int]) -> Tensor:
        """Maps of shifted images in the frames of the images as they are."""
        moved = self.moved[places].to(maps.device)
        if self.setting != "angle" or not moved.any():
            return maps
        turned = perturb.rotate_map(maps[moved], -self.value, rotation=self.rotation)  # type: ignore[arg-type]
        return maps.index_put((moved,), turned)


def _each_size(
    work: Callable[[list[int], Tensor], None], images: Tensor | Images, batch_size: int, device: str | torch.device
) -> int:
    """Call `work` with the places of some images of one size and those images on the device, until all have had their
    turn; returns the batch size in the end."""
    for (height, width), members in groups_of(images).items():

        def part_of(part: slice, members: list[int] = members) -> None:
            chosen = members[part]
            batch = images.stacked(chosen) if isinstance(images, Images) else images[chosen]
            work(chosen, batch.to(device))

        at_once = max(1, min(batch_size, MOST_PIXELS // (height * width)))
        _, fitted = in_batches(part_of, len(members), at_once, device)
        batch_size = batch_size if fitted == at_once else fitted
    return batch_size
