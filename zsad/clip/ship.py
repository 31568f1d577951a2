"""Writes the files that a demo model is shipped as: weights, and a card to build the model from and to check them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor

from zsad.files import write_atomically
from zsad.leagues import check_shown


def ship(name: str, state: Mapping[str, Tensor], card: Mapping[str, Any], out: Path) -> None:
    """Floating-point weights as float16 in `out/name.safetensors`; `card` with name and checksum in `out/name.json`.

    Of a card, `shown` says what the weights were trained on, in the words of `zsad.leagues`: without it, nobody knows.
    Weights that begin as others were shown what those were, and what they then are.
    """
    if "shown" in card:
        check_shown(card["shown"], name)
    out.mkdir(parents=True, exist_ok=True)
    plain = {key: value.detach().cpu().contiguous() for key, value in state.items()}
    tensors = {key: value.half() if value.is_floating_point() else value for key, value in plain.items()}
    payload = save(tensors, metadata={"format": "pt"})  # of several entries the order is left to chance
    write_atomically(out / f"{name}.safetensors", lambda path: path.write_bytes(payload))
    digest = hashlib.sha256(payload).hexdigest()
    text = json.dumps({"name": name, **card, "sha256": digest}, indent=1)
    write_atomically(out / f"{name}.json", lambda path: path.write_text(text + "\n"))
