"""The check of released weights: every kind goes through its own loader, with small models in place of downloads."""

import hashlib
import logging
from dataclasses import replace

import pandas as pd
import pytest
import torch
from tiny_clip import TINY, tiny_model
from tiny_mae import TINY as TINY_MAE
from tiny_mae import tiny_mae
from tiny_parts import tiny_clipseg_model, tiny_sam
from torchvision.models import wide_resnet50_2
from transformers import CLIPSegProcessor, CLIPTokenizerFast, ViTImageProcessor

from tools import verify_real
from zsad.clip import released
from zsad.detectors import patch_features
from zsad.detectors.patch_features import WIDE_RESNET
from zsad.mae import zoo as autoencoders
from zsad.tiling import clipseg, isnet
from zsad.tiling import zoo as segmenters
from zsad.tiling.weights import download_folder

KINDS = {"ViT-B-16-plus-240", "ViT-L-14", "ViT-L-14-FARE2", "vit-mae-base", "vit-mae-large", "vit-mae-huge",
         "isnet-general-use", "sam-vit-h", "sam-vit-l", "sam-vit-b", "clipseg-rd64-refined", "wide_resnet50_2",
         "april_gan mvtec_pretrained.pth", "april_gan visa_pretrained.pth",
         "anomalyclip 9_12_4_multiscale/epoch_15.pth", "anomalyclip 9_12_4_multiscale_visa/epoch_15.pth"}  # fmt: skip


@pytest.fixture(autouse=True)
def _level_of_the_log():
    yield
    logging.getLogger("zsad").setLevel(logging.NOTSET)


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """Neither the hub nor torch's checkpoints hold anything, and nothing can be fetched."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(verify_real, "AUTHORS", tmp_path / "weights")

    def refused(*arguments, **options):
        raise OSError("no network")

    for name in ("download_pretrained_from_hf", "download_pretrained_from_url"):
        monkeypatch.setattr(f"zsad.clip.zoo.{name}", refused)
    return tmp_path


def found(device: str = "cpu", folder=None) -> dict[str, verify_real.Weights]:
    return {weights.name: weights for weights in verify_real.released_weights(device, folder)}


def test_every_kind_of_released_weights_is_tried_and_what_is_not_there_says_why(offline, capsys):
    every = found()
    assert set(every) >= KINDS
    assert not any([verify_real.loads(weights) for weights in every.values()])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == list(every)
    assert all(": NOT LOADED: " in line for line in lines)
    said = dict(line.split(": NOT LOADED: ") for line in lines)
    assert "sam_vit_b_01ec64.pth" in said["sam-vit-b"]
    assert "isnet-general-use.onnx" in said["isnet-general-use"]
    assert "CIDAS/clipseg-rd64-refined" in said["clipseg-rd64-refined"]
    assert "facebook/vit-mae-large" in said["vit-mae-large"]
    assert f"download {WIDE_RESNET}" in said["wide_resnet50_2"]
    for name, source in (("april_gan visa_pretrained.pth", "exps/pretrained/ of ByChelsea/VAND-APRIL-GAN"),
                         ("anomalyclip 9_12_4_multiscale/epoch_15.pth",
                          "checkpoints/ of zqhang/AnomalyCLIP")):  # fmt: skip
        file = name.split()[1]
        assert said[name] == f"no file {offline / 'weights' / file}: take {file} from {source} on GitHub"


def test_a_clip_and_an_autoencoder_say_their_revision_and_checksum(offline, monkeypatch, caplog, capsys):
    caplog.set_level(logging.INFO)
    file = offline / "snapshots" / ("a" * 40) / "open_clip_model.pt"
    file.parent.mkdir(parents=True)
    torch.save(tiny_model(text=TINY["text_cfg"]).state_dict(), file)
    monkeypatch.setattr("zsad.clip.zoo.config_of", lambda name: TINY)
    monkeypatch.setattr("zsad.clip.zoo._downloaded", lambda name: file)
    spec = replace(released.RELEASED["ViT-L-14-FARE2"], revision=None, sha256=None)
    monkeypatch.setitem(released.RELEASED, "ViT-L-14-FARE2", spec)
    assert verify_real.loads(found()["ViT-L-14-FARE2"])
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert f"ViT-L-14-FARE2: chs20/fare2-clip at {'a' * 40}, sha256 {digest}" in caplog.text

    snapshot = offline / "hub" / "models--me--it" / "snapshots" / ("c" * 40)
    tiny_mae(layer_norm_eps=1e-12).save_pretrained(snapshot)
    spec = replace(autoencoders.RELEASED["vit-mae-large"], repository="me/it", revision="c" * 40)
    monkeypatch.setitem(autoencoders.RELEASED, "vit-mae-large", spec)
    config = {key: value for key, value in TINY_MAE.items() if key != "norm_pix_loss"}
    monkeypatch.setattr(autoencoders.Released, "config", property(lambda self: config))
    monkeypatch.setattr(autoencoders, "check_plain_pixels", lambda *_: None)  # random weights predict nothing
    assert verify_real.loads(found()["vit-mae-large"])
    digest = hashlib.sha256((snapshot / "model.safetensors").read_bytes()).hexdigest()
    assert f"vit-mae-large: me/it at {'c' * 40}" in caplog.text
    assert digest in caplog.text
    assert capsys.readouterr().out.splitlines() == ["ViT-L-14-FARE2: loaded", "vit-mae-large: loaded"]


def test_segmenters_say_their_source_and_checksum(offline, monkeypatch, capsys):
    folder = offline / "parts"
    folder.mkdir()
    monkeypatch.setattr("segment_anything.sam_model_registry", {"vit_b": lambda: tiny_sam(seed=3).model})
    torch.save(tiny_sam().model.state_dict(), folder / "file.pth")
    md5 = hashlib.md5((folder / "file.pth").read_bytes()).hexdigest()[:6]
    sam = (folder / "file.pth").rename(folder / f"sam_vit_b_{md5}.pth")
    monkeypatch.setitem(segmenters.SAM, "sam-vit-b", ("vit_b", md5, 1))
    assert verify_real.loads(found(folder=folder)["sam-vit-b"])

    (folder / isnet.FILE).write_bytes(b"a network")
    monkeypatch.setattr(isnet, "MD5", hashlib.md5(b"a network").hexdigest())
    monkeypatch.setattr("onnxruntime.InferenceSession", lambda *_, **__: None)
    assert verify_real.loads(found(folder=folder)["isnet-general-use"])

    snapshot = offline / "hub" / "models--CIDAS--clipseg-rd64-refined" / "snapshots" / clipseg.REVISION
    tiny_clipseg_model().save_pretrained(snapshot)
    (offline / "vocab.json").write_text('{"<|startoftext|>": 0, "<|endoftext|>": 1}')
    (offline / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizerFast(str(offline / "vocab.json"), str(offline / "merges.txt"))
    images = ViTImageProcessor(image_mean=list(clipseg.MEAN), image_std=list(clipseg.STD), size=32)
    CLIPSegProcessor(images, tokenizer).save_pretrained(snapshot)
    assert verify_real.loads(found()["clipseg-rd64-refined"])
    lines = [line for line in capsys.readouterr().out.splitlines() if "sha256" in line]
    digests = [
        hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (sam, folder / isnet.FILE, snapshot / "model.safetensors")
    ]
    assert lines == [
        f"sam-vit-b: facebookresearch/segment-anything, md5 {md5}... as pinned, sha256 {digests[0]} ({sam})",
        f"isnet-general-use: {isnet.SOURCE}, md5 {isnet.MD5} as pinned, sha256 {digests[1]} ({folder / isnet.FILE})",
        f"clipseg-rd64-refined: CIDAS/clipseg-rd64-refined at {clipseg.REVISION}, sha256 {digests[2]} "
        f"({snapshot / 'model.safetensors'})",
    ]


def test_files_of_authors_are_read_by_their_detector_and_the_imagenet_net_by_its_extractor(
    offline, monkeypatch, capsys
):
    asked = []
    monkeypatch.setattr(verify_real, "load_backbone", lambda name, device: name)
    monkeypatch.setattr(
        verify_real, "load_detector", lambda *given, device, **options: asked.append((*given, options["trained_on"]))
    )
    file = offline / "weights" / "9_12_4_multiscale_visa" / "epoch_15.pth"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"prompts")
    assert verify_real.loads(found()["anomalyclip 9_12_4_multiscale_visa/epoch_15.pth"])
    assert asked == [("anomalyclip", "ViT-L-14-336-AnomalyCLIP", str(file))]
    path = download_folder() / WIDE_RESNET
    path.parent.mkdir(parents=True)
    torch.save(wide_resnet50_2(weights=None).state_dict(), path)
    assert not verify_real.loads(found()["wide_resnet50_2"])
    assert "the download was cut or is another file" in capsys.readouterr().out
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    for module in (patch_features, verify_real):
        monkeypatch.setattr(module, "WIDE_RESNET", f"wide-{digest[:8]}.pth")
    path = path.rename(path.with_name(f"wide-{digest[:8]}.pth"))
    assert verify_real.loads(found()["wide_resnet50_2"])
    source = "torchvision's IMAGENET1K_V1, sha256 begins as the file's name ends"
    assert f"wide_resnet50_2: {source}, sha256 {digest} ({path})" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "words"),
    [(["--limit", "0"], "limit must be a whole number from 2"), (["--backbone", "nope"], "unknown backbone 'nope'")],
)
def test_a_wrong_argument_is_refused_in_plain_words_before_anything_is_loaded(
    tmp_path, monkeypatch, capsys, wrong, words
):
    monkeypatch.setattr(verify_real, "loads", lambda *_: pytest.fail("weights were loaded"))
    with pytest.raises(SystemExit) as left:
        verify_real.main(["--data-root", str(tmp_path), *wrong])
    assert left.value.code == 2
    assert words in capsys.readouterr().err


def test_the_exit_status_is_that_of_all(tmp_path, monkeypatch):
    monkeypatch.setattr(verify_real, "measured", lambda study: (pd.DataFrame(), True))
    for loaded, code in ((True, 0), (False, 1)):
        monkeypatch.setattr(verify_real, "loads", lambda weights, loaded=loaded: loaded or weights.name != "sam-vit-b")
        assert verify_real.main(["--data-root", str(tmp_path)]) == code
