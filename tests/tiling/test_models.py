"""Names of models, demo weights, and what is said where a download is missing."""

import hashlib
import math
import sys
import types

import numpy as np
import onnx
import pytest
import torch
from tiny_parts import DAMAGE, ORDINARY, SAM_SETTINGS, ship_demo_parts, tiny_clipseg_model, tiny_dis, tiny_sam

from zsad.clip import zoo as clip_zoo
from zsad.clip.released import RELEASED
from zsad.tiling import isnet, zoo
from zsad.tiling.isnet import FILE
from zsad.tiling.prompts import LOCALISING
from zsad.tiling.sam import SamSettings


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """Small models where the package's own would be."""
    monkeypatch.setattr(clip_zoo, "WEIGHTS", tmp_path)
    return ship_demo_parts(tmp_path)


def test_demo_models_load_what_was_shipped(weights):
    dis, sam, clipseg = (
        zoo.load_soft_foreground("demo-dis"),
        zoo.load_part_segmenter("demo-sam"),
        zoo.load_pixel_model("demo-clipseg"),
    )
    assert [model.name for model in (dis, sam, clipseg)] == ["demo-dis", "demo-sam", "demo-clipseg"]
    for loaded, shipped in (
        (dis.net, tiny_dis().net),
        (sam.model, tiny_sam().model),
        (clipseg.model, tiny_clipseg_model()),
    ):
        state = shipped.state_dict()
        assert all(
            torch.equal(v, state[k].half().float()) for k, v in loaded.state_dict().items() if v.is_floating_point()
        )
        assert not any(p.requires_grad for p in loaded.parameters())
        assert not loaded.training
    assert clipseg.input_size == 32
    assert (dis.shown, sam.shown, clipseg.shown) == (ORDINARY, ORDINARY, DAMAGE)
    assert clipseg(torch.rand(1, 3, 32, 32), LOCALISING).shape[:2] == (1, 19)
    assert clip_zoo.known_backbones() == list(RELEASED)


def test_a_demo_sam_has_the_settings_of_its_card_but_for_those_given(weights):
    assert zoo.load_part_segmenter("demo-sam").settings == SamSettings(**SAM_SETTINGS)
    other = zoo.load_part_segmenter("demo-sam", {"points_per_side": 3}).settings
    assert other == SamSettings(points_per_side=3, pred_iou_thresh=SAM_SETTINGS["pred_iou_thresh"])


@pytest.mark.parametrize("name", ["demo-dis", "demo-sam", "demo-clipseg"])
def test_damaged_or_missing_demo_weights_are_named(weights, name):
    load = {"demo-dis": zoo.load_soft_foreground, "demo-sam": zoo.load_part_segmenter}.get(name, zoo.load_pixel_model)
    path = weights / f"{name}.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ValueError, match=rf"{name}\.safetensors has sha256 .* damaged"):
        load(name)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=rf"{name}\.safetensors is missing"):
        load(name)
    (weights / f"{name}.json").unlink()
    with pytest.raises(FileNotFoundError, match=rf"{name}\.json is missing"):
        load(name)


@pytest.mark.parametrize(
    ("load", "known"),
    [
        (zoo.load_soft_foreground, "soft foreground 'u2net'; known: isnet-general-use, demo-dis"),
        (zoo.load_part_segmenter, "part segmenter 'u2net'; known: sam-vit-h, sam-vit-l, sam-vit-b, demo-sam"),
        (zoo.load_pixel_model, "pixel model 'u2net'; known: clipseg-rd64-refined, demo-clipseg"),
    ],
)
def test_unknown_names_list_the_known_ones(load, known):
    with pytest.raises(ValueError, match=f"unknown {known}"):
        load("u2net")


@pytest.mark.parametrize("name", zoo.SAM)
def test_a_missing_sam_checkpoint_says_which_file_goes_where(name, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    kind, md5, _ = zoo.SAM[name]
    with pytest.raises(FileNotFoundError) as caught:
        zoo.load_part_segmenter(name)
    message = str(caught.value)
    assert str(tmp_path / "hub" / "checkpoints" / f"sam_{kind}_{md5}.pth") in message
    assert "facebookresearch/segment-anything" in message
    assert "TORCH_HOME" in message


def test_another_file_in_its_place_is_told_by_its_checksum(tmp_path):
    (tmp_path / "sam_vit_b_01ec64.pth").write_bytes(b"half a download")
    with pytest.raises(
        ValueError, match=r"sam_vit_b_01ec64\.pth has md5 .* should begin with 01ec64.* download it again"
    ):
        zoo.load_part_segmenter("sam-vit-b", folder=tmp_path)


def test_a_sam_checkpoint_goes_through_the_librarys_registry(tmp_path, monkeypatch):
    """With a small model in the registry: the published ones are gigabytes."""
    import segment_anything

    monkeypatch.setitem(segment_anything.sam_model_registry, "vit_b", lambda: tiny_sam(seed=3).model)
    path = tmp_path / "file.pth"
    torch.save(tiny_sam().model.state_dict(), path)
    md5 = hashlib.md5(path.read_bytes()).hexdigest()[:6]
    path.rename(tmp_path / f"sam_vit_b_{md5}.pth")
    monkeypatch.setitem(zoo.SAM, "sam-vit-b", ("vit_b", md5, 1))
    segmenter = zoo.load_part_segmenter("sam-vit-b", folder=tmp_path)
    assert segmenter.name == "sam-vit-b"
    assert segmenter.fingerprint == tiny_sam().fingerprint
    assert segmenter.settings == SamSettings()  # the library's


def test_the_registry_has_the_published_kinds():
    from segment_anything import sam_model_registry

    assert {kind for kind, _, _ in zoo.SAM.values()} <= set(sam_model_registry)


def test_a_missing_clipseg_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    for folder in (None, tmp_path):
        with pytest.raises(FileNotFoundError) as caught:
            zoo.load_pixel_model("clipseg-rd64-refined", folder=folder)
        for words in (
            "CIDAS/clipseg-rd64-refined",
            "999e0328d9e10b484360c477313983f9afdd7050",
            "HF_HOME",
            "weights_folder",
        ):
            assert words in str(caught.value)


def test_isnet_asks_for_onnxruntime_then_for_its_file(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match=r"IS-Net needs the package onnxruntime, .* pip install 'zsad\[models\]'"):
        zoo.load_soft_foreground("isnet-general-use", folder=tmp_path)
    monkeypatch.setitem(sys.modules, "onnxruntime", types.ModuleType("onnxruntime"))
    with pytest.raises(FileNotFoundError) as caught:
        zoo.load_soft_foreground("isnet-general-use", folder=tmp_path)
    assert str(tmp_path / FILE) in str(caught.value)
    assert "danielgatis/rembg" in str(caught.value)
    (tmp_path / FILE).write_bytes(b"another file")
    with pytest.raises(ValueError, match=r"isnet-general-use\.onnx has md5"):
        zoo.load_soft_foreground("isnet-general-use", folder=tmp_path)


def test_isnets_file_runs_in_onnxruntime(tmp_path, monkeypatch):
    """A stand-in for the published file with its input and output: the sigmoid of the mean channel."""
    picture = onnx.helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, [1, 3, 1024, 1024])
    first = onnx.helper.make_tensor_value_info("first", onnx.TensorProto.FLOAT, [1, 1, 1024, 1024])
    axes = onnx.numpy_helper.from_array(np.array([1], np.int64), "axes")
    nodes = [
        onnx.helper.make_node("ReduceMean", ["input", "axes"], ["mean"], keepdims=1),
        onnx.helper.make_node("Sigmoid", ["mean"], ["first"]),
    ]
    graph = onnx.helper.make_graph(nodes, "stand-in", [picture], [first], [axes])
    opset = [onnx.helper.make_opsetid("", 18)]
    payload = onnx.helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()
    (tmp_path / FILE).write_bytes(payload)
    monkeypatch.setattr(isnet, "MD5", hashlib.md5(payload, usedforsecurity=False).hexdigest())
    model = zoo.load_soft_foreground("isnet-general-use", folder=tmp_path)
    levels = model(torch.full((2, 3, 30, 40), 255, dtype=torch.uint8))
    assert levels.shape == (2, 30, 40)
    assert levels.unique().tolist() == [round(255 / (1 + math.exp(-0.5)))]
