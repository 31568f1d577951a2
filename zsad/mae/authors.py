"""The checkpoints of MAE's authors (facebookresearch/mae), under the names that transformers gives their tensors."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

# What a name begins with there, and here.
_STARTS = {
    "cls_token": "vit.embeddings.cls_token",
    "pos_embed": "vit.embeddings.position_embeddings",
    "patch_embed.proj.": "vit.embeddings.patch_embeddings.projection.",
    "norm.": "vit.layernorm.",
    "blocks.": "vit.layers.",
    "decoder_blocks.": "decoder.decoder_layers.",
}
_IN_BLOCKS = {
    "norm1.": "layernorm_before.",
    "norm2.": "layernorm_after.",
    "attn.proj.": "attention.o_proj.",
    "mlp.": "mlp.",
}
_BLOCK = re.compile(r"((?:decoder_)?blocks\.)(\d+\.)(.+)")


def in_transformers_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of an authors' checkpoint as a `ViTMAEForPreTraining` calls them.

    Names that are not the authors' stay as they are, for `zsad.clip.checkpoint.load_state` to say so.

    Raises:
        ValueError: an encoder without its decoder.
    """
    if "blocks.0.attn.qkv.weight" in state and not any(name.startswith("decoder_") for name in state):
        raise ValueError(
            "it holds an encoder without its decoder, which paints nothing: use a file of the whole autoencoder, such "
            "as mae_visualize_vit_base.pth"
        )
    renamed: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if found := _BLOCK.fullmatch(name):
            kind, number, rest = found.groups()
            renamed |= _of_block(f"{_STARTS[kind]}{number}", rest, tensor)
        else:
            renamed[_outside(name)] = tensor
    return renamed


def _of_block(block: str, rest: str, tensor: Tensor) -> dict[str, Tensor]:
    if rest in ("attn.qkv.weight", "attn.qkv.bias"):
        kind = rest.rpartition(".")[2]
        parts = torch.chunk(tensor, 3)
        return {f"{block}attention.{part}_proj.{kind}": value for part, value in zip("qkv", parts, strict=True)}
    start = next((start for start in _IN_BLOCKS if rest.startswith(start)), "")
    return {f"{block}{_IN_BLOCKS.get(start, '')}{rest.removeprefix(start)}": tensor}


def _outside(name: str) -> str:
    if name.startswith(("decoder_", "mask_token")):
        return f"decoder.{name}"
    start = next((start for start in _STARTS if name.startswith(start)), "")
    return f"{_STARTS.get(start, '')}{name.removeprefix(start)}"
