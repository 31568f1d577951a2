"""The demo CLIPs: their shapes, how a part of a picture goes through one, and the files they are kept in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import open_clip
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from zsad.clip.ship import ship
from zsad.clip.tokenizer import WordTokenizer
from zsad.leagues import Shown

TEXT = {"context_length": 77, "width": 128, "heads": 4, "layers": 3}
MODELS: dict[str, dict[str, Any]] = {
    "demo-b": {
        "embed_dim": 128,
        "vision_cfg": {"image_size": 120, "patch_size": 8, "width": 192, "layers": 6, "head_width": 48},
        "text_cfg": TEXT,
    },
    "demo-l": {
        "embed_dim": 128,
        "vision_cfg": {"image_size": 112, "patch_size": 7, "width": 192, "layers": 9, "head_width": 48},
        "text_cfg": TEXT,
    },
}
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def build(shape: str, words: list[str]) -> tuple[open_clip.CLIP, dict[str, Any], WordTokenizer]:
    """A new CLIP of one of the shapes, its configuration with the size of the vocabulary, and its tokenizer."""
    config = MODELS[shape]
    tokenizer = WordTokenizer(words, config["text_cfg"]["context_length"])
    config = {**config, "text_cfg": {**config["text_cfg"], "vocab_size": tokenizer.vocab_size}}
    return open_clip.CLIP(**config), config, tokenizer


def patch_tokens(visual: Any, pictures: Float[Tensor, "picture 3 side side"]) -> Float[Tensor, "picture patch width"]:
    """Patches with their positions, as they enter the transformer; pictures normalised."""
    tokens = visual.conv1(pictures).flatten(2).transpose(1, 2)
    embedded: Tensor = tokens + visual.positional_embedding[1:].to(tokens.dtype)
    return embedded


def embed(
    visual: Any, tokens: Float[Tensor, "view patch width"], kept: Int[Tensor, "view kept"] | None = None
) -> Float[Tensor, "view dim"]:
    """Class tokens of pictures of which only the `kept` patches are seen: unit vectors.

    The tower's own weights and formula, with attention written out (on a CPU, three times as fast as the fused kernel
    with its gradient). In the last block the class token alone is computed: nothing else reaches the loss.
    """
    if kept is not None:
        tokens = tokens.gather(1, kept[..., None].expand(-1, -1, tokens.shape[-1]))
    start = (visual.class_embedding + visual.positional_embedding[0]).to(tokens.dtype).expand(len(tokens), 1, -1)
    x = visual.ln_pre(torch.cat([start, tokens], 1))
    *blocks, last = visual.transformer.resblocks
    for block in blocks:
        x = _block(block, x, x.shape[1])
    whole = _block(last, x, 1)[:, 0]
    return F.normalize((visual.ln_post(whole) @ visual.proj).float(), dim=-1)


def _block(block: Any, x: Tensor, asking: int) -> Tensor:
    """One residual block, for the first `asking` tokens."""
    attention, normed = block.attn, block.ln_1(x)
    query, key, value = F.linear(normed, attention.in_proj_weight, attention.in_proj_bias).chunk(3, dim=-1)
    heads = [t.unflatten(-1, (attention.num_heads, -1)).transpose(1, 2) for t in (query[:, :asking], key, value)]
    query, key, value = heads
    shares = (query * query.shape[-1] ** -0.5 @ key.transpose(-1, -2)).softmax(-1, dtype=query.dtype)
    mixed = (shares @ value).transpose(1, 2).flatten(2)
    x = x[:, :asking] + F.linear(mixed, attention.out_proj.weight, attention.out_proj.bias)
    out: Tensor = x + block.mlp(block.ln_2(x))
    return out


def decayed(model: nn.Module) -> list[dict[str, Any]]:
    """Parameter groups of AdamW: matrices decay, gains and biases do not."""
    matrices = [p for p in model.parameters() if p.requires_grad and p.ndim > 1]
    rest = [p for p in model.parameters() if p.requires_grad and p.ndim <= 1]
    return [{"params": matrices, "weight_decay": 0.05}, {"params": rest, "weight_decay": 0.0}]


def save(
    name: str,
    model: open_clip.CLIP,
    about: dict[str, Any],
    out: Path,
    training: dict[str, Any],
    shown: Sequence[Shown] = ("captions",),
) -> None:
    """The weights, and beside them what is needed to build the model and to check the file.

    Args:
        about: configuration of the model (`model_cfg`) and `vocabulary` of its tokenizer.
        training: recipe, time and loss curve. shown: what it was trained on, in the words of `zsad.leagues`.
    """
    card = {"model_cfg": about["model_cfg"], "vocabulary": about["vocabulary"], "mean": MEAN, "std": STD}
    ship(name, model.state_dict(), {**card, "shown": list(shown), "training": training}, out)
