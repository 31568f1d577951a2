"""Weights of the pipeline's models: where published files lie, and their check."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch


def download_folder() -> Path:
    """Where torch keeps downloaded checkpoints; TORCH_HOME moves it."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def published_file(name: str, md5: str, megabytes: int, source: str, folder: str | Path | None = None) -> Path:
    """The path of a published file of weights.

    Args:
        name: of the file.
        md5: its checksum, or the first digits of it.
        source: where it is published, in words.
        folder: where it lies, instead of `download_folder()`.

    Raises:
        FileNotFoundError: it is not there; the message says what to do.
        ValueError: it is another file.
    """
    path = Path(folder or download_folder()) / name
    if not path.is_file():
        raise FileNotFoundError(
            f"no file {path}: download {name} (about {megabytes} MB) from {source} and put it there; the environment "
            "variable TORCH_HOME, or the option weights_folder, moves the folder"
        )
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(2**24):
            digest.update(block)
    if not digest.hexdigest().startswith(md5):
        raise ValueError(
            f"{path} has md5 {digest.hexdigest()}, which should begin with {md5}: the download was cut or is another "
            f"file; delete it and download it again from {source}"
        )
    return path
