"""AnomalyCLIP's published checkpoints: made here as the authors' class makes them, read, and refused where they do not
fit."""

from pathlib import Path

import open_clip
import pytest
import torch
from learned_prompts import random_prompts
from tiny_clip import random_images, tiny_backbone, tiny_model

import zsad
from zsad.clip import Backbone
from zsad.detectors.anomalyclip import text_features

BPE = open_clip.get_tokenizer("ViT-L-14-336")
DEEP = "compound_prompts_text."
OBJECT, DAMAGED, STOP, START, END = 14115, 13568, 269, 49406, 49407


@pytest.fixture(scope="module")
def backbone():
    return bpe_backbone()


def bpe_backbone(seed=0, **text):
    model = tiny_model(seed, text={"vocab_size": BPE.vocab_size, "layers": 9, **text})
    return Backbone(model, BPE, "tiny", shown=["captions"])


def published(backbone, prompts):
    """The entry `prompt_learner`, with what the authors' class keeps beside the learned words, by the ids of tokens."""
    table = backbone.model.token_embedding.weight
    state = {}
    for side, name, ids in (("pos", "normal", [OBJECT]), ("neg", "anomalous", [DAMAGED, OBJECT])):
        row = torch.tensor([START, *[343] * 12, *ids, STOP, END])
        row = torch.nn.functional.pad(row, (0, 77 - len(row)))
        state[f"ctx_{side}"] = prompts[name][None, None]
        state[f"token_prefix_{side}"] = table[row[:1]][None, None]
        state[f"token_suffix_{side}"] = table[row[13:]][None, None]
        state[f"tokenized_prompts_{side}"] = row[None].int()
    for number, vectors in enumerate(prompts["deep"]):
        state[f"compound_prompts_text.{number}"] = vectors
        state[f"compound_prompt_projections.{number}.weight"] = torch.zeros(896, vectors.shape[1])
        state[f"compound_prompt_projections.{number}.bias"] = torch.zeros(896)
    return state


def save(state, folder, entry="prompt_learner"):
    folder.mkdir(parents=True, exist_ok=True)
    torch.save({entry: state}, folder / "epoch_15.pth")
    return folder / "epoch_15.pth"


def load(path, backbone, **options):
    return zsad.load_detector("anomalyclip", backbone, trained_on=str(path), **options)


@pytest.mark.parametrize(
    ("folder", "suite"),
    [("9_12_4_multiscale", "visa"), ("9_12_4_multiscale_visa", "mvtec_ad")],
)
def test_prompts_are_read_and_the_folder_says_what_they_are_for(folder, suite, backbone, tmp_path):
    prompts = random_prompts(sets=8)
    detector = load(save(published(backbone, prompts), tmp_path / folder), backbone)
    assert detector.trained_on.suite == suite
    assert detector.league == "auxiliary anomalies"
    image, _ = detector._features(random_images(2))
    expected = torch.softmax(image @ text_features(backbone, prompts).T / 0.07, dim=1)[:, 1]
    torch.testing.assert_close(detector.predict(random_images(2), "nut").score, expected, atol=1e-6, rtol=0)


def test_another_published_backbone_is_refused(backbone, tmp_path):
    """The tokens around the words are the same in APRIL-GAN's reading of these weights, and the shapes in others."""
    path = save(published(backbone, random_prompts(sets=8)), tmp_path / "9_12_4_multiscale")
    for name in ("ViT-L-14-336-APRIL-GAN", "ViT-L-14"):
        other = Backbone(backbone.model, BPE, name)
        with pytest.raises(ValueError, match=rf"trained with .* ViT-L-14-336-AnomalyCLIP, not .* {name}"):
            load(path, other)
    assert load(path, Backbone(backbone.model, BPE, "ViT-L-14-336-AnomalyCLIP")).trained_on.suite == "visa"


def test_a_folder_that_does_not_say_what_they_were_trained_on_is_refused(backbone, tmp_path):
    path = save(published(backbone, random_prompts(sets=8)), tmp_path / "my own")
    with pytest.raises(
        ValueError, match=r"says what it was trained on, 9_12_4_multiscale \(trained on visa\) or 9_.*put"
    ):
        load(path, backbone)
    (link := tmp_path / "9_12_4_multiscale" / "epoch_15.pth").parent.mkdir()
    link.symlink_to(path)
    assert load(link, backbone).trained_on.suite == "visa"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"deep_tokens": False}, "was learned with deep_tokens=True, not deep_tokens=False: choose"),
        ({"tokens": "plain"}, "was learned with tokens='V-V', not tokens='plain': choose"),
        ({"class_norm": True}, "was learned with class_norm=False, not class_norm=True: choose"),
        ({"taps": [1]}, r"was learned with taps=\[2\], not taps=\[1\]: choose"),
    ],
)
def test_other_choices_than_the_published_are_refused(options, words, backbone, tmp_path):
    path = save(published(backbone, random_prompts(sets=8)), tmp_path / "9_12_4_multiscale")
    with pytest.raises(ValueError, match=words):
        load(path, backbone, **options)
    assert load(path, backbone, taps=[2]).fingerprint == load(path, backbone).fingerprint


def test_prompts_without_deep_tokens_are_refused_unless_none_are_asked_for(backbone, tmp_path):
    state = published(backbone, random_prompts(sets=8))
    path = save({name: t for name, t in state.items() if "compound" not in name}, tmp_path / "9_12_4_multiscale")
    with pytest.raises(ValueError, match="was learned with deep_tokens=False, not deep_tokens=True: choose"):
        load(path, backbone)
    assert load(path, backbone, deep_tokens=False).options["deep_tokens"] is False


def test_the_suffix_names_the_tested_set(backbone, tmp_path):
    """Prompts from a folder that ends in visa were learned from MVTec AD: they may be tested on VisA, and not on it."""
    path = save(published(backbone, random_prompts(sets=8)), tmp_path / "9_12_4_multiscale_visa")
    trained_on = load(path, backbone).trained_on
    trained_on.check_unseen(["visa"], [])
    with pytest.raises(ValueError, match="it was trained on mvtec_ad, with masks: that is no zero-shot test"):
        trained_on.check_unseen(["mvtec_ad"], [])


def test_prompts_of_a_bfloat16_backbone_fit(backbone, tmp_path):
    path = save(published(backbone, random_prompts(sets=8)), tmp_path / "9_12_4_multiscale")
    rounded = Backbone(backbone.model, BPE, "tiny", dtype="bfloat16")
    assert load(path, rounded).predict(random_images(1), "nut").score.isfinite().all()


def wrong(backbone):
    whole = published(backbone, random_prompts(sets=8))
    swapped = {**whole, "token_suffix_pos": whole["token_suffix_neg"]}
    wide = published(bpe_backbone(width=48), random_prompts(width=48, sets=8))
    layers = {"fc.0.weight": torch.zeros(4, 4), "fc.0.bias": torch.zeros(4)}
    lost = {name: value for name, value in whole.items() if not name.startswith("token_suffix")}
    deep = published(backbone, random_prompts(sets=9))
    other = published(bpe_backbone(seed=1), random_prompts(sets=8))
    return {
        "swapped": (swapped, "its token_suffix_pos is not the token vectors that stand around 'object.' there"),
        "wide": (wide, r"does not fit the text tower of tiny: ctx_pos is \(12, 48\), not \(12, 32\)"),
        "deep": (deep, r"epoch_15\.pth does not fit .* compound_prompts_text\.8 has no place\. It was"),
        "words": ({**whole, "ctx_neg": whole["ctx_neg"][:, :, :10]}, r"ctx_neg is \(10, 32\), not \(12, 32\)"),
        "flat": ({**whole, "ctx_pos": whole["ctx_pos"].flatten()}, r"ctx_pos is \(384,\), not \(12, 32\)"),
        "scalar": ({**whole, "ctx_pos": torch.tensor(1.0)}, r"ctx_pos is \(\), not"),
        "prefix": ({**whole, "token_prefix_pos": torch.tensor(1.0)}, r"token_prefix_pos is \(\), not \(1, 32\)"),
        "unequal": ({**whole, f"{DEEP}1": whole[f"{DEEP}1"][:3]}, r"text\.1 is \(3, 32\), not \(4, 32\)"),
        "unnumbered": ({**whole, f"{DEEP}x": whole[f"{DEEP}1"]}, r"text\.x has no place"),
        "gap": ({name: t for name, t in whole.items() if name != f"{DEEP}3"}, r"text\.3 is missing"),
        "nan": ({**whole, "ctx_pos": whole["ctx_pos"] * torch.nan}, "ctx_pos has numbers that are not finite"),
        "nan behind": ({**whole, "token_suffix_pos": whole["token_suffix_pos"] * torch.nan}, "suffix_pos has numbers"),
        "complex": ({**whole, "ctx_pos": whole["ctx_pos"] + 1j}, r"ctx_pos is of torch\.complex64, not of floating"),
        "layers": (layers, "no checkpoint of AnomalyCLIP's prompts: it lacks ctx_neg, ctx_pos, token_prefix_neg"),
        "lost": (lost, "it lacks token_suffix_neg, token_suffix_pos"),
        "other": (other, "was trained with another CLIP or tokenizer than tiny: its token_prefix_pos"),
    }


@pytest.mark.parametrize(
    "kind",
    [
        *("swapped", "wide", "deep", "layers", "lost", "other", "words", "flat", "scalar", "prefix", "unequal"),
        *("unnumbered", "gap", "nan", "nan behind", "complex"),
    ],
)
def test_prompts_of_something_else_are_named(kind, backbone, tmp_path):
    state, message = wrong(backbone)[kind]
    with pytest.raises(ValueError, match=message):
        load(save(state, tmp_path / "9_12_4_multiscale"), backbone)


def test_a_backbone_with_another_tokenizer_is_named(backbone, tmp_path):
    path = save(published(backbone, random_prompts(sets=8)), tmp_path / "9_12_4_multiscale")
    with pytest.raises(ValueError, match=r"does not fit the text tower of tiny: .* It was trained with another arch"):
        load(path, tiny_backbone())


class Evil:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return (Path.touch, (self.target,))


def test_nothing_in_a_checkpoint_is_run(backbone, tmp_path):
    state = {**published(backbone, random_prompts(sets=8)), "ctx_pos": Evil(tmp_path / "made")}
    with pytest.raises(ValueError, match=r"epoch_15\.pth is no file of tensors alone.*nothing in it was run"):
        load(save(state, tmp_path / "9_12_4_multiscale"), backbone)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("kept", [0.5, 0.0])
def test_a_checkpoint_that_was_cut_is_named(kept, backbone, tmp_path):
    path = save(published(backbone, random_prompts(sets=8)), tmp_path / "9_12_4_multiscale")
    payload = path.read_bytes()
    path.write_bytes(payload[: int(kept * len(payload))])
    with pytest.raises(ValueError, match=r"epoch_15\.pth is no file of tensors alone, or is damaged"):
        load(path, backbone)


def test_what_is_no_checkpoint_or_not_there_is_named(backbone, tmp_path):
    path = tmp_path / "epoch_15.pth"
    with pytest.raises(FileNotFoundError, match=r"no checkpoint .*epoch_15\.pth: take it from .*zqhang/AnomalyCLIP"):
        load(path, backbone)
    path.write_text("<!DOCTYPE html><title>Sign in</title>")
    with pytest.raises(ValueError, match="a web page was saved instead of the weights"):
        load(path, backbone)
