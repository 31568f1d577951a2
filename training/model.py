"""The demo CLIPs: their shapes, how one starts from the weights of another, and the files they are kept in."""

from __future__ import annotations

from pathlib import Path

import open_clip
import torch
import torch.nn.functional as F
from open_clip.model import resize_pos_embed
from torch import Tensor

from training.ship import ship
from zsad.clip.tokenizer import WordTokenizer

MODELS = {
    "demo-b": {
        "embed_dim": 128,
        "vision_cfg": {"image_size": 120, "patch_size": 8, "width": 192, "layers": 6, "head_width": 48},
        "text_cfg": {"context_length": 77, "width": 128, "heads": 4, "layers": 3},
    },
    "demo-l": {
        "embed_dim": 128,
        "vision_cfg": {"image_size": 112, "patch_size": 7, "width": 192, "layers": 9, "head_width": 48},
        "text_cfg": {"context_length": 77, "width": 128, "heads": 4, "layers": 3},
    },
}
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def build(name: str, words: list[str]) -> tuple[open_clip.CLIP, dict, WordTokenizer]:
    config = MODELS[name]
    tokenizer = WordTokenizer(words, config["text_cfg"]["context_length"])
    config = {**config, "text_cfg": {**config["text_cfg"], "vocab_size": tokenizer.vocab_size}}
    return open_clip.CLIP(**config), config, tokenizer


def inherit(model: open_clip.CLIP, tokenizer: WordTokenizer, card: dict, state: dict[str, Tensor]) -> None:
    """Start a model from the weights of an earlier one: known words keep their vectors, the patch filters and the
    position table are resized, and blocks that the earlier model lacks do nothing at first.
    """
    earlier = WordTokenizer(card["vocabulary"], tokenizer.context_length)
    state = {key: value.float() for key, value in state.items()}
    words = model.token_embedding.weight.detach().clone()
    shared = [entry for entry in tokenizer.ids if entry in earlier.ids]
    words[[tokenizer.ids[entry] for entry in shared]] = state["token_embedding.weight"][
        [earlier.ids[entry] for entry in shared]
    ]
    words[[0, tokenizer.start, tokenizer.end]] = state["token_embedding.weight"][[0, earlier.start, earlier.end]]
    state["token_embedding.weight"] = words
    size = model.visual.conv1.weight.shape[-1]
    filters = state["visual.conv1.weight"]
    resized = F.interpolate(filters, (size, size), mode="bicubic", antialias=True)
    state["visual.conv1.weight"] = resized * (filters.shape[-1] / size) ** 2
    resize_pos_embed(state, model)
    missing, unexpected = model.load_state_dict(state, strict=False)
    blocks = {".".join(key.split(".")[:4]) for key in missing}
    if unexpected or not all(block.startswith("visual.transformer.resblocks.") for block in blocks):
        raise ValueError(f"the earlier weights do not fit: missing {missing}, unexpected {unexpected}")
    for block in blocks:
        added = model.visual.transformer.resblocks[int(block.rsplit(".", 1)[1])]
        for last in (added.attn.out_proj, added.mlp.c_proj):
            torch.nn.init.zeros_(last.weight)
            torch.nn.init.zeros_(last.bias)


def patch_tokens(visual, pictures: Tensor) -> Tensor:
    """(image, patch, width) tokens with their positions; pictures normalised."""
    tokens = visual.conv1(pictures).flatten(2).transpose(1, 2)
    return tokens + visual.positional_embedding[1:].to(tokens.dtype)


def embed(visual, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Projected class token (view, dim), and the projected patch tokens (view, token, dim) after the last block and
    before it, of the given patches alone.
    """
    start = (visual.class_embedding + visual.positional_embedding[0]).to(tokens.dtype).expand(len(tokens), 1, -1)
    tokens = visual.ln_pre(torch.cat([start, tokens], 1))
    *blocks, last = visual.transformer.resblocks
    for block in blocks:
        tokens = block(tokens)
    early, late = (F.normalize((visual.ln_post(t) @ visual.proj).float(), dim=-1) for t in (tokens, last(tokens)))
    return late[:, 0], late[:, 1:], early[:, 1:]


def save(name: str, model: open_clip.CLIP, config: dict, words: list[str], out: Path, recipe: dict) -> None:
    """The weights, and beside them what is needed to build the model and to check the file."""
    card = {"model_cfg": config, "vocabulary": words, "mean": MEAN, "std": STD, "training": recipe}
    ship(name, model.state_dict(), card, out)
