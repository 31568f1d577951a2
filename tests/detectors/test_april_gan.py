"""APRIL-GAN against its formula, written out; its parts; and what it refuses."""

import dataclasses
import json
import math
import pickle
from itertools import product

import pytest
import torch
from tiny_clip import TOKENIZER, random_images, tiny_backbone, tiny_model
from tiny_parts import ship_untrained

import zsad
from zsad.auxiliary import LEARNERS
from zsad.clip import Backbone, zoo
from zsad.data.demo import SUITES
from zsad.detectors.april_gan import STATES_35, TEMPLATES_35, AprilGANOptions, Layers, taps_of
from zsad.detectors.learned import Learned, TrainedOn, save_learned
from zsad.leagues import leagues_of_outputs


@pytest.fixture(scope="module")
def backbone():
    return tiny_backbone()


@pytest.fixture(autouse=True)
def parts(tmp_path, monkeypatch, backbone):
    monkeypatch.setattr(zoo, "WEIGHTS", ship_untrained(tmp_path / "weights", backbone))


def layers_of(detector):
    return detector._layers


# As in the authors' code, an article or a look at a time.
PHOTOS = """
a bad|the bad|a low resolution|the low resolution|a cropped|the cropped|a bright|the bright|a dark|the dark
a close-up|the close-up|a black and white|the black and white|a jpeg corrupted|the jpeg corrupted
a blurry|the blurry|a good|the good
"""
ARTICLES = "a|the|my|one|a cool|the cool|a large|the large|a small|the small"


def test_the_templates_are_the_published_ones():
    looks = [words.split(" ", 1) for words in PHOTOS.strip().replace("\n", "|").split("|")]
    expected = [f"a {look} photo of {article} {{}}." for article, look in looks]
    expected += [f"a photo of {article} {{}}." for article in ARTICLES.split("|")]
    expected += ["there is a {} in the scene.", "there is the {} in the scene.", "this is a {} in the scene."]
    expected += ["this is the {} in the scene.", "this is one {} in the scene."]
    assert len(TEMPLATES_35) == 35
    assert set(TEMPLATES_35) == set(expected)


def text_by_hand(backbone, category):
    """Each sentence a unit vector, their mean made a unit vector again, normal first."""
    sides = []
    for states in STATES_35.values():
        vectors = [
            backbone.embed_text([template.replace("{}", state.replace("{}", category))])[0].double()
            for state, template in product(states, TEMPLATES_35)
        ]
        mean = sum(vector / vector.norm() for vector in vectors) / len(vectors)
        sides.append(mean / mean.norm())
    return sides


def map_by_hand(layers, states, text, grid, size):
    """Summed over taps: cosines times 100 at each patch, read between patches with aligned corners, then softmax."""
    total = [[0.0] * size for _ in range(size)]
    for layer, state in zip(layers.fc, states, strict=True):
        cosines = []
        for token in state.double():
            patch = layer.weight.double() @ token + layer.bias.double()
            cosines.append([100 * float(patch @ side) / float(patch.norm()) for side in text])
        for row, column in product(range(size), range(size)):
            y, x = row * (grid[0] - 1) / (size - 1), column * (grid[1] - 1) / (size - 1)
            top, left = min(int(y), grid[0] - 2), min(int(x), grid[1] - 2)
            logits = [0.0, 0.0]
            for below, right in product((0, 1), (0, 1)):
                weight = abs(1 - below - (y - top)) * abs(1 - right - (x - left))
                for side in (0, 1):
                    logits[side] += weight * cosines[(top + below) * grid[1] + left + right][side]
            total[row][column] += 1 / (1 + math.exp(logits[0] - logits[1]))
    return torch.tensor(total, dtype=torch.float64)


def test_the_map_and_the_score_are_their_formulas(backbone):
    detector = zsad.load_detector("april_gan", backbone)
    images = random_images(2)
    found = detector.predict(images, "metal_nut")
    text = text_by_hand(backbone, "metal_nut")
    image, states = backbone.embed_image_and_states(images, detector.taps)
    for index in range(2):
        own = [states[tap][index] for tap in detector.taps]
        expected = map_by_hand(layers_of(detector), own, text, backbone.grid, backbone.image_size)
        assert torch.allclose(found.map[index].double(), expected, atol=1e-4)
        normal, anomalous = (100 * float(image[index].double() @ side) for side in text)
        assert float(found.score[index]) == pytest.approx(1 / (1 + math.exp(normal - anomalous)), abs=1e-4)


def test_a_map_has_the_size_of_its_image(backbone):
    detector = zsad.load_detector("april_gan", backbone)
    large = detector.predict(random_images(1, 120, 150), "nut").map
    assert large.shape == (1, 120, 150)
    assert 0 <= float(large.min()) <= float(large.max()) <= len(detector.taps)


def test_its_sentences_are_the_35_templates_of_12_states():
    normal, anomalous = AprilGANOptions().sentences("metal_nut")
    assert (len(normal), len(anomalous)) == (35 * 7, 35 * 5)
    assert len({*normal, *anomalous}) == 35 * 12
    assert normal[0] == "a bad photo of a metal_nut."
    assert "there is the metal_nut without damage in the scene." in normal
    assert "a photo of the cool broken metal_nut." in anomalous
    assert all(line.endswith(".") for line in normal + anomalous)
    assert AprilGANOptions(replace_underscores=True).sentences("metal_nut")[0][0] == "a bad photo of a metal nut."


def test_the_score_is_text_alone_and_the_map_is_not(backbone, tmp_path):
    detector = zsad.load_detector("april_gan", backbone)
    before = detector.predict(random_images(2), "nut")
    for parameter in layers_of(detector).parameters():
        parameter.mul_(-1)
    after = detector.predict(random_images(2), "nut")
    assert torch.equal(before.score, after.score)
    assert not torch.allclose(before.map, after.map, atol=0.01)
    assert leagues_of_outputs(detector) == {"scores": "text only", "maps": "auxiliary anomalies"}
    assert detector.league == "auxiliary anomalies"


def test_gradients_reach_the_image_through_score_and_map(backbone):
    detector = zsad.load_detector("april_gan", backbone)
    for part in ("score", "map"):
        images = random_images(1).requires_grad_()
        getattr(detector.predict(images, "nut"), part).sum().backward()
        assert images.grad.abs().max() > 0
        assert images.grad.isfinite().all()


def test_images_go_through_the_tower_once(backbone, monkeypatch):
    detector = zsad.load_detector("april_gan", backbone)
    seen = []
    block = backbone.model.visual.transformer.resblocks[0]
    handle = block.register_forward_hook(lambda module, given, out: seen.append(given[0].shape[0]))
    detector.predict(random_images(3), "nut")
    handle.remove()
    assert sum(seen) == 3


@pytest.mark.parametrize(("blocks", "taps"), [(6, (2, 3, 5, 6)), (9, (2, 5, 7, 9)), (24, (6, 12, 18, 24))])
def test_taps_are_at_the_quarters_of_the_tower(blocks, taps):
    tower = Backbone(tiny_model(vision={"layers": blocks, "width": 8, "head_width": 4}), lambda texts: None)
    assert taps_of(tower, None) == taps


def test_a_tap_that_the_tower_does_not_have_is_refused(backbone):
    with pytest.raises(ValueError, match=r"tiny has the blocks 1 to 2, no 7"):
        zsad.load_detector("april_gan", backbone, taps=[1, 7])


def test_parts_trained_with_other_taps_are_refused(backbone):
    with pytest.raises(ValueError, match=r"another taps: \[1, 1, 2, 2\], not \[1, 2\]"):
        zsad.load_detector("april_gan", backbone, taps=[1, 2])


def test_the_control_compares_with_its_own_vectors(tmp_path, backbone):
    learner = LEARNERS["april_gan"](backbone, {"compared_with": "learned vectors"}, 0)
    learned = Learned("control", learner.module.state_dict(), TrainedOn("demo-visa"), learner.choices)
    path = save_learned(learner.part, learned, backbone, {}, tmp_path)
    control = zsad.load_detector("april_gan", backbone, trained_on=path, compared_with="learned vectors")
    images = random_images(2)
    nut, hazelnut = (control.predict(images, category) for category in ("nut", "hazelnut"))
    assert torch.equal(nut.map, hazelnut.map)
    assert not torch.equal(nut.score, hazelnut.score)
    with pytest.raises(ValueError, match="belongs to another part: 'april_gan_vectors', not 'april_gan'"):
        zsad.load_detector("april_gan", backbone, trained_on=path)


def published(path, backbone, taps=4, **changes):
    """A file as the authors' script writes it."""
    torch.manual_seed(3)
    layers = Layers(32, 24, taps)
    torch.save({"trainable_linearlayer": layers.state_dict(), **changes}, path)
    return layers


def spoilt(path, change):
    state = Layers(32, 24, 4).state_dict()
    torch.save({"trainable_linearlayer": {**state, "fc.0.weight": change(state["fc.0.weight"])}}, path)


def test_a_published_file_is_refused_with_other_taps_than_its_own(tmp_path, backbone):
    path = tmp_path / "visa_pretrained.pth"
    published(path, backbone)
    assert zsad.load_detector("april_gan", backbone, trained_on=path, taps=[1, 1, 2, 2]).taps == (1, 1, 2, 2)
    with pytest.raises(ValueError, match=r"was learned with taps=\[1, 1, 2, 2\], not taps=\[1, 2, 1, 2\]: choose"):
        zsad.load_detector("april_gan", backbone, trained_on=path, taps=[1, 2, 1, 2])


def test_a_published_file_is_refused_on_another_published_backbone(tmp_path):
    path = tmp_path / "visa_pretrained.pth"
    for name in ("ViT-L-14-336-AnomalyCLIP", "ViT-L-14"):  # whose shapes are the same
        backbone = Backbone(tiny_model(), TOKENIZER, name)
        published(path, backbone)
        with pytest.raises(ValueError, match=rf"trained with .* ViT-L-14-336-APRIL-GAN, not .* {name}"):
            zsad.load_detector("april_gan", backbone, trained_on=path)
    backbone = Backbone(tiny_model(), TOKENIZER, "ViT-L-14-336-APRIL-GAN")
    assert zsad.load_detector("april_gan", backbone, trained_on=path).trained_on.suite == "visa"


def test_a_published_file_is_read_and_says_what_it_was_trained_on(tmp_path, backbone):
    for word, suite in (("mvtec", "mvtec_ad"), ("visa", "visa")):
        layers = published(tmp_path / f"{word}_pretrained.pth", backbone)
        detector = zsad.load_detector("april_gan", backbone, trained_on=str(tmp_path / f"{word}_pretrained.pth"))
        assert detector.trained_on.suite == suite == detector.options["trained_on"]
        assert torch.equal(layers_of(detector).fc[3].weight, layers.fc[3].weight)
        with pytest.raises(ValueError, match=f"it was trained on {suite}, with masks: that is no zero-shot test"):
            detector.trained_on.check_unseen([suite], [])


def test_a_data_set_is_looked_for_in_a_folder_of_ones_own(tmp_path, backbone):
    with pytest.raises(FileNotFoundError, match=r"not hold april_gan-tiny-visa\.safetensors or visa_pretrained\.pth"):
        zsad.load_detector("april_gan", backbone, trained_on="visa", weights_folder=tmp_path)
    published(tmp_path / "visa_pretrained.pth", backbone)
    theirs = zsad.load_detector("april_gan", backbone, trained_on="visa", weights_folder=tmp_path)
    assert "weights_folder" not in theirs.options
    assert str(tmp_path) not in str(theirs.options)
    ship_untrained(tmp_path, backbone, "visa")
    ours = zsad.load_detector("april_gan", backbone, trained_on="visa", weights_folder=tmp_path)
    assert theirs.options == ours.options
    assert theirs.fingerprint != ours.fingerprint


class Program:
    def __reduce__(self):
        return (print, ("this file was run",))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-600]), "or is damaged; nothing in it was run"),
        (lambda path: path.write_bytes(pickle.dumps({"trainable_linearlayer": Program()})), "nothing in it was run"),
        (lambda path: path.write_text("<!DOCTYPE html>"), "a web page was saved instead of the weights"),
        (lambda path: path.write_text("version https://git-lfs.github.com/spec/v1"), "a git-lfs pointer"),
        (lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(99)), "no file of tensors alone"),
        (lambda path: torch.save({"trainable_linearlayer": [1, 2]}, path), "is no checkpoint: expected tensors"),
        (lambda path: torch.save({"prompt_learner": {"ctx": torch.zeros(1)}}, path), "is no checkpoint: expected"),
        (
            lambda path: published(path, None, taps=3),
            r"visa_pretrained\.pth does not fit tiny with 4 taps: fc\.3\.weight is missing",
        ),
        (
            lambda path: torch.save({"trainable_linearlayer": Layers(1024, 768, 4).state_dict()}, path),
            r"fc\.0\.weight is \(768, 1024\), not \(24, 32\)",
        ),
        (lambda path: spoilt(path, lambda weight: weight * math.nan), r"fc\.0\.weight has numbers that are not finite"),
        (lambda path: spoilt(path, torch.Tensor.int), r"fc\.0\.weight is of torch\.int32, not of floating-point"),
        (lambda path: path.unlink(), "exps/pretrained/visa_pretrained.pth of the GitHub repository"),
    ],
)
def test_another_file_is_refused_and_never_run(tmp_path, backbone, capsys, spoil, words):
    path = tmp_path / "visa_pretrained.pth"
    published(path, backbone)
    spoil(path)
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        zsad.load_detector("april_gan", backbone, trained_on=str(path))
    assert "this file was run" not in capsys.readouterr().out


def test_a_published_file_that_does_not_say_what_it_was_trained_on_is_refused(tmp_path, backbone):
    published(tmp_path / "epoch_3.pth", backbone)
    with pytest.raises(ValueError, match=r"says what it was trained on, mvtec_pretrained\.pth or"):
        zsad.load_detector("april_gan", backbone, trained_on=tmp_path / "epoch_3.pth")
    published(tmp_path / "visa_pretrained.pth", backbone)
    path = tmp_path / "visa_pretrained.pth"
    with pytest.raises(ValueError, match="was trained with text: it has no learned vectors"):
        zsad.load_detector("april_gan", backbone, trained_on=path, compared_with="learned vectors")


def test_the_fingerprint_follows_the_layers(tmp_path, backbone):
    published(tmp_path / "visa_pretrained.pth", backbone)
    (tmp_path / "more").mkdir()
    torch.save({"trainable_linearlayer": Layers(32, 24, 4).state_dict()}, tmp_path / "more" / "visa_pretrained.pth")
    first, other = (
        zsad.load_detector("april_gan", backbone, trained_on=folder / "visa_pretrained.pth")
        for folder in (tmp_path, tmp_path / "more")
    )
    assert first.options == other.options
    assert first.fingerprint != other.fingerprint


@pytest.mark.parametrize("suite", ["demo-mvtec", "demo-visa"])
def test_the_layers_of_the_demo_world_ship_and_know_what_they_were_trained_on(suite, monkeypatch):
    monkeypatch.undo()
    detector = zsad.load_detector("april_gan", trained_on=suite)
    assert detector.taps == (2, 3, 5, 6)
    categories = SUITES[suite].categories
    each = [SUITES[suite].good + SUITES[suite].each_defect * len(spec.defects) for spec in categories.values()]
    assert len(detector.trained_on.images) == sum(each)
    with pytest.raises(ValueError, match=f"it was trained on {suite}, with masks"):
        detector.trained_on.check_unseen([suite], [])
    card = json.loads((zoo.WEIGHTS / f"april_gan-demo-b-{suite}.json").read_text())
    assert sorted(card["categories"]) == sorted(categories)
    learner = LEARNERS["april_gan"]
    assert card["training"] == dataclasses.asdict(learner.published(suite))
