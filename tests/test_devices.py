"""How devices are named, and that float32 is whole wherever something is computed."""

import sys

import pytest
import torch
from toys import tiny_study, write_suite

from zsad import cli
from zsad.devices import check_device, is_there, require_device, whole_floats
from zsad.study import compute

WATCHING = """
import torch
from toys import Reddish

SEEN = []

class Watching(Reddish):
    def __init__(self, backbone=None):
        super().__init__()
    def predict(self, images, category):
        SEEN.append(torch.backends.cudnn.allow_tf32)
        return super().predict(images, category)
"""


@pytest.fixture
def watching(tmp_path, monkeypatch):
    """A module of one's own whose detector notes how convolutions are rounded while it predicts."""
    (tmp_path / "watching.py").write_text(WATCHING)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    import watching

    yield watching
    sys.modules.pop("watching")


def test_names_that_no_machine_has_are_refused_with_the_choices():
    for name in ("cpu", "cuda", "cuda:1", "mps"):
        assert check_device(name) == name
    for name in ("tpu", "xpu", "cuda:x", "gpu", ""):
        with pytest.raises(ValueError, match=r"unknown device .*; known: cpu, cuda, cuda:0 \(1, 2, \.\.\.\), mps"):
            check_device(name)


def test_what_this_machine_does_not_have_is_said():
    assert is_there("cpu")
    require_device("cpu")
    assert is_there("cuda:999") is False
    with pytest.raises(ValueError, match="device 'cuda:999' is not available here"):
        require_device("cuda:999")


def test_floats_are_whole_within_and_as_before_after_it(monkeypatch):
    for before in (True, False):
        monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", before)
        with whole_floats():
            assert not torch.backends.cudnn.allow_tf32
        assert torch.backends.cudnn.allow_tf32 is before
        with pytest.raises(KeyError), whole_floats():
            raise KeyError
        assert torch.backends.cudnn.allow_tf32 is before


def test_they_are_wherever_a_detector_is_asked(watching, tmp_path):
    root = tmp_path / "data" / "toys"
    write_suite(root)
    compute(tiny_study(tmp_path), "none", progress=False, loader=lambda *_: watching.Watching())
    study = len(watching.SEEN)
    model = ["--category", "washer", "--detector", "watching:Watching"]
    assert cli.main(["evaluate", "--reader", "mvtec_ad", "--root", str(root), *model]) == 0
    evaluate = len(watching.SEEN)
    assert cli.main(["predict", str(root / "washer" / "test" / "good"), "--out", str(tmp_path / "out"), *model]) == 0
    assert 0 < study < evaluate < len(watching.SEEN)
    assert not any(watching.SEEN)
    assert torch.backends.cudnn.allow_tf32


def test_they_are_wherever_something_is_trained(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    write_suite(tmp_path / "data" / "mvtec_ad")
    seen = []

    def tower(*_, **__):
        seen.append(torch.backends.cudnn.allow_tf32)
        raise ValueError("enough")

    monkeypatch.setattr("zsad.clip.load_backbone", tower)
    given = ["--auxiliary", "mvtec_ad", "--data-root", str(tmp_path / "data"), "--out", str(tmp_path / "out")]
    for command in (["train", "april_gan"], ["meta-train", "--extractor", "tower"]):
        assert cli.main([*command, *given]) == cli.FAILED
    assert seen == [False, False]
    assert torch.backends.cudnn.allow_tf32
