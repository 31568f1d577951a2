"""`zsad predict --reference`: scores beside a few good images, and what is said where that makes no sense."""

import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tiny_clip import tiny_backbone

from zsad import cli
from zsad.commands.common import INCOMPLETE
from zsad.data import read_image
from zsad.detectors import load_detector, with_references
from zsad.detectors.references import as_references
from zsad.predict import SCORES, read_references


def write(path, seed, width=48, height=40):
    path.parent.mkdir(exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(values).save(path)
    return path


@pytest.fixture
def line(tmp_path, monkeypatch):
    """Two parts to be scored, `good` ones of the same proportions at another size, and a function that runs it."""
    monkeypatch.setattr("zsad.detectors.load_backbone_of", lambda *_, **__: tiny_backbone())
    for index in range(2):
        write(tmp_path / "parts" / f"{index}.png", index)
        write(tmp_path / "good" / f"{index}.png", 10 + index, 96, 80)
    folders = [str(tmp_path / "parts"), "--out", str(tmp_path / "maps"), "--reference", str(tmp_path / "good")]
    return lambda *more: cli.main(["predict", "--category", "nut", *folders, *more])


def test_parts_are_compared_with_all_good_images_of_the_folder(line, tmp_path, capsys):
    assert line() == 0
    out = capsys.readouterr().out
    assert f"winclip_plus compares with 2 good images of {tmp_path / 'good'}; league: few-shot\n" in out
    given = as_references([read_image(path) for path in sorted((tmp_path / "good").iterdir())])
    detector = with_references(load_detector("winclip_plus", tiny_backbone()), given)
    expected = [
        detector.predict(read_image(path)[None], "nut").score.item() for path in sorted((tmp_path / "parts").iterdir())
    ]
    assert pd.read_csv(tmp_path / "maps" / SCORES)["score"].tolist() == pytest.approx(expected, abs=1e-6)
    without = load_detector("winclip", tiny_backbone())
    assert without.predict(read_image(tmp_path / "parts/0.png")[None], "nut").score.item() != pytest.approx(expected[0])


def test_a_folder_without_images_and_one_that_is_not_there_are_named(line, tmp_path, capsys):
    shutil.rmtree(tmp_path / "good")
    assert line() == 2
    assert f"{tmp_path / 'good'}: no such file or folder" in capsys.readouterr().err
    (tmp_path / "good").mkdir()
    assert line() == 2
    assert f"{tmp_path / 'good'}: no images in this folder" in capsys.readouterr().err
    (tmp_path / "good/0.png").write_text("not an image")
    assert line() == 2
    assert "0.png: not an image" in capsys.readouterr().err
    assert not (tmp_path / "maps" / SCORES).exists()


def test_a_reference_is_neither_scored_nor_calibrated_with(line, tmp_path, capsys):
    """Not the same file, nor a copy of it."""
    shutil.copy(tmp_path / "parts/1.png", tmp_path / "good/9.png")
    assert line() == 2
    error = capsys.readouterr().err
    assert f"{tmp_path / 'parts/1.png'} is to be scored, and {tmp_path / 'good/9.png'} among the references" in error
    (tmp_path / "good/9.png").unlink()
    assert line("--calibrate", str(tmp_path / "good")) == 2
    assert "among the references is the same image: compared with itself" in capsys.readouterr().err


def test_an_image_of_other_proportions_is_not_scored_and_the_others_are(line, tmp_path, capsys):
    write(tmp_path / "parts/wide.png", 5, width=96)
    assert line() == 3
    assert "wide.png: it is 96 x 40 pixels and a reference is 96 x 80: in other proportions" in capsys.readouterr().err
    assert len(pd.read_csv(tmp_path / "maps" / SCORES)) == 2
    write(tmp_path / "others/0.png", 6, width=96)
    assert line("--calibrate", str(tmp_path / "others")) == 2
    assert "0.png: it is 96 x 40 pixels" in capsys.readouterr().err


def test_a_detector_or_an_option_that_does_not_go_with_it_is_refused(line, capsys):
    assert line("--detector", "clip") == 2
    assert "clip takes no references; those that do: winclip_plus" in capsys.readouterr().err
    assert line("--option", "references=1") == 2
    assert "all images of --reference are compared with: leave out --option references" in capsys.readouterr().err


def test_references_are_known_by_their_bytes(tmp_path):
    one, two, other = (write(tmp_path / f"{name}.png", seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    first, twin, third = (read_references([path], []).references for path in (one, two, other))
    assert first.fingerprint == twin.fingerprint != third.fingerprint


@pytest.mark.parametrize(
    ("wrong", "words"),
    [(["--category", ""], "names nothing"), (["--category", "!"], "names nothing"),
     (["--detector", "winclip_plus", "--option", "references=2"], "give a folder of them with --reference"),
     (["--detector", "winclip_plus", "--option", "references=1", "--option", "defence=grey input"], "1 good image ")],
)  # fmt: skip
def test_a_wrong_argument_leaves_the_scores_of_an_earlier_run(line, tmp_path, capsys, wrong, words):
    assert line() == 0
    there = {path.name: path.read_bytes() for path in (tmp_path / "maps").iterdir()}
    plain = ["predict", str(tmp_path / "parts"), "--category", "nut", "--out", str(tmp_path / "maps")]
    assert cli.main([*plain, *wrong]) == 2
    assert words in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in (tmp_path / "maps").iterdir()} == there


def test_where_no_image_can_be_scored_the_table_of_an_earlier_run_is_kept_and_named(line, tmp_path, capsys):
    assert line() == 0
    before = (tmp_path / "maps" / SCORES).read_bytes()
    for path in (tmp_path / "parts").iterdir():
        path.write_text("not an image")
    assert line() == INCOMPLETE
    assert f"{tmp_path / 'maps' / SCORES} is of an earlier run" in capsys.readouterr().out
    assert (tmp_path / "maps" / SCORES).read_bytes() == before
