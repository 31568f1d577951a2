"""The stamp of a demo suite on disk: what it was drawn from, and the SHA-256 of every file, so that others are seen."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from zsad.data.demo.suites import LOOK, Suite
from zsad.data.files import SUFFIXES
from zsad.files import sha256_of

STAMP = "demo-suite.json"
RENDERER = 1  # raised when the same seed draws other images
# What the code that draws is called: its fingerprint when it first drew these images. Code that draws the same ones
# keeps the name, and with it what was measured on them; tests/demo_sample.csv holds it to that.
DRAWN_BY = "233e80f647b1e14019214f24f8a6acc3a737917b6a5ed54ad74d5c3df8541fc4"


def folder_of(name: str, seed: int) -> str:
    """What the folder of a suite is called; suites of other seeds lie beside each other."""
    return f"{name}-seed-{seed}" if seed else name


def recipe(name: str, suite: Suite, seed: int) -> dict[str, Any]:
    """Everything that a suite is drawn from, JSON-able."""
    found = {"suite": name, "seed": seed, "renderer": RENDERER, "reader": suite.reader, "style": asdict(suite.style)}
    found |= {"look": asdict(LOOK), "counts": [suite.train, suite.good, suite.each_defect]}
    found |= {"defects": {category: spec.defects for category, spec in suite.categories.items()}}
    if suite.domains:
        found |= {"domains": {domain: asdict(conditions) for domain, conditions in suite.domains.items()}}
        found |= {"train_domains": suite.train_domains}
    found |= {"note": "rendered pictures of a demo world, not photographs", "licence": "Apache-2.0"}
    plain: dict[str, Any] = json.loads(json.dumps(found))
    return plain


def write_stamp(folder: Path, drawn_from: dict[str, Any]) -> None:
    """Put the stamp on a suite that is complete."""
    stamp = {**drawn_from, "files": _files(folder)}
    (folder / STAMP).write_text(json.dumps(stamp, indent=1) + "\n", encoding="utf-8")


def read_stamp(folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """What a suite was drawn from, and the SHA-256 (hex) of each of its files by path; none of a suite drawn before
    they were listed.

    Raises:
        FileNotFoundError: no stamp.
        ValueError: a damaged one.
    """
    found = json.loads((folder / STAMP).read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise ValueError(f"{folder / STAMP} is damaged")
    files = found.pop("files", {})
    return found, files


def altered(folder: Path) -> str | None:
    """How a suite differs from what was drawn, in words; None where it does not, or is too old to tell."""
    try:
        _, listed = read_stamp(folder)
    except ValueError:
        return f"{STAMP} is damaged"
    if not listed:
        return None
    there = _files(folder)
    for name in sorted(listed.keys() | there.keys()):
        if name not in there:
            return f"{name} is missing"
        if name not in listed:
            return f"{name} was not drawn with it"
        if there[name] != listed[name]:
            return f"{name} is not as it was drawn"
    return None


def is_as_drawn(folder: Path, drawn_from: dict[str, Any]) -> bool:
    """Whether a folder holds the suite of a recipe, every file as it was drawn."""
    try:
        found, listed = read_stamp(folder)
    except (FileNotFoundError, ValueError):
        return False
    return found == drawn_from and bool(listed) and altered(folder) is None


def _files(folder: Path) -> dict[str, str]:
    """SHA-256 of whatever a reader may open."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in {*SUFFIXES, ".csv"} and path.is_file())
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in paths}
