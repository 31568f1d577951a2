"""The text tower of an open_clip model, without computing the padding."""

from collections.abc import Iterable
from functools import partial
from itertools import zip_longest
from typing import Any

import torch
from jaxtyping import Float, Int
from open_clip.transformer import ResidualAttentionBlock, TextTransformer
from torch import Tensor, nn
from torch.nn import functional as F

from zsad.clip.taps import queries_keys_values


def encode(
    model: Any,
    tokens: Int[Tensor, "text token"],
    words: Float[Tensor, "text word width"] | None = None,
    at: int = 0,
    deep: Float[Tensor, "set place width"] | None = None,
) -> Float[Tensor, "text dim"]:
    """What `model.encode_text(tokens)` returns, for the price of the longest text in the batch.

    In a causal tower that pools at the end token nothing behind that token is ever looked at, so the columns that are
    padding in every text are cut. Any other tower (bidirectional, pooled at the last position, a class token behind
    the text) is left to open_clip.

    Args:
        words: what stands in place of the token embeddings of the columns from `at` on; gradients flow to them.
        deep: what the states of the first of these columns are replaced by, in every text, before the second block, the
            third, and so on; gradients flow to it.
    """
    tower, pool, end_id = _parts(model)
    causal = getattr(tower, "attn_mask", None) is not None
    if not causal or pool not in ("argmax", "eos") or getattr(tower, "cls_emb", None) is not None:
        return _encode_whole(model, tokens, words, at, deep)
    ends = tokens.argmax(dim=-1) if pool == "argmax" else tokens.eq(end_id).int().argmax(dim=-1)
    length = int(ends.max()) + 1
    tokens = tokens[:, :length]
    dtype = tower.transformer.get_cast_dtype()
    x = tower.token_embedding(tokens)
    if words is not None:
        x = _replaced(x, words.to(x), at)
    x = x.to(dtype) + tower.positional_embedding[:length].to(dtype)
    mask = tower.attn_mask[:length, :length].to(dtype)
    last = tower.transformer.resblocks[-1]
    for block, vectors in _deepened(tower.transformer, deep):
        if vectors is not None:
            x = _replaced(x, vectors.to(x).expand(len(x), -1, -1), at)
        x = _through(tower.transformer, block, x, mask, ends if block is last else None)
    x = tower.ln_final(x)[:, 0]
    if tower.text_projection is not None:
        x = tower.text_projection(x) if isinstance(tower.text_projection, nn.Linear) else x @ tower.text_projection
    features: Tensor = x
    return features


def _encode_whole(model: Any, tokens: Tensor, words: Tensor | None, at: int, deep: Tensor | None) -> Tensor:
    """`encode` by open_clip, whose towers are reached into by hooks where words are given: others may lack a table."""
    if words is None:
        plain: Tensor = model.encode_text(tokens)
        return plain

    def put_in(module: nn.Module, arguments: tuple[Tensor], embedded: Tensor) -> Tensor:
        return _replaced(embedded, words.to(embedded), at)

    handles = [token_embedding(model).register_forward_hook(put_in)]
    transformer = _parts(model)[0].transformer
    for block, vectors in _deepened(transformer, deep):
        if vectors is not None:
            hook = partial(_deepen, vectors=vectors, at=at, batch_first=transformer.batch_first)
            handles.append(block.register_forward_pre_hook(hook))
    try:
        features: Tensor = model.encode_text(tokens)
        return features
    finally:
        for handle in handles:
            handle.remove()


def _deepened(transformer: Any, deep: Tensor | None) -> Iterable[tuple[Any, Tensor | None]]:
    """Each block, and what stands in the states before it: nothing before the first."""
    return zip_longest(transformer.resblocks, [None, *(() if deep is None else deep)])


def _through(
    transformer: Any, block: Any, state: Tensor, mask: Tensor, ends: Int[Tensor, " text"] | None
) -> Float[Tensor, "text token width"]:
    """One block; behind the last one the end tokens alone, since nothing else is looked at.

    One of CLIP's own is written out: in a tower as small as those that prompts are learned through, the calls that
    `nn.MultiheadAttention` takes cost more than what they compute.
    """
    attention = getattr(block, "attn", None)
    if type(block) is not ResidualAttentionBlock or type(attention) is not nn.MultiheadAttention:
        turned = state if transformer.batch_first else state.transpose(0, 1)
        out: Tensor = block(turned, attn_mask=mask)
        out = out if transformer.batch_first else out.transpose(0, 1)
        return out if ends is None else _rows(out, ends)
    queries, keys, values = queries_keys_values(attention, block.ln_1(state))
    if ends is not None:
        state, queries = _rows(state, ends), _rows(queries.transpose(1, 2), ends).transpose(1, 2)
        mask = mask[ends][:, None, None]
    mixed = F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
    state = state + block.ls_1(attention.out_proj(mixed.transpose(1, 2).flatten(2)))
    passed: Tensor = state + block.ls_2(block.mlp(block.ln_2(state)))
    return passed


def _rows(states: Float[Tensor, "text token *rest"], at: Int[Tensor, " text"]) -> Float[Tensor, "text 1 *rest"]:
    return states[torch.arange(len(states), device=states.device), at][:, None]


def blocks(model: Any) -> int:
    """How many blocks the text tower has."""
    return len(_parts(model)[0].transformer.resblocks)


def _deepen(
    module: nn.Module, arguments: tuple[Tensor], vectors: Float[Tensor, "place width"], at: int, batch_first: bool
) -> tuple[Any, ...]:
    """Hook before a block: the states of some columns are replaced in every text."""
    state = arguments[0] if batch_first else arguments[0].transpose(0, 1)
    state = _replaced(state, vectors.to(state).expand(len(state), -1, -1), at)
    return (state if batch_first else state.transpose(0, 1), *arguments[1:])


def _replaced(states: Tensor, by: Tensor, at: int) -> Tensor:
    return torch.cat([states[:, :at], by, states[:, at + by.shape[1] :]], dim=1)


def token_embedding(model: Any) -> nn.Embedding:
    """The table of token embeddings.

    Raises:
        TypeError: the text tower is not one of open_clip's own.
    """
    table = getattr(_parts(model)[0], "token_embedding", None)
    if not isinstance(table, nn.Embedding):
        raise TypeError(
            f"the text tower of {type(model).__name__} has no table of token embeddings as open_clip's have"
        )
    return table


def _parts(model: Any) -> tuple[Any, str, int]:
    """The module that holds the text weights (`CLIP` itself, else `.text`), how it pools, and its end token."""
    if isinstance(getattr(model, "text", None), TextTransformer):
        return model.text, model.text.pool_type, model.text.eos_id
    return model, getattr(model, "text_pool_type", ""), getattr(model, "text_eos_id", -1)
