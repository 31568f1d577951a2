import copy

import open_clip
import pytest
import torch
from by_hand import window_embedding
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from tiny_clip import TOKENIZER, random_images, tiny_backbone, tiny_model
from torch.nn import functional as F

from zsad.clip.backbone import Backbone, window_tokens
from zsad.clip.tokenizer import WordTokenizer


def assert_same(actual, expected, tolerance=1e-5):
    torch.testing.assert_close(actual, expected, atol=tolerance, rtol=0)


def sequence_first(model):
    """The same weights with blocks that take (token, sequence, width), as older open_clip models have."""
    model = copy.deepcopy(model)
    model.visual.transformer.batch_first = False
    for block in model.visual.transformer.resblocks:
        block.attn.batch_first = False
    return model


@pytest.mark.parametrize("order", ["batch first", "sequence first"])
@pytest.mark.parametrize("custom_text", [False, True])
def test_windows_equal_a_slow_loop(order, custom_text):
    model = tiny_model(custom_text=custom_text).requires_grad_(False)
    image = random_images(1)
    backbone = Backbone(sequence_first(model) if order == "sequence first" else model, TOKENIZER)
    windows = backbone.embed_windows(image, (1, 2, 3, 5))
    for size, embeddings in windows.items():
        positions = [(top, left) for top in range(6 - size) for left in range(6 - size)]
        slow = [
            window_embedding(model, image[0], top, left, size, OPENAI_DATASET_MEAN, OPENAI_DATASET_STD)
            for top, left in positions
        ]
        assert_same(embeddings, torch.stack(slow)[None])


@pytest.mark.parametrize(("name", "grid"), [("ViT-B-16-plus-240", 15), ("ViT-L-14-quickgelu", 16)])
def test_windows_of_the_published_architectures_equal_a_slow_loop(name, grid, monkeypatch):
    config = open_clip.get_model_config(name)
    config["text_cfg"]["layers"] = 1  # the text tower plays no part here
    model = open_clip.CLIP(**config).requires_grad_(False)
    backbone = Backbone(model, open_clip.get_tokenizer(name))
    side = backbone.image_size
    image = random_images(1, side, side)
    some = {(0, 0): 0, (4, 7): 4 * (grid - 1) + 7, (grid - 2, 3): (grid - 2) * (grid - 1) + 3}
    assert window_tokens((grid, grid), 2).shape == ((grid - 1) ** 2, 5)
    # These towers take seconds for all windows: a few of them go through, the others are looked at in small towers.
    monkeypatch.setattr(
        "zsad.clip.backbone.window_tokens", lambda grid, size: window_tokens(grid, size)[[*some.values()]]
    )
    windows = backbone.embed_windows(image, (2,))[2][0]
    for window, (top, left) in zip(windows, some, strict=True):
        slow = window_embedding(model, image[0], top, left, 2, OPENAI_DATASET_MEAN, OPENAI_DATASET_STD, drop=True)
        assert_same(window, slow)
    assert backbone.grid == (grid, grid)


def test_the_window_of_the_whole_grid_is_the_image():
    images = random_images(2)
    backbone = tiny_backbone()
    assert_same(backbone.embed_windows(images, (5,))[5][:, 0], backbone.embed_image(images))


def test_image_embedding_is_the_models_own():
    model = tiny_model().eval().requires_grad_(False)
    images = random_images(2)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (OPENAI_DATASET_MEAN, OPENAI_DATASET_STD))
    expected = model.encode_image((images - mean) / std, normalize=True)
    assert_same(Backbone(model, TOKENIZER).embed_image(images), expected)


@pytest.mark.parametrize("vision", [{"pool_type": "avg"}, {"final_ln_after_pool": True}, {"no_ln_pre": True}])
def test_other_towers_pool_windows_as_they_pool_images(vision):
    images = random_images(2)
    backbone = Backbone(tiny_model(vision=vision), TOKENIZER)
    image, windows = backbone.embed_image_and_windows(images, (2, 5))
    assert_same(windows[5][:, 0], image)
    assert windows[2].shape == (2, 16, 24)


def test_all_windows_of_an_image_differ():
    for embeddings in tiny_backbone().embed_windows(random_images(1), (2, 3)).values():
        distances = torch.cdist(embeddings[0], embeddings[0]) + 9 * torch.eye(embeddings.shape[1])
        assert distances.min() > 1e-3


def test_windows_of_a_plain_image_differ_by_position_only():
    """Tokens keep the position they have in the full grid."""
    plain = torch.full((1, 3, 80, 80), 0.5)
    model = tiny_model()
    with_positions = Backbone(model, TOKENIZER).embed_windows(plain, (2,))[2][0]
    assert torch.cdist(with_positions, with_positions).max() > 1e-2
    model.visual.positional_embedding.data[1:] = model.visual.positional_embedding.data[1]
    without = Backbone(model, TOKENIZER).embed_windows(plain, (2,))[2][0]
    assert torch.cdist(without, without).max() < 1e-3


@pytest.mark.parametrize("budget", [1, 60, 10_000])
def test_batch_size_and_token_budget_change_nothing(budget):
    images = random_images(5)
    image, windows = tiny_backbone().embed_image_and_windows(images, (2, 3))
    backbone = tiny_backbone(token_budget=budget)
    assert_same(backbone.embed_image(images), image, 1e-6)
    for index in range(5):
        single = backbone.embed_windows(images[index : index + 1], (2, 3))
        for size in (2, 3):
            assert_same(single[size][0], windows[size][index], 1e-6)
    assert_same(backbone.embed_windows(images, (3,))[3], windows[3], 1e-6)


def test_patches_follow_the_last_layer():
    images = random_images(2)
    backbone = tiny_backbone()
    visual = backbone.model.visual
    visual.output_tokens = True
    _, tokens = visual((images - backbone.mean) / backbone.std)
    assert_same(backbone.embed_patches(images), F.normalize(tokens @ visual.proj, dim=-1))


def test_every_embedding_has_unit_length_and_float32():
    images = random_images(2, 50, 70)
    for dtype in ("float32", "bfloat16"):
        backbone = tiny_backbone(dtype=dtype)
        image, windows = backbone.embed_image_and_windows(images, (2,))
        for embedding in (image, windows[2], backbone.embed_patches(images), backbone.embed_text(["the nut"])):
            assert embedding.dtype == torch.float32
            assert_same(embedding.norm(dim=-1), torch.ones(embedding.shape[:-1]), 1e-6)


def test_bfloat16_is_close_to_float32():
    images = random_images(2)
    exact, rounded = (tiny_backbone(dtype=dtype).embed_windows(images, (3,))[3] for dtype in ("float32", "bfloat16"))
    similarity = (exact * rounded).sum(dim=-1)
    assert similarity.min() > 0.99
    assert similarity.max() < 1


def test_images_of_any_size_are_squashed_with_antialiasing():
    images = random_images(1, 160, 240)
    expected = F.interpolate(images, size=(80, 80), mode="bicubic", antialias=True).clamp(0, 1)
    backbone = tiny_backbone()
    assert_same(backbone.embed_image(images), backbone.embed_image(expected))


def test_gradients_reach_the_images_and_not_the_weights():
    images = random_images(1).requires_grad_()
    backbone = tiny_backbone()
    backbone.embed_windows(images, (2,))[2].square().sum(dim=1).mean().backward()
    assert images.grad is not None
    assert all(parameter.grad is None for parameter in backbone.model.parameters())


def test_the_model_in_hand_stays_as_it_is():
    model = tiny_model().train()
    Backbone(model, TOKENIZER, dtype="bfloat16")
    assert model.training
    assert all(parameter.requires_grad and parameter.dtype == torch.float32 for parameter in model.parameters())


class Spelled:
    """A tokenizer of other tokens for the same text, as transformers' and open_clip's are held."""

    def __init__(self, inner=None, encoder=None, context_length=77):
        self.tokenizer, self.encoder, self.context_length = inner, encoder, context_length

    def __call__(self, texts, context_length=None):
        return TOKENIZER(texts, context_length or self.context_length)


def test_fingerprint_tells_what_weights_do_not_say_apart():
    """Neither the number of heads nor the tokenizer changes a weight, and both change embeddings."""
    words = [*TOKENIZER.vocabulary]
    exchanged = WordTokenizer([*words[::-1]])
    inner = type("Inner", (), {"get_vocab": lambda self: {"nut": 3}})()
    prints = [
        Backbone(tiny_model(), TOKENIZER).fingerprint,
        Backbone(tiny_model(vision={"head_width": 8}), TOKENIZER).fingerprint,
        Backbone(tiny_model(text={"heads": 4}), TOKENIZER).fingerprint,
        Backbone(tiny_model(), exchanged).fingerprint,
        Backbone(tiny_model(), Spelled(inner)).fingerprint,
        Backbone(tiny_model(), Spelled(encoder={"nut": 3})).fingerprint,
        Backbone(tiny_model(), Spelled(encoder={"nut": 4})).fingerprint,
        Backbone(tiny_model(), WordTokenizer(words, context_length=70)).fingerprint,
    ]
    assert prints[4] == prints[5], "the same entries, however they are held"
    assert len({*prints}) == len(prints) - 1
    assert Backbone(tiny_model(), WordTokenizer(words)).fingerprint == prints[0]


def test_fingerprint_tells_weights_activation_and_normalisation_apart():
    model = tiny_model()
    same = Backbone(tiny_model(), TOKENIZER).fingerprint
    assert Backbone(model, TOKENIZER, name="other", token_budget=7).fingerprint == same
    changed = tiny_model()
    changed.visual.proj.data[0, 0] += 1e-3
    activation = tiny_model(vision={"act_kwargs": {}})
    for block in activation.visual.transformer.resblocks:
        block.mlp.gelu = open_clip.transformer.QuickGELU()
    prints = {
        same,
        Backbone(changed, TOKENIZER).fingerprint,
        Backbone(activation, TOKENIZER).fingerprint,
        Backbone(model, TOKENIZER, mean=(0.5, 0.5, 0.5)).fingerprint,
        Backbone(model, TOKENIZER, dtype="bfloat16").fingerprint,
    }
    assert len(prints) == 5


def test_normalisation_comes_from_the_model_unless_given():
    model = tiny_model()
    assert Backbone(model, TOKENIZER).mean.flatten().tolist() == pytest.approx(OPENAI_DATASET_MEAN)
    model.visual.image_mean, model.visual.image_std = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)
    assert Backbone(model, TOKENIZER).std.flatten().tolist() == pytest.approx((0.4, 0.5, 0.6))
    assert Backbone(model, TOKENIZER, mean=(0.0, 0.0, 0.0)).mean.flatten().tolist() == [0, 0, 0]


def test_window_tokens_by_hand():
    assert window_tokens((2, 3), 2).tolist() == [[0, 1, 2, 4, 5], [0, 2, 3, 5, 6]]
    assert window_tokens((15, 15), 2).shape == (196, 5)
    assert window_tokens((15, 15), 3).shape == (169, 10)


def test_bad_input_is_refused():
    backbone = tiny_backbone()
    with pytest.raises(ValueError, match="6 x 6 patches does not fit on the 5 x 5 grid"):
        backbone.embed_windows(random_images(1), (6,))
    with pytest.raises(ValueError, match="at least one prompt"):
        backbone.embed_text([])
    with pytest.raises(ValueError, match="unknown dtype 'int8'; known: float32"):
        tiny_backbone(dtype="int8")
    resnet = open_clip.create_model("RN50", pretrained=None)
    with pytest.raises(TypeError, match="ModifiedResNet"):
        Backbone(resnet, TOKENIZER)
    with pytest.raises(ValueError, match="square"):
        Backbone(tiny_model(image_size=(80, 96)), TOKENIZER)


def test_a_missing_gpu_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="no CUDA GPU here; use device='cpu'"):
        tiny_backbone(device="cuda")


def test_image_and_patches_come_from_one_pass():
    backbone, images = tiny_backbone(token_budget=52), random_images(3)
    image, patches = backbone.embed_image_and_patches(images)
    torch.testing.assert_close(image, backbone.embed_image(images), atol=1e-6, rtol=0)
    torch.testing.assert_close(patches, backbone.embed_patches(images), atol=1e-6, rtol=0)
    seen = []
    backbone.model.visual.transformer.register_forward_hook(lambda *call: seen.append(len(call[2])))
    backbone.embed_image_and_patches(images)
    assert seen == [2, 1]
