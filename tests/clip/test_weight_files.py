"""Weights from anywhere: read as tensors, and never run."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tiny_clip import tiny_model

from zsad.clip.checkpoint import load_state, read_state

STATE = {"proj": torch.arange(6.0).view(2, 3), "scale": torch.tensor(2.0)}


class Evil:
    """Unpickling it makes a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return (Path.touch, (self.target,))


class EvilTypeError(Evil):
    """So does this, and a loader that falls back to another way of reading after a TypeError would run it."""

    def __reduce__(self):
        return (torch.Tensor, ("no", "tensor"), {"x": Evil(self.target)})


def save_zip(content: object, path: Path) -> None:
    torch.save(content, path)


def save_old(content: object, path: Path) -> None:
    torch.save(content, path, _use_new_zipfile_serialization=False)


def save_plain(content: object, path: Path) -> None:
    path.write_bytes(pickle.dumps(content))


@pytest.mark.parametrize("save", [save_file, save_zip, save_old])
@pytest.mark.parametrize("name", ["model.safetensors", "model.bin", "model.pt"])
def test_tensors_are_read_whatever_the_file_is_called(tmp_path, save, name):
    save(STATE, tmp_path / name)
    found = read_state(tmp_path / name)
    assert found.keys() == STATE.keys()
    assert all(torch.equal(found[key], STATE[key]) for key in STATE)


def test_the_weights_of_a_trainings_checkpoint_are_found(tmp_path):
    wrapped = {f"module.{name}": tensor for name, tensor in STATE.items()}
    torch.save({"epoch": 3, "state_dict": wrapped}, tmp_path / "epoch.pt")
    assert read_state(tmp_path / "epoch.pt").keys() == STATE.keys()


def test_nothing_in_a_file_is_run(tmp_path):
    """In a process of its own, with the variable that makes torch trust every file; through `load_backbone` too."""
    target, paths = tmp_path / "made", []
    for save in (save_zip, save_old, save_plain):
        for evil in (Evil, EvilTypeError):
            paths.append(tmp_path / f"{save.__name__}-{evil.__name__}.bin")
            save({**STATE, "logit_scale": evil(target)}, paths[-1])
    code = (
        "import sys, zsad\nfrom zsad.clip.checkpoint import read_state\n"
        "for path in sys.argv[1:]:\n"
        "    for read in (read_state, lambda path: zsad.load_backbone('ViT-B-16-plus-240', weights=path)):\n"
        "        try: read(path)\n"
        "        except ValueError as error: print(error)\n"
    )
    environment = {**os.environ, "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"}
    ended = subprocess.run(
        [sys.executable, "-c", code, *map(str, paths)], env=environment, capture_output=True, text=True, check=True
    )
    assert not target.exists()
    lines = ended.stdout.splitlines()
    for path, first, second in zip(paths, lines[::2], lines[1::2], strict=True):
        assert first.startswith(f"{path} is no file of tensors alone, or is damaged; nothing in it was run.")
        assert second == f"{path} does not hold the weights of ViT-B-16-plus-240: {first}"
    assert "weights_only" not in ended.stdout


def test_the_evil_files_would_run(tmp_path):
    """What the test above forbids can happen."""
    save_zip({"logit_scale": Evil(tmp_path / "made")}, tmp_path / "x.pt")
    torch.load(tmp_path / "x.pt", weights_only=False)
    assert (tmp_path / "made").exists()


NO_CHECKPOINTS = [
    b"",
    b"hello",
    b"a: 1\n",
    b"suites:\n  parts: {}\n",
    b"name,value\n1,2\n",
    b"PK\x03\x04cut",
    b"\x10\0\0\0\0\0\0\0{cut",
]


@pytest.mark.parametrize("content", NO_CHECKPOINTS)
def test_what_is_no_checkpoint_is_named(tmp_path, content):
    (tmp_path / "x.bin").write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.bin is (no file of tensors alone|damaged)"):
        read_state(tmp_path / "x.bin")


@pytest.mark.parametrize("content", [[1, 2], {"epoch": 3}, {}, {"state_dict": {"a": 1}}])
def test_plain_values_are_no_checkpoint(tmp_path, content):
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(ValueError, match=r"x\.pt is no checkpoint: expected tensors by name"):
        read_state(tmp_path / "x.pt")


def test_weights_of_another_model_name_the_first_tensors_at_fault():
    model = tiny_model()
    state = dict(model.state_dict())
    load_state(model, state)
    wrong = {name: tensor for name, tensor in state.items() if name != "logit_scale"} | {"extra": torch.zeros(1)}
    wrong["visual.proj"] = torch.zeros(2, 2)
    with pytest.raises(ValueError, match=r"logit_scale is missing; extra is not .*; visual\.proj is \(2, 2\), not \("):
        load_state(model, wrong)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<!DOCTYPE html>\n<title>Sign in</title>", "begins with '<!DOCTYPE html>': a web page was saved"),
        ("\ufeff\n <html><body>404", "begins with '<html><body>404': a web page was saved"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git-lfs pointer.* run `git lfs pull`"),
    ],
)
def test_what_a_failed_download_leaves_is_told_by_its_first_line(tmp_path, content, message):
    path = tmp_path / "model.safetensors"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=rf"{path}.*{message}"):
        read_state(path)
