"""ACR: batch normalisation against its definition, its head, and what it takes out by construction."""

import json

import pytest
import torch
from scipy.ndimage import gaussian_filter
from tiny_clip import random_images, tiny_backbone
from torch.nn import functional as F

from zsad.auxiliary.acr import MetaRecipe, meta_train
from zsad.clip import zoo
from zsad.clip.ship import ship
from zsad.detectors import load_detector
from zsad.detectors.acr import ACR, ACROptions, two_thirds
from zsad.detectors.acr_head import ACRHead
from zsad.detectors.patch_features import TowerFeatures, WideResNetFeatures


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def backbone():
    return tiny_backbone()


@pytest.fixture
def shipped(backbone, tmp_path, monkeypatch):
    """A head of the tiny backbone that stands where those of the package lie."""
    head, noise, _ = meta_train([normal(30, 25, 32, seed=s) for s in range(2)], (16,), MetaRecipe(steps=2, tasks=2))
    card = {
        "shown": ["pictures"],
        "model_cfg": {"width": 32, "hidden": [16]},
        "extractor": TowerFeatures(backbone, two_thirds(backbone.blocks)).digest,
        "extractor_name": "tiny",
        "noise": noise,
    }
    ship("demo-acr", head.state_dict(), card, tmp_path)
    monkeypatch.setattr(zoo, "WEIGHTS", tmp_path)
    return tmp_path


def slow_head(head: ACRHead, points: torch.Tensor) -> torch.Tensor:
    """Layer by layer: linear maps, normalised over the batch by hand."""
    x = points
    for layer in head.net:
        if isinstance(layer, torch.nn.Linear):
            x = x @ layer.weight.T + layer.bias
        elif isinstance(layer, torch.nn.BatchNorm1d):
            x = (x - x.mean(0)) / (x.var(0, unbiased=False) + 1e-5).sqrt() * layer.weight + layer.bias
        else:
            x = x.clamp(min=0)
    return torch.stack([sum((row[i] - head.centre[i]) ** 2 for i in range(len(row))) for row in x])


def test_the_head_is_the_published_one_and_no_eval_turns_it_off():
    published = ACRHead(1024, (512, 256, 128, 64, 32))
    assert sum(parameter.numel() for parameter in published.parameters()) == 702_496
    scales = published.net[-1].weight
    assert 0 <= scales.min() < 0.2 < 0.8 < scales.max() <= 1, "the last normalisation begins with U(0, 1)"
    head = ACRHead(6, (5, 4))
    points = normal(12, 6)
    expected = slow_head(head, points)
    torch.testing.assert_close(head(points), expected, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(head.eval()(points), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("head", ["demo-acr", None])
def test_what_all_images_share_vanishes_and_what_half_of_them_share_does_not(backbone, shipped, head):
    acr = ACR(backbone, ACROptions(head=head))
    patches = normal(12, 25, 32)
    common = 3 * normal(25, 32, seed=5)
    still = acr.compare({"patches": patches}, "nut")
    alike = acr.compare({"patches": patches + common}, "nut")
    torch.testing.assert_close(alike.map, still.map, atol=1e-3, rtol=1e-3)
    half = (torch.arange(12) % 2)[:, None, None]
    mixed = acr.compare({"patches": patches + half * common}, "nut")
    assert (mixed.map - still.map).abs().mean() > 0.1 * still.map.mean()


def smooth_maps(distances):
    """Upsampled between centres to 80 pixels, and smoothed by a Gaussian of 4 pixels of 224."""
    maps = F.interpolate(distances.unflatten(1, (5, 5))[:, None], (80, 80), mode="bilinear", align_corners=False)[:, 0]
    return torch.stack([torch.from_numpy(gaussian_filter(one.numpy(), 4 / 224 * 80)) for one in maps])


def test_the_head_judges_a_batch_and_as_many_noisy_copies(backbone, shipped):
    """Position by position; each image gets its noise by the rank of its mean."""
    patches, (card, weights) = normal(12, 25, 32), zoo.read_demo_weights("demo-acr", shipped)
    head = ACRHead(32, (16,))
    head.load_state_dict(weights)
    generator = torch.Generator().manual_seed(0)
    ranked = sorted(range(12), key=lambda image: float(patches[image].double().mean()))
    expected = torch.zeros(12, 25)
    for position in range(25):
        points = torch.stack([patches[image, position] for image in ranked])
        copies = points + card["noise"] * torch.randn(12, 32, generator=generator)
        found = slow_head(head, torch.cat([points, copies]))[:12]
        for rank, image in enumerate(ranked):
            expected[image, position] = found[rank]
    torch.testing.assert_close(
        ACR(backbone).compare({"patches": patches}, "nut").map, smooth_maps(expected.detach()), rtol=1e-4, atol=1e-4
    )


def test_the_control_is_the_distance_to_the_batch_in_deviations(backbone):
    acr = ACR(backbone, ACROptions(head=None))
    patches = normal(11, 25, 32)
    expected = torch.zeros(11, 25)
    for position in range(25):
        points = patches[:, position].double()
        for image in range(11):
            away = (points[image] - points.mean(0)) / (points.var(0, unbiased=False) + 1e-5).sqrt()
            expected[image, position] = (away**2).sum()
    found = acr.compare({"patches": patches}, "nut")
    torch.testing.assert_close(found.map, smooth_maps(expected), rtol=1e-4, atol=1e-3)
    assert torch.equal(found.score, found.map.flatten(1).amax(1))
    assert acr.league == "test batch"


def test_the_order_of_the_images_does_not_decide_their_noise(backbone, shipped):
    acr, patches = ACR(backbone), normal(12, 25, 32)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(3))
    found, turned = (acr.compare({"patches": p}, "nut").score for p in (patches, patches[order]))
    torch.testing.assert_close(turned, found[order], atol=1e-4, rtol=1e-4)


def test_noisy_copies_take_part_and_their_seed_counts(backbone, shipped):
    patches = {"patches": normal(12, 25, 32)}
    found = [
        ACR(backbone, ACROptions(**options)).compare(patches, "nut").score
        for options in ({}, {}, {"seed": 1}, {"copies": False})
    ]
    assert torch.equal(found[0], found[1])
    assert not torch.allclose(found[0], found[2], rtol=1e-3)
    assert not torch.allclose(found[0], found[3], rtol=1e-3)


def test_weights_decide_the_fingerprint(backbone, shipped):
    one, none = load_detector("acr", backbone), load_detector("acr", backbone, head=None)
    card, state = zoo.read_demo_weights("demo-acr", shipped)
    assert one.fingerprint != none.fingerprint
    ship("demo-acr", {name: value + 0.5 for name, value in state.items()}, card, shipped)
    assert load_detector("acr", backbone).fingerprint != one.fingerprint
    assert one.options["tap"] == two_thirds(backbone.blocks) == 1


def test_a_head_of_something_else_is_refused(backbone, shipped):
    with pytest.raises(ValueError, match="trained on features of another extractor, tiny: use it with that one"):
        load_detector("acr", backbone, tap=2)
    with pytest.raises(ValueError, match="trained on features of another extractor"):
        load_detector("acr", tiny_backbone(seed=1))
    with pytest.raises(FileNotFoundError, match=r"demo-nothing\.json is missing.*zsad meta-train"):
        load_detector("acr", backbone, head="demo-nothing")
    with pytest.raises(ValueError, match=r"mine\.pth is a file of another kind: .* read from a \.safetensors"):
        load_detector("acr", backbone, head="heads/mine.pth")
    ship("other", {"a": torch.zeros(2)}, {"model_cfg": {}}, shipped)
    with pytest.raises(ValueError, match="other is no head of ACR"):
        load_detector("acr", backbone, head="other")
    path = shipped / "demo-acr.safetensors"
    assert load_detector("acr", backbone, head=str(path)).league == "test batch"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ValueError, match="the file is damaged or was replaced"):
        load_detector("acr", backbone, head=str(path))
    card = json.loads((shipped / "demo-acr.json").read_text())
    assert card["shown"] == ["pictures"]


@pytest.mark.parametrize(
    ("sizes", "tensors", "said"),
    [
        ({"width": None}, {}, "demo-acr.safetensors is no head of ACR"),
        ({"width": "32"}, {}, "demo-acr.safetensors is no head of ACR"),
        ({"hidden": []}, {}, "demo-acr.safetensors is no head of ACR"),
        ({"hidden": 16}, {}, "demo-acr.safetensors is no head of ACR"),
        ({}, {"centre": None}, "demo-acr.safetensors is not what its card says: .*centre is missing; take both files"),
        ({}, {"centre": torch.zeros(3)}, r"demo-acr.safetensors is not what its card says: .*centre is \(3,\)"),
    ],
)
def test_a_head_of_ones_own_that_is_not_what_its_card_says_is_refused_by_name(backbone, shipped, sizes, tensors, said):
    card, state = zoo.read_demo_weights("demo-acr", shipped)
    card["model_cfg"] |= sizes
    state = {name: value for name, value in (state | tensors).items() if value is not None}
    ship("demo-acr", state, card, shipped)
    with pytest.raises(ValueError, match=said):
        load_detector("acr", backbone, head=str(shipped / "demo-acr.safetensors"))


def test_the_published_extractor_is_asked_for_where_it_is_missing(backbone, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"wide_resnet50_2-95faca4d\.pth.*and put it there"):
        load_detector("acr", backbone, extractor="wide_resnet50_2", head=None)
    path = tmp_path / "hub" / "checkpoints" / "wide_resnet50_2-95faca4d.pth"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"cut off")
    with pytest.raises(ValueError, match="the download was cut or is another file"):
        load_detector("acr", backbone, extractor="wide_resnet50_2", head=None)


def test_the_published_extractor_gives_1024_numbers_at_14_by_14_places():
    from torchvision.models import wide_resnet50_2

    state = wide_resnet50_2(weights=None).state_dict()
    found = WideResNetFeatures(state=state)(random_images(1, 48, 64))
    assert found.shape == (1, 14 * 14, 1024)
    with pytest.raises(ValueError, match="the tensors are those of another model"):
        WideResNetFeatures(state={name: value for name, value in state.items() if name != "fc.bias"})
