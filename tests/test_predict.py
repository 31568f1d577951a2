"""Scoring of image files as a library function: what cannot be read is passed over, what cannot be written stops."""

import pandas as pd
import pytest
import torch
from PIL import Image
from tiny_clip import tiny_backbone
from toy_batch import Unlike
from toys import Reddish

from zsad.data import read_image
from zsad.detectors import Prediction, load_detector
from zsad.files import FullDiskError
from zsad.predict import SCORES, UNFINISHED, Report, check_company, predict_images, score_image


@pytest.fixture
def images(tmp_path):
    paths = [tmp_path / f"{name}.png" for name in "abc"]
    for path in paths:
        Image.new("RGB", (16, 12), "red").save(path)
    return paths


def test_a_file_that_cannot_be_read_any_more_does_not_keep_the_others_from_being_scored(images, tmp_path):
    """It was there when the run began: its error comes from the system, not from Pillow."""
    images[0].unlink()
    report = Report()
    scored = list(predict_images(Reddish(), images, "nut", tmp_path / "maps", report=report))
    assert [one.image for one in scored] == images[1:]
    assert list(pd.read_csv(tmp_path / "maps" / SCORES)["image"]) == [str(path) for path in images[1:]]
    assert report.bad == {images[0]: f"{images[0]}: no such file."}
    assert report.scored == 2


def test_scores_and_maps_of_any_type_are_written(images, tmp_path):
    class Narrow(Reddish):
        def predict(self, images, category):
            found = super().predict(images, category)
            return Prediction(found.score.bfloat16(), found.map.bfloat16())

    scored = list(predict_images(Narrow(), images, "nut", tmp_path / "maps"))
    assert [one.score for one in scored] == [score_image(Narrow(), path, "nut") for path in images]
    assert all(one.heatmap.is_file() for one in scored)


def test_a_heat_map_that_cannot_be_written_stops_the_run_and_keeps_its_rows(images, tmp_path, monkeypatch):
    def full(path, write):
        raise FullDiskError(f"no room to write in {path.parent}")

    found = predict_images(Reddish(), images, "nut", tmp_path / "maps", report=(report := Report()))
    next(found)
    monkeypatch.setattr("zsad.predict.write_atomically", full)
    with pytest.raises(FullDiskError, match="no room to write"):
        list(found)
    assert report.bad == {}
    assert list(pd.read_csv(tmp_path / "maps" / UNFINISHED)["image"]) == [str(images[0])]
    assert not (tmp_path / "maps" / SCORES).exists()


@pytest.fixture
def shades(tmp_path):
    """Pictures of five reds, two of another size; the last is far from the others."""
    paths = [tmp_path / f"{index}.png" for index in range(5)]
    for index, (path, red) in enumerate(zip(paths, (100, 102, 104, 106, 250), strict=True)):
        Image.new("RGB", (16, 12) if index % 2 else (24, 24), (red, 0, 0)).save(path)
    return paths


def test_a_detector_that_compares_images_is_given_all_that_can_be_read_together(shades, tmp_path):
    shades.insert(1, tmp_path / "bad.png")
    shades[1].write_text("not an image")
    detector, report = Unlike(), Report()
    scored = list(predict_images(detector, shades, "nut", tmp_path / "maps", report=report))
    assert (detector.seen, detector.compared) == ([1] * 5, [5])
    reds = torch.tensor([100, 102, 104, 106, 250]) / 255
    assert [one.score for one in scored] == pytest.approx((reds - reds.mean()).abs().tolist(), abs=1e-6)
    assert [one.image for one in scored] == [path for path in shades if path.stem != "bad"]
    assert list(report.bad) == [shades[1]]
    sizes = [Image.open(one.heatmap).size for one in scored]
    assert sizes == [Image.open(one.image).size for one in scored]
    assert list(pd.read_csv(tmp_path / "maps" / SCORES)["score"]) == pytest.approx([one.score for one in scored])


def test_a_batch_that_is_too_small_is_refused_before_anything_is_written(shades, tmp_path):
    with pytest.raises(
        ValueError, match="has 1 image here: give it more, or choose a detector that looks at one image"
    ):
        list(predict_images(Unlike(), shades[:1], "nut", tmp_path / "maps"))
    assert not (tmp_path / "maps").exists()
    shades[0].write_text("not an image")
    with pytest.raises(ValueError, match=r"has 2 images here.*Not among them: .*0.png: not an image"):
        list(predict_images(Unlike(), shades[:3], "nut", tmp_path / "maps"))
    assert not (tmp_path / "maps" / SCORES).exists()


def test_scores_of_a_batch_are_not_compared_with_those_of_another():
    check_company(Reddish(), 1, "nut", calibrated=True)
    with pytest.raises(ValueError, match="Give a threshold, or choose a detector that looks at one image at a time"):
        check_company(Unlike(), 3, "nut", calibrated=True)


def test_what_the_shipped_head_says_of_files_is_what_it_says_of_their_batch(tmp_path):
    """ACR with the head of the package, on a dozen pictures with one that is not like the others."""
    paths = [tmp_path / f"{index:02}.png" for index in range(12)]
    noise = torch.rand(12, 64, 64, 3, generator=torch.Generator().manual_seed(1)) * 60
    noise[7, 16:40, 16:40] += 150
    for path, image in zip(paths, noise, strict=True):
        Image.fromarray(image.byte().numpy()).save(path)
    acr = load_detector("acr", "demo-b")
    scored = list(predict_images(acr, paths, "nut", tmp_path / "maps"))
    whole = acr.predict(torch.stack([read_image(path) for path in paths]), "nut").score
    assert [one.score for one in scored] == pytest.approx(whole.tolist(), rel=1e-3)
    assert max(scored, key=lambda one: one.score).image == paths[7]
    with pytest.raises(ValueError, match="acr compares the images of a category with each other and needs at least 10"):
        list(predict_images(acr, paths[:1], "nut", tmp_path / "maps"))


def test_a_run_that_scores_no_image_leaves_the_scores_of_an_earlier_one(images, tmp_path):
    list(predict_images(Reddish(), images, "nut", tmp_path / "maps"))
    before = (tmp_path / "maps" / SCORES).read_bytes()
    for path in images:
        path.write_text("not an image")
    report = Report()
    assert list(predict_images(Reddish(), images, "nut", tmp_path / "maps", report=report)) == []
    assert len(report.bad) == 3
    assert (tmp_path / "maps" / SCORES).read_bytes() == before
    assert not (tmp_path / "maps" / UNFINISHED).exists()
    list(predict_images(Reddish(), images, "nut", tmp_path / "none"))
    assert list((tmp_path / "none").iterdir()) == []


def colours_of(path, row=0, column=0):
    return Image.open(path).convert("RGB").getpixel((column, row))


def test_maps_of_a_batch_share_one_scale_from_the_least_to_the_largest_value_of_all(shades, tmp_path):
    """The reds lie from 0.19 to 0.46 off their mean; the last picture's map alone has the last colour."""
    report = Report()
    scored = list(predict_images(Unlike(), shades, "nut", tmp_path, image_format="png", report=report))
    least, largest = min(one.score for one in scored), max(one.score for one in scored)
    assert report.scale == pytest.approx((least, largest), abs=1e-6)
    assert report.colours_remark() == ""
    table = pd.read_csv(tmp_path / SCORES)
    for column, value in zip(("colours_from", "colours_to"), report.scale, strict=True):
        assert (table[column] - value).abs().max() < 1e-9
    brightness = {one.score: sum(colours_of(one.heatmap)) for one in scored}
    assert max(brightness, key=lambda score: brightness[score]) == largest
    assert max(brightness.values()) > 2 * min(brightness.values())


def test_maps_of_a_batch_that_are_all_alike_have_the_first_colour(images, tmp_path):
    list(predict_images(Unlike(), images, "nut", tmp_path, report=(report := Report())))
    assert report.scale == (0, 1)
    assert "the maps look almost of one colour" in report.colours_remark()


class Distances(Reddish):
    """A map far beyond 1, as squared distances are."""

    def predict(self, images, category):
        return Prediction(20 + 100 * images[:, 0].flatten(1).amax(1), 20 + 100 * images[:, 0])


def test_maps_beyond_the_scale_are_said_with_it_and_a_scale_can_be_given(shades, tmp_path):
    list(predict_images(Distances(), shades, "nut", tmp_path, image_format="png", report=(report := Report())))
    assert report.scale == (0, 1)
    low, high = 20 + 100 * 100 / 255, 20 + 100 * 250 / 255
    assert f"the maps hold values from {low:.4g} to {high:.4g}, and their colours end at 0 and 1" in (
        report.colours_remark()
    )
    table = pd.read_csv(tmp_path / SCORES)
    assert set(table["colours_from"]) == {0}
    assert set(table["colours_to"]) == {1}
    given = {"image_format": "png", "report": (report := Report()), "scale": (low, high)}
    scored = list(predict_images(Distances(), shades, "nut", tmp_path, **given))
    assert report.colours_remark() == ""
    assert len({colours_of(one.heatmap) for one in scored}) == 5
    with pytest.raises(ValueError, match=r"scale must rise, and 3 to 3 does not: give the lower end first"):
        next(predict_images(Distances(), shades, "nut", tmp_path / "none", scale=(3, 3)))
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("category", ["", " ", "_-_"])
def test_a_category_that_names_nothing_is_refused_before_anything_is_written(images, tmp_path, category):
    with pytest.raises(ValueError, match="names nothing"):
        next(predict_images(Reddish(), images, category, tmp_path / "maps"))
    assert not (tmp_path / "maps").exists()


def test_a_detector_without_the_good_images_that_it_wants_is_refused_before_anything_is_written(images, tmp_path):
    detector = load_detector("winclip_plus", tiny_backbone(), references=4)
    with pytest.raises(ValueError, match=r"compares with 4 good images and was given none: .* --reference"):
        next(predict_images(detector, images, "nut", tmp_path / "maps"))
    assert not (tmp_path / "maps").exists()
