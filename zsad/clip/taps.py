"""What goes on between the blocks of an image tower, and AnomalyCLIP's path of V-V attention beside them.

Zhou et al., "AnomalyCLIP", ICLR 2024 (arXiv 2310.18961). The authors rebuild blocks one by one; written out, what they
compute is a sum (see `walk`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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
        on_path = value_path_from is not None and number >= value_path_from
        added = vv_attention(block, state) if on_path else None
        state = _through(transformer, block, state)
        path = state if added is None else path + added
        yield number, state, path


def vv_attention(block: Any, state: Float[Tensor, "image token width"]) -> Float[Tensor, "image token width"]:
    """softmax(v v^T / sqrt(head)) v through the block's output projection; v: the values of its attention.

    Raises:
        TypeError: the block's attention is not PyTorch's own, so that where its values come from is not known.
    """
    attention = block.attn
    if not isinstance(attention, nn.MultiheadAttention) or attention.in_proj_bias is None:
        raise TypeError(f"V-V attention needs blocks with nn.MultiheadAttention, not {type(attention).__name__}")
    width = state.shape[-1]
    weight, bias = attention.in_proj_weight[2 * width :], attention.in_proj_bias[2 * width :]
    values = F.linear(block.ln_1(state), weight, bias).unflatten(-1, (attention.num_heads, -1)).transpose(1, 2)
    mixed = F.scaled_dot_product_attention(values, values, values)
    out: Tensor = attention.out_proj(mixed.transpose(1, 2).flatten(2))
    return out


def _through(transformer: Any, block: Any, state: Tensor) -> Tensor:
    """One block, whichever order of axes it takes."""
    out: Tensor = block(state) if transformer.batch_first else block(state.transpose(0, 1)).transpose(0, 1)
    return out
