"""Rows rendered once and kept on disk: arrays of bytes, and a line of facts a row."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray
from tqdm import tqdm

Row = tuple[Mapping[str, ndarray], list[Any]]


def write_rows(
    folder: Path,
    about: Mapping[str, Any],
    count: int,
    shapes: Mapping[str, tuple[int, ...]],
    render: Callable[[int], Row],
    workers: int = 2,
) -> None:
    """Renders `count` rows into `folder`, each an array of bytes of these `shapes` and its facts, as plain values; what
    an earlier call with the same `about` has rendered is kept.
    """
    said, facts = folder / "about.json", folder / "facts.jsonl"
    if not said.is_file() or json.loads(said.read_text()) != dict(about):
        folder.mkdir(parents=True, exist_ok=True)
        facts.write_text("")
        for name, shape in shapes.items():
            np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.uint8, (count, *shape)).flush()
        said.write_text(json.dumps(dict(about)))
    done = _facts(facts)
    if len(done) == count:
        return
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r+") for name in shapes}
    with Pool(workers) as pool, facts.open("w") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in done)
        rest = range(len(done), count)
        drawn = pool.imap(render, rest, chunksize=16)
        bar = tqdm(drawn, initial=len(done), total=count, desc=folder.name, unit="row", mininterval=5)
        for index, (found, row) in zip(rest, bar, strict=True):
            for name, values in found.items():
                arrays[name][index] = values
            lines.write(json.dumps(row) + "\n")
    for values in arrays.values():
        values.flush()


def read_rows(folder: Path, *names: str) -> tuple[dict[str, ndarray], list[list[Any]], dict[str, Any]]:
    """Arrays by name, still on disk, facts, and what was said about rows that `write_rows` has finished."""
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in names}
    return arrays, _facts(folder / "facts.jsonl"), json.loads((folder / "about.json").read_text())


def _facts(path: Path) -> list[list[Any]]:
    """One row each; a last one that a kill cut short is left out."""
    rows = path.read_text().split("\n")[:-1]
    return [json.loads(row) for row in rows]
