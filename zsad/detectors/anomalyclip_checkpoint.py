"""The prompts in AnomalyCLIP's published checkpoints, checked against the backbone that they are to be used with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from zsad.clip import Backbone
from zsad.clip.checkpoint import read_state
from zsad.detectors.learned import UNNAMED, Learned, TrainedOn

# The folders of the authors' repository, whose names end in what is tested with the prompts.
FOLDERS = {"9_12_4_multiscale": "visa", "9_12_4_multiscale_visa": "mvtec_ad"}
PUBLISHED_EPOCH = "epoch_15.pth"


def read_checkpoint(path: Path, backbone: Backbone, sentences: Sequence[str]) -> Learned:
    """Prompts of an `epoch_N.pth`. What they were trained on is known by the name of the folder that it lies in.

    Nothing in the file is run. It also holds the token vectors that stand around the learned words, of the start token
    and of `sentences`; that they are the backbone's own shows that these prompts were learned with its text tower.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is damaged or no checkpoint of tensors, or of another method or another text tower.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"no checkpoint {path}: take it from the folder checkpoints/ of the GitHub repository zqhang/AnomalyCLIP, "
            "and keep the name of its folder, which says what it was trained on"
        )
    state = read_state(path, "prompt_learner")
    sides = {"normal": "pos", "anomalous": "neg"}  # in the authors' words, positive is what is intact
    deep = sorted((name for name in state if name.startswith("compound_prompts_text.")), key=_number)
    needed = {f"{kind}_{side}" for kind in ("ctx", "token_prefix", "token_suffix") for side in sides.values()}
    if missing := sorted(needed - set(state)):
        raise ValueError(f"{path} is no checkpoint of AnomalyCLIP's prompts: it lacks {', '.join(missing)}")
    width = backbone.word_width
    found = {f"{kind}": state[f"ctx_{side}"].flatten(0, -2) for kind, side in sides.items()}
    for name, vectors in [*found.items(), *((name, state[name]) for name in deep)]:
        if vectors.ndim != 2 or vectors.shape[1] != width:
            raise ValueError(
                f"{path} was trained with another architecture: {name} has vectors of {vectors.shape[-1]} numbers, and "
                f"the text tower of {backbone.name} takes {width}"
            )
    if len(deep) >= backbone.text_blocks:
        raise ValueError(
            f"{path} was trained with another architecture: it replaces states before {len(deep)} blocks, and the text "
            f"tower of {backbone.name} has {backbone.text_blocks - 1} that come after others"
        )
    _check_surroundings(path, state, backbone, sentences, len(found["normal"]))
    if deep:
        found["deep"] = torch.stack([state[name] for name in deep])
    suite = FOLDERS.get(path.resolve().parent.name, UNNAMED)
    return Learned(path.stem, {name: vectors.float() for name, vectors in found.items()}, TrainedOn(suite))


def _check_surroundings(
    path: Path, state: dict[str, Tensor], backbone: Backbone, sentences: Sequence[str], words: int
) -> None:
    """The start token, and the sentence behind the learned words with its end and padding, as the tower embeds them."""
    table = backbone.token_vectors(backbone.tokenize(sentences, backbone.word_ids[0].expand(len(sentences), words)))
    for side, own in zip(("pos", "neg"), table, strict=True):
        for name, expected in ((f"token_prefix_{side}", own[:1]), (f"token_suffix_{side}", own[1 + words :])):
            given = state[name].flatten(0, -2).to(expected)
            # Either side may be rounded to 16 bits.
            if given.shape != expected.shape or (given - expected).abs().max() > 1e-2 * expected.abs().max():
                raise ValueError(
                    f"{path} was trained with another CLIP or tokenizer than {backbone.name}: its {name} is not the "
                    f"token vectors that stand around {sentences[side == 'neg']!r} there"
                )


def _number(name: str) -> int:
    return int(name.rsplit(".", 1)[1])
