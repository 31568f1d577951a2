import open_clip
import pytest
import torch
from open_clip.transformer import ResidualAttentionBlock
from tiny_clip import TOKENIZER, tiny_backbone, tiny_model
from torch import nn

from zsad.clip import text
from zsad.clip.backbone import Backbone

PROMPTS = ["the nut", "a photo of the damaged nut with a flaw", "nut"]
# Cut: causal towers that pool at the end token. Not cut: everything else, where the padding may matter.
CUT = [
    {},
    {"proj_bias": True},
    {"proj_type": "none", "width": 24, "heads": 2},
    {"pool_type": "eos", "eos_id": TOKENIZER.end},
]
WHOLE = [{"pool_type": "last"}, {"no_causal_mask": True}, {"embed_cls": True, "pool_type": "last"}]


@pytest.mark.parametrize("custom_text", [False, True])
@pytest.mark.parametrize("config", [*CUT, *WHOLE])
def test_prompts_cut_to_their_length_embed_as_the_full_context_does(config, custom_text):
    if config.get("embed_cls") and not custom_text:
        custom_text = True  # open_clip's flat model has no class token in its text tower
    model = tiny_model(custom_text=custom_text, text=config).eval().requires_grad_(False)
    tokens = TOKENIZER(PROMPTS)
    torch.testing.assert_close(text.encode(model, tokens), model.encode_text(tokens), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("config", "length"), [*((config, 11) for config in CUT), ({"no_causal_mask": True}, 77)])
def test_padding_is_not_computed_in_causal_towers(config, length):
    model = tiny_model(text=config).eval().requires_grad_(False)
    seen = []
    model.transformer.resblocks[0].ln_1.register_forward_pre_hook(
        lambda module, arguments: seen.append(arguments[0].shape[1])
    )
    tokens = TOKENIZER(PROMPTS)
    text.encode(model, tokens)
    assert seen == [length]
    assert (tokens != 0).sum(dim=1).max() == 11


def test_a_text_embeds_alike_alone_and_in_a_batch():
    backbone = Backbone(tiny_model(), TOKENIZER, token_budget=77)  # one text at a time
    batch = Backbone(tiny_model(), TOKENIZER).embed_text(PROMPTS)
    torch.testing.assert_close(backbone.embed_text(PROMPTS), batch, atol=1e-6, rtol=0)


def test_raw_embeddings_keep_their_length():
    backbone = Backbone(tiny_model(), TOKENIZER)
    raw = backbone.embed_text(PROMPTS, normalise=False)
    assert (raw.norm(dim=1) - 1).abs().min() > 1e-2
    torch.testing.assert_close(nn.functional.normalize(raw, dim=1), backbone.embed_text(PROMPTS))


def test_features_made_under_inference_mode_serve_autograd():
    backbone = Backbone(tiny_model(), TOKENIZER)
    with torch.inference_mode():
        features = backbone.embed_text(PROMPTS)
    weight = torch.ones(features.shape[1], requires_grad=True)
    (features * weight).sum().backward()
    assert weight.grad is not None


@pytest.mark.parametrize("custom_text", [False, True])
@pytest.mark.parametrize("config", [*CUT, *WHOLE])
def test_the_vectors_of_real_words_embed_as_the_words_do(config, custom_text):
    model = tiny_model(custom_text=custom_text or config.get("embed_cls", False), text=config)
    model = model.eval().requires_grad_(False)
    tokens = TOKENIZER(["the nut", "a photo of the damaged nut with a flaw"])
    words = text.token_embedding(model).weight[tokens[:, 1:3]]
    # Other ids in the words' place change nothing: their embeddings are never seen.
    masked = torch.cat([tokens[:, :1], torch.full((2, 2), 5), tokens[:, 3:]], dim=1)
    expected = model.encode_text(tokens)
    torch.testing.assert_close(text.encode(model, masked, words, at=1), expected, atol=1e-5, rtol=0)
    assert (text.encode(model, masked) - expected).abs().amax() > 1e-2


def test_gradients_of_words_agree_with_finite_differences():
    model = tiny_model().double().eval().requires_grad_(False)
    tokens = TOKENIZER(PROMPTS)
    generator = torch.Generator().manual_seed(0)
    words, direction = (torch.randn(3, 1, 32, generator=generator, dtype=torch.float64) for _ in range(2))

    def value(step):
        return text.encode(model, tokens, words + step * direction, at=1).square().sum()

    step = torch.zeros((), dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(value(step), step)
    difference = (value(1e-6) - value(-1e-6)) / 2e-6
    assert abs(gradient) > 1e-3
    torch.testing.assert_close(gradient, difference, rtol=1e-5, atol=0)


def test_a_text_tower_of_another_kind_embeds_texts_as_it_does():
    class Other(nn.Module):
        """As those that open_clip takes from transformers: no table, no blocks, no mask of its own."""

        def encode_text(self, tokens):
            return tokens.float()[:, :2]

    tokens = TOKENIZER(PROMPTS)
    assert torch.equal(text.encode(Other(), tokens), tokens.float()[:, :2])
    with pytest.raises(TypeError, match="no table of token embeddings"):
        text.encode(Other(), tokens, torch.zeros(3, 1, 32), at=1)


def test_a_text_tower_of_another_kind_is_refused():
    model = tiny_model()
    model.token_embedding = None
    with pytest.raises(TypeError, match="no table of token embeddings"):
        text.token_embedding(model)


BPE = open_clip.get_tokenizer("ViT-B-16")


def bpe_backbone():
    return Backbone(tiny_model(text={"vocab_size": BPE.vocab_size}), BPE, "bpe")


@pytest.mark.parametrize("make", [lambda: Backbone(tiny_model(), TOKENIZER, "tiny"), bpe_backbone])
def test_room_is_made_behind_the_words_asked_for(make):
    backbone = make()
    extra = backbone.word_ids[3:5].expand(2, 2)
    prompts = ["a photo of a nut", "a photo of a damaged nut"]
    whole, first, later = (backbone.tokenize(prompts, *more) for more in [(), (extra,), (extra, "a photo of a")])
    for row, put_first, put_later in zip(whole, first, later, strict=True):
        ids = row.tolist()
        assert put_first.tolist() == [ids[0], *extra[0].tolist(), *ids[1:-2]]
        assert put_later.tolist() == [*ids[:5], *extra[0].tolist(), *ids[5:-2]]
    with pytest.raises(ValueError, match="not every prompt begins with 'the'"):
        backbone.tokenize(prompts, extra, "the")


@pytest.mark.parametrize("make", [lambda: Backbone(tiny_model(), TOKENIZER, "tiny"), bpe_backbone])
def test_a_prompt_longer_than_the_context_is_refused_and_not_cut(make):
    backbone = make()
    full, longer = "nut " * 75, "nut " * 76
    assert backbone.too_long([longer, full, longer]) == [0, 2]
    backbone.embed_text([full])
    with pytest.raises(ValueError, match=r"77 tokens, does not hold 'nut nut .*use fewer words"):
        backbone.embed_text([full, longer])
    extra = backbone.word_ids[:3].expand(1, 3)
    backbone.tokenize(["nut " * 72], extra)
    with pytest.raises(ValueError, match="and 3 more tokens: use fewer words"):
        backbone.tokenize(["nut " * 73], extra)


def test_word_ids_leave_out_start_end_and_padding():
    assert Backbone(tiny_model(), TOKENIZER).word_ids.tolist() == list(range(1, TOKENIZER.start))
    ids = bpe_backbone().word_ids.tolist()
    assert ids == list(range(1, 49406))  # 0 pads, 49406 starts, 49407 ends


def test_words_reach_the_text_features_in_parts_as_together():
    words = torch.randn(3, 2, 32, generator=torch.Generator().manual_seed(0))
    features = []
    for budget in (77, 2**12):
        backbone = Backbone(tiny_model(), TOKENIZER, token_budget=budget)
        tokens = backbone.tokenize(PROMPTS, backbone.word_ids[:2].expand(3, 2))
        features.append(backbone.embed_tokens(tokens, words))
    torch.testing.assert_close(*features, atol=1e-6, rtol=0)
    torch.testing.assert_close(features[0].norm(dim=1), torch.ones(3))


def test_letters_that_a_tokenizer_drops_are_named():
    backbone = tiny_backbone()
    assert len(backbone.embed_text(["nut & bolt, 7 mm!"])) == 1
    with pytest.raises(ValueError, match="does not hold é, 螺 of 'écrou 螺'"):
        backbone.embed_text(["nut", "écrou 螺"])


def test_the_published_tokenizer_holds_every_script():
    model = tiny_backbone().model
    backbone = Backbone(model, open_clip.get_tokenizer("ViT-B-32"))
    assert backbone.tokenize(["écrou 螺母 гайка"]).shape == (1, 77)


class OwnBlock(ResidualAttentionBlock):
    """A block that may compute something else, so that it must be asked itself."""


def deep_by_hand(model, tokens, words, deep):
    """Features of texts of one length: the tower block by block, its states written over between them."""
    ends = tokens.argmax(dim=1)
    x = model.token_embedding(tokens)
    x[:, 1 : 1 + words.shape[1]] = words
    x = x + model.positional_embedding
    for number, block in enumerate(model.transformer.resblocks):
        if 1 <= number <= len(deep):
            x[:, 1 : 1 + deep.shape[1]] = deep[number - 1]
        x = block(x, attn_mask=model.attn_mask)
    rows = model.ln_final(x)[torch.arange(len(x)), ends]
    return nn.functional.normalize(rows @ model.text_projection, dim=1)


@pytest.mark.parametrize("order", ["batch first", "sequence first"])
@pytest.mark.parametrize("tower", ["CLIP's", "blocks of its own", "not causal"])
def test_deep_tokens_stand_over_the_states_of_the_first_words_before_later_blocks(tower, order):
    config = {"layers": 4, "no_causal_mask": tower == "not causal"}
    model = tiny_model(text=config).eval().requires_grad_(False)
    if tower == "blocks of its own":
        for block in model.transformer.resblocks:
            block.__class__ = OwnBlock
    generator = torch.Generator().manual_seed(0)
    words, deep = (torch.randn(*shape, 32, generator=generator) for shape in ((3, 5), (2, 3)))
    tokens = TOKENIZER([f"a a a a a {prompt}" for prompt in PROMPTS])
    expected = deep_by_hand(model, tokens, words, deep)
    if order == "sequence first":
        model.transformer.batch_first = False
        for block in model.transformer.resblocks:
            block.attn.batch_first = False
    backbone = Backbone(model, TOKENIZER)
    found = backbone.embed_tokens(tokens, words, deep=deep)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    assert backbone.text_blocks == 4
    plain = backbone.embed_tokens(tokens, words)
    assert (plain - found).abs().max() > 1e-2, "nothing stays behind, and deep tokens count"
    torch.testing.assert_close(plain, deep_by_hand(tiny_model(text=config), tokens, words, deep[:0]))


def test_gradients_reach_deep_tokens():
    deep = torch.zeros(1, 2, 32, requires_grad=True)
    backbone = tiny_backbone()
    backbone.embed_tokens(TOKENIZER(["a a nut"]), torch.zeros(1, 2, 32), deep=deep)[0, 0].backward()
    assert (deep.grad.abs().sum(dim=-1) > 0).all()


@pytest.mark.parametrize("shape", [(2, 2, 32), (1, 4, 32)])
def test_deep_tokens_that_do_not_fit_are_refused(shape):
    with pytest.raises(ValueError, match=r"deep tokens do not fit tiny, whose text tower has 2 blocks, behind 3 words"):
        tiny_backbone().embed_tokens(TOKENIZER(["a a a nut"]), torch.zeros(1, 3, 32), deep=torch.zeros(shape))
