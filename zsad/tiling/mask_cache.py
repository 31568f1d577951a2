"""Results of the segmenters kept on disk by content, so that a rerun with other prompts does not segment again.

A file's name is made from the image's bytes and the segmenter's fingerprint; what comes after the segmenters (the
filter, the union) is computed anew, so that a rerun may also change those.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from numpy import ndarray
from torch import Tensor

from zsad.clip.store import DamagedFileError, read_tensors, write_tensors
from zsad.tiling.part import Part
from zsad.tiling.sam import PartSegmenter
from zsad.tiling.soft import SoftForeground

log = logging.getLogger(__name__)


def soft_levels(
    model: SoftForeground, images: UInt8[Tensor, "image 3 height width"], folder: str | Path | None = None
) -> UInt8[Tensor, "image height width"]:
    """Soft foreground of images, those that are not kept in one call of the model."""
    paths = [_path(folder, "soft", model.fingerprint, image) for image in images]
    kept = {index: found["soft"] for index, path in enumerate(paths) if (found := _read(path)) is not None}
    missing = [index for index in range(len(images)) if index not in kept]
    if missing:
        for index, levels in zip(missing, model(images[missing]), strict=True):
            kept[index] = levels
            _write(paths[index], {"soft": levels})
    return torch.stack([kept[index] for index in range(len(images))])


def parts_of(
    model: PartSegmenter, image: UInt8[Tensor, "3 height width"], folder: str | Path | None = None
) -> list[Part]:
    """Part masks of an image."""
    path = _path(folder, "parts", model.fingerprint, image)
    kept = _read(path)
    if kept is not None:
        return _unpacked(kept)
    parts = model(np.ascontiguousarray(image.permute(1, 2, 0).numpy()))
    _write(path, _packed(parts))
    return parts


def _path(
    folder: str | Path | None, kind: str, fingerprint: str, image: UInt8[Tensor, "3 height width"]
) -> Path | None:
    if folder is None:
        return None
    digest = hashlib.sha256(f"{kind} {fingerprint} {tuple(image.shape)}".encode())
    digest.update(image.contiguous().numpy().data)
    name = digest.hexdigest()
    return Path(folder) / name[:2] / f"{kind}-{name[:32]}.safetensors"


def _read(path: Path | None) -> dict[str, Tensor] | None:
    if path is None or not path.is_file():
        return None
    try:
        return read_tensors(path)[0]
    except DamagedFileError as error:
        log.warning("%s: segmenting again", error)
        return None


def _write(path: Path | None, tensors: Mapping[str, Tensor]) -> None:
    if path is not None:
        write_tensors(path, tensors)


def _packed(parts: list[Part]) -> dict[str, Tensor]:
    """Bounding boxes, and the masks one after the other as bits."""
    boxes = np.array([(part.top, part.left, *part.mask.shape) for part in parts], np.int32).reshape(-1, 4)
    bits = [np.packbits(part.mask) for part in parts]
    stream: UInt8[ndarray, " byte"] = np.concatenate(bits) if bits else np.zeros(0, np.uint8)
    return {"boxes": torch.from_numpy(boxes), "bits": torch.from_numpy(stream)}


def _unpacked(kept: Mapping[str, Tensor]) -> list[Part]:
    parts, start, stream = [], 0, kept["bits"].numpy()
    for top, left, rows, columns in kept["boxes"].tolist():
        end = start + (rows * columns + 7) // 8
        mask = np.unpackbits(stream[start:end], count=rows * columns).astype(bool)
        parts.append(Part(top, left, mask.reshape(rows, columns)))
        start = end
    return parts
