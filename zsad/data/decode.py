"""From a file's bytes to Pillow's image of it, upright; every way in which that fails has its own message."""

import io
import struct
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

ORIENTATION = 0x0112  # the EXIF tag
# Pillow knows more: of these none runs another program (EPS does) and none is a format of graphics or of volumes.
FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "DIB", "GIF", "WEBP", "AVIF", "JPEG2000", "PPM", "TGA", "PCX", "SGI")
PNG = b"\x89PNG\r\n\x1a\n"
PNG_TEXT = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")


class ImageError(ValueError):
    """A file that cannot be read as the image or mask it should be; the message names it and the way out."""


def read_bytes(path: Path) -> bytes:
    """All bytes of a file.

    Raises:
        FileNotFoundError, IsADirectoryError, PermissionError, OSError: with the cause in words.
        ImageError: the file is empty.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        lost = f"a link to {path.readlink()}, which is not there" if path.is_symlink() else "no such file"
        raise FileNotFoundError(f"{path}: {lost}.") from error
    except IsADirectoryError as error:
        raise IsADirectoryError(f"{path}: a folder, where one picture file is needed.") from error
    except PermissionError as error:
        raise PermissionError(
            f"{path}: permission denied; make the file readable for you, and its folders too (chmod u+rX)."
        ) from error
    except OSError as error:
        raise OSError(f"{path}: cannot be read ({error.strerror}); check the disk, or copy the file again.") from error
    if not content:
        raise ImageError(f"{path}: the file is empty (0 bytes); copy or download it again.")
    return content


def decode(path: Path, content: bytes) -> Image.Image:
    """Decodes a file fully and turns it upright; `format` and `info` survive the turn.

    Of several frames the first is decoded. The file, of one of `FORMATS`, is recognised by its content, not by its
    extension.

    Raises:
        ImageError: not an image, damaged, or too large to be safe; the message names the path.
    """
    try:
        return _decode(content)
    except UnidentifiedImageError as error:
        raise ImageError(
            f"{path}: not an image of a kind that is read ({', '.join(FORMATS)}); remove it or save it as PNG or JPEG."
        ) from error
    except Image.DecompressionBombError as error:
        raise ImageError(
            f"{path}: more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels, too large to decode safely; "
            "scale it down or cut it into several pictures first."
        ) from error
    except MemoryError as error:
        raise ImageError(f"{path}: does not fit into memory; scale it down first.") from error
    except Exception as error:  # Pillow's decoders raise errors of a dozen types on damaged data
        if content.startswith(PNG) and (plain := _without_text(content)) != content:
            return decode(path, plain)
        raise ImageError(f"{path}: damaged or truncated image ({error}); copy or download it again.") from error


def _decode(content: bytes) -> Image.Image:
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        image.load()
        if image.getexif().get(ORIENTATION, 1) == 1:
            return image
        upright = ImageOps.exif_transpose(image)
        upright.format = image.format
        return upright


def _without_text(png: bytes) -> bytes:
    """A PNG without its texts and colour profile, which say nothing of its pixels: Pillow refuses large ones."""
    return PNG + b"".join(chunk for kind, chunk in _chunks(png) if kind not in PNG_TEXT)


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = len(PNG)
    while position + 8 <= len(png):
        length, kind = struct.unpack(">I4s", png[position : position + 8])
        yield kind, png[position : position + length + 12]
        position += length + 12
