import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from zsad.data import ImageError, read_image, read_mask


def test_rgb_is_read_exactly(tmp_path, save):
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3) * 14
    image = read_image(save(tmp_path / "a.png", pixels))
    assert image.dtype == torch.float32
    assert torch.equal(image, torch.from_numpy(pixels).permute(2, 0, 1) / 255)


def test_content_decides_not_the_extension(tmp_path, save):
    path = save(tmp_path / "a.png", np.full((8, 8, 3), 200, np.uint8), format="JPEG")
    assert read_image(path).mean() == pytest.approx(200 / 255, abs=0.01)


def test_grey_becomes_three_equal_channels(tmp_path, save):
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
    image = read_image(save(tmp_path / "a.png", pixels))
    assert torch.equal(image, (torch.from_numpy(pixels) / 255).expand(3, -1, -1))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_grey_keeps_its_precision(tmp_path, save, suffix):
    pixels = np.array([[0, 1, 256], [32768, 65534, 65535]], np.uint16)
    image = read_image(save(tmp_path / f"a{suffix}", pixels))
    torch.testing.assert_close(image, torch.from_numpy(pixels / 65535).float().expand(3, -1, -1), rtol=0, atol=1e-7)


def test_32_bit_integers_are_read_as_16_bit_or_refused(tmp_path, save):
    image = read_image(save(tmp_path / "a.tif", np.array([[0, 65535]], np.int32)))
    assert image.amax() == 1
    with pytest.raises(ImageError, match=r"b\.tif.*0\.\.65535"):
        read_image(save(tmp_path / "b.tif", np.array([[0, 65536]], np.int32)))


def test_floating_point_picture_is_refused(tmp_path, save):
    with pytest.raises(ImageError, match=r"a\.tif.*8 or 16 bits"):
        read_image(save(tmp_path / "a.tif", np.zeros((2, 2), np.float32)))


def test_transparency_is_laid_over_white(tmp_path, save):
    pixels = np.array([[[255, 0, 0, 255], [255, 0, 0, 0], [0, 0, 0, 51]]], np.uint8)
    image = read_image(save(tmp_path / "a.png", pixels))
    expected = torch.tensor([[1.0, 1.0, 0.8], [0.0, 1.0, 0.8], [0.0, 1.0, 0.8]])
    torch.testing.assert_close(image[:, 0], expected)


def test_palette_gives_its_colours(tmp_path):
    path = tmp_path / "a.png"
    image = Image.new("P", (2, 1))
    image.putpalette([0, 0, 0, 0, 128, 255])
    image.putpixel((1, 0), 1)
    image.save(path)
    torch.testing.assert_close(read_image(path)[:, 0, 1], torch.tensor([0, 128 / 255, 1]))


def test_exif_orientation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    path = tmp_path / "a.png"
    pixels = np.zeros((2, 3, 3), np.uint8)
    pixels[0, 0] = 255  # top left goes to top right
    Image.fromarray(pixels).save(path, exif=exif)
    image = read_image(path)
    assert image.shape == (3, 3, 2)
    assert image[0].nonzero().tolist() == [[0, 1]]


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.png: no such file"):
        read_image(tmp_path / "nowhere.png")


def test_not_an_image(tmp_path):
    path = tmp_path / "notes.png"
    path.write_text("these are notes, not pixels")
    with pytest.raises(ImageError, match=r"notes\.png: not an image.*remove it"):
        read_image(path)


def test_empty_file(tmp_path):
    path = tmp_path / "empty.png"
    path.touch()
    with pytest.raises(ImageError, match=r"empty\.png.*0 bytes.*again"):
        read_image(path)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "BMP", "TIFF", "WEBP"])
@pytest.mark.parametrize("kept", [0.05, 0.5, 0.9])
def test_truncated_file(tmp_path, format, kept):
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, format=format)
    path = tmp_path / "cut.png"
    path.write_bytes(buffer.getvalue()[: int(len(buffer.getvalue()) * kept)])
    with pytest.raises(ImageError, match=r"cut\.png"):
        read_image(path)


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
