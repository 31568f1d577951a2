import contextlib
import io
import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin
from tiff import packed_12_bit, write_tiff

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


def test_every_kind_of_file_is_read_as_it_is_seen(tmp_path):
    """Red on white, in every mode and format that Pillow writes for it."""
    pixels = np.full((64, 64, 3), 255, np.uint8)
    pixels[:32] = (255, 0, 0)
    seen = torch.from_numpy(pixels).permute(2, 0, 1) / 255
    picture = Image.fromarray(pixels)
    clear = Image.fromarray(np.dstack([pixels, np.where(pixels[..., 1:2] == 0, 255, 0).astype(np.uint8)]))
    files = {
        "rgb": ("png jpg jfif bmp dib tif webp gif ppm tga pcx sgi jp2 avif", picture),
        "palette": ("png bmp tif gif tga pcx", picture.convert("P", palette=Image.Palette.ADAPTIVE)),
        "clear": ("png tif webp tga", clear),
        "cmyk": ("tif jpg", picture.convert("CMYK")),
        "ycc": ("tif jpg", picture.convert("YCbCr")),
    }
    for name, (suffixes, image) in files.items():
        for suffix in suffixes.split():
            path = tmp_path / f"{name}.{suffix}"
            image.save(path)
            assert (read_image(path) - seen).abs().mean() < 0.01, path


def test_tiff_whose_white_is_zero(tmp_path):
    seen = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    one_bit = write_tiff(tmp_path / "1.tif", bytes([0b10000000, 0b01000000]), (2, 2), (1,), 0)
    for path in (one_bit, *(
        write_tiff(tmp_path / f"{bits}.tif", (1 - seen.numpy()).astype(kind).__mul__(kind(2**bits - 1)).tobytes(),
                   (2, 2), (bits,), 0)
        for bits, kind in ((8, np.uint8), (16, np.uint16))
    )):  # fmt: skip
        assert torch.equal(read_image(path), seen.expand(3, -1, -1)), path


def test_12_bit_tiff_goes_up_to_white(tmp_path):
    path = write_tiff(tmp_path / "a.tif", packed_12_bit(np.array([[0, 4095], [2048, 0]])), (2, 2), (12,), 1)
    assert read_image(path)[0, 0].tolist() == [0, 1]


def test_12_bit_values_in_a_16_bit_file_are_remarked_on(tmp_path, save, caplog):
    bright = save(tmp_path / "bright.png", np.array([[0, 4096]], np.uint16))
    dark = save(tmp_path / "dark.png", np.array([[0, 4095]], np.uint16))
    with caplog.at_level(logging.WARNING):
        read_image(bright)
        assert not caplog.text
        assert read_image(dark).max() == pytest.approx(4095 / 65535)
    assert "dark.png: its 16-bit values end at 4095" in caplog.text


def test_transparency_multiplied_into_the_colours(tmp_path):
    samples = np.array([[0, 0], [128, 128], [0, 255], [255, 255]], np.uint8)
    path = write_tiff(tmp_path / "a.tif", samples.tobytes(), (2, 2), (8, 8), 1, extra=1)
    assert read_image(path)[0].tolist() == [[1, 1], [0, 1]]


def test_transparent_colour_is_laid_over_white(tmp_path):
    Image.fromarray(np.array([[0, 300], [5, 65535]], np.uint16)).save(tmp_path / "a.png", transparency=5)
    assert read_image(tmp_path / "a.png")[0, 1].tolist() == [1, 1]
    Image.fromarray(np.array([[0, 30], [5, 255]], np.uint8)).save(tmp_path / "b.png", transparency=5)
    assert read_image(tmp_path / "b.png")[0, 1].tolist() == [1, 1]


def test_lab_and_invisible_pictures_are_refused(tmp_path, save):
    with pytest.raises(ImageError, match=r"a\.tif: picture in LAB colours; save it as RGB"):
        read_image(write_tiff(tmp_path / "a.tif", bytes(12), (2, 2), (8, 8, 8), 8))
    with pytest.raises(ImageError, match=r"b\.png: transparent everywhere"):
        read_image(save(tmp_path / "b.png", np.zeros((2, 2, 4), np.uint8)))


@pytest.mark.parametrize("suffix", ["gif", "tif", "png", "webp"])
def test_of_several_frames_the_first_is_read_with_a_remark(tmp_path, suffix, caplog):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("white", "black")]
    frames[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:])
    with caplog.at_level(logging.WARNING):
        assert read_image(tmp_path / f"a.{suffix}").min() == 1
    assert f"a.{suffix}: holds 2 frames" in caplog.text


def test_png_with_a_large_text_is_read(tmp_path):
    text = PngImagePlugin.PngInfo()
    text.add_text("parameters", "x" * (5 * 2**20), zip=True)
    Image.new("L", (4, 4), 255).save(tmp_path / "a.png", pnginfo=text)
    assert read_image(tmp_path / "a.png").min() == 1


def test_a_damaged_png_with_a_text_is_still_damaged(tmp_path):
    text = PngImagePlugin.PngInfo()
    text.add_text("parameters", "x" * 100)
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 90).save(buffer, "PNG", pnginfo=text)
    (tmp_path / "a.png").write_bytes(buffer.getvalue()[:2000])
    with pytest.raises(ImageError, match=r"a\.png: damaged or truncated"):
        read_image(tmp_path / "a.png")


def test_the_cause_of_an_unreadable_file_is_named(tmp_path, monkeypatch):
    with pytest.raises(IsADirectoryError, match=r"a folder, where one picture file is needed\.$"):
        read_image(tmp_path)
    (tmp_path / "link.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(FileNotFoundError, match=r"link\.png: a link to .*gone\.png, which is not there\.$"):
        read_image(tmp_path / "link.png")
    Image.new("L", (2, 2)).save(tmp_path / "a.png")
    for error, words in ((PermissionError(13, "denied"), "permission denied; make"), (OSError(5, "I/O error"), "disk")):

        def refuse(path, error=error):
            raise error

        monkeypatch.setattr(Path, "read_bytes", refuse)  # the administrator, as whom tests may run, may read all
        with pytest.raises(type(error), match=words) as caught:
            read_image(tmp_path / "a.png")
        assert "Errno" not in str(caught.value)


def test_decompression_bomb(tmp_path, monkeypatch):
    Image.new("1", (100, 100)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4000)
    with pytest.raises(ImageError, match=r"a\.png: more than 8,000 pixels, .*scale it down or cut it"):
        read_image(tmp_path / "a.png")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("format", ["PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF", "PPM", "TGA", "PCX", "SGI"])
def test_flipped_bytes_never_end_in_a_raw_error(tmp_path, format):
    rng = np.random.default_rng(0)
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(buffer, format=format)
    path = tmp_path / "hit.png"
    for _ in range(60):
        content = bytearray(buffer.getvalue())
        for place in rng.integers(0, min(len(content), 300), 3):
            content[place] = rng.integers(256)
        path.write_bytes(content)
        for read in (read_image, read_mask):
            with contextlib.suppress(ImageError):
                read(path)


def test_a_kind_that_runs_another_program_is_not_opened(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.eps")
    (tmp_path / "a.eps").rename(tmp_path / "a.png")
    with pytest.raises(ImageError, match=r"a\.png: not an image of a kind that is read"):
        read_image(tmp_path / "a.png")
