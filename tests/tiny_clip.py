"""A CLIP small enough for any test: random weights, real open_clip classes."""

import open_clip
import torch

from zsad.clip import Backbone
from zsad.clip.tokenizer import WordTokenizer

TOKENIZER = WordTokenizer(["photo", "of", "the", "flawless", "damaged", "without", "with", "flaw", "nut"], 77)

# The same as an architecture file, with the vocabulary of the original CLIP: `tiny_model(text=TINY["text_cfg"])`.
TINY = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 80, "patch_size": 16, "width": 32, "head_width": 16, "layers": 2},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}


def tiny_model(seed: int = 0, image_size: int = 80, custom_text: bool = False, vision=None, text=None):
    """An open_clip model on a 5 x 5 patch grid (16-pixel patches), two layers of width 32."""
    vision_cfg = {"image_size": image_size, "patch_size": 16, "width": 32, "head_width": 16, "layers": 2}
    text_cfg = {"context_length": 77, "vocab_size": TOKENIZER.vocab_size, "width": 32, "heads": 2, "layers": 2}
    kind = open_clip.CustomTextCLIP if custom_text else open_clip.CLIP
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = kind(embed_dim=24, vision_cfg=vision_cfg | (vision or {}), text_cfg=text_cfg | (text or {}))
        # Small initial weights make a transformer close to the identity; larger ones make every layer count.
        for parameter in model.parameters():
            parameter.data.add_(0.1 * torch.randn(parameter.shape))
    return model


def tiny_backbone(seed: int = 0, **options) -> Backbone:
    return Backbone(tiny_model(seed), TOKENIZER, "tiny", **{"shown": ["captions"], **options})


def random_images(count: int = 2, height: int = 80, width: int = 80, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(seed))
