"""Reads one image from disk, whatever its pixel format."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from zsad.data.decode import ImageError, decode, read_bytes
from zsad.data.remarks import Remarks

PHOTOMETRIC, BITS = 262, 258  # TIFF tags
WHITE_IS_ZERO = 0


def read_image(
    path: str | Path, content: bytes | None = None, remarks: Remarks | None = None
) -> Float[Tensor, "3 height width"]:
    """Reads an image as float32 RGB in [0, 1], as a viewer shows it.

    The file is recognised by its content, not by its extension. Other pixel formats become RGB as follows:

    - grey (8 or 16 bit): the one channel three times; 16-bit values are divided by 65535, so no precision is lost
      (12-bit values of a 16-bit file are nearly black then, which is remarked on; those of a 12-bit TIFF are not);
    - transparency (RGBA, grey with alpha, palette with alpha, a transparent colour): laid over white, as product
      cut-outs are shown;
    - palette, bilevel, CMYK, YCbCr, HSV: converted by Pillow; colour profiles are ignored;
    - 16 bits a colour channel: read at 8 bits, as Pillow does;
    - several frames or pages: the first, with a remark;
    - the EXIF orientation is applied, as every viewer and labelling tool does: masks are drawn on the upright image.

    Args:
        path: the image's file.
        content: its bytes, if they have been read already.
        remarks: what is odd but no error is said here; by default, logged.

    Raises:
        FileNotFoundError, IsADirectoryError, PermissionError: there is no such file, or it may not be read.
        ImageError: the file is empty, truncated or not an image; it holds floats, whose range is unknown, or LAB
            colours; or nothing of it is visible, since it is transparent everywhere.
    """
    path, remarks = Path(path), remarks or Remarks()
    image = decode(path, read_bytes(path) if content is None else content)
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:  # the others of an MPO are its previews
        frames = getattr(image, "n_frames", 1)
        remarks.say("frames", path, f"holds {frames} frames or pages, of which the first is read; save each by itself.")
    if image.mode.startswith("I"):
        return _grey(path, image, remarks)
    if image.mode in ("F", "LAB"):
        what = "floating-point picture, whose range is unknown" if image.mode == "F" else "picture in LAB colours"
        raise ImageError(f"{path}: {what}; save it as RGB or grey with 8 or 16 bits.")
    if image.has_transparency_data:
        image = over_white(path, image)
    pixels = np.array(image.convert("RGB"))  # a copy: torch wants writable memory
    return torch.from_numpy(pixels).permute(2, 0, 1).contiguous().float().div_(255)


def over_white(path: Path, image: Image.Image) -> Image.Image:
    cutout = straight_alpha(image).convert("RGBA")
    if cutout.getchannel("A").getextrema() == (0, 0):
        raise ImageError(f"{path}: transparent everywhere, so nothing is to be seen; save it without transparency.")
    return Image.alpha_composite(Image.new("RGBA", cutout.size, "white"), cutout)


def straight_alpha(image: Image.Image) -> Image.Image:
    """The image with its colours not multiplied by alpha: Pillow converts no other into RGBA."""
    return image.convert({"La": "LA", "RGBa": "RGBA"}[image.mode]) if image.mode in ("La", "RGBa") else image


def integers(path: Path, image: Image.Image) -> np.ndarray:
    """Values of a grey image of more than 8 bits, black being 0; of a 12-bit TIFF spread over 16 bits.

    Raises:
        ImageError: values outside 0 to 65535.
    """
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise ImageError(f"{path}: 32-bit integers with values outside 0..65535; save it with 8 or 16 bits.")
    tags = getattr(image, "tag_v2", {})
    if tags.get(BITS) == (12,):
        values = values * 65535 // 4095
    if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO:  # Pillow turns these round at up to 8 bits only
        values = 65535 - values
    return values


def _grey(path: Path, image: Image.Image, remarks: Remarks) -> Float[Tensor, "3 height width"]:
    values = integers(path, image)
    if 0 < values.max() <= 4095:
        remarks.say(
            "12 bit",
            path,
            f"its 16-bit values end at {values.max()} of 65535, so it is nearly black: if the camera gave 12 bits, "
            "multiply the values by 16 (and 8-bit values by 257) before saving.",
        )
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        values = np.where(values == transparent, 65535, values)
    return torch.from_numpy(values.astype(np.float32) / 65535).expand(3, -1, -1).contiguous()
