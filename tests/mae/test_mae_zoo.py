"""Where autoencoders come from: the authors' files against their model written out, the Hub's, and what is refused."""

import hashlib
import logging
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_mae import TINY, tiny_mae
from torch.nn import functional as F

from zsad.clip.ship import ship
from zsad.mae import Autoencoder, load_autoencoder, zoo
from zsad.mae.authors import in_transformers_names
from zsad.mae.zoo import Released, check_plain_pixels, load_demo_autoencoder

SPEC = Released("tiny/vit-mae", "mae_visualize_vit_tiny.pth", 32, 2, 2, 8, 0.001)


def authors_state(width: int = 32, layers: int = 2, decoder: int = 16, seed: int = 3) -> dict[str, torch.Tensor]:
    """Random tensors under the names of facebookresearch/mae."""
    generator = torch.Generator().manual_seed(seed)
    shapes: dict[str, tuple[int, ...]] = {
        "cls_token": (1, 1, width), "pos_embed": (1, 17, width), "mask_token": (1, 1, decoder),
        "decoder_pos_embed": (1, 17, decoder), "patch_embed.proj.weight": (width, 3, 8, 8),
        "patch_embed.proj.bias": (width,), "decoder_embed.weight": (decoder, width), "decoder_embed.bias": (decoder,),
        "decoder_pred.weight": (192, decoder), "decoder_pred.bias": (192,),
    }  # fmt: skip
    for kind, count, dim, hidden in (("blocks", layers, width, 48), ("decoder_blocks", 1, decoder, 24)):
        for block in (f"{kind}.{index}." for index in range(count)):
            shapes |= {f"{block}norm{k}.{p}": (dim,) for k in (1, 2) for p in ("weight", "bias")}
            shapes |= {f"{block}attn.qkv.weight": (3 * dim, dim), f"{block}attn.qkv.bias": (3 * dim,)}
            shapes |= {f"{block}attn.proj.weight": (dim, dim), f"{block}attn.proj.bias": (dim,)}
            shapes |= {f"{block}mlp.fc1.weight": (hidden, dim), f"{block}mlp.fc1.bias": (hidden,)}
            shapes |= {f"{block}mlp.fc2.weight": (dim, hidden), f"{block}mlp.fc2.bias": (dim,)}
    shapes |= {
        f"{norm}.{p}": (d,) for norm, d in (("norm", width), ("decoder_norm", decoder)) for p in ("weight", "bias")
    }
    return {name: 0.2 * torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def authors_forward(state: dict[str, torch.Tensor], image: torch.Tensor, visible: list[int]) -> torch.Tensor:
    """Their model's forward pass (models_mae.py), written out: what it predicts of every patch, normalised."""

    def norm(name: str, x: torch.Tensor) -> torch.Tensor:
        return F.layer_norm(x, x.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"], eps=1e-6)

    def linear(name: str, x: torch.Tensor) -> torch.Tensor:
        return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    def block(name: str, x: torch.Tensor, heads: int = 2) -> torch.Tensor:
        length, width = x.shape
        qkv = linear(f"{name}.attn.qkv", norm(f"{name}.norm1", x)).reshape(length, 3, heads, width // heads)
        q, k, v = qkv.permute(1, 2, 0, 3)
        mixed = ((q @ k.transpose(-2, -1)) * (width // heads) ** -0.5).softmax(-1) @ v
        x = x + linear(f"{name}.attn.proj", mixed.transpose(0, 1).reshape(length, width))
        return x + linear(f"{name}.mlp.fc2", F.gelu(linear(f"{name}.mlp.fc1", norm(f"{name}.norm2", x))))

    patches = F.conv2d(image[None], state["patch_embed.proj.weight"], state["patch_embed.proj.bias"], stride=8)
    tokens = patches.flatten(2)[0].T + state["pos_embed"][0, 1:]
    x = torch.cat([state["cls_token"][0] + state["pos_embed"][0, :1], tokens[visible]])
    for index in range(2):
        x = block(f"blocks.{index}", x)
    x = linear("decoder_embed", norm("norm", x))
    full = state["mask_token"][0].repeat(17, 1)
    full[0], full[[1 + place for place in visible]] = x[0], x[1:]
    full = block("decoder_blocks.0", full + state["decoder_pos_embed"][0])
    return linear("decoder_pred", norm("decoder_norm", full))[1:]


@pytest.fixture
def tiny(monkeypatch):
    config = {key: value for key, value in TINY.items() if key != "norm_pix_loss"}
    monkeypatch.setattr(zoo, "RELEASED", {"vit-mae-tiny": SPEC})
    monkeypatch.setattr(Released, "config", property(lambda self: config))


@pytest.fixture
def unchecked(monkeypatch):
    """Random weights predict nothing."""
    monkeypatch.setattr(zoo, "check_plain_pixels", lambda *_: None)


def saved(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


def test_an_authors_file_gives_what_their_model_gives(tmp_path, tiny, unchecked):
    state = authors_state()
    loaded = load_autoencoder("vit-mae-tiny", weights=saved(tmp_path / SPEC.file, {"model": state}))
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    hidden = loaded.draw_masks(3, 0)
    painted = loaded.paint(image, hidden)
    for mask, found in zip(hidden, painted[0], strict=True):
        visible = (~mask).nonzero().flatten().tolist()
        said = authors_forward(state, ((image - loaded.mean) / loaded.std)[0], visible).view(16, 64, 3)
        assert torch.allclose(found, said * loaded.std.flatten() + loaded.mean.flatten(), atol=1e-5)
    assert loaded.shown == ("pictures",)
    assert loaded.model.vit.layernorm.eps == 1e-6


def test_a_folder_of_the_repository_gives_the_same_as_the_model_that_was_saved(tmp_path, tiny, unchecked):
    tiny_mae(layer_norm_eps=1e-12).save_pretrained(tmp_path / "files")
    loaded = load_autoencoder("vit-mae-tiny", weights=tmp_path / "files")
    assert loaded.fingerprint == Autoencoder(tiny_mae(), shown=("pictures",)).fingerprint  # with the authors' epsilon


def test_a_download_is_held_against_its_pin_and_a_folder_is_known_or_unknown(
    tmp_path, tiny, unchecked, monkeypatch, caplog
):
    """A real cache of the hub's: blobs, snapshots and a reference to the newest, which is another one."""
    cache = tmp_path / "models--me--it"
    snapshot = cache / "snapshots" / ("c" * 40)
    tiny_mae(layer_norm_eps=1e-12).save_pretrained(snapshot)
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text("d" * 40)
    digest = hashlib.sha256((snapshot / "model.safetensors").read_bytes()).hexdigest()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))

    def pinned(**pins):
        monkeypatch.setattr(zoo, "RELEASED", {"vit-mae-tiny": replace(SPEC, repository="me/it", **pins)})

    caplog.set_level(logging.INFO)
    pinned(revision="c" * 40, sha256=digest)
    load_autoencoder("vit-mae-tiny")
    assert f"vit-mae-tiny: me/it at {'c' * 40}, sha256 {digest} as pinned" in caplog.text
    load_autoencoder("vit-mae-tiny", weights=snapshot)
    assert f"vit-mae-tiny: the released weights, sha256 {digest}" in caplog.text
    pinned(revision="c" * 40, sha256="0" * 64)
    with pytest.raises(
        ValueError, match=rf"has sha256 {digest}, but the weights of vit-mae-tiny are pinned as 0{{64}}"
    ):
        load_autoencoder("vit-mae-tiny")
    load_autoencoder("vit-mae-tiny", weights=snapshot)
    assert f"vit-mae-tiny: unknown weights, sha256 {digest}" in caplog.text
    (cache / "refs" / "main").write_text("c" * 40)
    pinned()
    load_autoencoder("vit-mae-tiny")
    assert f"vit-mae-tiny: me/it at {'c' * 40}, sha256 {digest}; not pinned" in caplog.text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({n: t for n, t in authors_state().items() if not n.startswith(("decoder", "mask"))}, "an encoder without its"),
        (authors_state(layers=3), r"tensors are those of another model: .*vit\.layers\.2\..* is not the model's"),
        (authors_state(layers=1), r"vit\.layers\.1\..* is missing"),
        (authors_state(decoder=32), r"decoder\.mask_token is \(1, 1, 32\), not \(1, 1, 16\)"),
        ({"visual.proj": torch.zeros(2)}, "is missing"),
        (authors_state(), "does not predict plain pixels: .*mae_visualize_vit"),
    ],
    ids=["encoder alone", "deeper", "shallower", "other decoder", "a CLIP", "untrained"],
)
def test_a_file_of_another_model_is_refused(tmp_path, tiny, content, message):
    path = saved(tmp_path / "weights.pth", {"model": content})
    with pytest.raises(ValueError, match=message) as caught:
        load_autoencoder("vit-mae-tiny", weights=path)
    assert str(path) in str(caught.value)


class Dangerous:
    def __reduce__(self):
        return (Path.touch, (Path("ran"),))


def test_nothing_in_a_file_is_run(tmp_path, tiny, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("bad.pth").write_bytes(pickle.dumps({"model": Dangerous()}))
    saved(tmp_path / "worse.pth", {"model": authors_state(), "args": Dangerous()})
    Path("cut.pth").write_bytes(saved(tmp_path / "whole.pth", {"model": authors_state()}).read_bytes()[:5000])
    Path("page.pth").write_text("<!DOCTYPE html><html></html>")
    for name in ("bad.pth", "worse.pth", "cut.pth", "page.pth"):
        with pytest.raises(ValueError, match=name):
            load_autoencoder("vit-mae-tiny", weights=name)
    assert not Path("ran").exists()


def test_a_repository_of_another_model_or_without_a_decoder_is_refused(tmp_path, tiny):
    tiny_mae(num_hidden_layers=3).save_pretrained(tmp_path / "deeper")
    with pytest.raises(ValueError, match="does not hold the weights of vit-mae-tiny: num_hidden_layers"):
        load_autoencoder("vit-mae-tiny", weights=tmp_path / "deeper")
    tiny_mae().vit.save_pretrained(tmp_path / "encoder")
    with pytest.raises(ValueError, match=r"does not hold the weights of vit-mae-tiny: decoder\..* is missing"):
        load_autoencoder("vit-mae-tiny", weights=tmp_path / "encoder")
    tiny_mae(norm_pix_loss=True).save_pretrained(tmp_path / "normalised")
    with pytest.raises(ValueError, match="normalised each by its own mean and variance"):
        load_autoencoder("vit-mae-tiny", weights=tmp_path / "normalised")


def test_what_is_not_there_says_how_to_get_it(tmp_path, tiny):
    for source in (tmp_path / "nothing.pth", tmp_path / "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(FileNotFoundError, match=r"mae_visualize_vit_tiny\.pth of the GitHub repository"):
            load_autoencoder("vit-mae-tiny", weights=source)
    with pytest.raises(ValueError, match="unknown masked autoencoder 'demo-b'; known: vit-mae-tiny"):
        load_autoencoder("demo-b")
    with pytest.raises(ValueError, match="demo-mae ships with its weights"):
        load_autoencoder("demo-mae", weights=tmp_path / "nothing.pth")


def test_names_of_the_authors_are_all_of_transformers():
    assert set(in_transformers_names(authors_state())) == set(tiny_mae().state_dict())


def test_the_demo_autoencoder_is_read_with_its_card_and_knows_bright_from_dark(tmp_path):
    loaded = load_autoencoder("demo-mae")
    assert (loaded.name, loaded.grid, loaded.shown) == ("demo-mae", (15, 15), ("pictures",))
    assert loaded.draw_masks(4, 0).sum(1).tolist() == [169] * 4
    check_plain_pixels(loaded, "demo-mae")
    card = {"model_cfg": TINY, "mean": [0.5] * 3, "std": [0.5] * 3}
    ship("tiny", tiny_mae().state_dict(), card, tmp_path)
    assert load_demo_autoencoder("tiny", tmp_path).shown == ("unknown",)
    with pytest.raises(ValueError, match="tiny does not predict plain pixels"):
        check_plain_pixels(load_demo_autoencoder("tiny", tmp_path), "tiny")
    (tmp_path / "tiny.safetensors").write_bytes(b"cut")
    with pytest.raises(ValueError, match="sha256"):
        load_demo_autoencoder("tiny", tmp_path)


def test_the_published_shapes_are_those_of_the_papers():
    shapes = {name: (r.width, r.layers, r.heads, r.patch) for name, r in zoo.RELEASED.items()}
    assert shapes == {
        "vit-mae-base": (768, 12, 12, 16), "vit-mae-large": (1024, 24, 16, 16), "vit-mae-huge": (1280, 32, 16, 14),
    }  # fmt: skip
