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
