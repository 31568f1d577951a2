"""Backbones of a study that bring their weights: in its file, as a papermill parameter, and on the command line."""

import json

import pytest
import torch
from safetensors.torch import save_file
from tiny_clip import TINY, random_images, tiny_model
from toys import tiny_study, write_suite

from zsad import cli
from zsad.clip import Backbone
from zsad.study import StudyError, load_study
from zsad.study.run import load_study_detector

FILE = """
suites: {{toys: {{reader: mvtec_ad, root: toys, categories: [washer]}}}}
detectors: [clip]
backbones: [demo-b, {{name: mine, architecture: mine.json, weights: mine.safetensors, shown: [captions]{more}}}]
data_root: data
records_root: records
resolution: 32
bootstrap: 20
"""


@pytest.fixture
def folder(tmp_path):
    write_suite(tmp_path / "data" / "toys")
    save_file(tiny_model(text=TINY["text_cfg"]).state_dict(), tmp_path / "mine.safetensors")
    (tmp_path / "mine.json").write_text(json.dumps(TINY))
    (tmp_path / "own.yaml").write_text(FILE.format(more=""))
    return tmp_path


def test_a_study_names_weights_from_where_its_file_lies(folder):
    study = load_study(folder / "own.yaml")
    assert study.backbones == ["demo-b", "mine"]
    assert study.own_weights["mine"].weights == folder / "mine.safetensors"
    assert study.own_weights["mine"].architecture == str(folder / "mine.json")
    assert study.runs_on(study.detectors[0]) == ["demo-b", "mine"]
    detector = load_study_detector(study, study.detectors[0], "mine")
    expected = tiny_model(text=TINY["text_cfg"])
    assert torch.equal(detector.backbone.model.visual.proj, expected.visual.proj)
    assert detector.league == "text only"
    assert detector.predict(random_images(), "washer").score.shape == (2,)
    again = study.with_overrides(limit=4)
    assert again.own_weights == study.own_weights
    assert study.with_overrides(backbone="demo-b").own_weights == {}
    assert study.with_overrides(backbone="mine").own_weights == study.own_weights


def test_the_statistics_of_the_input_may_be_the_same_for_all_colours(folder):
    (folder / "own.yaml").write_text(FILE.format(more=", mean: [0.5, 0.5, 0.5], std: [0.25, 0.5, 0.25]"))
    study = load_study(folder / "own.yaml").with_overrides(limit=4)
    backbone = load_study_detector(study, study.detectors[0], "mine").backbone
    assert backbone.mean.flatten().tolist() == [0.5, 0.5, 0.5]
    assert backbone.std.flatten().tolist() == [0.25, 0.5, 0.25]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{name: mine, architecture: ViT-B-16}", "one of your own has a name, weights"),
        ("{name: mine, weights: w.pt}", r"backbones\.mine: no published model has this name"),
        ("{name: demo-l, weights: w.pt, architecture: ViT-B-16}", r"backbones\.demo-l: another backbone has this name"),
        (
            "{name: mine, weights: w.pt, architecture: ViT-B-16, means: 3}",
            r"mine\.means: unknown field; known: weights",
        ),
        ("{name: mine, weights: w.pt, architecture: a.json, std: [1, 0, 1]}", r"mine\.std\.1: must be above 0"),
        ("{name: mine, weights: w.pt, architecture: a.json, mean: [.inf, 0, 0]}", r"mine\.mean\.0: .* finite number"),
        ("{name: mine, weights: w.pt, architecture: a.json, mean: [1, 1]}", r"mine\.mean: needs at least 3"),
        ("{name: mine, weights: w.pt, architecture: a.json, mean: [1, 1, 1, 1]}", r"mine\.mean: takes at most 3$"),
        (
            "{name: ViT-L-14, weights: w.pt, mean: [1, 1, 1]}",
            r"backbones\.ViT-L-14: the published model has a mean and std of its own",
        ),
    ],
)
def test_what_is_wrong_with_an_entry_is_said(folder, entry, message):
    text = FILE.format(more="").replace("{name: mine, architecture: mine.json, weights: mine.safetensors, shown: "
                                        "[captions]}", entry)  # fmt: skip
    (folder / "own.yaml").write_text(text)
    with pytest.raises(StudyError, match=message):
        load_study(folder / "own.yaml")


@pytest.mark.parametrize(
    "given",
    [
        {"backbone": "{name: mine, architecture: ViT-B-16, weights: my.pt}"},
        {"backbone": {"name": "mine", "architecture": "ViT-B-16", "weights": "my.pt"}},
        {"backbone": "mine", "architecture": "ViT-B-16", "weights": "my.pt"},
    ],
)
def test_a_parameter_puts_weights_in_place_of_the_studys_backbones(tmp_path, monkeypatch, given):
    monkeypatch.chdir(tmp_path)
    study = tiny_study(tmp_path).with_overrides(**given)
    assert study.backbones == ["mine"]
    assert study.own_weights["mine"].given == {"weights": tmp_path / "my.pt", "architecture": "ViT-B-16"}


def test_weights_without_a_name_are_called_after_their_file_and_half_a_backbone_is_refused(tmp_path):
    study = tiny_study(tmp_path).with_overrides(weights="/elsewhere/my-clip.pt", architecture="ViT-B-16")
    assert study.backbones == ["my-clip"]
    assert tiny_study(tmp_path).with_overrides(backbone="ViT-L-14", weights="/x.pt").own_weights["ViT-L-14"].given
    with pytest.raises(StudyError, match="architecture 'ViT-B-16' needs weights"):
        tiny_study(tmp_path).with_overrides(backbone="mine", architecture="ViT-B-16")
    with pytest.raises(StudyError, match="backbone: one of your own has a name"):
        tiny_study(tmp_path).with_overrides(backbone="{name: mine}")


def test_the_command_line_computes_a_study_with_weights_and_lists_it_apart(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    monkeypatch.setattr("zsad.study.manifest.project_root", lambda: folder)
    own = ["--weights", "mine.safetensors", "--architecture", "mine.json"]
    assert cli.main(["run", "own.yaml", "--backbone", "other", *own, "--options", "{temperature: 0.5}"]) == 0
    assert "study own-own: 1 cells" in capsys.readouterr().out
    assert (folder / "build" / "study" / "own-own" / "toys" / "washer" / "other.json").is_file()
    evaluate = ["evaluate", "--reader", "mvtec_ad", "--root", "data/toys", "--category", "washer", "--detector", "clip"]
    assert cli.main([*evaluate, *own]) == 0
    assert "clip on mine, washer: 10 images" in capsys.readouterr().out
    assert cli.main([*evaluate, "--architecture", "ViT-B-16"]) == 2
    assert "--architecture needs --weights" in capsys.readouterr().err
    assert cli.main([*evaluate, "--weights", "mine.safetensors"]) == 2
    assert "--weights needs --architecture" in capsys.readouterr().err


def test_the_command_line_takes_the_statistics_of_the_input(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    own = ["--weights", "mine.safetensors", "--architecture", "mine.json"]
    given = ["--mean", "0.5", "0.5", "0.5", "--std", "0.25", "0.5", "0.25"]
    evaluate = ["evaluate", "--reader", "mvtec_ad", "--root", "data/toys", "--category", "washer", "--detector", "clip"]
    made = []
    real = Backbone.__init__

    def noted(self, *arguments, **options):
        real(self, *arguments, **options)
        made.append([self.mean.flatten().tolist(), self.std.flatten().tolist()])

    monkeypatch.setattr(Backbone, "__init__", noted)
    assert cli.main([*evaluate, *own, *given]) == 0
    assert made == [[[0.5, 0.5, 0.5], [0.25, 0.5, 0.25]]]
    capsys.readouterr()
    assert cli.main([*evaluate, *given]) == 2
    assert "--mean and --std are of weights of your own: give --weights" in capsys.readouterr().err
