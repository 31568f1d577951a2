"""The two ways in which published methods read OpenAI's 336-px CLIP at 518 px, and what lies between their blocks."""

import copy

import open_clip
import pytest
import torch
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from safetensors.torch import save_file
from tiny_clip import TOKENIZER, random_images, tiny_backbone, tiny_model
from tower_by_formula import attention, norm, tower_states, unit

import zsad
from zsad.clip import Backbone
from zsad.clip.released import RELEASED

HEADS = 4
READINGS = [("ViT-L-14-336-AnomalyCLIP", "bilinear", "QuickGELU"), ("ViT-L-14-336-APRIL-GAN", "bicubic", "GELU")]


def narrow(name):
    """The architecture of that name with its depth, patches and input size, but narrow."""
    config = copy.deepcopy(open_clip.get_model_config(name))
    config["vision_cfg"] |= {"width": 32, "head_width": 32 // HEADS}
    config["text_cfg"] |= {"width": 32, "heads": 2, "layers": 2}
    return config | {"embed_dim": 24}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """Random weights at 336 px, as they are published: one file for both readings."""
    path = tmp_path_factory.mktemp("openai") / "open_clip_model.safetensors"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = open_clip.CLIP(**narrow("ViT-L-14-336"))
        for parameter in model.parameters():
            parameter.data.add_(0.1 * torch.randn(parameter.shape))
    save_file(model.state_dict(), path)
    return path, model.state_dict()


@pytest.fixture
def load(checkpoint, monkeypatch):
    configs = {name: narrow(name) for name in ("ViT-L-14-336", "ViT-L-14-336-quickgelu")}
    monkeypatch.setattr("open_clip.get_model_config", configs.__getitem__)
    return lambda name: zsad.load_backbone(name, weights=checkpoint[0])


@pytest.mark.parametrize(("name", "kind", "activation"), READINGS)
def test_each_reading_is_the_formula(name, kind, activation, load, checkpoint):
    backbone, image = load(name), random_images(1, 518, 518)
    assert (backbone.image_size, backbone.grid, backbone.blocks) == (518, (37, 37), 24)
    states, w = tower_states(checkpoint[1], image[0], HEADS, kind, activation, OPENAI_DATASET_MEAN, OPENAI_DATASET_STD)
    taps = (6, 12, 18, 24)
    embedded, found = backbone.embed_image_and_states(image, taps)
    for block in taps:
        close(found[block][0] / states[block][1:].std(), states[block][1:] / states[block][1:].std())
    close(embedded[0], unit(norm(states[-1][:1], w, "ln_post") @ w["proj"])[0])
    raw, patches = backbone.embed_image_and_taps(image, taps, value_path_from=6, class_norm=False)
    close(raw[0], unit(states[-1][0] @ w["proj"]))
    path = states[5]
    for block in range(6, 25):
        path = path + attention(states[block - 1], w, f"transformer.resblocks.{block - 1}", HEADS, values_alone=True)
        if block in taps:
            close(patches[block][0], unit(norm(path[1:], w, "ln_post") @ w["proj"]))


def close(found, expected):
    torch.testing.assert_close(found, expected.float(), atol=1e-5, rtol=0)


def test_the_readings_differ_in_activation_and_positions_alone(load):
    first, second = (load(name).model for name, _, _ in READINGS)
    kinds = [
        {type(block.mlp.gelu).__name__ for block in model.visual.transformer.resblocks} for model in (first, second)
    ]
    assert kinds == [{"QuickGELU"}, {"GELU"}]
    kinds = [{type(block.mlp.gelu).__name__ for block in model.transformer.resblocks} for model in (first, second)]
    assert kinds == [{"QuickGELU"}, {"GELU"}]
    states = first.state_dict(), second.state_dict()
    assert states[0].keys() == states[1].keys()
    differ = {name for name in states[0] if not torch.equal(states[0][name], states[1][name])}
    assert differ == {"visual.positional_embedding"}
    tables = [state["visual.positional_embedding"] for state in states]
    assert torch.equal(tables[0][0], tables[1][0]), "the class token keeps its position"
    assert len({load(name).fingerprint for name, _, _ in READINGS}) == 2


def test_open_clip_gets_both_readings_from_one_repository():
    for name, _, _ in READINGS:
        spec = RELEASED[name]
        known = open_clip.get_pretrained_cfg(spec.architecture, spec.pretrained)
        assert known["hf_hub"].rstrip("/") == spec.repository
        assert open_clip.get_model_config(spec.architecture)["vision_cfg"]["layers"] == 24


def test_plain_taps_are_the_towers_own_patches():
    backbone, images = tiny_backbone(), random_images(2)
    image, patches = backbone.embed_image_and_taps(images, [1, 2])
    expected, last = backbone.embed_image_and_patches(images)
    torch.testing.assert_close(image, expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(patches[2], last, atol=1e-6, rtol=0)
    assert (patches[1] - last).abs().max() > 1e-2
    _, states = backbone.embed_image_and_states(images, [2])
    visual = backbone.model.visual
    torch.testing.assert_close(unit(visual.ln_post(states[2]) @ visual.proj), last, atol=1e-6, rtol=0)


@pytest.mark.parametrize("budget", [1, 52, 10_000])
@pytest.mark.parametrize("order", [True, False])
def test_batches_and_the_order_of_axes_change_no_tap(order, budget):
    model = tiny_model()
    model.visual.transformer.batch_first = order
    for block in model.visual.transformer.resblocks:
        block.attn.batch_first = order
    images = random_images(3)
    backbone = Backbone(model, TOKENIZER, token_budget=budget)
    image, patches = backbone.embed_image_and_taps(images, [1, 2], value_path_from=2)
    expected, others = tiny_backbone().embed_image_and_taps(images, [1, 2], value_path_from=2)
    torch.testing.assert_close(image, expected, atol=1e-6, rtol=0)
    for block in (1, 2):
        torch.testing.assert_close(patches[block], others[block], atol=1e-6, rtol=0)


def test_gradients_reach_every_patch_of_an_image_through_the_value_path():
    images = random_images(1).requires_grad_()
    _, patches = tiny_backbone().embed_image_and_taps(images, [2], value_path_from=1)
    patches[2][0, 7, 3].backward()
    assert images.grad is not None
    assert (torch.nn.functional.avg_pool2d(images.grad.abs(), 16) > 0).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda b, i: b.embed_image_and_states(i, [1, 3]), "the image tower of tiny has the blocks 1 to 2, no 3"),
        (lambda b, i: b.embed_image_and_taps(i, [0]), "has the blocks 1 to 2, no 0"),
        (lambda b, i: b.embed_image_and_taps(i, [2], value_path_from=6), "has the blocks 1 to 2, no 6"),
        (lambda b, i: b.embed_image_and_taps(i, []), "name at least one of the 2 blocks of tiny"),
    ],
)
def test_taps_that_do_not_exist_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(tiny_backbone(), random_images(1))


def test_attention_of_another_make_has_no_value_path():
    model = tiny_model(vision={"block_type": "custom"})
    with pytest.raises(TypeError, match=r"V-V attention needs blocks with nn\.MultiheadAttention, not Attention"):
        Backbone(model, TOKENIZER).embed_image_and_taps(random_images(1), [2], value_path_from=1)
