"""Scoring of image files as a library function: what cannot be read is passed over, what cannot be written stops."""

import pandas as pd
import pytest
from PIL import Image
from toy_batch import Unlike
from toys import Reddish

from zsad.files import FullDiskError
from zsad.predict import SCORES, UNFINISHED, Report, predict_images


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


def test_a_detector_that_compares_images_is_refused_where_each_is_scored_by_itself(tmp_path, images):
    with pytest.raises(ValueError, match="unlike compares the images of a category with each other"):
        list(predict_images(Unlike(), images, "nut", tmp_path / "out"))
    assert not (tmp_path / "out").exists()
