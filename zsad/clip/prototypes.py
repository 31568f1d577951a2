"""One text vector a side from many sentences, computed once and, where a folder is given, kept on disk."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from zsad.clip.backbone import Backbone
from zsad.clip.store import DamagedFileError, read_tensors, write_tensors

log = logging.getLogger(__name__)

Average = Literal["unit", "raw"]
AVERAGES: tuple[Average, ...] = get_args(Average)


@torch.inference_mode(False)  # they are cached, and used under autograd later
def text_prototypes(
    backbone: Backbone,
    sides: Sequence[Sequence[str]],
    average: str = "unit",
    cache: str | Path | None = None,
    normalise: bool = True,
) -> Float[Tensor, "side dim"]:
    """Mean embedding of each list of sentences, of unit length, float32, on the backbone's device.

    Args:
        sides: lists of sentences, one a side.
        average: "unit" normalises each sentence before averaging; "raw" averages the vectors as the tower gives them,
            as three of four public WinCLIP ports do.
        cache: a folder to keep the result in, under a name made from the weights and the sentences. A damaged file is
            computed again.
        normalise: False leaves the mean as long as it is: its product with a unit vector is then the mean cosine.

    Raises:
        ValueError: an unknown average.
    """
    if average not in AVERAGES:
        raise ValueError(f"unknown prompt average {average!r}; known: {', '.join(AVERAGES)}")
    if cache is None:
        return _compute(backbone, sides, average, normalise)
    what = average if normalise else f"{average}, not normalised"
    spec = json.dumps([backbone.fingerprint, what, [list(side) for side in sides]])
    path = Path(cache) / f"text-{hashlib.sha256(spec.encode()).hexdigest()[:32]}.safetensors"
    kept = _read(path, (len(sides), backbone.embed_dim))
    if kept is None:
        kept = _compute(backbone, sides, average, normalise).cpu()
        write_tensors(path, {"prototypes": kept})
    return kept.to(backbone.device)


def _compute(
    backbone: Backbone, sides: Sequence[Sequence[str]], average: str, normalise: bool
) -> Float[Tensor, "side dim"]:
    sentences = [sentence for side in sides for sentence in side]
    features = backbone.embed_text(sentences, normalise=average == "unit")
    means = [part.mean(dim=0) for part in features.split([len(side) for side in sides])]
    return F.normalize(torch.stack(means), dim=-1) if normalise else torch.stack(means)


def _read(path: Path, shape: tuple[int, int]) -> Tensor | None:
    if not path.is_file():
        return None
    try:
        features = read_tensors(path)[0].get("prototypes")
    except DamagedFileError as error:
        log.warning("%s: computing the text features again", error)
        return None
    if features is None or features.shape != shape:
        log.warning("%s is damaged: computing the text features again", path)
        return None
    return features
