"""`zsad evaluate` refuses what a part was trained on, by its name and by its images, whatever the folder is called."""

import pytest
import torch
from tiny_clip import tiny_backbone
from toys import write_suite

from zsad import cli
from zsad.detectors.april_gan import Layers


@pytest.fixture(autouse=True)
def backbone(monkeypatch):
    monkeypatch.setattr("zsad.clip.load_backbone", lambda *_, **__: tiny_backbone())
    monkeypatch.setattr("zsad.commands.evaluate.loaded_backbone", lambda options: tiny_backbone())


@pytest.fixture
def evaluate(capsys):
    """Exit code and errors of the command."""

    def run(root, part):
        given = ["--reader", "mvtec_ad", "--root", str(root), "--category", "washer", "--resolution", "32"]
        code = cli.main(["evaluate", "--detector", "april_gan", "--option", f"trained_on={part}", *given])
        return code, capsys.readouterr().err

    return run


def test_the_data_set_of_a_training_of_ones_own(tmp_path, evaluate):
    seen = write_suite(tmp_path / "toys")
    given = ["--auxiliary", "toys", "--reader", "mvtec_ad", "--root", str(seen), "--epochs", "1"]
    assert cli.main(["train", "april_gan", *given, "--out", str(tmp_path / "out")]) == 0
    part = tmp_path / "out" / "april_gan-tiny-toys.safetensors"
    code, said = evaluate(seen, part)
    assert (code, "it was trained on toys, with masks: that is no zero-shot test" in said) == (2, True)
    code, said = evaluate(write_suite(tmp_path / "copy"), part)
    assert (code, "10 of the tested images are among those of toys" in said) == (2, True)
    assert evaluate(write_suite(tmp_path / "others", seed=1), part)[0] == 0


def test_the_data_set_of_an_authors_file(tmp_path, evaluate):
    part = tmp_path / "mvtec_pretrained.pth"
    torch.save({"trainable_linearlayer": Layers(32, 24, 4).state_dict()}, part)
    for name in ("mvtec", "MVTec_AD", "mvtec_anomaly_detection"):
        code, said = evaluate(write_suite(tmp_path / name), part)
        assert (code, "it was trained on mvtec_ad, with masks: that is no zero-shot test" in said) == (2, True)
    assert evaluate(write_suite(tmp_path / "others"), part)[0] == 0
