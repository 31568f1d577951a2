"""The training's own way through the image tower against open_clip's."""

from __future__ import annotations

import torch

from training.captions import vocabulary
from training.model import build, embed, patch_tokens
from zsad.clip.backbone import Backbone, window_tokens


def test_whole_pictures_and_blocks_have_the_embeddings_of_the_backbone():
    torch.manual_seed(0)
    model, _, tokenizer = build("demo-l", vocabulary())
    backbone = Backbone(model, tokenizer)
    pictures = torch.rand(2, 3, 112, 112)
    tokens = patch_tokens(model.visual, (pictures - backbone.mean) / backbone.std)
    with torch.no_grad():
        assert torch.allclose(embed(model.visual, tokens), backbone.embed_image(pictures), atol=1e-6)
        windows = backbone.embed_windows(pictures, [3])[3]
        kept = window_tokens(backbone.grid, 3)[17, 1:] - 1
        assert torch.allclose(embed(model.visual, tokens, kept.expand(2, -1)), windows[:, 17], atol=1e-6)


def test_patches_outside_a_block_play_no_part():
    torch.manual_seed(0)
    visual = build("demo-b", vocabulary())[0].visual
    tokens, kept = torch.randn(2, 225, 192), torch.tensor([[0, 1, 15, 16], [100, 101, 115, 116]])
    outside = torch.ones(2, 225, dtype=torch.bool).scatter(1, kept, False)
    others = torch.where(outside[..., None], tokens.flip(1), tokens)
    with torch.no_grad():
        assert torch.equal(embed(visual, tokens, kept), embed(visual, others, kept))
        assert not torch.allclose(embed(visual, tokens), embed(visual, others), atol=1e-3)
