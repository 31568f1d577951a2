"""What goes on between the blocks of an image tower, and AnomalyCLIP's path of V-V attention beside them.

Zhou et al., "AnomalyCLIP", ICLR 2024 (arXiv 2310.18961). The authors rebuild blocks one by one; written out, what they
compute is a sum (see `walk`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


def walk(
    transformer: Any, tokens: Float[Tensor, "image token width"], value_path_from: int | None = None
) -> Iterator[tuple[int, Float[Tensor, "image token width"], Float[Tensor, "image token width"]]]:
    """For each block, counted from 1: its number, the state behind it, and the patch path there.

    Without `value_path_from` the path is the state. With it, from that block f on, the path has no MLP and never reads
    itself: P_l = h_{f-1} + VV_f(h_{f-1}) + ... + VV_l(h_{l-1}), where h are the states of the untouched tower.

    Raises:
        TypeError: V-V attention of a tower whose attention is not PyTorch's own.
    """
    state = path = tokens
    for number, block in enumerate(transformer.resblocks, start=1):
        if value_path_from is not None and number >= value_path_from:
            state, added = with_vv_attention(block, state)
            path = path + added
        else:
            state = path = _through(transformer, block, state)
        yield number, state, path


def with_vv_attention(
    block: Any, state: Float[Tensor, "image token width"]
) -> tuple[Float[Tensor, "image token width"], Float[Tensor, "image token width"]]:
    """A block's own output, and what V-V attention adds on the path: softmax(v v^T / sqrt(head)) v through its output
    projection, where v are the values of its attention. Both share what comes before and behind the attention.

    Raises:
        TypeError: the block's attention is not PyTorch's own, so that where its values come from is not known.
    """
    attention = block.attn
    if not isinstance(attention, nn.MultiheadAttention) or attention.in_proj_bias is None:
        raise TypeError(f"V-V attention needs blocks with nn.MultiheadAttention, not {type(attention).__name__}")
    queries, keys, values = queries_keys_values(attention, block.ln_1(state))
    mixed = (
        F.scaled_dot_product_attention(queries, keys, values),
        F.scaled_dot_product_attention(values, values, values),
    )
    own, added = attention.out_proj(torch.stack(mixed).transpose(2, 3).flatten(3))
    state = state + block.ls_1(own)
    return state + block.ls_2(block.mlp(block.ln_2(state))), added


def queries_keys_values(
    attention: nn.MultiheadAttention, entering: Float[Tensor, "sample token width"]
) -> list[Float[Tensor, "sample head token dim"]]:
    """What PyTorch's attention makes of its input, head by head."""
    made = F.linear(entering, attention.in_proj_weight, attention.in_proj_bias)
    return [part.unflatten(-1, (attention.num_heads, -1)).transpose(1, 2) for part in made.chunk(3, dim=-1)]


def _through(transformer: Any, block: Any, state: Tensor) -> Tensor:
    """One block, whichever order of axes it takes."""
    out: Tensor = block(state) if transformer.batch_first else block(state.transpose(0, 1)).transpose(0, 1)
    return out
