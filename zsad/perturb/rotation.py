"""Rotation of images and anomaly maps about their true centre. A positive angle turns counter-clockwise."""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from kornia.geometry.transform import rotate
from scipy.fft import next_fast_len
from torch import Tensor

from zsad.perturb.parameters import Parameter, check_maps, is_plain_zero, per_image

Rotation = Literal["three_pass", "bilinear"]


def rotate_image(
    images: Float[Tensor, "image channel height width"], angle: Parameter, rotation: Rotation = "three_pass"
) -> Float[Tensor, "image channel height width"]:
    """Turn images in [0, 1] counter-clockwise; what comes from outside the frame repeats the border.

    See `zsad.perturb.semantic` for the arguments and errors.
    """
    check_rotation(rotation)
    if is_plain_zero(angle):
        return images
    degrees = per_image("angle", angle, images)
    if rotation == "bilinear":
        return rotate(images, degrees.expand(len(images)), mode="bilinear", padding_mode="border")
    return _three_pass(images, degrees, high=1.0)


def rotate_map(
    maps: Float[Tensor, "map height width"], angle: Parameter, rotation: Rotation = "three_pass"
) -> Float[Tensor, "map height width"]:
    """Turn anomaly maps counter-clockwise about their centre; what comes from outside the frame is zero.

    A map made from an image turned by `+angle` is turned back by `-angle` (Stangl et al., arXiv 2405.07969, section
    on the perturbation and Fig. 5: corners are filled with zero, "normal"). The three-pass rotation repeats the
    border before turning and multiplies by the share of each pixel that the frame covers, which keeps the sinc
    kernel from ringing along the frame's edge; bilinear sampling against zeros has the same soft edge.

    Args:
        maps: scores that grow with abnormality and have zero as "normal"; negative values become zero.
        angle: degrees, a number or a tensor with one value a map.
        rotation: as in `zsad.perturb.semantic`.

    Returns:
        Maps of the same shape, type and device, at least zero; differentiable to maps and angle.

    Raises:
        TypeError: maps neither float32 nor float64.
        ValueError: wrong shape, NaN or infinite values, an angle that is not finite or not one a map, unknown rotation.
    """
    check_maps(maps)
    check_rotation(rotation)
    if is_plain_zero(angle):
        return maps.clamp(min=0)
    degrees = per_image("angle", angle, maps)
    channels = maps.clamp(min=0)[:, None]
    if rotation == "bilinear":
        turned = rotate(channels, degrees.expand(len(maps)), mode="bilinear", padding_mode="zeros")[:, 0]
        return turned.clamp(min=0)
    return _three_pass(channels, degrees, high=None)[:, 0] * _coverage(maps, degrees)


def rotate_mask(masks: Bool[Tensor, "mask height width"], angle: Parameter) -> Bool[Tensor, "mask height width"]:
    """Turn masks counter-clockwise about their centre, nearest pixel; what comes from outside the frame is False.

    For the variant of the released code, which turns the mask along with the image and leaves the map alone. What
    leaves the frame is lost: a mask may become empty.

    Args:
        angle: degrees, a number or a tensor with one value a mask.

    Raises:
        ValueError: an angle that is not finite or not one a mask.
    """
    if is_plain_zero(angle):
        return masks
    channels = masks[:, None].float()
    degrees = per_image("angle", angle, channels).expand(len(masks))
    return rotate(channels, degrees, mode="nearest", padding_mode="zeros")[:, 0] > 0.5


def inside_frame(masks: Bool[Tensor, "mask height width"], angle: Parameter) -> Bool[Tensor, "mask height width"]:
    """True where an image or map turned by `angle` shows what the frame held; False in the corners that stay empty.

    Args:
        masks: only their shape and device are used.
        angle: as in `rotate_mask`.
    """
    if is_plain_zero(angle):
        return torch.ones_like(masks)
    frame = torch.ones(masks.shape, device=masks.device)
    return (_coverage(frame, per_image("angle", angle, frame)) == 1).expand(masks.shape)


def check_rotation(rotation: str) -> None:
    """Raises: ValueError for another rotation than "three_pass" or "bilinear"."""
    if rotation not in ("three_pass", "bilinear"):
        raise ValueError(f"unknown rotation {rotation!r}: choose 'three_pass' or 'bilinear'")


def _three_pass(
    images: Float[Tensor, "image channel height width"], degrees: Float[Tensor, " angle"], high: float | None
) -> Float[Tensor, "image channel height width"]:
    """A quarter turn that is exact, then three shears for the rest, at most 45 degrees; clamped after each shear.

    Any angle beyond 45 degrees starts with quarter turns: they lose nothing, and small shears need little padding.
    """
    height, width = images.shape[-2:]
    # A shear by tan(22.5 degrees) moves a corner this far; the FFT wants a length of small primes, and a square turns.
    reach = max(height, width) + math.tan(math.pi / 8) * min(height, width)
    side = next_fast_len(math.ceil(reach) + 4, real=True)
    top, left = (side - height) // 2, (side - width) // 2
    padded = F.pad(images, (left, side - width - left, top, side - height - top), mode="replicate")

    turns = torch.round(degrees.detach() / 90)
    angle = torch.deg2rad(degrees - 90 * turns)
    for turn in {int(number) % 4 for number in turns.tolist()} - {0}:
        padded = torch.where((turns % 4 == turn)[:, None, None, None], torch.rot90(padded, turn, (-2, -1)), padded)

    # The image's centre relative to the square's: half a pixel where their sizes differ by an odd number. The quarter
    # turn moved it from (x, y) to (x_turned, y_turned); the second and third shear move it back.
    x, y = left + (width - side) / 2, top + (height - side) / 2
    cosine, sine = torch.cos(turns * math.pi / 2).round(), torch.sin(turns * math.pi / 2).round()
    x_turned, y_turned = cosine * x + sine * y, cosine * y - sine * x

    slope, slant = torch.tan(angle / 2)[:, None], -torch.sin(angle)[:, None]
    place = torch.arange(side, dtype=images.dtype, device=images.device) - (side - 1) / 2
    crop = slice(top, top + height)
    x, y = torch.full_like(x_turned, x), torch.full_like(y_turned, y)
    padded = _shear(padded, slope * (place - y_turned[:, None]), high)
    shifts = slant * (place - x_turned[:, None]) + (y - y_turned)[:, None]
    padded = _shear(padded.transpose(-1, -2), shifts, high).transpose(-1, -2)[..., crop, :]
    shifts = slope * (place[crop] - y[:, None]) + (x - x_turned)[:, None]
    return _shear(padded, shifts, high)[..., left : left + width]


def _shear(
    images: Float[Tensor, "image channel row column"], shifts: Float[Tensor, "angle row"], high: float | None
) -> Float[Tensor, "image channel row column"]:
    """Move each row to the right by its shift in pixels (sinc interpolation, cyclic), then clamp to [0, high]."""
    length = images.shape[-1]
    frequency = torch.arange(length // 2 + 1, dtype=images.dtype, device=images.device) / length
    # Whole periods of the phase are dropped before it is scaled to radians: exact, and better kept in float32.
    phase = -2 * math.pi * torch.frac(shifts[:, None, :, None] * frequency)
    spectrum = torch.fft.rfft(images) * torch.polar(torch.ones_like(phase), phase)
    moved: Tensor = torch.fft.irfft(spectrum, n=length).clamp(0, high)
    return moved


def _coverage(
    maps: Float[Tensor, "map height width"], degrees: Float[Tensor, " angle"]
) -> Float[Tensor, "angle height width"]:
    """1 where a turned pixel's centre comes from inside the frame, falling to 0 over one pixel outside it."""
    height, width = maps.shape[-2:]
    angle = torch.deg2rad(degrees)[:, None, None]
    y = (torch.arange(height, dtype=maps.dtype, device=maps.device) - (height - 1) / 2)[:, None]
    x = torch.arange(width, dtype=maps.dtype, device=maps.device) - (width - 1) / 2
    source_x = torch.cos(angle) * x - torch.sin(angle) * y
    source_y = torch.sin(angle) * x + torch.cos(angle) * y
    # Rounding must not take anything from a pixel that lies exactly on the border, as all do after a quarter turn.
    slack = 1e-3
    inside_x = ((width + 1) / 2 + slack - source_x.abs()).clamp(0, 1)
    inside_y = ((height + 1) / 2 + slack - source_y.abs()).clamp(0, 1)
    return inside_x * inside_y
