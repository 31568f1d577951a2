import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from tiny_clip import TOKENIZER, tiny_model
from toys import Reddish, write_suite

from zsad import arguments, cli, heatmap, predict
from zsad.clip import zoo
from zsad.commands.common import INCOMPLETE, real_backbone
from zsad.data import read_image
from zsad.detectors import DETECTORS, option_names, takes
from zsad.files import _node
from zsad.perturb import CORRUPTIONS, corrupt, image_generator
from zsad.study.manifest import check_manifests

STUDY = """
suites:
  toys: {{reader: mvtec_ad, root: toys, categories: [washer, metal_nut]}}
detectors: [winclip]
backbones: [demo-b]
data_root: {data}
records_root: {records}
resolution: 32
bootstrap: 20
sweeps: {{over: [washer], angle: [0, 30]}}
"""


@pytest.fixture
def weights(tmp_path_factory, monkeypatch):
    """A small untrained CLIP under the name of the default backbone: scores mean nothing, but all code runs."""
    folder = tmp_path_factory.mktemp("weights")
    model = tiny_model()
    save_file({name: value.half() for name, value in model.state_dict().items()}, folder / "demo-b.safetensors")
    card = {
        "name": "demo-b",
        "model_cfg": {
            "embed_dim": 24,
            "vision_cfg": {"image_size": 80, "patch_size": 16, "width": 32, "head_width": 16, "layers": 2},
            "text_cfg": {
                "context_length": 77,
                "vocab_size": TOKENIZER.vocab_size,
                "width": 32,
                "heads": 2,
                "layers": 2,
            },
        },
        "vocabulary": list(TOKENIZER.vocabulary),
        "mean": [0.5, 0.5, 0.5],
        "std": [0.25, 0.25, 0.25],
        "sha256": hashlib.sha256((folder / "demo-b.safetensors").read_bytes()).hexdigest(),
    }
    (folder / "demo-b.json").write_text(json.dumps(card))
    monkeypatch.setattr(zoo, "WEIGHTS", folder)
    return folder


@pytest.fixture
def suite(tmp_path) -> Path:
    return write_suite(tmp_path / "data" / "toys")


@pytest.fixture
def study_file(tmp_path, suite) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(STUDY.format(data=tmp_path / "data", records=tmp_path / "records"))
    return path


def refused(capsys, *arguments: object) -> str:
    """The one line a failing command prints; its exit code is 2."""
    assert cli.main([str(a) for a in arguments]) == 2
    shown = capsys.readouterr()
    lines = shown.err.strip().splitlines()
    assert shown.out == ""
    assert len(lines) == 1, shown.err
    assert lines[0].startswith("zsad: error: ")
    return lines[0]


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_corrupt_writes_lossless_copies(kind, tmp_path, suite, capsys, monkeypatch):
    monkeypatch.chdir(suite)
    pictures = [Path("washer/test/good/000.png"), Path("metal_nut/test/good/000.png")]
    out = tmp_path / "corrupted"
    arguments = ["corrupt", *map(str, pictures), "--kind", kind, "--severity", "2", "--out", str(out)]
    assert cli.main([*arguments, "--seed", "7"]) == 0
    copies = [out / "000.png", out / "000_2.png"]
    assert capsys.readouterr().out.splitlines() == [f"{p}\t{c}" for p, c in zip(pictures, copies, strict=True)]
    assert sorted(out.iterdir()) == copies
    for picture, copy in zip(pictures, copies, strict=True):
        expected = corrupt(read_image(picture), kind, 2, image_generator(picture.as_posix(), seed=7))
        assert torch.equal(read_image(copy), expected)
    first = copies[0].read_bytes()
    assert cli.main([*arguments, "--seed", "8"]) == 0
    assert (copies[0].read_bytes() == first) == (kind != "gaussian_noise")


def test_corrupt_says_what_is_wrong_and_leaves_nothing_behind(tmp_path, suite, capsys):
    picture, out = suite / "washer" / "test" / "good" / "000.png", tmp_path / "corrupted"
    before = picture.read_bytes()
    message = refused(capsys, "corrupt", picture, "--kind", "snow", "--out", out)
    assert "known: brightness, contrast, defocus_blur, gaussian_noise" in message
    fake = tmp_path / "fake.png"
    fake.write_text("not a picture")
    assert "fake.png" in refused(capsys, "corrupt", fake, "--kind", "contrast", "--out", out)
    small = tmp_path / "small.png"
    Image.new("RGB", (16, 40)).save(small)
    assert "small.png: images are 16 x 40" in refused(capsys, "corrupt", small, "--kind", "defocus_blur", "--out", out)
    assert not out.exists()
    assert "another folder" in refused(capsys, "corrupt", picture, "--kind", "contrast", "--out", picture.parent)
    assert picture.read_bytes() == before


def test_evaluate_takes_one_domain(tmp_path, suite, weights, capsys):
    """The domain goes through to the reader, which this suite has none for."""
    arguments = ["evaluate", "--reader", "mvtec_ad", "--root", suite, "--category", "washer", "--domain", "view"]
    assert "unknown domain 'view'" in refused(capsys, *arguments)


def test_predict_prints_a_score_and_draws_a_heat_map(tmp_path, suite, weights, capsys):
    images = [suite / "washer" / "test" / "good" / "000.png", suite / "metal_nut" / "test" / "good" / "000.png"]
    out = tmp_path / "maps"
    assert cli.main(["predict", *map(str, images), "--category", "washer", "--out", str(out)]) == 0
    shown = capsys.readouterr()
    *lines, last = shown.out.strip().splitlines()
    assert [line.split("\t")[0] for line in lines] == [str(image) for image in images]
    assert all(0 <= float(line.split("\t")[1].removeprefix("score ")) <= 1 for line in lines)
    assert last.startswith("2 of 2 images scored")
    assert "demo-b has seen rendered products alone: its scores of the 2 images" in shown.err
    assert sorted(path.name for path in out.iterdir()) == ["000_2_heatmap.jpg", "000_heatmap.jpg", "scores.csv"]
    with Image.open(out / "000_heatmap.jpg") as picture:
        assert (picture.size, picture.format) == ((32, 32), "JPEG")
    table = pd.read_csv(out / "scores.csv")
    assert list(table["image"]) == [str(image) for image in images]
    assert list(table["heatmap"]) == ["000_heatmap.jpg", "000_2_heatmap.jpg"]
    assert [f"score {score:.4f}" for score in table["score"]] == [line.split("\t")[1] for line in lines]


def test_a_note_names_a_backbone_that_the_detector_can_look_through(tmp_path, suite, weights, capsys):
    image = suite / "washer" / "test" / "good" / "000.png"
    assert cli.main(["predict", str(image), "--category", "washer", "--out", str(tmp_path / "maps")]) == 0
    assert "mean nothing; use --backbone ViT-B-16-plus-240 or another real one\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("detector", "words"),
    [
        ("winclip", "use --backbone ViT-B-16-plus-240 or another real one"),
        ("maeday", "use --backbone vit-mae-base or another real one"),
        (
            "april_gan",
            "use --backbone ViT-L-14-336-APRIL-GAN or another real one, with what was learned for it "
            "(--option trained_on=FILE)",
        ),
    ],
)
def test_a_real_backbone_is_one_that_the_detector_can_look_through(detector, words):
    assert real_backbone(detector) == words


@pytest.mark.parametrize("detector", DETECTORS)
def test_what_a_real_backbone_needs_is_an_option_of_the_detector(detector):
    words = real_backbone(detector).split()
    assert takes(detector, words[2])
    option = words[-1].removesuffix("=FILE)")
    assert option == "one" or option in option_names(detector)


def test_predict_takes_folders_and_patterns_and_decides_by_good_images(tmp_path, suite, weights, capsys):
    good, holes = suite / "washer" / "test" / "good", suite / "washer" / "test" / "hole"
    arguments = ["predict", good, holes / "*.png", good / "000.png", "--category", "washer", "--format", "png"]
    assert cli.main([str(a) for a in [*arguments, "--calibrate", good, "--out", tmp_path / "maps"]]) == 0
    shown = capsys.readouterr().out
    table = pd.read_csv(tmp_path / "maps" / "scores.csv")
    assert [Path(name).parent.name for name in table["image"]] == ["good"] * 4 + ["hole"] * 3
    threshold = table["score"][:4].max()
    assert f"threshold {threshold:.4f}: the highest of 4 good images" in shown
    assert "once in 5 times" in shown
    assert list(table["decision"]) == ["anomalous" if s > threshold else "normal" for s in table["score"]]
    assert set(table["decision"][:4]) == {"normal"}
    assert cli.main([str(a) for a in [*arguments, "--threshold", "0", "--out", tmp_path / "maps"]]) == 0
    assert set(pd.read_csv(tmp_path / "maps" / "scores.csv")["decision"]) == {"anomalous"}


def test_predict_takes_any_threshold_and_says_where_heat_maps_go_beyond_their_colours(tmp_path, suite, weights, capsys):
    good = suite / "washer" / "test" / "good"
    arguments = ["predict", good, "--category", "washer", "--out", tmp_path / "maps"]
    for threshold, decision in (("1.2", "normal"), ("-30", "anomalous")):
        assert cli.main([str(a) for a in [*arguments, "--threshold", threshold]]) == 0
        shown = capsys.readouterr()
        assert "heat maps' colours from 0 to 1" in shown.out
        assert set(pd.read_csv(tmp_path / "maps" / "scores.csv")["decision"]) == {decision}
    assert cli.main([str(a) for a in [*arguments, "--scale", "-2", "-1.5"]]) == 0
    shown = capsys.readouterr()
    assert "heat maps' colours from -2 to -1.5" in shown.out
    assert "their colours end at -2 and -1.5" in shown.err
    assert "--scale LOW HIGH sets the ends" in shown.err
    assert "scale must rise" in refused(capsys, *arguments, "--scale", "2", "1")


def test_predict_does_the_others_and_lists_bad_files_at_the_end(tmp_path, suite, weights, capsys):
    good, bad, thin = suite / "washer" / "test" / "good" / "000.png", tmp_path / "bad.png", tmp_path / "thin.png"
    bad.write_text("not an image")
    Image.new("RGB", (1, 5000)).save(thin)
    arguments = ["predict", bad, thin, good, "--category", "washer", "--out", tmp_path / "maps"]
    assert cli.main([str(a) for a in arguments]) == INCOMPLETE
    shown = capsys.readouterr()
    first, second = [line for line in shown.err.splitlines() if line.startswith("zsad: not scored: ")]
    assert f"{bad}: not an image" in first
    assert "1 x 5000 pixels: detectors need at least 8" in second
    assert list(pd.read_csv(tmp_path / "maps" / "scores.csv")["image"]) == [str(good)]
    assert "1 of 3 images scored" in shown.out


def test_predict_never_writes_over_an_image_nor_reads_its_own(tmp_path, suite, weights, capsys):
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in ("a.jpg", "a_heatmap.jpg"):
        Image.new("RGB", (32, 32)).save(folder / name)
    before = (folder / "a_heatmap.jpg").read_bytes()
    both = [folder / "a.jpg", folder / "a_heatmap.jpg"]
    assert "another folder with --out" in refused(capsys, "predict", *both, "--category", "nut", "--out", folder)
    assert (folder / "a_heatmap.jpg").read_bytes() == before
    assert cli.main(["predict", str(folder), "--category", "nut", "--out", str(folder)]) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["a.jpg", "a_heatmap.jpg", "scores.csv"]


def test_an_interrupted_prediction_leaves_its_rows_under_another_name(tmp_path, suite):
    images = sorted((suite / "washer" / "test" / "good").glob("*.png"))
    running = predict.predict_images(Reddish(), images, "washer", tmp_path / "maps")
    next(running), next(running)
    running.close()
    assert not (tmp_path / "maps" / predict.SCORES).exists()
    assert len((tmp_path / "maps" / predict.UNFINISHED).read_text().splitlines()) == 3


def test_options_reach_the_detector_and_unknown_ones_are_named(tmp_path, suite, weights, capsys):
    image = suite / "washer" / "test" / "hole" / "004.png"
    scores = []
    for value in ("0.07", "0.5"):
        arguments = ["predict", image, "--category", "washer", "--out", tmp_path, "--option", f"temperature={value}"]
        assert cli.main([str(a) for a in arguments]) == 0
        scores.append(pd.read_csv(tmp_path / "scores.csv")["score"][0])
    capsys.readouterr()
    assert scores[0] != scores[1]
    wrong = ["predict", image, "--category", "washer", "--out", tmp_path, "--option"]
    assert "winclip has no option 'tau'; known: templates" in refused(capsys, *wrong, "tau=1")
    assert "temperature must be a finite number" in refused(capsys, *wrong, "temperature=.inf")
    assert "temperature must be a number, not 'hot'" in refused(capsys, *wrong, "temperature=hot")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["evaluate", "--resolution", "0"], "resolution must be a whole number from 8 to 8,192, not 0"),
        (["evaluate", "--batch-size", "0"], "batch_size must be a whole number from 1"),
        (["evaluate", "--limit", "-3"], "limit must be a whole number from 2"),
        (["run", "quick", "--limit", "0"], "limit must be a whole number from 2"),
        (["corrupt", "--severity", "1.5"], "severity must be a whole number from 0 to 5, not 1.5"),
        (["corrupt", "--severity", "6"], "severity must be a whole number from 0 to 5, not 6"),
        (["demo-data", "x", "--seed", "-1"], "seed must be a whole number from 0"),
        (["predict", "--threshold", ".nan"], "threshold must be a finite number, not nan"),
        (["predict", "--option", "temperature"], "'temperature' is not NAME=VALUE"),
        (["predict", "--out", "~nobody-here/x"], "there is no such user here"),
    ],
)
def test_numbers_and_paths_are_checked_as_they_are_read(arguments, words, capsys):
    with pytest.raises(SystemExit):
        cli.main(arguments)
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    "value", [1e-5, 0.01, 3, True, None, "", "yes", "01", "a: b", "two words", "...", [1, 2], {"a": "b"}]
)
def test_an_option_is_written_as_it_is_read(value):
    assert arguments.option(arguments.as_option("name", value)) == ("name", value)


def test_what_labels_alone_can_tell_is_told_before_a_model_is_loaded(tmp_path, suite, capsys, monkeypatch):
    monkeypatch.setattr("zsad.detectors.load_detector", lambda *a, **k: pytest.fail("a model was loaded"))
    good = suite / "washer" / "test" / "good"
    arguments = ["evaluate", "--reader", "folder", "--category", "washer", "--root"]
    assert "`zsad predict` needs no labels" in refused(capsys, *arguments, good)
    one = tmp_path / "one"
    (one / "good").mkdir(parents=True)
    (good / "000.png").rename(one / "good" / "000.png")
    assert "has only normal images" in refused(capsys, *arguments, one)
    assert "it is a folder" in refused(capsys, *arguments, one, "--csv", tmp_path)


def test_a_home_sign_is_the_home_folder(tmp_path, suite, weights, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    image = "~/data/toys/washer/test/good/000.png"
    assert cli.main(["predict", image, "--category", "washer", "--out", "~/maps"]) == 0
    assert (tmp_path / "maps" / "scores.csv").is_file()
    assert not (tmp_path / "~").exists()


def test_the_colour_scale_is_fixed(tmp_path):
    """The same value has the same colour whatever else is on the map; more is brighter."""
    low, high = (np.full((2, 2), value) for value in (0.2, 0.9))
    mixed = np.array([[0.2, 0.9], [0.0, 1.0]])
    assert (heatmap.colours(mixed)[0, 0] == heatmap.colours(low)[0, 0]).all()
    assert (heatmap.colours(mixed)[0, 1] == heatmap.colours(high)[0, 0]).all()
    brightness = heatmap.colours(np.linspace(0, 1, 50)[None]).astype(float).mean(-1)[0]
    assert (np.diff(brightness) >= 0).all()
    assert (heatmap.colours(np.array([[-3.0, 7.0]])) == heatmap.colours(np.array([[0.0, 1.0]]))).all()
    assert (heatmap.colours(30 + 60 * mixed, (30, 90)) == heatmap.colours(mixed)).all()
    flat = heatmap.overlay(torch.full((3, 4, 6), 0.5), torch.zeros(4, 6))
    assert flat.size == (6, 4)


def test_evaluate_prints_the_metrics_and_writes_them(tmp_path, suite, weights, capsys):
    table = tmp_path / "washer.csv"
    arguments = ["evaluate", "--reader", "mvtec_ad", "--root", suite, "--category", "washer"]
    arguments += ["--resolution", 32, "--limit", 8, "--csv", table]
    assert cli.main([str(a) for a in arguments]) == 0
    shown = capsys.readouterr().out
    frame = pd.read_csv(table).set_index("metric")
    assert "8 images" in shown
    for metric in ("image_auroc", "aupro"):
        assert metric in shown
        assert f"{frame.loc[metric, 'estimate']:.1%}" in shown


def test_evaluate_draws_no_bar_into_a_log(suite, weights, capsys):
    root = str(suite / "washer" / "test")
    assert cli.main(["evaluate", "--reader", "folder", "--root", root, "--category", "washer"]) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("washer none: ")]
    assert lines[-1].startswith("washer none: 1 of 1 values after ")
    assert not any(sign in line for line in lines for sign in "|\r%")


def test_evaluate_takes_the_sizes_that_a_study_takes(tmp_path, suite, weights, capsys, monkeypatch):
    given = {}

    def sweep(*_, **sizes):
        given.update(sizes)
        raise ValueError("enough")

    monkeypatch.setattr("zsad.robustness.uniform_sweep", sweep)
    arguments = ["evaluate", "--reader", "mvtec_ad", "--root", suite, "--category", "washer"]
    names = ["resolution", "aspect", "metric_size"]
    refused(capsys, *arguments)
    assert [given[name] for name in names] == [240, "own", "mask"]
    refused(capsys, *arguments, "--resolution", "native", "--aspect", "squashed", "--metric-size", 64)
    assert [given[name] for name in names] == ["native", "squashed", 64]
    monkeypatch.setattr("zsad.detectors.load_detector", lambda *_, **__: None)
    refused(capsys, *arguments, "--detector", "tiling")
    assert given["resolution"] == "native"
    for wrong in ("0", "large"):
        with pytest.raises(SystemExit):
            cli.main([str(a) for a in (*arguments, "--resolution", wrong)])
        assert f"resolution must be a whole number from 8 to 8,192, not {wrong}; or native" in capsys.readouterr().err


def test_run_computes_a_study_and_exports_it(tmp_path, study_file, weights, capsys, monkeypatch):
    for module in ("manifest", "committed"):
        monkeypatch.setattr(f"zsad.study.{module}.project_root", lambda: tmp_path)
    assert cli.main(["run", str(study_file), "--category", "washer", "--export", str(tmp_path / "out")]) == 0
    assert "study mine: 2 cells" in capsys.readouterr().out
    assert (tmp_path / "out" / "records.parquet").is_file()
    assert written(tmp_path) == ["washer/demo-b.json"]
    assert cli.main(["run", str(study_file), "--limit", "6"]) == 0
    assert "study mine-limit-6: 3 cells" in capsys.readouterr().out
    assert written(tmp_path) == ["washer/demo-b.json"], "a run of fewer pictures is another study"
    assert written(tmp_path, "mine-limit-6") == ["metal_nut/demo-b.json", "washer/demo-b.json"]
    assert cli.main(["run", str(study_file), "--backbone", "demo-b"]) == 0
    assert written(tmp_path) == ["metal_nut/demo-b.json", "washer/demo-b.json"]


def test_a_run_tries_its_outputs_before_it_starts(tmp_path, study_file, monkeypatch, capsys):
    monkeypatch.setattr("zsad.study.manifest.project_root", lambda: tmp_path)
    monkeypatch.setattr("zsad.study.run.compute", lambda *_, **__: pytest.fail("nothing may be computed"))
    (tmp_path / "file").write_text("")
    blocked = tmp_path / "file" / "out"
    assert f"cannot write to {blocked}: " in refused(capsys, "run", study_file, "--export", blocked)
    lists = tmp_path / "build" / "study"
    shutil.rmtree(lists)
    lists.write_text("")
    assert f"cannot write to {lists / 'mine'}: {lists} is a file; " in refused(capsys, "run", study_file)


def test_what_killed_runs_left_among_the_lists_goes(tmp_path, monkeypatch):
    monkeypatch.setattr("zsad.study.manifest.project_root", lambda: tmp_path)
    leftover = tmp_path / "build" / "study" / "mine" / "toys" / "washer" / f".b.json.{_node()}-{2**22 + 1}.tmp"
    leftover.parent.mkdir(parents=True)
    for path in (leftover, leftover.with_name("b.json")):
        path.write_text("half")
    check_manifests("mine")
    assert [path.name for path in leftover.parent.iterdir()] == ["b.json"]


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_folders_given_as_options_are_tried_before_a_model_is_loaded(tmp_path, suite, monkeypatch, capsys, command):
    monkeypatch.setattr("zsad.detectors.load_detector", lambda *_, **__: pytest.fail("nothing may be loaded"))
    (tmp_path / "file").write_text("")
    given = ["--category", "washer", "--option", f"text_cache={tmp_path / 'file' / 'cache'}"]
    given += {"predict": [suite / "washer" / "test" / "good", "--out", tmp_path / "out"],
              "evaluate": ["--reader", "mvtec_ad", "--root", suite]}[command]  # fmt: skip
    assert f"{tmp_path / 'file'} is a file; choose another folder" in refused(capsys, command, *given)


def test_a_run_of_some_results_selects_by_everything_and_lists_them(tmp_path, study_file, weights, monkeypatch):
    for module in ("manifest", "committed"):
        monkeypatch.setattr(f"zsad.study.{module}.project_root", lambda: tmp_path)
    study_file.write_text(study_file.read_text().replace("[winclip]", "[winclip, clip]"))
    run = ["run", str(study_file), "--category", "washer"]
    assert cli.main([*run, "--detector", "clip", "--backbone", "demo-b", "--shift", "none"]) == 0
    assert listed(tmp_path, "washer") == [("clip", "none", 0.0)]
    assert cli.main([*run, "--detector", "winclip", "--shift", "uniform"]) == 0
    some = [("clip", "none", 0.0), ("winclip", "uniform", 0.0), ("winclip", "uniform", 30.0)]
    assert listed(tmp_path, "washer") == some, "what was listed stays"
    assert cli.main([*run, "--detector", "winclip", "--shift", "uniform"]) == 0
    assert listed(tmp_path, "washer") == some, "once"
    assert cli.main(run) == 0
    assert len(listed(tmp_path, "washer")) == 6


def test_a_run_that_misses_something_lists_the_rest_and_says_what(tmp_path, study_file, weights, monkeypatch, capsys):
    for module in ("manifest", "committed"):
        monkeypatch.setattr(f"zsad.study.{module}.project_root", lambda: tmp_path)
    monkeypatch.setattr("zsad.clip.zoo.RELEASED", {})
    text = study_file.read_text().replace("[winclip]", "[winclip, {name: tiling, options: {min_tile: 8}}]")
    study_file.write_text(text)
    assert cli.main(["run", str(study_file), "--export", str(tmp_path / "out")]) == INCOMPLETE
    shown = capsys.readouterr()
    assert "study mine: 3 cells" in shown.out
    (reason, export) = [line for line in shown.err.splitlines() if line.startswith("zsad: ")]
    assert reason.startswith("zsad: not computed: tiling on demo-b: ")
    assert "demo-dis.json is missing" in reason
    assert "not exported" in export
    assert list((tmp_path / "out").iterdir()) == []
    assert {name for name, _, _ in listed(tmp_path, "washer")} == {"winclip"}
    assert cli.main(["run", str(study_file), "--detector", "tiling", "--category", "washer"]) == INCOMPLETE
    assert {name for name, _, _ in listed(tmp_path, "washer")} == {"winclip"}


def test_what_cannot_be_looked_up_is_said_and_not_exported(study_file, weights, tmp_path, monkeypatch, capsys):
    for module in ("manifest", "committed"):
        monkeypatch.setattr(f"zsad.study.{module}.project_root", lambda: tmp_path)
    there = ["run", str(study_file), "--there", "--export", str(tmp_path / "out"), "--device", "cuda:99"]
    assert cli.main(there[:2]) == 0
    capsys.readouterr()
    assert cli.main(there) == 0, "neither is the device needed"
    assert "study mine: 3 cells" in capsys.readouterr().out
    shutil.rmtree(tmp_path / "out")
    (weights / "demo-b.safetensors").unlink()
    assert cli.main(there) == INCOMPLETE
    shown = capsys.readouterr()
    assert "study mine: 0 cells" in shown.out
    (reason, export) = [line for line in shown.err.splitlines() if line.startswith("zsad: ")]
    assert reason.startswith("zsad: not looked up: winclip on demo-b: ")
    assert "demo-b.safetensors" in reason
    assert "not exported" in export
    assert "(--suite, --category, --detector, --backbone)" in export
    assert list((tmp_path / "out").iterdir()) == []


def test_a_part_is_noted_with_whether_all_of_it_could_be_computed(tmp_path, study_file, weights, monkeypatch):
    for module in ("manifest", "committed"):
        monkeypatch.setattr(f"zsad.study.{module}.project_root", lambda: tmp_path)
    part = ["run", str(study_file), "--part", "1/1"]
    note = tmp_path / "build" / "study" / "mine" / "parts" / "1-of-1.json"
    assert cli.main([*part, "--shift", "none"]) == 0
    assert not note.exists(), "some of it is not all"
    (weights / "demo-b.safetensors").rename(weights / "gone")
    assert cli.main(part) == INCOMPLETE
    assert json.loads(note.read_text())["whole"] is False
    (weights / "gone").rename(weights / "demo-b.safetensors")
    assert cli.main(part) == 0
    assert json.loads(note.read_text())["whole"] is True
    assert not list(note.parents[1].rglob("demo-b.json"))


def listed(root: Path, category: str) -> list[tuple[str, str, float]]:
    content = json.loads((root / "build/study/mine/toys" / category / "demo-b.json").read_text())
    return [(entry["detector"], entry["shift"], entry["value"]) for entry in content["results"]]


def written(root: Path, study: str = "mine") -> list[str]:
    folder = root / "build/study" / study / "toys"
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.json"))


def test_errors_are_one_line_that_names_the_choices(tmp_path, suite, study_file, weights, capsys):
    image = suite / "washer" / "test" / "good" / "000.png"
    assert "known: ViT-B-16-plus-240" in refused(capsys, "predict", image, "--category", "nut", "--backbone", "RN50")
    assert "known: winclip" in refused(capsys, "predict", image, "--category", "nut", "--detector", "clap")
    assert "nothing.png" in refused(capsys, "predict", tmp_path / "nothing.png", "--category", "nut")
    assert "metal_nut" in refused(capsys, "evaluate", "--reader", "mvtec_ad", "--root", suite, "--category", "spoon")
    assert "mvtec_ad, visa, aebad, folder" in refused(
        capsys, "evaluate", "--reader", "coco", "--root", suite, "--category", "washer"
    )
    assert "known: demo, paper, quick, search, stangl" in refused(capsys, "run", "quik")
    assert "known: toys" in refused(capsys, "run", study_file, "--suite", "mvtec")
    assert "known: metal_nut, washer" in refused(capsys, "run", study_file, "--category", "spoon")
    assert "device: unknown device 'gpu'; known: cpu, cuda" in refused(capsys, "run", study_file, "--device", "gpu")
    study_file.write_text(f"{study_file.read_text()}device: cuda:x\n")
    assert "device: unknown device 'cuda:x'; known: cpu, cuda" in refused(capsys, "run", study_file)


@pytest.mark.parametrize("command", ["predict", "evaluate", "train"])
def test_a_device_is_known_and_there_before_anything_is_loaded(tmp_path, suite, weights, capsys, command):
    image = suite / "washer" / "test" / "good" / "000.png"
    given = {
        "predict": [image, "--category", "washer", "--out", tmp_path / "out"],
        "evaluate": ["--reader", "mvtec_ad", "--root", suite, "--category", "washer"],
        "train": ["april_gan", "--auxiliary", "toys", "--reader", "mvtec_ad", "--root", suite, "--out", tmp_path],
    }[command]
    with pytest.raises(SystemExit):
        cli.main([command, *map(str, given), "--device", "tpu"])
    assert "argument --device: unknown device 'tpu'; known: cpu, cuda" in capsys.readouterr().err
    assert "device 'cuda:99' is not available here; use another, such as cpu" in refused(
        capsys, command, *given, "--device", "cuda:99"
    )


def test_debug_shows_the_traceback(capsys):
    with pytest.raises(FileNotFoundError):
        cli.main(["run", "quik", "--debug"])


def test_a_wrong_argument_is_explained_by_the_parser(capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["predict"])
    assert stopped.value.code == 2
    assert "--category" in capsys.readouterr().err


_ENDLESS = """
import functools, signal, sys, time
from pathlib import Path
from toys import Reddish
from zsad import cli
from zsad.clip import zoo
from zsad.study import run

# What nohup and a shell's & set for a background job, and a child inherits.
signal.signal(signal.SIGINT, signal.default_int_handler)

class Endless(Reddish):
    def predict(self, images, category):
        print("predicting", flush=True)
        time.sleep(60)

zoo.WEIGHTS = Path(sys.argv[1])
run.compute = functools.partial(run.compute, loader=lambda *arguments: Endless())
sys.exit(cli.main(["run", sys.argv[2]]))
"""


def test_ctrl_c_ends_a_run_cleanly(tmp_path, study_file, weights):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", _ENDLESS, str(weights), str(study_file)]
    run = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert run.stdout.readline() == "predicting\n"
    run.send_signal(signal.SIGINT)
    errors = run.communicate(timeout=60)[1]
    assert run.returncode == 130
    assert "zsad: interrupted" in errors
    assert "Traceback" not in errors
    assert not list((tmp_path / "records").glob(".*"))
