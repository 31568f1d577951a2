import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tiny_clip import TOKENIZER, random_images, tiny_backbone, tiny_model
from torch.nn import functional as F

import zsad
from zsad.clip import Backbone, load_backbone
from zsad.clip.store import read_tensors
from zsad.detectors import localises
from zsad.detectors.text_fnn import KINDS
from zsad.detectors.text_training.learned_words import mean_absolute_cosine

IMAGES = random_images(3)
# Small, and in steps that suit the large weights of the test tower.
QUICK = {
    "diversity_words": 5,
    "distribution_words": 2,
    "diversity_tokens": 2,
    "distribution_tokens": 1,
    "word_steps": 6,
    "word_learning_rate": 2e-4,
    "epochs": 2,
}
GUIDED_WORDS = ("both kinds", "distribution words")
UNTRAINED = {"diversity": None, "guidance": None}


def text_fnn(backbone=None, **options):
    return zsad.load_detector("text_fnn", backbone or tiny_backbone(), **{**QUICK, **options})


def vectors(detector, category="nut"):
    detector.train(category)
    state = detector._states[category]
    return [state[f"{kind}.vectors"] for kind in KINDS]


@pytest.fixture(scope="module")
def plain():
    return text_fnn()


def test_the_score_is_what_the_head_says_of_the_image():
    detector = text_fnn()
    prediction = detector.predict(IMAGES, "nut")
    expected = detector.train("nut")(tiny_backbone().embed_image(IMAGES)).softmax(dim=1)[:, 1]
    torch.testing.assert_close(prediction.score, expected, atol=1e-6, rtol=0)
    assert torch.equal(prediction.map, prediction.score[:, None, None].expand(3, 80, 80))
    assert not localises(detector)


def test_the_head_sees_every_combination_of_words_and_prompts():
    detector = text_fnn()
    texts = detector.texts("nut")
    diversity, distribution = vectors(detector)
    assert texts.features.shape == (5 * 2 * 3, 24)
    assert texts.sides.tolist() == [0, 1, 1] * 10
    backbone, row = tiny_backbone(), 0
    for first in diversity:
        for second in distribution:
            for prompt in ("nut.", "broken nut.", "damaged nut."):
                tokens = backbone.tokenize([prompt], torch.full((1, 3), 5))
                feature = backbone.embed_tokens(tokens, torch.cat([first, second])[None])[0]
                torch.testing.assert_close(texts.features[row].float(), feature, atol=1e-5, rtol=0)
                row += 1


def test_both_kinds_of_words_move_and_nothing_frozen_does():
    backbone = tiny_backbone()
    before = {name: tensor.clone() for name, tensor in backbone.model.state_dict().items()}
    learned, drawn = vectors(text_fnn(backbone)), vectors(text_fnn(backbone, **UNTRAINED))
    for after, start in zip(learned, drawn, strict=True):
        assert ((after - start).abs().amax(dim=(1, 2)) > 1e-7).all()
    assert all(torch.equal(tensor, before[name]) for name, tensor in backbone.model.state_dict().items())
    assert all(parameter.grad is None for parameter in backbone.model.parameters())


def test_words_are_learned_in_float64_whatever_the_backbone_is_held_in():
    """A 16-bit backbone gives the words of one whose weights were rounded to 16 bits and held in float32."""
    held = text_fnn(tiny_backbone(dtype="bfloat16"))
    rounded = tiny_model()
    rounded.load_state_dict({name: tensor.bfloat16().float() for name, tensor in rounded.state_dict().items()})
    wide = text_fnn(Backbone(rounded, TOKENIZER, "rounded"))
    for mine, theirs in zip(vectors(held), vectors(wide), strict=True):
        assert mine.dtype == torch.float64
        assert torch.equal(mine, theirs)
    assert torch.equal(held.texts("nut").features, wide.texts("nut").features)
    assert held.predict(IMAGES, "nut").score.isfinite().all()


def test_no_image_reaches_training():
    """Training works, to the same bits, on a backbone whose image tower is gone."""
    blind = tiny_backbone()
    expected = text_fnn().train("nut").state_dict()
    fingerprint = blind.fingerprint
    blind.model.visual = torch.nn.Module()
    detector = text_fnn(blind)
    assert blind.fingerprint == fingerprint
    result = detector.train("nut").state_dict()
    assert all(torch.equal(result[name], expected[name]) for name in expected)
    with pytest.raises(AttributeError):
        detector.predict(IMAGES, "nut")


def test_a_head_does_not_depend_on_the_images_it_was_first_asked_about():
    one, other = text_fnn(), text_fnn()
    one.predict(IMAGES, "nut")
    other.predict(random_images(1, 40, 40, seed=5), "nut")
    assert torch.equal(one.predict(IMAGES, "nut").score, other.predict(IMAGES, "nut").score)


def test_learned_words_are_more_diverse_than_random_ones():
    options = {"word_steps": 30, "guidance": None}
    learned, random = (text_fnn(**o).word_features("nut") for o in (options, UNTRAINED))
    for kind in KINDS:
        assert mean_absolute_cosine(learned[kind]) < mean_absolute_cosine(random[kind]) - 0.01


def test_a_step_takes_as_many_diversity_words_as_it_is_told():
    few, all_at_once = (vectors(text_fnn(guidance_words=count))[1] for count in (2, 5))
    assert (few - all_at_once).abs().max() > 1e-6


def test_guidance_of_full_texts_keeps_the_meaning_of_what_the_head_is_trained_on():
    """On a demo backbone, with a quarter of the words of the defaults and half of their steps.

    Words as they are drawn leave every text its meaning; words that are learned must not take it away.
    """
    backbone = load_backbone("demo-b")
    few = {"diversity_words": 20, "distribution_words": 3, "word_steps": 50, "guidance_words": 4, "epochs": 1}

    def kept(**options):
        return zsad.load_detector("text_fnn", backbone, **{**few, **options}).meaning("washer")

    drawn, full, behind = kept(**UNTRAINED), kept(), kept(guidance_of="texts without diversity words")
    assert drawn["moved right"] == full["moved right"] == 1
    # Fewer stray, by at least a quarter: of five seeds by 0.31 to 1.
    assert 1 - full["nearer own side"] < 0.75 * (1 - behind["nearer own side"])
    assert full["nearer own side"] > drawn["nearer own side"]


def test_guided_diversity_words_leave_every_text_its_meaning():
    """On a demo backbone. With diversity alone, far faster than by default, many of these words take it away."""
    fast = {"diversity_words": 16, "distribution_words": 2, "word_steps": 30, "word_learning_rate": 0.01, "epochs": 1}
    backbone = load_backbone("demo-b")
    both, one = (
        zsad.load_detector("text_fnn", backbone, guided_words=kinds, **fast).meaning("washer") for kinds in GUIDED_WORDS
    )
    assert one["moved right"] < 0.99
    assert both["moved right"] == 1


@pytest.mark.parametrize(
    ("options", "moved"),
    [
        (UNTRAINED, [False, False]),
        ({"guidance": None}, [True, True]),
        ({"diversity": None}, [True, True]),
        ({"diversity": None, "guided_words": "distribution words"}, [False, True]),
        ({}, [True, True]),
    ],
)
def test_controls_switch_terms_off(options, moved):
    drawn = vectors(text_fnn(**UNTRAINED))
    after = vectors(text_fnn(**options))
    assert [not torch.equal(a, b) for a, b in zip(after, drawn, strict=True)] == moved


@pytest.mark.parametrize(
    "options",
    [
        {"diversity": "signed", "distribution_words": 3},
        {"diversity_of": "token vectors"},
        {"guidance": "knowledge"},
        {"guidance": "shifts"},
        {"guidance_of": "texts without diversity words"},
        {"guidance_temperature": 1.0},
        {"guidance_weight": 3.0},
        {"schedule": "sequential"},
        {"seed": 1},
        {"head": "linear"},
        {"head": "arcface"},
        {"head": "prototype"},
        {"layers": 3},
        {"noise": 0.2},
        {"semantic": {"normal": ["{}."], "anomalous": ["bad {}."]}},
        {"known_name": False},
        {"windows": (2,)},
        {"temperature": 3.0},
    ],
)
def test_every_choice_counts(options, plain):
    other = text_fnn(**options)
    difference = plain.predict(IMAGES, "nut").score - other.predict(IMAGES, "nut").score
    assert difference.abs().max() > 1e-7
    assert plain.fingerprint != other.fingerprint


def test_equal_seeds_give_equal_bits_whatever_came_before():
    first = text_fnn().predict(IMAGES, "nut").score
    detector = text_fnn()
    with torch.inference_mode():
        detector.predict(IMAGES, "washer")
    torch.rand(7)
    assert torch.equal(detector.predict(IMAGES, "nut").score, first)


def test_diversity_words_are_learned_once_for_all_categories(monkeypatch):
    detector = text_fnn()
    first = vectors(detector, "nut")
    calls = []
    learn = detector._learn_kind
    monkeypatch.setattr(detector, "_learn_kind", lambda *a: calls.append((a[1], a[0][a[1]].step)) or learn(*a))
    second = vectors(detector, "washer")
    assert calls == [("diversity", 6), ("distribution", 0)]
    assert torch.equal(first[0], second[0])
    assert not torch.equal(first[1], second[1])


def test_gradients_reach_the_images():
    images = IMAGES.clone().requires_grad_()
    with torch.inference_mode():
        detector = text_fnn()
        detector.predict(IMAGES, "nut")
    detector.predict(images, "nut").score.sum().backward()
    assert (F.avg_pool2d(images.grad.abs(), 16) > 0).all()


def test_a_saved_training_serves_another_detector(tmp_path):
    first, second = text_fnn(), text_fnn(map="patches")
    first.save("nut", tmp_path / "nut.safetensors")
    second.load("nut", tmp_path / "nut.safetensors")
    assert torch.equal(second.predict(IMAGES, "nut").score, first.predict(IMAGES, "nut").score)
    assert (tmp_path / "nut.safetensors").stat().st_size < 30_000


@pytest.mark.parametrize("change", ["backbone", "object", "seed"])
def test_a_training_of_something_else_is_refused(tmp_path, change):
    path = tmp_path / "nut.safetensors"
    text_fnn().save("nut", path)
    detector = {"backbone": text_fnn(tiny_backbone(seed=1)), "seed": text_fnn(seed=1)}.get(change) or text_fnn()
    named = {"backbone": "backbone", "object": "object words", "seed": "options"}[change]
    with pytest.raises(ValueError, match=f"was trained for another {named}"):
        detector.load("washer" if change == "object" else "nut", path)


def test_a_training_of_another_backbone_in_the_cache_is_refused(tmp_path):
    other, detector = text_fnn(tiny_backbone(seed=1), cache=tmp_path), text_fnn(cache=tmp_path)
    other.train("nut")
    (file,) = tmp_path.iterdir()
    file.rename(detector._purpose("nut").file_in(tmp_path))
    with pytest.raises(ValueError, match="was trained for another backbone"):
        detector.predict(IMAGES, "nut")


def test_a_kept_training_is_read_and_not_done_again(tmp_path, monkeypatch):
    expected = text_fnn(cache=tmp_path).predict(IMAGES, "nut").score
    again = text_fnn(cache=tmp_path)
    monkeypatch.setattr(again.backbone, "embed_tokens", lambda *_, **__: pytest.fail("trained again"))
    assert torch.equal(again.predict(IMAGES, "nut").score, expected)
    assert again.fingerprint == text_fnn().fingerprint


KILLED = """
import os, signal, sys
from test_text_fnn import text_fnn
from zsad.detectors.text_training import detector, learned_words

learned_words.CHECKPOINT_STEPS = 1
save, saved = detector.save_state, []

def save_and_die(*arguments):
    save(*arguments)
    saved.append(1)
    if len(saved) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

detector.save_state = save_and_die
text_fnn(cache=sys.argv[1]).train("nut")
"""


def test_a_killed_training_goes_on_to_the_same_bytes(tmp_path):
    """A real process, killed after six steps of the diversity words and three of the distribution words."""
    here = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(here), str(here.parent)])}
    command = [sys.executable, "-c", KILLED, str(tmp_path / "killed"), "9"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert result.returncode == -signal.SIGKILL, result.stderr
    (file,) = (tmp_path / "killed").iterdir()
    assert not any(name.startswith("head.") for name in read_tensors(file)[0])
    resumed, whole = text_fnn(cache=tmp_path / "killed"), text_fnn(cache=tmp_path / "whole")
    steps = []
    learn = resumed._learn_kind
    resumed._learn_kind = lambda *a: steps.append(a[0][a[1]].step) or learn(*a)
    for detector in (resumed, whole):
        detector.train("nut")
    assert steps == [6, 3]
    assert file.read_bytes() == (tmp_path / "whole" / file.name).read_bytes()


def test_options_are_json_and_rebuild_the_detector():
    detector = text_fnn(**UNTRAINED, windows=(2,), head="linear")
    options = json.loads(json.dumps(detector.options))
    assert options == detector.options
    assert "cache" not in options
    assert text_fnn(**options).fingerprint == detector.fingerprint


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"semantic": {"normal": [], "anomalous": ["bad {}"]}}, "semantic, normal needs a list of at least one text"),
        ({"semantic": {"anomalous": ["bad {}"]}}, "semantic needs the keys 'normal' and 'anomalous'"),
        ({"diversity": "none"}, "diversity must be 'absolute' or 'signed', not 'none'"),
        ({"diversity_of": "images"}, "diversity_of must be .*, not 'images'"),
        ({"guidance": "content words"}, "guidance must be 'content', 'knowledge' or 'shifts', not"),
        ({"guidance_of": "words"}, "guidance_of must be 'full texts' or 'texts without diversity words', not 'words'"),
        ({"guidance_temperature": 0}, "guidance_temperature must be above 0.0, not 0"),
        ({"guidance_words": 0}, "guidance_words must be at least 1"),
        ({"schedule": "random"}, "schedule must be 'joint' or 'sequential', not 'random'"),
        ({"distribution_tokens": 0}, "distribution_tokens must be a whole number from 1"),
        ({"word_steps": -1}, "word_steps must be a whole number from 0"),
    ],
)
def test_values_that_an_option_does_not_take(options, message):
    with pytest.raises(ValueError, match=message):
        text_fnn(**options)


def test_more_words_than_the_context_holds_are_refused_before_anything_is_learned(monkeypatch):
    detector = text_fnn(diversity_tokens=40, distribution_tokens=32)
    monkeypatch.setattr(detector.backbone, "embed_tokens", lambda *_, **__: pytest.fail("learned"))
    with pytest.raises(ValueError, match=r"77 tokens, does not hold 'broken nut\.' and 72 more tokens"):
        detector.predict(IMAGES, "nut")
