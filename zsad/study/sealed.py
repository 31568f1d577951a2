"""JSON files that hold their own checksum: damage is seen when they are read."""

import hashlib
import json
from pathlib import Path
from typing import Any

from zsad.files import write_atomically
from zsad.study.shifts import canonical_json

SEAL = "sha256"


class RecordError(ValueError):
    """Records that are damaged, lack a column, hold an impossible value or do not say where they come from."""


def write_sealed(content: dict[str, Any], path: Path) -> None:
    text = json.dumps(sealed(content), indent=1, sort_keys=True, allow_nan=False) + "\n"
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def read_sealed(path: Path) -> dict[str, Any]:
    """What was written, without the checksum. Raises RecordError, naming the file and its fault, for anything else."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise RecordError(f"{path} is damaged ({error})") from None
    if not _as_sealed(content):
        raise RecordError(f"{path} is damaged (it does not have the checksum that it states)")
    return {name: value for name, value in content.items() if name != SEAL}


def sealed(content: dict[str, Any]) -> dict[str, Any]:
    """JSON content with the SHA-256 of its canonical form beside it."""
    return {**content, SEAL: hashlib.sha256(canonical_json(content).encode()).hexdigest()}


def _as_sealed(content: Any) -> bool:
    if not isinstance(content, dict) or SEAL not in content:
        return False
    try:
        return sealed({name: value for name, value in content.items() if name != SEAL}) == content
    except ValueError:  # infinity
        return False
