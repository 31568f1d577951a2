"""Detectors that are trained with several seeds: one entry of a study's file for all of them.

    detectors:
    - {name: text_fnn, seeds: [0, 1, 2]}     # text_fnn, text_fnn 1 and text_fnn 2
    corruptions:
    - {detectors: [text_fnn], seeds: all}    # of all three; without `seeds`, of the first alone

Everything here works on the plain fields of a study, before they are validated.
"""

from collections.abc import Sequence
from typing import Any

Fields = dict[str, Any]


def with_seeds(fields: Any, blocks: Sequence[str]) -> Any:
    """The fields of a study with an entry a seed, and the names of those in each of the `blocks` that is of all seeds.

    The entry of the first seed bears the label, every other the label and its seed; the seed is the option `seed`.
    What is not of the form that a study has is left for its validation to refuse.

    Raises ValueError for seeds that are no list of different whole numbers, an option `seed` beside them, and a block
    whose `seeds` is anything but all or first.
    """
    if not isinstance(fields, dict) or not isinstance(fields.get("detectors"), list):
        return fields
    entries: list[Any] = []
    labels: dict[str, list[str]] = {}
    for entry in fields["detectors"]:
        of_seeds = _entries(entry) if isinstance(entry, dict) and "seeds" in entry else [entry]
        entries += of_seeds
        if len(of_seeds) > 1:
            labels[of_seeds[0]["label"]] = [one["label"] for one in of_seeds]
    changed = {name: _blocks(name, fields[name], labels) for name in blocks if name in fields}
    return {**fields, "detectors": entries, **changed}


def _entries(entry: Fields) -> list[Fields]:
    seeds = entry["seeds"]
    label = entry.get("label") or str(entry.get("name")).rpartition(":")[2]
    options = entry.get("options") or {}
    whole = isinstance(seeds, list) and all(type(seed) is int and seed >= 0 for seed in seeds)
    if not whole or not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"detectors.{label}.seeds: expected a list of different whole numbers, such as [0, 1, 2]")
    if "seed" in options:
        raise ValueError(f"detectors.{label}: seeds and the option seed both say with which it is trained; keep one")
    rest = {name: value for name, value in entry.items() if name != "seeds"}
    return [
        {**rest, "label": label if place == 0 else f"{label} {seed}", "options": {**options, "seed": seed}}
        for place, seed in enumerate(seeds)
    ]


def _blocks(name: str, blocks: Any, labels: dict[str, list[str]]) -> Any:
    if isinstance(blocks, dict):
        return _block(name, blocks, labels)
    return [_block(name, block, labels) for block in blocks] if isinstance(blocks, list) else blocks


def _block(name: str, block: Any, labels: dict[str, list[str]]) -> Any:
    if not isinstance(block, dict) or "seeds" not in block:
        return block
    rest = {field: value for field, value in block.items() if field != "seeds"}
    if block["seeds"] not in ("all", "first"):
        raise ValueError(f"{name}.seeds: expected all or first, found {block['seeds']!r}")
    if block["seeds"] == "first" or not isinstance(block.get("detectors"), list):
        return rest
    return {**rest, "detectors": [one for label in block["detectors"] for one in labels.get(label, [label])]}
