"""Reads one picture or one mask from disk, whatever its pixel format."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

ORIENTATION = 0x0112  # the EXIF tag


class ImageError(ValueError):
    """A file that cannot be read as the picture or mask it should be; the message names it and the way out."""


def read_image(path: str | Path) -> Float[Tensor, "3 height width"]:
    """Reads a picture as float32 RGB in [0, 1].

    The file is recognised by its content, not by its extension. Other pixel formats become RGB as follows:

    - grey (8 or 16 bit): the one channel three times; 16-bit values are divided by 65535, so no precision is lost;
    - transparency (RGBA, grey with alpha, palette with alpha): laid over white, as product cut-outs are shown;
    - palette, bilevel, CMYK: converted by Pillow; colour profiles are ignored; of an animation the first frame is read;
    - 16 bits a colour channel: read at 8 bits, as Pillow does;
    - the EXIF orientation is applied, as every viewer and labelling tool does: masks are drawn on the upright picture.

    Raises:
        FileNotFoundError: there is no such file.
        ImageError: the file is empty, truncated or not a picture, or holds floats, whose range is unknown.
    """
    image = _decode(Path(path))
    if image.mode.startswith("I;16"):
        return _grey_to_rgb(np.asarray(image).astype(np.float32) / 65535)
    if image.mode == "I":  # how Pillow reads some 16-bit files
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise ImageError(f"{path}: 32-bit integer picture with values outside 0..65535; save it with 8 or 16 bits.")
        return _grey_to_rgb(values.astype(np.float32) / 65535)
    if image.mode == "F":
        raise ImageError(f"{path}: floating-point picture, whose range is unknown; save it with 8 or 16 bits.")
    if image.has_transparency_data:
        cutout = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", cutout.size, "white"), cutout)
    pixels = np.array(image.convert("RGB"))  # a copy: torch wants writable memory
    return torch.from_numpy(pixels).permute(2, 0, 1).contiguous().float().div_(255)


def read_mask(path: str | Path, size: tuple[int, int] | None = None) -> Bool[Tensor, "height width"]:
    """Reads a defect mask: a pixel is anomalous where any of its values is above zero.

    That rule reads 0/255 masks, masks holding class numbers 1..n (VisA; they look black) and palette masks alike.
    An alpha channel is ignored. Masks saved as JPEG are refused: compression leaves small values around the defect.

    Args:
        path: the mask's file.
        size: (height, width) of its picture; a mask of another size is an error.

    Raises:
        FileNotFoundError: there is no such file.
        ImageError: the file is empty, truncated, not an image, a JPEG, or of another size.
    """
    image = _decode(Path(path))
    if image.format == "JPEG":
        raise ImageError(f"{path}: a mask must be exact, and JPEG is not; save it as PNG.")
    if image.mode in ("LA", "RGBA", "PA"):
        image = image.convert({"LA": "L", "RGBA": "RGB", "PA": "P"}[image.mode])
    values = np.asarray(image)
    mask = torch.from_numpy((values > 0).reshape(*values.shape[:2], -1).any(axis=-1))
    if size is not None and tuple(mask.shape) != tuple(size):
        raise ImageError(
            f"{path}: the mask is {_words(mask.shape)}, its picture {_words(size)}. "
            "Save the mask at the picture's own size (upright, if the picture carries an EXIF orientation)."
        )
    return mask


def _decode(path: Path) -> Image.Image:
    """Opens and fully decodes a file, upright; `format` survives the turn."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file.")
    if path.stat().st_size == 0:
        raise ImageError(f"{path}: the file is empty (0 bytes); copy or download it again.")
    try:
        with Image.open(path) as image:
            image.load()
            upright: Image.Image = image
            if image.getexif().get(ORIENTATION, 1) != 1:
                upright = ImageOps.exif_transpose(image)
                upright.format = image.format
    except UnidentifiedImageError as error:
        raise ImageError(f"{path}: not an image that Pillow can read; remove it or save it as PNG or JPEG.") from error
    except Image.DecompressionBombError as error:
        raise ImageError(f"{path}: too large to open safely ({error}); scale it down first.") from error
    except (OSError, SyntaxError, ValueError) as error:  # Pillow's decoders raise each of these on damaged data
        raise ImageError(f"{path}: damaged or truncated image ({error}); copy or download it again.") from error
    return upright


def _grey_to_rgb(grey: Float[np.ndarray, "height width"]) -> Float[Tensor, "3 height width"]:
    return torch.from_numpy(grey).expand(3, -1, -1).contiguous()


def _words(size: tuple[int, ...]) -> str:
    return f"{size[1]} x {size[0]} pixels (width x height)"
