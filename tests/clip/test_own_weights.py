"""Weights from a file: of an architecture of one's own, or of a published model; and what is said of them."""

import hashlib
import io
import json
import logging

import open_clip
import pytest
import torch
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from safetensors.torch import save_file
from tiny_clip import TINY, random_images, tiny_model

import zsad
from zsad.clip import origin, zoo
from zsad.clip.released import RELEASED, Released


@pytest.fixture
def mine(tmp_path):
    """Architecture and weights of a small CLIP."""
    model = tiny_model(text=TINY["text_cfg"])
    save_file(model.state_dict(), tmp_path / "mine.safetensors")
    (tmp_path / "mine.json").write_text(json.dumps(TINY))
    return {"weights": tmp_path / "mine.safetensors", "architecture": str(tmp_path / "mine.json")}, model


def test_weights_of_an_architecture_of_ones_own(mine, caplog):
    given, model = mine
    backbone = zsad.load_backbone("mine", **given, mean=[0.1, 0.2, 0.3], shown=["captions"])
    expected = zsad.Backbone(model, open_clip.SimpleTokenizer(), mean=[0.1, 0.2, 0.3])
    assert torch.equal(backbone.embed_image(random_images()), expected.embed_image(random_images()))
    assert torch.equal(backbone.embed_text(["a damaged nut"]), expected.embed_text(["a damaged nut"]))
    assert (backbone.name, backbone.shown, backbone.fingerprint) == ("mine", ("captions",), expected.fingerprint)
    digest = hashlib.sha256(given["weights"].read_bytes()).hexdigest()
    assert f"mine: unknown weights, sha256 {digest} ({given['weights']})" in caplog.text
    assert zsad.load_backbone("mine", **given, image_size=112).grid == (7, 7)


@pytest.fixture
def from_the_hub(mine, tmp_path):
    """The same, its architecture in the form of open_clip's files on the hub, with the statistics of its input."""

    def write(**statistics):
        content = {"model_cfg": TINY, "preprocess_cfg": {"interpolation": "bicubic", **statistics}}
        (tmp_path / "hub.json").write_text(json.dumps(content))
        return {**mine[0], "architecture": str(tmp_path / "hub.json")}

    return write


def test_the_input_is_normalised_as_the_architectures_file_says_unless_told_otherwise(from_the_hub):
    given = from_the_hub(mean=[0.5, 0.5, 0.5], std=[0.4, 0.5, 0.6])

    def statistics(**own):
        backbone = zsad.load_backbone("mine", **given, **own)
        return [pytest.approx(values.flatten().tolist()) for values in (backbone.mean, backbone.std)]

    assert statistics() == [[0.5, 0.5, 0.5], [0.4, 0.5, 0.6]]
    assert statistics(mean=[0.1, 0.2, 0.3]) == [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]
    assert statistics(std=[1.0, 1.0, 1.0]) == [[0.5, 0.5, 0.5], [1.0, 1.0, 1.0]]
    given = from_the_hub()
    assert statistics() == [[*OPENAI_DATASET_MEAN], [*OPENAI_DATASET_STD]]


def test_statistics_that_are_none_are_refused(mine, from_the_hub):
    with pytest.raises(ValueError, match=r"hub\.json: preprocess_cfg: mean must be three numbers, such .*, not 0\.5"):
        zsad.load_backbone("mine", **from_the_hub(mean=0.5))
    for statistics, message in (
        ({"mean": [0.5, 0.5]}, r"mean must be three numbers"),
        ({"mean": [0.5, 0.5, float("nan")]}, r"mean must be three numbers"),
        ({"std": [0.5, 0.0, 0.5]}, r"std must be above 0"),
    ):
        with pytest.raises(ValueError, match=rf"hub\.json: preprocess_cfg: {message}"):
            zsad.load_backbone("mine", **from_the_hub(**statistics))
        with pytest.raises(ValueError, match=f"mine: {message}"):
            zsad.load_backbone("mine", **mine[0], **statistics)
    with pytest.raises(ValueError, match="demo-b has a mean and std of its own: leave them out"):
        zsad.load_backbone("demo-b", mean=[0.5, 0.5, 0.5])


def test_what_is_wrong_with_weights_of_ones_own_is_said(mine, tmp_path):
    given, _ = mine
    (tmp_path / "broken.json").write_text('{"embed_dim": 24}')
    (tmp_path / "hf.json").write_text(json.dumps(TINY | {"text_cfg": {"hf_model_name": "roberta"}}))
    save_file(tiny_model().state_dict(), tmp_path / "other.safetensors")
    for name, changed, message in (
        ("demo-b", {}, "demo-b is the name of another backbone"),
        ("mine", {"weights": None}, "mine has an architecture but no weights"),
        ("mine", {"architecture": "ViT-B-61"}, "unknown architecture 'ViT-B-61'; near it: .*ViT-B-16"),
        ("mine", {"architecture": "RN50"}, "the architecture RN50 has layers by stage"),
        ("mine", {"architecture": str(tmp_path / "broken.json")}, "which has embed_dim, vision_cfg, text_cfg"),
        ("mine", {"architecture": str(tmp_path / "hf.json")}, "has hf_model_name"),
        ("mine", {"weights": tmp_path / "other.safetensors"}, "does not hold weights of the architecture"),
        ("mine", {"architecture": None}, "weights of your own also need their architecture"),
    ):
        with pytest.raises(ValueError, match=message):
            zsad.load_backbone(name, **{**given, **changed})
    with pytest.raises(FileNotFoundError, match=r"no weights of mine at .*none\.pt"):
        zsad.load_backbone("mine", **{**given, "weights": tmp_path / "none.pt"})
    with pytest.raises(FileNotFoundError, match=r"no architecture file .*none\.json"):
        zsad.load_backbone("mine", **{**given, "architecture": str(tmp_path / "none.json")})


@pytest.fixture
def released(mine, tmp_path, monkeypatch):
    """The same weights as those of a published model, in a folder like the hub's cache."""
    file = tmp_path / "snapshots" / ("c" * 40) / "open_clip_model.safetensors"
    file.parent.mkdir(parents=True)
    file.write_bytes(mine[0]["weights"].read_bytes())
    monkeypatch.setattr(zoo, "download_pretrained_from_hf", lambda repository, revision: str(file))

    def pinned(**pins):
        monkeypatch.setitem(RELEASED, "tiny", Released(mine[0]["architecture"], None, "me/it", 0.1, **pins))

    return file, pinned


def test_what_is_downloaded_is_checked_against_its_pins_or_called_not_pinned(released, caplog):
    file, pinned = released
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    pinned()
    zsad.load_backbone("tiny")
    assert f"tiny: me/it at {'c' * 40}, sha256 {digest}; not pinned" in caplog.text
    caplog.clear()
    pinned(revision="c" * 40, sha256=digest)
    zsad.load_backbone("tiny")
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    pinned(revision="c" * 40, sha256="0" * 64)
    with pytest.raises(ValueError, match=rf"has sha256 {digest}, but the weights of tiny are pinned as 0{{64}}"):
        zsad.load_backbone("tiny")


def test_a_file_of_a_published_model_is_known_by_its_checksum_or_unknown(released, caplog):
    file, pinned = released
    pinned()
    zsad.load_backbone("tiny", weights=file)
    assert "tiny: unknown weights" in caplog.text
    caplog.clear()
    pinned(sha256=hashlib.sha256(file.read_bytes()).hexdigest())
    zsad.load_backbone("tiny", weights=file)
    assert "unknown" not in caplog.text


def test_the_checksums_that_makers_state_are_open_clips():
    assert RELEASED["ViT-B-16-plus-240"].known_files == ("8fb26589",)
    pinned, openai = RELEASED["ViT-L-14"].known_files
    assert pinned == RELEASED["ViT-L-14"].sha256
    assert len(openai) == 64
    assert RELEASED["ViT-L-14-FARE2"].known_files == ()
    for spec in RELEASED.values():
        assert (spec.revision is None) == (spec.sha256 is None), "both, or neither"
        assert spec.revision is None or (len(spec.revision), len(spec.sha256)) == (40, 64)


def test_the_makers_own_file_is_fetched_where_only_its_checksum_is_known(mine, tmp_path, monkeypatch, caplog):
    served = mine[0]["weights"].read_bytes()
    digest = hashlib.sha256(served).hexdigest()

    def at(digits):
        monkeypatch.setattr(
            Released, "makers_url", property(lambda self: f"https://example.org/mlfoundations/tiny-{digits}.pt")
        )

    def respond(url):
        response = io.BytesIO(served)
        response.headers = {"Content-Length": str(len(served))}
        return response

    monkeypatch.setattr("urllib.request.urlopen", respond)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setitem(RELEASED, "tiny", Released(mine[0]["architecture"], None, "me/it", 0.1))
    at(digest[:8])
    caplog.set_level(logging.INFO)
    zsad.load_backbone("tiny")
    assert (tmp_path / "checkpoints" / f"tiny-{digest[:8]}.pt").read_bytes() == served
    assert f"tiny: https://example.org/mlfoundations/tiny-{digest[:8]}.pt, sha256 {digest} as pinned" in caplog.text
    at("0" * 8)
    with pytest.raises(FileNotFoundError, match=r"checksum.*tiny-0{8}\.pt, or open_clip_model\.safetensors"):
        zsad.load_backbone("tiny")


def test_a_file_is_known_by_the_first_digits_that_its_makers_state(tmp_path, caplog):
    file = tmp_path / "weights.pt"
    file.write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    origin.say_given(file, "x", (digest[:8],))
    assert not caplog.records
    origin.say_given(file, "x", ("0" * 8,))
    assert "x: unknown weights" in caplog.text
