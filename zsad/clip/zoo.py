"""Names of backbones and where their weights come from."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from open_clip.pretrained import download_pretrained_from_hf, download_pretrained_from_url
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from zsad.clip.architecture import build, check_statistics, config_of, statistics_of, tokenizer_of
from zsad.clip.backbone import Backbone
from zsad.clip.checkpoint import read_state
from zsad.clip.origin import say_downloaded, say_given
from zsad.clip.released import RELEASED
from zsad.clip.tokenizer import WordTokenizer
from zsad.leagues import UNKNOWN, Shown, check_shown
from zsad.limits import check_number

log = logging.getLogger(__name__)

WEIGHTS = Path(str(files("zsad"))) / "weights"
OTHER_FILES = (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".npz", ".onnx", ".json")
"""How files of weights end that are none of a name's and none of one's own."""
_WRITE_AGAIN = "the two belong together: copy both again from where they were written, or train again (`zsad train`)"


def known_backbones() -> list[str]:
    """Names that `load_backbone` takes: published models, then the demo models that ship with the package."""
    return [*RELEASED, *demo_models("embed_dim")]


def demo_models(key: str) -> list[str]:
    """Names of the demo models whose configuration has a key; that tells one kind of model from another."""
    cards = _cards(WEIGHTS, WEIGHTS.stat().st_mtime_ns) if WEIGHTS.is_dir() else []
    return [path.stem for path in cards if key in _keys(path, path.stat().st_mtime_ns)]


@cache
def _cards(folder: Path, changed: int) -> list[Path]:
    """Listed once, unless a file comes or goes: studies ask for every detector and backbone."""
    return sorted(folder.glob("*.json"))


@cache
def _keys(card: Path, changed: int) -> frozenset[str]:
    """Of the configuration that a card holds; a card is read once, unless it changes."""
    return frozenset(json.loads(card.read_text()).get("model_cfg", {}))


def load_backbone(
    name: str,
    device: str | torch.device = "cpu",
    dtype: str = "float32",
    weights: str | Path | None = None,
    image_size: int | None = None,
    architecture: str | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    shown: Sequence[Shown] = UNKNOWN,
) -> Backbone:
    """Load a backbone by name.

    Args:
        name: one of `known_backbones()`; with an `architecture`, whatever your own weights are to be called.
        device: where to compute.
        dtype: "float32", "bfloat16", "float16" or "float64".
        weights: a local open_clip checkpoint: of a published model, instead of a download, or of your own.
        image_size: input size in pixels other than the model's own; its position table is resized, as the model's entry
            in `RELEASED` says, else bicubic.
        architecture: of weights of your own: one of open_clip's names, such as "ViT-B-16" or "ViT-L-14-quickgelu", or a
            JSON file in the form of open_clip's own.
        mean, std, shown: of weights of your own, see `Backbone`; by default those in the JSON file of the architecture,
            else the original CLIP's, and unknown.

    Raises:
        ValueError: an unknown name, an image size out of `zsad.limits`, a wrong checksum, an architecture that is
            unknown or no vision transformer's, a checkpoint that does not fit the model, or a mean or std that cannot
            be one or is not of weights of your own.
        FileNotFoundError: weights that are neither here nor to be had; the message says which file goes where.
    """
    if image_size is not None:
        check_number("image_size", image_size)
    if architecture is not None:
        check_own(name, weights)
        return _load_own(name, architecture, Path(weights or ""), device, dtype, image_size, mean, std, shown)
    if name not in known_backbones():
        own = "" if weights is None else "; weights of your own also need their architecture, such as 'ViT-B-16'"
        raise ValueError(f"unknown backbone {name!r}; known: {', '.join(known_backbones())}{own}")
    if mean is not None or std is not None:
        raise ValueError(f"{name} has a mean and std of its own: leave them out, or give an architecture too")
    if name in RELEASED:
        return _load_released(name, device, dtype, weights, image_size)
    if weights is not None:
        raise ValueError(f"{name} ships with its weights: weights= is for {', '.join(RELEASED)}")
    return load_demo_weights(name, WEIGHTS, device, dtype, image_size)


def _load_released(
    name: str, device: str | torch.device, dtype: str, weights: str | Path | None, image_size: int | None
) -> Backbone:
    spec = RELEASED[name]
    if weights is not None and not Path(weights).is_file():
        raise FileNotFoundError(f"no checkpoint at {weights}; {_how_to_get(name)}")
    path = _downloaded(name) if weights is None else Path(weights)
    try:
        model = build(config_of(spec.architecture), read_state(path), image_size or spec.image_size, spec.positions)
    except (ValueError, RuntimeError) as error:  # RuntimeError: a position table that cannot be resized
        raise ValueError(f"{path} does not hold the weights of {name}: {error}") from error
    if weights is None:
        say_downloaded(path, name, *spec.origin)
    else:
        say_given(path, name, spec.known_files)
    tokenizer = tokenizer_of(spec.architecture, config_of(spec.architecture))
    return Backbone(model, tokenizer, name, device=device, dtype=dtype, shown=spec.shown)


def check_own(name: str, weights: str | Path | None) -> None:
    """Raise a ValueError where weights of one's own have a name that is taken, or no file."""
    if name in known_backbones():
        raise ValueError(f"{name} is the name of another backbone: call your own weights something else")
    if weights is None:
        raise ValueError(f"{name} has an architecture but no weights: give the file that holds them")


def _load_own(
    name: str,
    architecture: str,
    path: Path,
    device: str | torch.device,
    dtype: str,
    image_size: int | None,
    mean: Sequence[float] | None,
    std: Sequence[float] | None,
    shown: Sequence[Shown],
) -> Backbone:
    config, said = config_of(architecture), statistics_of(architecture)
    check_statistics(name, mean, std)
    if not path.is_file():
        raise FileNotFoundError(f"no weights of {name} at {path}")
    try:
        model = build(config, read_state(path), image_size)
    except (ValueError, RuntimeError, TypeError) as error:  # TypeError: an architecture file with a field of its own
        raise ValueError(f"{path} does not hold weights of the architecture {architecture}: {error}") from error
    say_given(path, name, ())
    tokenizer = tokenizer_of(architecture, config)
    statistics = mean or said.get("mean"), std or said.get("std")
    return Backbone(model, tokenizer, name, *statistics, device=device, dtype=dtype, shown=shown)


def _downloaded(name: str) -> Path:
    """The file of weights, fetched where it is not there: in the Hugging Face cache, or, of one that only its makers'
    checksum is known of, their own file among torch's checkpoints.
    """
    spec = RELEASED[name]
    try:
        if spec.sha256 is None and spec.makers_sha256:
            return Path(download_pretrained_from_url(spec.makers_url, cache_dir=str(_torch_checkpoints())))
        return Path(download_pretrained_from_hf(spec.repository, revision=spec.revision))
    except Exception as error:  # open_clip, the hub client and urllib each raise their own kinds
        raise FileNotFoundError(f"the weights of {name} could not be loaded ({error}); {_how_to_get(name)}") from error


def _torch_checkpoints() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints"


def _how_to_get(name: str) -> str:
    spec = RELEASED[name]
    hub = (
        f"open_clip_model.safetensors or open_clip_pytorch_model.bin from the Hugging Face repository {spec.repository}"
    )
    if spec.sha256 is None and spec.makers_sha256:
        kept, elsewhere = f"{_torch_checkpoints()}, which TORCH_HOME moves", f"{spec.makers_url}, or {hub},"
    else:
        kept, elsewhere = "the Hugging Face cache, which HF_HOME moves", hub
    return (
        f"load it once with a network connection (about {spec.gigabytes} GB, kept in {kept}), or fetch {elsewhere} "
        f"elsewhere and pass load_backbone({name!r}, weights='path/to/that/file')"
    )


def read_demo_weights(name: str, folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Card and weights (float32) of a demo model from `folder/name.json` and `folder/name.safetensors`.

    Raises:
        FileNotFoundError: the card or the weights are missing.
        ValueError: `name` is that of another kind of file; the card is damaged; the sha256 of the weights is not the
            one that the card states, or they are no tensors. What the card lacks is refused when it is asked for.
    """
    ships = folder.resolve() == WEIGHTS.resolve()
    if ships and Path(name).suffix.lower() in OTHER_FILES:
        raise ValueError(
            f"{name} is a file of another kind: weights of one's own are read from a .safetensors with its card beside "
            "it, a .json of the same name"
        )
    card_path, weights_path = folder / f"{name}.json", folder / f"{name}.safetensors"
    again = "reinstall the package or check the file out again" if ships else _WRITE_AGAIN
    for path in (card_path, weights_path):
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing; {again}")
    card = _read_card(card_path, again)
    payload = weights_path.read_bytes()
    digest = hashlib.sha256(payload).hexdigest()
    if digest != card["sha256"]:
        raise ValueError(
            f"{weights_path} has sha256 {digest}, but {card_path.name} says {card['sha256']}: "
            f"the file is damaged or was replaced; {again}"
        )
    try:
        tensors = load(payload)
    except SafetensorError as error:
        raise ValueError(f"{weights_path} is damaged, although {card_path.name} knows it ({error}); {again}") from None
    log.info("read %s from %s", name, weights_path)
    return card, {key: tensor.float() for key, tensor in tensors.items()}


class Card(dict[str, Any]):
    """What a card says. Asking for what it does not say raises a ValueError that names the file."""

    def __init__(self, says: Mapping[str, Any], path: Path, again: str) -> None:
        super().__init__(says)
        self._path, self._again = path, again

    def __missing__(self, entry: str) -> Any:
        raise ValueError(f"{self._path} is no card of such weights, or is damaged: it lacks {entry!r}; {self._again}")


def _read_card(path: Path, again: str) -> Card:
    try:
        says = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # no JSON, or no text
        raise ValueError(f"{path} is no card, or is damaged: {error}; {again}") from None
    if not isinstance(says, dict):
        raise ValueError(f"{path} is no card: it holds {type(says).__name__}, not entries by name; {again}")
    return Card(says, path, again)


def shown_by(card: Mapping[str, Any]) -> tuple[Shown, ...]:
    """What a card says that its weights were shown; "unknown" where it says nothing."""
    return check_shown(card.get("shown", UNKNOWN), f"by its card, {card['name']}")


def load_demo_weights(
    name: str,
    folder: Path,
    device: str | torch.device = "cpu",
    dtype: str = "float32",
    image_size: int | None = None,
) -> Backbone:
    """A demo CLIP from `folder`: the package's own, or one fresh from training. Errors as `read_demo_weights`."""
    card, state = read_demo_weights(name, folder)
    model = build(card["model_cfg"], state, image_size)
    tokenizer = WordTokenizer(card["vocabulary"], model.context_length)
    statistics = card["mean"], card["std"]
    return Backbone(model, tokenizer, name, *statistics, device=device, dtype=dtype, shown=shown_by(card))
