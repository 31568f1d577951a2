"""The images of one category at the size that a detector is given, with masks at the size that metrics compare."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from zsad.data import Dataset, Sample
from zsad.data.batch import fitted_size, mask_of, resize_image, resize_mask
from zsad.limits import check_number, check_sides
from zsad.robustness.corruption import Corruption, corrupted
from zsad.robustness.mixed import drawn

# One tensor where all have one size.
Maps = Float[Tensor, "image _height _width"] | list[Float[Tensor, "_height _width"]]
Masks = Bool[Tensor, "image _height _width"] | list[Bool[Tensor, "_height _width"]]

IN_MEMORY = 2**30  # bytes of decoded images that a test set keeps


class Images(Sequence):  # type: ignore[type-arg]
    """Images, each (3, height, width) RGB in [0, 1], whose sizes may differ.

    Those in `kept` are in memory; the others are decoded each time that they are asked for. The base is a plain
    Sequence: of a `Sequence[Tensor]`, type checking at run time would decode an item at each call.
    """

    def __init__(
        self,
        decode: Callable[[int], Tensor],
        sizes: Sequence[tuple[int, int]],
        kept: Mapping[int, Tensor] | None = None,
    ) -> None:
        self._decode = decode
        self._kept = dict(kept or {})
        self.sizes = list(sizes)

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, index: int) -> Float[Tensor, "3 height width"]:  # type: ignore[override]
        if not 0 <= index < len(self):
            raise IndexError(f"there are {len(self)} images, none has the index {index}")
        kept = self._kept.get(index)
        return self._decode(index) if kept is None else kept

    def stacked(self, indices: Sequence[int] | None = None) -> Float[Tensor, "image 3 height width"]:
        """Some of the images, which must have one size, as one tensor; by default all."""
        return torch.stack([self[index] for index in (range(len(self)) if indices is None else indices)])


@dataclass(frozen=True)
class TestSet:
    """The images of one category. Masks are None where the data set has none.

    Attributes:
        images: at the size that the detector is given.
        masks: at the size that metrics compare maps and masks at.
        image_masks: at the sizes of the images.
    """

    images: Images
    masks: Masks | None
    image_masks: Masks | None
    labels: Bool[Tensor, " image"]
    ids: list[str]
    category: str

    __test__ = False  # pytest: not a test class


def load_test_set(
    dataset: Dataset,
    resolution: int | Literal["native"] = 240,
    corruption: Corruption | None = None,
    *,
    aspect: str = "own",
    metric_size: int | Literal["mask"] = "mask",
) -> TestSet:
    """Decode a data set and resize its images, corrupted before or after that if asked for.

    A backbone squashes what it is given to the square that it takes, in one more antialiased step, so its images are
    sampled twice unless `resolution` is "native" or they have its size already. Shifts need a size that every detector
    has in common; what the first step takes is what a shift is applied to.

    Args:
        resolution: the short side that images are resized to (antialiased bicubic), or "native", as on disk. Up to
            `IN_MEMORY` bytes of images are kept; the others are decoded again each time.
        aspect: "own", or "squashed" to squares of `resolution`, as ports of WinCLIP do.
        metric_size: where metrics compare maps with masks: "mask", the mask's own size, or a short side (of squares,
            where images are squashed).

    Raises:
        ValueError: a kind or severity of corruption that does not exist, naming the image; a share that leaves no
            image; another aspect; squares of native size; a size, or an image's sides, beyond `zsad.limits`.
    """
    if resolution != "native":
        check_number("resolution", resolution)
    if metric_size != "mask":
        check_number("resolution", metric_size, "metric_size")
    if aspect not in ("own", "squashed"):
        raise ValueError(f"unknown aspect {aspect!r}; known: own, squashed")
    squashed = aspect == "squashed"
    sizes: list[tuple[int, int]] = []
    masks: list[Tensor] = []
    image_masks: list[Tensor] = []
    kept: dict[int, Tensor] = {}
    room = IN_MEMORY
    hit = set() if corruption is None else {*drawn(dataset.ids, corruption.share, corruption.seed)}

    def shown(sample: Sample, index: int) -> Tensor:
        return _shown(sample, resolution, squashed, corruption if index in hit else None)

    for index, sample in enumerate(dataset):
        image = shown(sample, index)
        sizes.append((image.shape[1], image.shape[2]))
        room -= image.nbytes
        if room >= 0:
            kept[index] = image
        mask = mask_of(sample)
        height, width = mask.shape
        compared = (height, width) if metric_size == "mask" else fitted_size(height, width, metric_size, squashed)
        masks.append(resize_mask(mask, compared))
        image_masks.append(resize_mask(mask, sizes[-1]))
    return TestSet(
        Images(lambda index: shown(dataset[index], index), sizes, kept),
        joined(masks) if dataset.has_masks else None,
        joined(image_masks) if dataset.has_masks else None,
        torch.tensor(dataset.labels),
        dataset.ids,
        dataset.category,
    )


def groups_of(images: Float[Tensor, "image 3 height width"] | Images) -> dict[tuple[int, int], list[int]]:
    """The places of the images of each (height, width), in their order; sizes in the order of their first image."""
    if isinstance(images, Tensor):
        return {(images.shape[2], images.shape[3]): list(range(len(images)))}
    groups: dict[tuple[int, int], list[int]] = {}
    for index, size in enumerate(images.sizes):
        groups.setdefault(size, []).append(index)
    return groups


def joined(tensors: list[Tensor]) -> Tensor | list[Tensor]:
    """One tensor where all have one size, else the list as it is."""
    return torch.stack(tensors) if len({tensor.shape for tensor in tensors}) == 1 else tensors


def _shown(
    sample: Sample, resolution: int | Literal["native"], squashed: bool, corruption: Corruption | None
) -> Float[Tensor, "3 height width"]:
    """One image as the detector is given it."""
    if corruption is not None and corruption.at == "native":
        sample = corrupted(sample, corruption)
    height, width = sample.image.shape[1:]
    if not squashed:
        check_sides(height, width, sample.id)  # before a long one grows by what its short side grows
    image = resize_image(sample.image, fitted_size(height, width, resolution, squashed))
    if corruption is not None and corruption.at == "resized":
        image = corrupted(replace(sample, image=image, mask=None), corruption).image
    return image
