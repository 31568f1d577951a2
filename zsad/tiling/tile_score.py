"""Stage 9, tile scores: a tile is compared with every sentence, and the cosines of each side are averaged.

WinCLIP averages the sentences' embeddings instead. For unit sentences t and a unit tile v the mean cosine is <m, v>
with m the mean of the t, and the comparison with the mean embedding is <m, v> / |m|: both are a product of the tile
with one vector a side, which is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from jaxtyping import Float
from torch import Tensor

from zsad.clip import Backbone
from zsad.clip.prototypes import text_prototypes

# "cosines": mean of cosines. "embedding": cosine with the mean of unit embeddings. "raw embedding": with that of the
# embeddings as the text tower gives them, as three of four public WinCLIP ports do.
Average = Literal["cosines", "embedding", "raw embedding"]
AVERAGES: tuple[Average, ...] = get_args(Average)


def side_vectors(
    backbone: Backbone, sides: Sequence[Sequence[str]], average: str = "cosines", cache: str | Path | None = None
) -> Float[Tensor, "side dim"]:
    """One vector a side whose product with a unit tile embedding is the side's alignment with the tile.

    Args:
        sides: lists of sentences, one a side.
        average: an `Average`.
        cache: a folder to keep the vectors in.
    """
    of = "raw" if average == "raw embedding" else "unit"
    return text_prototypes(backbone, sides, of, cache, normalise=average != "cosines")


def tile_scores(
    tiles: Float[Tensor, "tile dim"], vectors: Float[Tensor, "2 dim"], temperature: float = 0.07
) -> Float[Tensor, " tile"]:
    """Softmax over the alignments with (normal, anomalous): the share of anomalous, in (0, 1).

    Args:
        tiles: unit embeddings.
        vectors: of `side_vectors`, normal first.
    """
    alignments = tiles @ vectors.to(tiles.dtype).T
    return (alignments / temperature).softmax(dim=-1)[:, 1]
