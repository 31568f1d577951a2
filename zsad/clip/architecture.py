"""A CLIP built from open_clip's description of an architecture, and the weights that it is given."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Callable
from numbers import Real
from pathlib import Path
from typing import Any, Literal

import open_clip
from open_clip.model import resize_pos_embed
from torch import Tensor

from zsad.clip.checkpoint import load_state

Positions = Literal["bicubic", "bilinear"]
QUICK = "-quickgelu"


def config_of(architecture: str) -> dict[str, Any]:
    """The configuration of an architecture: one of open_clip's names, which may end in -quickgelu, or a JSON file in
    the form of open_clip's own.

    Raises:
        FileNotFoundError: no such JSON file.
        ValueError: an unknown name, with those that are near; a file that is no such configuration; or an architecture
            that is no CLIP of a vision transformer and open_clip's own text tower.
    """
    if is_file(architecture):
        config = _read(Path(architecture))
    else:
        found = open_clip.get_model_config(architecture) or open_clip.get_model_config(architecture.removesuffix(QUICK))
        if found is None:
            near = difflib.get_close_matches(architecture, open_clip.list_models(), 5, 0.3)
            raise ValueError(
                f"unknown architecture {architecture!r}; near it: {', '.join(near)} (python -c 'import open_clip; "
                "print(open_clip.list_models())' lists all), or a JSON file in the form of open_clip's own"
            )
        config = dict(found)
    vision, text = config["vision_cfg"], config["text_cfg"]
    other = [name for name in ("timm_model_name",) if name in vision]
    other += [name for name in ("hf_model_name", "hf_tokenizer_name") if name in text]
    if isinstance(vision.get("layers"), list):
        other.append("layers by stage")
    if other:
        raise ValueError(
            f"the architecture {architecture} has {', '.join(other)}: a backbone is a CLIP whose image tower is "
            "open_clip's vision transformer and whose text tower is open_clip's own; build another yourself and hand "
            "it to zsad.Backbone(model, tokenizer)"
        )
    return {**config, "quick_gelu": True} if architecture.endswith(QUICK) else config


def is_file(architecture: str) -> bool:
    """Whether an architecture is given as a file of its own."""
    return architecture.endswith(".json")


def statistics_of(architecture: str) -> dict[str, list[float]]:
    """The mean and std of the input, where a JSON file says them beside the architecture, as those of open_clip on the
    Hugging Face hub do (`preprocess_cfg`); of all else nothing.

    Raises:
        FileNotFoundError: no such JSON file.
        ValueError: a file that is no JSON, or statistics that are none.
    """
    content = _read_json(Path(architecture)) if is_file(architecture) else None
    said = content.get("preprocess_cfg") if isinstance(content, dict) else None
    found = {name: said[name] for name in ("mean", "std") if name in said} if isinstance(said, dict) else {}
    check_statistics(f"{architecture}: preprocess_cfg", **found)
    return found


def check_statistics(where: str, mean: Any = None, std: Any = None) -> None:
    """Raise a ValueError for a mean or std that is not one finite number a colour, or a std that is not above 0."""
    for name, values in (("mean", mean), ("std", std)):
        if values is None:
            continue
        numbers = isinstance(values, list | tuple) and all(isinstance(v, Real) and math.isfinite(v) for v in values)
        if not numbers or len(values) != 3:
            raise ValueError(f"{where}: {name} must be three numbers, such as [0.5, 0.5, 0.5], not {values!r}")
        if name == "std" and min(values) <= 0:
            raise ValueError(f"{where}: std must be above 0, since the input is divided by it, not {values!r}")


def tokenizer_of(architecture: str, config: dict[str, Any]) -> Callable[..., Tensor]:
    """The tokenizer that goes with `config_of`."""
    tokenizer: Callable[..., Tensor]
    if is_file(architecture) or open_clip.get_model_config(architecture) is None:
        tokenizer = open_clip.SimpleTokenizer(context_length=config["text_cfg"].get("context_length", 77))
    else:
        tokenizer = open_clip.get_tokenizer(architecture)
    return tokenizer


def build(
    config: dict[str, Any], state: dict[str, Tensor], image_size: int | None = None, positions: Positions = "bicubic"
) -> open_clip.CLIP:
    """A CLIP of a configuration with its weights; raises ValueError for those of another model."""
    if image_size is not None:
        config = {**config, "vision_cfg": {**config["vision_cfg"], "image_size": image_size}}
    model = open_clip.CLIP(**{name: value for name, value in config.items() if name != "custom_text"})
    resize_pos_embed(state, model, interpolation=positions, antialias=positions == "bicubic")
    load_state(model, state)
    return model


def _read(path: Path) -> dict[str, Any]:
    config = _read_json(path)
    config = config.get("model_cfg", config) if isinstance(config, dict) else config
    needed = ("embed_dim", "vision_cfg", "text_cfg")
    if not isinstance(config, dict) or not set(needed) <= set(config):
        raise ValueError(f"{path}: no architecture in open_clip's form, which has {', '.join(needed)}")
    return config


def _read_json(path: Path) -> Any:
    if not path.is_file():
        raise FileNotFoundError(f"no architecture file {path}")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not valid JSON: {error}") from None
