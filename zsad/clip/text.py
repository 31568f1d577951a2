"""The text tower of an open_clip model, without computing the padding."""

from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int
from open_clip.transformer import TextTransformer, text_global_pool
from torch import Tensor, nn


def encode(model: Any, tokens: Int[Tensor, "text token"]) -> Float[Tensor, "text dim"]:
    """What `model.encode_text(tokens)` returns, for the price of the longest text in the batch.

    In a causal tower that pools at the end token nothing behind that token is ever looked at, so the columns that are
    padding in every text are cut. Any other tower (bidirectional, pooled at the last position, a class token behind
    the text) is left to open_clip.
    """
    tower, pool, end_id = _parts(model)
    causal = getattr(tower, "attn_mask", None) is not None
    if not causal or pool not in ("argmax", "eos") or getattr(tower, "cls_emb", None) is not None:
        features: Tensor = model.encode_text(tokens)
        return features
    ends = tokens.argmax(dim=-1) if pool == "argmax" else tokens.eq(end_id).int().argmax(dim=-1)
    length = int(ends.max()) + 1
    tokens = tokens[:, :length]
    dtype = tower.transformer.get_cast_dtype()
    x = tower.token_embedding(tokens).to(dtype) + tower.positional_embedding[:length].to(dtype)
    x = tower.ln_final(tower.transformer(x, attn_mask=tower.attn_mask[:length, :length]))
    x = text_global_pool(x, tokens, pool, eos_token_id=end_id)
    if tower.text_projection is not None:
        x = tower.text_projection(x) if isinstance(tower.text_projection, nn.Linear) else x @ tower.text_projection
    features = x
    return features


def encode_with_words(
    model: Any,
    tokens: Int[Tensor, "text token"],
    words: Float[Tensor, "text word width"],
    at: int,
    deep: Float[Tensor, "set place width"] | None = None,
) -> Float[Tensor, "text dim"]:
    """`encode`, with `words` in place of the token embeddings of the columns from `at` on; gradients flow to them.

    Args:
        deep: what the states of the first of these columns are replaced by, in every text, before the second block, the
            third, and so on; gradients flow to it.
    """

    def put_in(module: nn.Module, arguments: tuple[Tensor], embedded: Tensor) -> Tensor:
        return _replaced(embedded, words.to(embedded), at)

    handles = [token_embedding(model).register_forward_hook(put_in)]
    transformer = _parts(model)[0].transformer
    for block, vectors in zip(transformer.resblocks[1:], deep if deep is not None else (), strict=False):
        hook = partial(_deepen, vectors=vectors, at=at, batch_first=transformer.batch_first)
        handles.append(block.register_forward_pre_hook(hook))
    try:
        return encode(model, tokens)
    finally:
        for handle in handles:
            handle.remove()


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
