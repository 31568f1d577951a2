"""Checks shared by the perturbations: what a batch and its parameters must look like."""

import torch
from torch import Tensor

Parameter = float | int | Tensor
"""One value for all images of a batch, or a tensor with one value an image."""


def is_plain_zero(value: Parameter) -> bool:
    """Whether a stage can be skipped: a Python number zero asks for no change and can carry no gradient."""
    return isinstance(value, int | float) and value == 0


def per_image(name: str, value: Parameter, batch: Tensor, limit: float | None = None) -> Tensor:
    """A parameter as a tensor of shape (1,) when it is common to the batch, else (image,), in the batch's type.

    Args:
        name: what the parameter is called in messages.
        value: a number, a tensor without axes, or a tensor with one value an image.
        batch: the images or maps it belongs to; gives count, dtype and device.
        limit: the largest magnitude allowed.

    Raises:
        ValueError: not finite, beyond the limit, or not one value an image.
    """
    tensor = value if isinstance(value, Tensor) else torch.as_tensor(value, dtype=torch.float64)
    count = len(batch)
    if tensor.ndim > 1 or (tensor.ndim == 1 and len(tensor) != count):
        raise ValueError(
            f"{name} has shape {tuple(tensor.shape)} for a batch of {count}: give one number, or one value an image"
        )
    values = tensor.detach().reshape(-1)
    if not bool(torch.isfinite(values).all()):
        bad = values.isfinite().logical_not().nonzero()[0].item()
        raise ValueError(f"{name} is {values[int(bad)].item()} at index {int(bad)}: it must be a finite number")
    if limit is not None and values.numel() and values.abs().max().item() > limit:
        worst = int(values.abs().argmax())
        raise ValueError(
            f"{name} is {values[worst].item():g} at index {worst}: it must lie between {-limit:g} and {limit:g}"
        )
    return tensor.reshape(-1).to(batch)


def check_images(images: Tensor) -> None:
    """Refuse what is not a batch of RGB images in [0, 1].

    Raises:
        TypeError: not float32 or float64.
        ValueError: another shape than (image, 3, height, width), a side without pixels, NaN, or values out of [0, 1].
    """
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(
            f"images have shape {tuple(images.shape)}, expected (image, 3, height, width): "
            "add a batch axis with images[None], or convert grey images to RGB"
        )
    _check_dtype("images", images)
    _check_sides("images", images)
    if images.numel():
        low, high = (bound.item() for bound in torch.aminmax(images.detach()))
        if not (low >= -1e-3 and high <= 1 + 1e-3):  # written so that NaN fails too
            raise ValueError(f"images lie in [{low:g}, {high:g}], expected RGB values in [0, 1] without NaN")


def check_maps(maps: Tensor) -> None:
    """Refuse what is not a batch of finite maps.

    Raises:
        TypeError: not float32 or float64.
        ValueError: another shape than (map, height, width), a side without pixels, or a value that is not finite.
    """
    if maps.ndim != 3:
        raise ValueError(f"maps have shape {tuple(maps.shape)}, expected (map, height, width)")
    _check_dtype("maps", maps)
    _check_sides("maps", maps)
    finite = maps.detach().isfinite().flatten(1).all(1)
    if not bool(finite.all()):
        raise ValueError(f"map {int(finite.logical_not().nonzero()[0])} holds NaN or an infinite value")


def _check_dtype(name: str, batch: Tensor) -> None:
    if batch.dtype not in (torch.float32, torch.float64):
        raise TypeError(f"{name} are {batch.dtype}, expected torch.float32 or torch.float64: convert with .float()")


def _check_sides(name: str, batch: Tensor) -> None:
    if 0 in batch.shape[-2:]:
        raise ValueError(f"{name} have shape {tuple(batch.shape)}: height and width must be at least one pixel")
