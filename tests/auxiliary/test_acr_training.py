"""ACR's meta-training: its task against its definition, and heads that are never shown the product they are used on."""

import json
import shlex

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_clip import random_images, tiny_backbone

from zsad import cli
from zsad.auxiliary.acr import MetaRecipe, draw_task, halvings, loss_of_tasks, meta_train, spread, train_heads
from zsad.clip import zoo
from zsad.detectors import load_detector
from zsad.detectors.acr import two_thirds
from zsad.detectors.acr_head import ACRHead, load_heads
from zsad.detectors.patch_features import TowerFeatures

SHORT = MetaRecipe(steps=2, tasks=2, shots=6)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def backbone():
    return tiny_backbone()


@pytest.fixture(scope="module")
def extractor(backbone):
    return TowerFeatures(backbone, two_thirds(backbone.blocks))


@pytest.fixture
def learn(extractor, tmp_path):
    """Heads of some classes, and what they are."""

    def run(classes, folder="heads", **how):
        path = train_heads("mine", classes, extractor, "tiny", SHORT, tmp_path / folder, progress=False, **how)
        return load_heads(str(path), extractor.digest)

    return run


def test_a_task_is_images_at_one_place_and_the_same_with_noise():
    images = normal(8, 3, 6)
    found = draw_task([images], 0.5, 5, torch.Generator().manual_seed(1))
    generator = torch.Generator().manual_seed(1)
    torch.randint(1, (), generator=generator)
    position = int(torch.randint(3, (), generator=generator))
    chosen = images[torch.randperm(8, generator=generator)[:5], position]
    torch.testing.assert_close(found[:5], chosen)
    torch.testing.assert_close(found[5:], chosen + 0.5 * torch.randn(5, 6, generator=generator))


def test_the_loss_of_tasks_is_that_of_each_by_itself():
    """The mean of the distances of images, and of the inverses of those with noise."""
    head = ACRHead(6, (5, 4))
    points = normal(14, 3, 6) + normal(3, 6, seed=2)
    terms = []
    for task in range(3):
        distances = head(points[:, task])
        terms += [distances[i] for i in range(7)] + [1 / distances[i] for i in range(7, 14)]
    expected = sum(terms) / len(terms)
    found = loss_of_tasks(head, points)
    torch.testing.assert_close(found, expected)
    one, other = (torch.autograd.grad(loss, list(head.parameters()), retain_graph=True) for loss in (found, expected))
    torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_meta_training_lowers_the_loss_and_is_the_same_each_time():
    classes = [normal(40, 4, 8, seed=s) + 5 * s for s in range(3)]
    recipe = MetaRecipe(steps=30, tasks=4, learning_rate=0.01, noise=2.0)
    head, noise, losses = meta_train(classes, (6,), recipe)
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])
    assert noise == pytest.approx(2 * spread(classes))
    assert spread(classes) == pytest.approx(1, abs=0.1), "within a class, whatever lies between classes"
    torch.rand(1)  # what state torch's own generator is in plays no part
    assert meta_train(classes, (6,), recipe)[0].digest == head.digest
    assert meta_train(classes, (6,), MetaRecipe(**{**vars(recipe), "seed": 1}))[0].digest != head.digest
    with pytest.raises(ValueError, match="a task draws 30 images of a class, and one has 7"):
        meta_train([classes[0], classes[1][:7]], (6,), recipe)


def test_the_widths_of_layers_are_the_published_ones_and_those_of_the_head_that_ships():
    assert halvings(1024) == [512, 256, 128, 64, 32]
    assert halvings(192) == [96, 48, 24]
    assert halvings(32) == [16]


CLASSES = {"metal_nut": normal(8, 25, 32), "washer": normal(9, 25, 32, seed=1), "cap": normal(7, 25, 32, seed=2)}


def test_what_a_product_is_like_plays_no_part_in_the_head_that_is_used_on_it(learn):
    """Whatever its pictures are, its own head stays, bit by bit; all others change."""
    heads = learn(CLASSES)
    others = learn({**CLASSES, "washer": 3 * normal(12, 25, 32, seed=9)}, "others")
    assert heads.of("washer").net.digest == others.of("washer").net.digest
    assert heads.of("washer").noise == others.of("washer").noise
    for product in ("metal_nut", "cap", "of another data set"):
        assert heads.of(product).net.digest != others.of(product).net.digest
        assert heads.of(product).noise != others.of(product).noise
    assert len({heads.of(name).net.digest for name in (*CLASSES, "another", "and another")}) == 4
    assert heads.digest != others.digest


def test_each_head_is_that_of_a_training_on_the_others_alone(learn):
    heads = learn(CLASSES)
    for product, left in [("metal nut", ("washer", "cap")), ("Cap", ("metal_nut", "washer")), ("x", tuple(CLASSES))]:
        head, noise, _ = meta_train([CLASSES[name] for name in left], (16,), SHORT, progress=False)
        found = heads.of(product)
        assert found.noise == noise
        points = normal(10, 32, seed=3)
        torch.testing.assert_close(found.net(points), head(points), atol=0.05, rtol=0.01)  # kept as float16
    assert heads.shown == ("pictures",)


def test_noise_can_be_given_in_the_features_own_numbers(learn):
    heads = learn(CLASSES, noise=0.1)
    assert {head.noise for head in (heads.usual, *heads.left_out.values())} == {0.1}


def test_the_detector_takes_the_head_of_the_category(learn, backbone, tmp_path):
    """Where that of another is damaged, nothing changes for this one."""
    heads = learn(CLASSES)
    acr = load_detector("acr", backbone, head=str(tmp_path / "heads" / "mine.safetensors"))
    by_name = load_detector("acr", backbone, head="mine", weights_folder=tmp_path / "heads")
    assert acr.options == by_name.options, "wherever it lies"
    assert acr.options["head"] == "mine"
    assert acr.fingerprint == by_name.fingerprint != load_detector("acr", backbone, head=None).fingerprint
    assert acr.league == "test batch"
    features = acr.features(random_images(12))
    found = {category: acr.compare(features, category).score for category in ("washer", "metal nut", "of another")}
    for category, scores in found.items():
        acr._heads = type(heads)(heads.of(category), {}, heads.shown)
        torch.testing.assert_close(acr.compare(features, category).score, scores)
    assert len({tuple(scores.tolist()) for scores in found.values()}) == 3


def test_a_head_that_is_not_there_is_said_to_be_trained(backbone, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"other\.json is missing.* with `zsad meta-train`; demo-acr ships"):
        load_detector("acr", backbone, head="other", weights_folder=tmp_path)


def test_too_little_to_learn_from_is_refused(learn, tmp_path):
    with pytest.raises(ValueError, match=r"of cap alone no head can be learned that is used on it.*at least two"):
        learn({"cap": CLASSES["cap"]})
    with pytest.raises(ValueError, match="a task draws 6 undamaged images of a category, and cap has 5"):
        learn({**CLASSES, "cap": CLASSES["cap"][:5]})
    assert not (tmp_path / "heads").exists()


@pytest.mark.parametrize(
    ("entry", "value", "words"),
    [
        ("left_out", ["metal_nut", "washer"], "not what its card says.*are those of another model"),
        ("left_out", [], "not what its card says"),
        ("noise", [0.1, 0.1], "not what its card says"),
        ("noise", 0.1, "not what its card says"),
        ("extractor", "another", "features of another extractor, tiny"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(learn, extractor, tmp_path, entry, value, words):
    learn(CLASSES)
    path = tmp_path / "heads" / "mine.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), entry: value}))
    with pytest.raises(ValueError, match=words):
        load_heads(str(path.with_suffix(".safetensors")), extractor.digest)


def write_undamaged(root, count=31):
    """Two products in the layout of MVTec AD, one of them with wide pictures."""
    for number, (category, size) in enumerate({"washer": (20, 20), "metal_nut": (30, 20)}.items()):
        for split in ("train/good", "test/good"):
            (root / category / split).mkdir(parents=True)
        generator = np.random.default_rng(number)
        for index in range(count):
            picture = Image.fromarray(generator.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8))
            picture.save(root / category / "train" / "good" / f"{index:03d}.png")
        picture.save(root / category / "test" / "good" / "0.png")
    return root


@pytest.fixture
def meta_train_command(backbone, tmp_path, monkeypatch):
    monkeypatch.setattr("zsad.clip.load_backbone", lambda *_, **__: backbone)
    root = write_undamaged(tmp_path / "data" / "mvtec_ad")
    given = ["--extractor", "tower", "--out", str(tmp_path / "out")]
    own = ["--reader", "mvtec_ad", "--root", str(root)]
    return lambda *more: cli.main(["meta-train", *given, *(more or ["--auxiliary", "mine", *own])])


def test_the_command_trains_from_files_and_says_how_to_use_the_heads(
    meta_train_command, extractor, backbone, tmp_path, capsys
):
    assert meta_train_command() == 0
    path = tmp_path / "out" / "acr-tiny-mine.safetensors"
    said = capsys.readouterr().out
    assert f"acr, 3 heads, trained on 62 undamaged images of mine: {path}" in said
    assert f"--detector acr --backbone demo-b --option head={path}" in said
    card, _ = zoo.read_demo_weights(path.stem, path.parent)
    assert card["left_out"] == ["metal_nut", "washer"]
    assert card["training"]["pictures"] == {"metal_nut": 31, "washer": 31}
    load_detector("acr", backbone, head=str(path))
    own = ["--auxiliary", "it's mine", "--reader", "mvtec_ad", "--root", str(tmp_path / "data" / "mvtec_ad")]
    assert meta_train_command(*own) == 0
    use = capsys.readouterr().out.strip().splitlines()[-1].removeprefix("use them with ")
    read = cli._parser().parse_args(["predict", "0.png", "--category", "washer", *shlex.split(use)])
    assert read.backbone == "demo-b"
    load_detector(read.detector, backbone, **dict(read.option))
    known = ["--auxiliary", "mvtec_ad", "--data-root", str(tmp_path / "data"), "--limit", "30"]
    assert meta_train_command(*known) == 0
    assert "trained on 60 undamaged images of mvtec_ad" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--auxiliary", "mvtec_ad", "--category", "washer"], "of washer alone no head can be learned"),
        (["--auxiliary", "mine"], "unknown suite (for another data set, give --reader and --root) 'mine'"),
        (["--auxiliary", "../x", "--reader", "visa", "--root", "."], "--auxiliary '../x' cannot be the name"),
        (["--auxiliary", "mvtec_ad", "--limit", "29"], "a task draws 30 undamaged images"),
        (["--auxiliary", "mvtec_ad", "--extractor", "wide_resnet50_2"], "wide_resnet50_2-95faca4d.pth"),
    ],
)
def test_what_the_command_cannot_do_it_says_and_leaves_nothing(
    meta_train_command, tmp_path, capsys, monkeypatch, arguments, words
):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    assert meta_train_command(*arguments, "--data-root", str(tmp_path / "data")) == 2
    assert words in capsys.readouterr().err
    assert not list((tmp_path / "out").glob("*.safetensors"))
