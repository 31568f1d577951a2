"""Names of the pipeline's models and where their weights come from: published ones, and the demo world's own.

A demo model is `zsad/weights/NAME.safetensors` beside a card `NAME.json` with its checksum and configuration, made by
`training/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from zsad.clip import zoo
from zsad.clip.checkpoint import load_state, read_state
from zsad.clip.tokenizer import WordTokenizer
from zsad.leagues import Shown
from zsad.optional import import_optional
from zsad.tiling.clipseg import ClipSeg, load_clipseg
from zsad.tiling.dis import NetForeground, SmallDIS
from zsad.tiling.isnet import load_isnet
from zsad.tiling.pixel_map import PixelModel
from zsad.tiling.sam import PartSegmenter, SamParts, SamSettings, build_sam
from zsad.tiling.soft import SoftForeground
from zsad.tiling.weights import published_file

# Kind of the library's registry, first digits of the file's md5 (they are in its name), size in MB.
SAM = {
    "sam-vit-h": ("vit_h", "4b8939", 2560),
    "sam-vit-l": ("vit_l", "0b3195", 1250),
    "sam-vit-b": ("vit_b", "01ec64", 375),
}
SAM_SHOWN: tuple[Shown, ...] = ("masks of ordinary things",)  # SA-1B
SOFT_FOREGROUNDS = ("isnet-general-use", "demo-dis")
PART_SEGMENTERS = (*SAM, "demo-sam")
PIXEL_MODELS = ("clipseg-rd64-refined", "demo-clipseg")
Device = str | torch.device


def load_soft_foreground(name: str, device: Device = "cpu", folder: str | Path | None = None) -> SoftForeground:
    """A model of `SOFT_FOREGROUNDS`; `folder` holds published weights, instead of torch's checkpoints.

    Raises:
        ValueError: an unknown name or a wrong checksum.
        FileNotFoundError: weights that are not there; the message says which file goes where.
    """
    check_known("soft foreground", name, SOFT_FOREGROUNDS)
    if name == "isnet-general-use":
        return load_isnet(device, folder)
    return demo_foreground(*_demo(name), device)


def load_part_segmenter(
    name: str, settings: Mapping[str, Any] | None = None, device: Device = "cpu", folder: str | Path | None = None
) -> PartSegmenter:
    """A model of `PART_SEGMENTERS`; folder and errors as `load_soft_foreground`.

    `settings` are those of `SamSettings` that differ from the model's own, which are the library's for a published SAM
    and stand in the card of a demo one.
    """
    check_known("part segmenter", name, PART_SEGMENTERS)
    if name not in SAM:
        return demo_parts(*_demo(name), device, settings=settings)
    kind, md5, megabytes = SAM[name]
    library = import_optional("segment_anything", "part masks", "segment-anything")
    source = "the model checkpoints listed in the GitHub repository facebookresearch/segment-anything"
    path = published_file(f"sam_{kind}_{md5}.pth", md5, megabytes, source, folder)
    model = library.sam_model_registry[kind]()
    load_state(model, read_state(path))
    return SamParts(model, SamSettings(**settings or {}), name, device, SAM_SHOWN)


def load_pixel_model(name: str, device: Device = "cpu", folder: str | Path | None = None) -> PixelModel:
    """A model of `PIXEL_MODELS`; for the published one, `folder` holds the files of its repository in a folder of the
    model's name, instead of the Hugging Face cache. Errors as `load_soft_foreground`.
    """
    check_known("pixel model", name, PIXEL_MODELS)
    if name == "demo-clipseg":
        return demo_pixels(*_demo(name), device)
    return load_clipseg(device, None if folder is None else Path(folder) / name)


def demo_foreground(card: Mapping[str, Any], state: Mapping[str, Tensor], device: Device = "cpu") -> NetForeground:
    """The network of a card with its weights."""
    net = _with_weights(SmallDIS(**card["model_cfg"]), state)
    statistics = card["mean"], card["std"]
    return NetForeground(net, card["input_size"], card["name"], *statistics, device, zoo.shown_by(card))


def demo_parts(
    card: Mapping[str, Any],
    state: Mapping[str, Tensor],
    device: Device = "cpu",
    settings: Mapping[str, Any] | None = None,
) -> SamParts:
    """The SAM of a card with its weights, and with its settings but for those given."""
    chosen = SamSettings(**{**card["settings"], **(settings or {})})
    model = _with_weights(build_sam(**card["model_cfg"]), state)
    return SamParts(model, chosen, card["name"], device, zoo.shown_by(card))


def demo_pixels(card: Mapping[str, Any], state: Mapping[str, Tensor], device: Device = "cpu") -> ClipSeg:
    """The CLIPSeg of a card with its weights and vocabulary."""
    library = import_optional("transformers", "CLIPSeg", "transformers")
    model = library.CLIPSegForImageSegmentation(library.CLIPSegConfig(**card["model_cfg"]))
    length = card["model_cfg"]["text_config"]["max_position_embeddings"]
    tokenizer = WordTokenizer(card["vocabulary"], length)
    return ClipSeg(
        _with_weights(model, state),
        lambda texts: (tokenizer(texts), None),
        card["input_size"],
        card["name"],
        card["mean"],
        card["std"],
        device,
        shown=zoo.shown_by(card),
    )


def _demo(name: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    return zoo.read_demo_weights(name, zoo.WEIGHTS)


def _with_weights(model: nn.Module, state: Mapping[str, Tensor]) -> Any:
    model.load_state_dict(state)
    return model


def check_known(kind: str, name: str, names: tuple[str, ...]) -> None:
    """Raise a ValueError that lists the known names."""
    if name not in names:
        raise ValueError(f"unknown {kind} {name!r}; known: {', '.join(names)}")
