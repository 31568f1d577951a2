"""`zsad train`, on a toy learner."""

import logging
import shlex

import pytest
from tiny_clip import tiny_backbone
from toy_learner import ToyLearner
from toys import write_suite

from zsad import cli
from zsad.arguments import as_option
from zsad.auxiliary import LEARNERS
from zsad.auxiliary.learner import Training
from zsad.detectors import load_detector
from zsad.detectors.learned import load_learned
from zsad.study.suites import KNOWN_SUITES


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    monkeypatch.setitem(LEARNERS, "toy", ToyLearner)
    monkeypatch.setattr("zsad.clip.load_backbone", lambda *_, **__: tiny_backbone())


@pytest.fixture
def train(tmp_path):
    write_suite(tmp_path / "data" / "mvtec_ad")
    given = ["--data-root", str(tmp_path / "data"), "--out", str(tmp_path / "out")]
    return lambda *arguments: cli.main(["train", *arguments, *given])


def test_it_trains_as_published_and_says_how_to_use_it(train, tmp_path, capsys):
    assert train("toy", "--auxiliary", "mvtec_ad", "--option", "bias=false") == 0
    path = tmp_path / "out" / "toy-tiny-mvtec_ad.safetensors"
    assert path.is_file()
    out = capsys.readouterr().out
    assert "toy, trained on 20 images of mvtec_ad in 2 epochs" in out
    assert f"--option trained_on={path} --option bias=false" in out


@pytest.mark.parametrize(
    ("detector", "choices"),
    [
        ("april_gan", {"compared_with": "learned vectors", "taps": [1]}),
        ("anomalyclip", {"deep_tokens": False, "tokens": "plain"}),
    ],
)
def test_what_it_says_can_be_pasted_into_a_shell(train, tmp_path, capsys, monkeypatch, detector, choices):
    monkeypatch.chdir(tmp_path)
    own = ["--reader", "mvtec_ad", "--root", "data/mvtec_ad", "--called", "it's mine", "--epochs", "1"]
    given = [word for name, value in choices.items() for word in ("--option", as_option(name, value))]
    assert train(detector, "--auxiliary", "mine", *own, *given) == 0
    said = capsys.readouterr().out.strip().splitlines()[-1].removeprefix("use it with ")
    read = cli._parser().parse_args(["predict", "0.png", "--category", "washer", *shlex.split(said)])
    assert read.detector == detector
    assert read.backbone == "demo-b"
    assert dict(read.option).items() >= choices.items()
    assert load_detector(read.detector, tiny_backbone(), **dict(read.option)).trained_on.suite == "mine"


def test_epochs_categories_and_a_data_set_of_ones_own_can_be_named(train, tmp_path, capsys):
    own = ["--reader", "mvtec_ad", "--root", str(tmp_path / "data" / "mvtec_ad"), "--category", "washer"]
    assert train("toy", "--auxiliary", "mine", "--epochs", "1", *own) == 0
    assert "trained on 10 images of mine in 1 epochs" in capsys.readouterr().out


def test_one_of_another_seed_has_a_name_of_its_own_and_is_still_refused_on_what_it_saw(train, tmp_path, capsys):
    assert train("toy", "--auxiliary", "mvtec_ad") == 0
    assert train("toy", "--auxiliary", "mvtec_ad", "--seed", "1", "--called", "mvtec_ad-1") == 0
    names = sorted(path.name for path in (tmp_path / "out").glob("*.safetensors"))
    assert names == ["toy-tiny-mvtec_ad-1.safetensors", "toy-tiny-mvtec_ad.safetensors"]
    learned = load_learned("toy", tmp_path / "out" / names[0], tiny_backbone())
    with pytest.raises(ValueError, match="it was trained on mvtec_ad, with masks"):
        learned.trained_on.check_unseen(["mvtec_ad"], [])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["winclip", "--auxiliary", "mvtec_ad"], "unknown detector that learns from auxiliary anomalies 'winclip'"),
        (["toy", "--auxiliary", "mine"], "unknown suite (for another data set, give --reader and --root) 'mine'"),
        (["toy", "--auxiliary", "mine", "--reader", "visa"], "needs both --reader and --root"),
        (["toy", "--auxiliary", "mvtec_ad", "--tested", "mvtec_ad"], "it was trained on mvtec_ad, with masks"),
        (["toy", "--auxiliary", "visa"], "visa"),
    ],
)
def test_what_it_cannot_do_it_says_and_leaves_nothing(train, tmp_path, capsys, arguments, words):
    assert train(*arguments) == 2
    assert words in capsys.readouterr().err
    assert not list((tmp_path / "out").glob("*"))


@pytest.mark.parametrize("name", ["../mine", "a/b", ""])
def test_names_that_lead_elsewhere_are_refused(train, tmp_path, capsys, name):
    own = ["--reader", "mvtec_ad", "--root", str(tmp_path / "data" / "mvtec_ad")]
    for kind, arguments in (
        ("--auxiliary", ["--auxiliary", name, *own]),
        ("--called", ["--auxiliary", "mvtec_ad", "--called", name]),
    ):
        assert train("toy", *arguments) == 2
        assert f"{kind} {name!r} cannot be the name of a folder" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.safetensors"))


def test_the_tested_data_set_is_known_by_another_spelling_and_by_its_folder(train, tmp_path, capsys):
    (tmp_path / "data" / "mvtec_ad").rename(root := tmp_path / "data" / "MVTec")
    for name in ("mvtec-ad", "mine"):
        own = ["--auxiliary", name, "--reader", "mvtec_ad", "--root", str(root)]
        assert train("toy", *own, "--tested", "mvtec_ad") == 2
        assert "with masks: that is no zero-shot test" in capsys.readouterr().err
    assert train("toy", *own, "--tested", "visa") == 0


@pytest.mark.parametrize(
    ("name", "folder", "words"),
    [
        ("demo-visa", "MVTec", "--auxiliary demo-visa is a demo suite, which is drawn into --data-root"),
        ("Demo Visa", "demo-visa", "--auxiliary Demo Visa is a demo suite"),
        ("demo-aebad-same", "demo-aebad", "leave out --reader and --root, or give the data set in --root another name"),
        ("visa", "MVTec", "--auxiliary visa names a published data set, and neither the folder"),
        ("VisA_20220922", "mine", "nor what it holds of 'metal_nut' is known to be that: give it another name"),
        ("aebad-same", "mine", "--auxiliary aebad-same names a published data set"),
    ],
)
def test_a_known_suites_name_is_refused_on_another_data_set(train, tmp_path, capsys, name, folder, words):
    root = write_suite(tmp_path / folder)
    assert train("toy", "--auxiliary", name, "--reader", "mvtec_ad", "--root", str(root)) == 2
    assert words in capsys.readouterr().err
    assert not list((tmp_path / "out").glob("*"))


@pytest.mark.parametrize(
    ("name", "folder", "said"),
    [
        ("VisA", "VisA_20220922", "INFO trained on VisA as is published for visa: by default 5 epochs, mosaic 0.5"),
        ("mine", "visa", "INFO trained on mine as is published for visa: by default 5 epochs, mosaic 0.5"),
        ("mine", "some", "WARNING no training is published for mine: by default 1 epochs, mosaic 0"),
    ],
)
def test_which_training_is_taken_does_not_depend_on_a_spelling_and_is_said(
    train, tmp_path, capsys, caplog, monkeypatch, name, folder, said
):
    trainings = {"visa": Training(epochs=5, mosaic=0.5)}
    published = classmethod(lambda cls, suite: trainings.get(suite, Training(epochs=1)))
    monkeypatch.setattr(ToyLearner, "published", published)
    own = ["--reader", "mvtec_ad", "--root", str(write_suite(tmp_path / folder))]
    with caplog.at_level(logging.INFO):
        assert train("toy", "--auxiliary", name, *own) == 0
    assert said in [f"{record.levelname} {record.getMessage()}" for record in caplog.records]
    assert f"in {5 if 'visa' in folder.casefold() else 1} epochs" in capsys.readouterr().out


def test_the_help_says_which_training_is_taken_where_none_is_published(capsys):
    with pytest.raises(SystemExit):
        cli.main(["train", "--help"])
    april_gan, anomalyclip = (LEARNERS[name].published("mine") for name in ("april_gan", "anomalyclip"))
    said = f"april_gan takes {april_gan.epochs} without mosaics and anomalyclip {anomalyclip.epochs}"
    assert said in " ".join(capsys.readouterr().out.split())
    assert april_gan.mosaic == anomalyclip.mosaic == 0


def test_the_tested_images_under_another_name_are_refused(train, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(KNOWN_SUITES, "renamed", {"reader": "mvtec_ad", "root": "renamed"})
    write_suite(tmp_path / "data" / "renamed")
    assert train("toy", "--auxiliary", "mvtec_ad", "--tested", "renamed") == 2
    assert "20 of the tested images are among those of mvtec_ad" in capsys.readouterr().err
