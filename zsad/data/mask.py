"""Reads one defect mask from disk: which pixels it marks, as it is seen."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool
from numpy import ndarray
from PIL import Image
from torch import Tensor

from zsad.data.decode import ImageError, decode, read_bytes
from zsad.data.image import PHOTOMETRIC, WHITE_IS_ZERO, integers, straight_alpha
from zsad.data.remarks import Remarks

EXACT = ("BMP", "DIB", "GIF", "PCX", "PNG", "PPM", "SGI", "TGA", "TIFF")
LOSSY_TIFF = ("jpeg", "tiff_jpeg", "webp", "lerc")
FAINT = 16  # values below look black
SAVE = "save the mask as PNG, white (or class numbers) on black, without transparency."
OPAQUE = {"LA": "L", "RGBA": "RGB", "PA": "P"}


def read_mask(
    path: str | Path,
    size: tuple[int, int] | None = None,
    content: bytes | None = None,
    remarks: Remarks | None = None,
) -> Bool[Tensor, "height width"]:
    """Reads a defect mask: a pixel is anomalous where it is not black.

    - Grey, bilevel and RGB masks mark every value above zero, so that masks holding class numbers 1..n (VisA's; they
      look black) are read like those of 0 and 255. "White is zero" of TIFF is heeded.
    - Palette masks whose entry 0 is black mark every other entry, whatever its colour; those whose entry 0 has a colour
      mark what is not black.
    - Transparency: what is transparent is not marked. Where all that is visible has one colour, the mask is what is
      visible.
    - What cannot be told is refused: lossy files, whose faint values around a defect are no marks (JPEG, lossy WebP,
      JPEG 2000, AVIF); several frames; inks and other colour models with mixed colours; floats that are no whole
      numbers.

    Args:
        path: the mask's file.
        size: (height, width) of its image; a mask of another size is an error.
        content: the file's bytes, if they have been read already.
        remarks: what is odd but no error is said here (values so faint that they look black, beside bright ones); by
            default, logged.

    Raises:
        FileNotFoundError, IsADirectoryError, PermissionError: there is no such file, or it may not be read.
        ImageError: the file is empty, truncated, not an image, refused as above, or of another size.
    """
    path = Path(path)
    content = read_bytes(path) if content is None else content
    image = decode(path, content)
    if not _is_exact(image, content):
        raise ImageError(f"{path}: a mask must be exact, and this kind of {image.format} is not; save it as PNG.")
    if (frames := getattr(image, "n_frames", 1)) > 1:
        raise ImageError(f"{path}: {frames} frames or pages, but a mask is one; save the right one as PNG.")
    _remark_on_faint_values(path, image, remarks or Remarks())
    mask = torch.from_numpy(_marked(path, straight_alpha(image)))
    if size is not None and tuple(mask.shape) != tuple(size):
        raise ImageError(
            f"{path}: the mask is {_words(mask.shape)}, its picture {_words(size)}. "
            "Save the mask at the picture's own size (upright, if the picture carries an EXIF orientation)."
        )
    return mask


def _is_exact(image: Image.Image, content: bytes) -> bool:
    if image.format == "WEBP":
        return _is_lossless_webp(content)
    return image.format in EXACT and image.info.get("compression") not in LOSSY_TIFF


def _is_lossless_webp(content: bytes) -> bool:
    """Whether its pixels lie in a chunk "VP8L" (those of a lossy one lie in a chunk "VP8 ")."""
    position = 12
    while position + 8 <= len(content):
        if content[position : position + 4] == b"VP8L":
            return True
        length = int.from_bytes(content[position + 4 : position + 8], "little")
        position += 8 + length + length % 2
    return False


def _marked(path: Path, image: Image.Image) -> Bool[ndarray, "height width"]:
    if not image.has_transparency_data:
        return _not_black(path, image)
    alpha = _alpha(image)
    if len(np.unique(alpha)) == 1 and alpha.flat[0] > 0:
        return _not_black(path, image)
    wide = image.mode.startswith("I")
    colours = integers(path, image)[..., None] if wide else np.asarray(image.convert("RGBA").convert("RGB"))
    shown = alpha > 0
    seen = colours[shown] if shown.any() else colours.reshape(shown.size, -1)
    if (seen != seen[:1]).any():
        if not shown.any():
            raise ImageError(f"{path}: transparent everywhere, over colours that differ; {SAVE}")
        return shown & colours.any(axis=-1)
    if shown.all() or (shown.any() and not seen[0].any()):
        raise ImageError(f"{path}: of one colour, with a transparency that does not tell what is marked; {SAVE}")
    return shown


def _alpha(image: Image.Image) -> np.ndarray:
    key = image.info.get("transparency")
    if image.mode.startswith("I") and isinstance(key, int):
        return np.where(np.asarray(image) == key, 0, 255)
    return np.asarray(image.convert("RGBA").getchannel("A"))


def _not_black(path: Path, image: Image.Image) -> Bool[ndarray, "height width"]:
    mode = OPAQUE.get(image.mode, image.mode)
    if mode == "P":
        return _not_black_of_palette(path, image)
    if mode.startswith("I"):
        values = integers(path, image)
    elif mode == "F":
        values = _whole_numbers(path, image)
    elif mode in ("1", "L", "RGB"):
        values = np.asarray(image.convert(mode))
    elif mode in ("RGBX", "CMYK", "YCbCr", "HSV"):
        values = np.asarray(image.convert("RGB"))
        if mode != "RGBX" and not np.isin(values, (0, 255)).all():
            raise ImageError(f"{path}: {mode} colours that are neither pure nor black, which may be no marks; {SAVE}")
    else:
        raise ImageError(f"{path}: colours of the kind {mode}, in which black is not plain; {SAVE}")
    marked: np.ndarray = np.asarray(np.atleast_3d(values > 0).any(axis=-1))
    return marked


def _not_black_of_palette(path: Path, image: Image.Image) -> Bool[ndarray, "height width"]:
    entries = np.asarray(image.getchannel(0) if image.mode == "PA" else image)
    palette = np.asarray(image.getpalette() or [0, 0, 0], np.uint8).reshape(-1, 3)
    coloured = np.ones(256, bool)
    coloured[: len(palette)] = palette.any(axis=1)
    if not coloured[0]:
        coloured[1:] = True
    elif coloured[np.unique(entries)].all():
        raise ImageError(f"{path}: none of its colours is black, so what is not marked cannot be told; {SAVE}")
    marked: np.ndarray = coloured[entries]
    return marked


def _whole_numbers(path: Path, image: Image.Image) -> np.ndarray:
    values = np.asarray(image)
    turned = getattr(image, "tag_v2", {}).get(PHOTOMETRIC) == WHITE_IS_ZERO
    if turned or not np.isfinite(values).all() or (values < 0).any() or (values != np.round(values)).any():
        raise ImageError(f"{path}: floats that are no whole numbers from 0, which may be no marks; {SAVE}")
    return values


def _remark_on_faint_values(path: Path, image: Image.Image, remarks: Remarks) -> None:
    """A JPEG saved again as PNG has many faint values around its marks; class numbers are few."""
    if image.mode not in ("L", "RGB"):
        return
    counts = np.asarray(image.convert("L").histogram())
    faint, marked = counts[1:FAINT], counts[1:].sum()
    if counts[128:].any() and np.count_nonzero(faint) >= 8 and faint.sum() >= 0.1 * marked:
        remarks.say(
            "faint",
            path,
            f"{faint.sum() / marked:.0%} of what it marks is all but black (values below {FAINT}). If it was a JPEG "
            "once, these are no marks: set values below 128 to 0 and save it as PNG.",
        )


def _words(size: tuple[int, ...]) -> str:
    return f"{size[1]} x {size[0]} pixels (width x height)"
