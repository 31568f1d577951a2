import pytest
import torch
from tiny_clip import TOKENIZER, tiny_model
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
    model.transformer.register_forward_pre_hook(lambda module, arguments: seen.append(arguments[0].shape[1]))
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
