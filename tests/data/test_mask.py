"""Masks of every kind of file: read as they are seen, or refused."""

import io
import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiff import write_tiff

from zsad.data import ImageError, read_mask

SEEN = [[False, True, True], [False, False, True]]
MARKED = np.array(SEEN)
WHITE = np.where(MARKED, 255, 0).astype(np.uint8)


def save_mask(path: Path, values: np.ndarray, mode: str) -> Path:
    image = Image.fromarray(values)
    if mode == "P":
        image.putpalette(
            [0, 0, 0, 0, 0, 0, 9, 9, 9]
        )  # class 1 is as black as the background: indices count, not colours
    image.convert(mode).save(path)
    return path


@pytest.mark.parametrize("mode", ["L", "P", "RGB", "RGBA", "LA", "I;16"])
def test_mask_is_what_is_above_zero(tmp_path, mode):
    values = np.array([[0, 1, 2], [0, 0, 3]], np.uint16 if mode == "I;16" else np.uint8)
    mask = read_mask(save_mask(tmp_path / "m.png", values, mode))
    assert mask.dtype == torch.bool
    assert mask.tolist() == [[False, True, True], [False, False, True]]


def test_bilevel_mask(tmp_path):
    path = tmp_path / "m.png"
    Image.fromarray(np.array([[True, False]])).save(path)
    assert read_mask(path).tolist() == [[True, False]]


def test_mask_of_another_size(tmp_path, save):
    path = save(tmp_path / "m.png", np.zeros((4, 6), np.uint8))
    with pytest.raises(ImageError, match=r"m\.png: the mask is 6 x 4 pixels.*picture 6 x 5"):
        read_mask(path, size=(5, 6))


def test_jpeg_mask_is_refused(tmp_path, save):
    with pytest.raises(ImageError, match=r"m\.jpg.*PNG"):
        read_mask(save(tmp_path / "m.jpg", np.zeros((4, 6), np.uint8)))


def saved(path: Path, image: Image.Image | np.ndarray, **options: object) -> Path:
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **options)
    return path


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "gif", "ppm", "tga", "pcx", "sgi", "webp"])
@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_white_on_black_in_every_exact_format(tmp_path, suffix, mode):
    image = Image.fromarray(WHITE).convert(mode)
    if (mode, suffix) in (("1", "ppm"), ("1", "sgi")):
        suffix, image = ("pbm", image) if suffix == "ppm" else (suffix, image.convert("L"))
    options = {"lossless": True} if suffix == "webp" else {}
    assert read_mask(saved(tmp_path / f"m.{suffix}", image, **options)).tolist() == SEEN


def alpha_mask(colour: tuple[int, int, int], low: int = 0, high: int = 255) -> np.ndarray:
    return np.dstack([np.full((2, 3, 3), colour, np.uint8), np.where(MARKED, high, low).astype(np.uint8)])


@pytest.mark.parametrize("high", [255, 100])
def test_mask_held_in_alpha_under_one_colour(tmp_path, high):
    assert read_mask(saved(tmp_path / "m.png", alpha_mask((255, 0, 0), high=high))).tolist() == SEEN
    grey = np.dstack([np.full((2, 3), 255, np.uint8), alpha_mask((0, 0, 0), high=high)[..., 3]])
    assert read_mask(saved(tmp_path / "g.png", grey)).tolist() == SEEN


def test_what_is_transparent_is_not_marked(tmp_path):
    pixels = np.dstack([np.stack([WHITE] * 3, -1), np.full((2, 3), 255, np.uint8)])
    pixels[1, 0] = (255, 255, 255, 0)
    assert read_mask(saved(tmp_path / "m.png", pixels)).tolist() == SEEN
    nothing = np.zeros((2, 3, 4), np.uint8)
    assert not read_mask(saved(tmp_path / "n.png", nothing)).any()


def test_alpha_that_does_not_tell_what_is_marked(tmp_path):
    with pytest.raises(ImageError, match="transparency that does not tell"):
        read_mask(saved(tmp_path / "m.png", alpha_mask((255, 0, 0), low=100)))
    with pytest.raises(ImageError, match="transparency that does not tell"):  # black strokes, or nothing marked?
        read_mask(saved(tmp_path / "m.png", alpha_mask((0, 0, 0))))
    hidden = np.dstack([np.stack([WHITE] * 3, -1), np.zeros((2, 3), np.uint8)])
    with pytest.raises(ImageError, match="transparent everywhere, over colours that differ"):
        read_mask(saved(tmp_path / "m.png", hidden))


@pytest.mark.parametrize("alpha", [255, 128])
def test_alpha_that_is_the_same_everywhere_says_nothing(tmp_path, alpha):
    pixels = np.dstack([np.stack([WHITE] * 3, -1), np.full((2, 3), alpha, np.uint8)])
    assert read_mask(saved(tmp_path / "m.png", pixels)).tolist() == SEEN


def test_transparent_colour_of_a_grey_or_palette_mask(tmp_path):
    for dtype, white in ((np.uint8, 255), (np.uint16, 65535)):
        values = np.where(MARKED, white, 7).astype(dtype)
        assert read_mask(saved(tmp_path / "m.png", values, transparency=7)).tolist() == SEEN
    palette = Image.fromarray(MARKED.astype(np.uint8))
    palette.putpalette([255, 0, 0, 255, 0, 0])
    assert read_mask(saved(tmp_path / "p.png", palette, transparency=0)).tolist() == SEEN
    assert read_mask(saved(tmp_path / "p.gif", palette, transparency=0)).tolist() == SEEN


def test_palette_whose_first_entry_is_white(tmp_path):
    palette = Image.fromarray((~MARKED).astype(np.uint8))
    palette.putpalette([255, 255, 255, 0, 0, 0])
    for name in ("m.png", "m.gif", "m.bmp", "m.tif"):
        assert read_mask(saved(tmp_path / name, palette)).tolist() == SEEN


def test_palette_without_black_is_refused(tmp_path):
    palette = Image.fromarray(MARKED.astype(np.uint8))
    palette.putpalette([68, 1, 84, 253, 231, 37])
    with pytest.raises(ImageError, match="none of its colours is black"):
        read_mask(saved(tmp_path / "m.png", palette))


def test_tiff_mask_whose_white_is_zero(tmp_path):
    bits = write_tiff(tmp_path / "1.tif", bytes([0b10000000, 0b11000000]), (2, 3), (1,), 0)
    assert read_mask(bits).tolist() == SEEN
    for kind in (np.uint8, np.uint16):
        values = np.where(MARKED, 0, np.iinfo(kind).max).astype(kind)
        path = write_tiff(tmp_path / "m.tif", values.tobytes(), (2, 3), (8 * values.itemsize,), 0)
        assert read_mask(path).tolist() == SEEN


def test_tiff_mask_with_colours_multiplied_by_alpha(tmp_path):
    samples = np.stack([np.where(MARKED, 100, 0), np.where(MARKED, 100, 0)], -1).astype(np.uint8)
    assert read_mask(write_tiff(tmp_path / "m.tif", samples.tobytes(), (2, 3), (8, 8), 1, extra=1)).tolist() == SEEN


def test_ink_and_video_colours_are_read_where_they_are_pure(tmp_path):
    image = Image.fromarray(np.stack([WHITE] * 3, -1))
    path = saved(tmp_path / "m.tif", image.convert("CMYK"))
    assert np.asarray(Image.open(path))[0, 1].tolist() == [0, 0, 0, 0]  # no ink where it is white
    assert read_mask(path).tolist() == SEEN
    assert read_mask(saved(tmp_path / "y.tif", image.convert("YCbCr"))).tolist() == SEEN
    rich_black = np.where(MARKED[..., None], 0, [190, 170, 170, 230]).astype(np.uint8)
    with pytest.raises(ImageError, match="CMYK colours that are neither pure nor black"):
        read_mask(write_tiff(tmp_path / "r.tif", rich_black.tobytes(), (2, 3), (8,) * 4, 5))
    with pytest.raises(ImageError, match="kind LAB"):
        read_mask(write_tiff(tmp_path / "l.tif", bytes(18), (2, 3), (8, 8, 8), 8))


@pytest.mark.parametrize(("kind", "sample_format"), [(np.int32, 2), (np.float32, 3), (np.int16, 2)])
def test_wide_numbers(tmp_path, kind, sample_format):
    def write(values: np.ndarray) -> Path:
        values = values.astype(kind)
        return write_tiff(tmp_path / "m.tif", values.tobytes(), (2, 3), (8 * values.itemsize,), 1,
                          sample_format=sample_format)  # fmt: skip

    assert read_mask(write(np.where(MARKED, 3, 0))).tolist() == SEEN
    with pytest.raises(ImageError, match=r"m\.tif: "):
        read_mask(write(np.where(MARKED, 1, -1)))
    if kind is np.float32:
        for odd in (0.25, np.nan, np.inf):
            with pytest.raises(ImageError, match="floats that are no whole numbers"):
                read_mask(write(np.where(MARKED, 1, odd)))


@pytest.mark.parametrize("suffix", ["webp", "jp2", "avif", "jfif"])
def test_lossy_mask_is_refused(tmp_path, suffix):
    with pytest.raises(ImageError, match=rf"m\.{suffix}: a mask must be exact.*PNG"):
        read_mask(saved(tmp_path / f"m.{suffix}", Image.fromarray(WHITE)))


def test_tiff_with_jpeg_inside_is_refused(tmp_path):
    with pytest.raises(ImageError, match="a mask must be exact"):
        read_mask(saved(tmp_path / "m.tif", Image.fromarray(WHITE).resize((32, 32)), compression="jpeg"))


def test_lossless_webp_with_alpha(tmp_path):
    assert read_mask(saved(tmp_path / "m.webp", alpha_mask((255, 0, 0)), lossless=True)).tolist() == SEEN


@pytest.mark.parametrize("suffix", ["gif", "tif", "png"])
def test_mask_of_several_frames_is_refused(tmp_path, suffix):
    image = Image.fromarray(WHITE)
    path = saved(tmp_path / f"m.{suffix}", image, save_all=True, append_images=[Image.new("L", image.size, 255)])
    with pytest.raises(ImageError, match="2 frames or pages, but a mask is one"):
        read_mask(path)


def test_size_is_that_of_the_upright_mask(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in ("m.png", "m.tif"):
        mask = read_mask(saved(tmp_path / name, WHITE, exif=exif), size=(3, 2))
        assert torch.equal(mask, torch.from_numpy(MARKED).rot90(-1)), name


def test_a_jpeg_saved_again_as_png_is_remarked_on(tmp_path, caplog):
    disc = np.hypot(*np.mgrid[-32:32, -32:32]) < 12
    sharp = Image.fromarray((disc * 255).astype(np.uint8))
    smooth = sharp.resize((256, 256), Image.Resampling.BICUBIC)
    classes = Image.fromarray(np.where(disc, 255, np.mgrid[:64, :64][0] // 10).astype(np.uint8))  # 255: of no class
    with caplog.at_level(logging.WARNING):
        for image in (sharp, smooth, classes):
            read_mask(saved(tmp_path / "m.png", image))
        assert not caplog.text
        jpeg = io.BytesIO()
        sharp.save(jpeg, "JPEG", quality=60)
        read_mask(saved(tmp_path / "m.png", Image.open(jpeg)))
    assert "m.png: " in caplog.text
    assert "If it was a JPEG once" in caplog.text
