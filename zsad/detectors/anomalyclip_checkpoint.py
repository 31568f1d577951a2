"""The prompts in AnomalyCLIP's published checkpoints, checked against the backbone that they are to be used with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from zsad.clip import Backbone
from zsad.clip.checkpoint import read_state
from zsad.detectors.learned import Learned, TrainedOn, check_tensors

# The folders of the authors' repository, whose names end in what is tested with the prompts.
FOLDERS = {"9_12_4_multiscale": "visa", "9_12_4_multiscale_visa": "mvtec_ad"}
PUBLISHED_EPOCH = "epoch_15.pth"
SIDES = {"normal": "pos", "anomalous": "neg"}  # in the authors' words, positive is what is intact
_DEEP = "compound_prompts_text."


def read_checkpoint(
    path: Path, backbone: Backbone, sentences: Sequence[str], shapes: Mapping[str, Sequence[int]]
) -> Learned:
    """Prompts of an `epoch_N.pth`. What they were trained on is known by the name of the folder that it lies in.

    Nothing in the file is run. It also holds the token vectors that stand around the learned words, of the start token
    and of `sentences`; that they are the backbone's own shows that these prompts were learned with its text tower.

    Args:
        shapes: of the learned "normal", "anomalous" and "deep" vectors; files may be without the last.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is damaged or no checkpoint of tensors, of another method or another text tower, or in a folder
            that does not say what it was trained on.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"no checkpoint {path}: take it from the folder checkpoints/ of the GitHub repository zqhang/AnomalyCLIP, "
            "and keep the name of its folder, which says what it was trained on"
        )
    state = read_state(path, "prompt_learner")
    needed = {f"{kind}_{side}" for kind in ("ctx", "token_prefix", "token_suffix") for side in SIDES.values()}
    if missing := sorted(needed - set(state)):
        raise ValueError(f"{path} is no checkpoint of AnomalyCLIP's prompts: it lacks {', '.join(missing)}")
    suite = _suite_of(path)
    table = _surroundings(backbone, sentences, shapes["normal"][0])
    deep = [f"{_DEEP}{number}" for number in range(shapes["deep"][0])]
    asked = {f"ctx_{side}": shapes[name] for name, side in SIDES.items()}
    asked |= {name: vectors.shape for name, vectors in table.items()}
    found = {name: state[name] for name in asked}
    if given := {name: vectors for name, vectors in state.items() if name.startswith(_DEEP)}:
        asked, found = asked | dict.fromkeys(deep, shapes["deep"][1:]), found | given
    found = {name: vectors.flatten(0, -2) if vectors.ndim > 2 else vectors for name, vectors in found.items()}
    check_tensors(path, found, asked, f"the text tower of {backbone.name}")
    _check_surroundings(path, found, table, backbone, sentences)
    prompts = {name: found[f"ctx_{side}"].float() for name, side in SIDES.items()}
    if given:
        prompts["deep"] = torch.stack([found[name] for name in deep]).float()
    return Learned(path.stem, prompts, TrainedOn(suite), path=path)


def _suite_of(path: Path) -> str:
    """What the prompts of a file were trained on, by its folder: the real one, or a link's."""
    for folder in (path.resolve().parent.name, path.absolute().parent.name):
        if folder in FOLDERS:
            return FOLDERS[folder]
    known = " or ".join(f"{folder} (trained on {suite})" for folder, suite in FOLDERS.items())
    raise ValueError(
        f"{path}: the name of its folder says what it was trained on, {known}; put it into a folder of that name"
    )


def _surroundings(backbone: Backbone, sentences: Sequence[str], words: int) -> dict[str, Tensor]:
    """The start token, and the sentence behind the learned words with its end and padding, as the tower embeds them, by
    their names in a checkpoint."""
    table = backbone.token_vectors(backbone.tokenize(sentences, backbone.word_ids[0].expand(len(sentences), words)))
    sides = [*zip(SIDES.values(), table, strict=True)]
    before = {f"token_prefix_{side}": vectors[:1] for side, vectors in sides}
    return before | {f"token_suffix_{side}": vectors[1 + words :] for side, vectors in sides}


def _check_surroundings(
    path: Path, found: Mapping[str, Tensor], table: Mapping[str, Tensor], backbone: Backbone, sentences: Sequence[str]
) -> None:
    for name, expected in table.items():
        # Either side may be rounded to 16 bits.
        if (found[name].to(expected) - expected).abs().max() > 1e-2 * expected.abs().max():
            raise ValueError(
                f"{path} was trained with another CLIP or tokenizer than {backbone.name}: its {name} is not the "
                f"token vectors that stand around {sentences[name.endswith('neg')]!r} there"
            )
