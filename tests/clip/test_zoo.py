import hashlib
import json
import os
import urllib.error

import open_clip
import pytest
import torch
from safetensors.torch import save_file
from tiny_clip import TOKENIZER, random_images, tiny_model

import zsad
from zsad.clip import zoo
from zsad.clip.backbone import Backbone
from zsad.clip.released import RELEASED, Released

CARD = {
    "name": "demo-t",
    "model_cfg": {
        "embed_dim": 24,
        "vision_cfg": {"image_size": 80, "patch_size": 16, "width": 32, "head_width": 16, "layers": 2},
        "text_cfg": {"context_length": 77, "vocab_size": TOKENIZER.vocab_size, "width": 32, "heads": 2, "layers": 2},
    },
    "vocabulary": list(TOKENIZER.vocabulary),
    "mean": [0.4, 0.5, 0.6],
    "std": [0.2, 0.2, 0.3],
    "shown": ["pictures", "captions"],
}


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A folder of demo weights that holds one small model, in float16 as the shipped ones are."""
    save_file(
        {name: value.half() for name, value in tiny_model().state_dict().items()}, tmp_path / "demo-t.safetensors"
    )
    digest = hashlib.sha256((tmp_path / "demo-t.safetensors").read_bytes()).hexdigest()
    (tmp_path / "demo-t.json").write_text(json.dumps(CARD | {"sha256": digest}))
    monkeypatch.setattr(zoo, "WEIGHTS", tmp_path)
    return tmp_path


def test_demo_weights_load(weights):
    backbone = zsad.load_backbone("demo-t")
    model = tiny_model()
    model.load_state_dict({name: value.half().float() for name, value in model.state_dict().items()})
    expected = Backbone(model, TOKENIZER, mean=CARD["mean"], std=CARD["std"])
    images = random_images(1)
    assert torch.equal(backbone.embed_image(images), expected.embed_image(images))
    assert torch.equal(backbone.embed_text(["a damaged nut"]), expected.embed_text(["a damaged nut"]))
    assert (backbone.name, backbone.image_size, backbone.grid, backbone.embed_dim) == ("demo-t", 80, (5, 5), 24)
    assert backbone.fingerprint == expected.fingerprint
    (weights / "demo-words.json").write_text(json.dumps({"name": "demo-words", "sha256": "of what is no model"}))
    assert zoo.known_backbones()[-1] == "demo-t"


def test_a_backbone_says_what_its_card_does_of_what_it_was_shown(weights):
    assert zsad.load_backbone("demo-t").shown == ("pictures", "captions")
    card = json.loads((weights / "demo-t.json").read_text())
    for said, shown in ({}, ("unknown",)), ({"shown": ["captions"]}, ("captions",)):
        (weights / "demo-t.json").write_text(json.dumps({k: v for k, v in card.items() if k != "shown"} | said))
        assert zsad.load_backbone("demo-t").shown == shown
    (weights / "demo-t.json").write_text(json.dumps(card | {"shown": ["captions", "secrets"]}))
    with pytest.raises(ValueError, match=r"by its card, demo-t was shown 'secrets'; known: 'pictures', 'captions'"):
        zsad.load_backbone("demo-t")


def test_a_backbone_of_ones_own_is_of_unknown_training_unless_it_says():
    assert Backbone(tiny_model(), TOKENIZER).shown == ("unknown",)
    assert Backbone(tiny_model(), TOKENIZER, shown=["captions"]).shown == ("captions",)


def test_another_input_size_resizes_the_position_table(weights):
    backbone = zsad.load_backbone("demo-t", image_size=112)
    assert backbone.grid == (7, 7)
    assert backbone.embed_windows(random_images(1), (2,))[2].shape == (1, 36, 24)


def test_damaged_weights_are_named(weights):
    path = weights / "demo-t.safetensors"
    payload = path.read_bytes()
    path.write_bytes(payload[:-1] + bytes([payload[-1] ^ 1]))
    with pytest.raises(ValueError, match=r"demo-t\.safetensors has sha256 .* damaged"):
        zsad.load_backbone("demo-t")
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"demo-t\.safetensors is missing"):
        zsad.load_backbone("demo-t")


def test_an_unknown_name_lists_the_known_ones(weights):
    with pytest.raises(ValueError, match=r"unknown backbone 'RN50'; known: ViT-B-16-plus-240, .*APRIL-GAN, demo-t"):
        zsad.load_backbone("RN50")
    with pytest.raises(ValueError, match="ships with its weights"):
        zsad.load_backbone("demo-t", weights="elsewhere.pt")


def unreachable(*_):
    raise urllib.error.URLError("no network")


@pytest.mark.parametrize("name", RELEASED)
def test_a_missing_download_says_what_to_do(name, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr("urllib.request.urlopen", unreachable)
    with pytest.raises(FileNotFoundError) as caught:
        zsad.load_backbone(name)
    message = str(caught.value)
    assert RELEASED[name].repository in message
    assert "network connection" in message
    assert f"load_backbone({name!r}, weights='path/to/that/file')" in message


def test_a_local_checkpoint_that_is_not_there_or_does_not_fit(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"no checkpoint at .*none\.pt; load it once"):
        zsad.load_backbone("ViT-L-14-FARE2", weights=tmp_path / "none.pt")
    small = Released("ViT-S-32-alt", None, "somebody/something", 0.1)
    monkeypatch.setitem(RELEASED, "small", small)
    (tmp_path / "text.pt").write_text("not a checkpoint")
    with pytest.raises(ValueError, match=r"text\.pt does not hold the weights of small"):
        zsad.load_backbone("small", weights=tmp_path / "text.pt")


def test_a_local_checkpoint_loads_with_the_activation_of_its_architecture(tmp_path, monkeypatch):
    config = {key: CARD["model_cfg"][key] for key in CARD["model_cfg"]}
    for name in ("tiny-plain", "tiny-quickgelu"):
        (tmp_path / f"{name}.json").write_text(json.dumps(config))
        open_clip.add_model_config(tmp_path / f"{name}.json")
        monkeypatch.setitem(RELEASED, name, Released(name, None, "somebody/something", 0.1))
    path = tmp_path / "open_clip_model.safetensors"
    save_file(tiny_model().state_dict(), path)
    plain, quick = (zsad.load_backbone(name, weights=path) for name in ("tiny-plain", "tiny-quickgelu"))
    names = [type(backbone.model.visual.transformer.resblocks[0].mlp.gelu).__name__ for backbone in (plain, quick)]
    assert names == ["GELU", "QuickGELU"]
    assert torch.equal(plain.model.visual.proj, tiny_model().visual.proj)
    assert RELEASED["ViT-L-14"].architecture.endswith("-quickgelu")
    assert RELEASED["ViT-L-14-FARE2"].architecture.endswith("-quickgelu")


def test_open_clip_knows_the_published_weights():
    for spec in (RELEASED["ViT-B-16-plus-240"], RELEASED["ViT-L-14"]):
        known = open_clip.get_pretrained_cfg(spec.architecture, spec.pretrained)
        assert known["hf_hub"].rstrip("/") == spec.repository


@pytest.mark.parametrize("size", [0, -240, 10**6])
def test_an_image_size_is_checked_before_weights_are_read(size):
    with pytest.raises(ValueError, match="image_size must be a whole number from 8 to 8,192"):
        zoo.load_backbone("demo-b", image_size=size)


def test_a_card_that_changes_is_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(zoo, "WEIGHTS", tmp_path)
    card = tmp_path / "demo-x.json"
    for time, (config, known) in enumerate((('{"widths": [8]}', []), ('{"embed_dim": 8}', ["demo-x"]))):
        card.write_text(f'{{"model_cfg": {config}}}')
        os.utime(card, ns=(time, time))
        assert zoo.demo_models("embed_dim") == known


def test_a_model_that_comes_or_goes_is_seen(tmp_path, monkeypatch):
    folder = tmp_path / "weights"
    monkeypatch.setattr(zoo, "WEIGHTS", folder)
    assert zoo.demo_models("embed_dim") == []
    folder.mkdir()
    for time, names in enumerate((["demo-x"], ["demo-x", "demo-y"], ["demo-y"])):
        for path in folder.iterdir():
            path.unlink()
        for name in names:
            (folder / f"{name}.json").write_text('{"model_cfg": {"embed_dim": 8}}')
        os.utime(folder, ns=(time, time))
        assert zoo.demo_models("embed_dim") == names
