"""Says that code which was written anew computes the same as before, after a look whether it does.

    python tools/rewritten.py 0123abc "sorts in place"

Kept results are known by the code that made them. This computes a sample of a kept study again with the code as it lies
here, a few images a cell, and some cells whole, among them searches and detectors that compare the images of a batch
where their code has changed; where all agree with what is kept, it writes to `zsad/study/rewritten.csv` which modules
stand for those of an earlier commit, the last whose code the kept results are of. If kept results are not found again,
nothing is written; nor where what is computed does not run what has changed.
"""

import argparse
import json
import math
import subprocess
import sys
import tarfile
from collections.abc import Collection, Iterable, Sequence
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from zsad.detectors import DETECTORS
from zsad.detectors.batch import BatchDetector
from zsad.study import rewritten
from zsad.study.cells import Request, requests
from zsad.study.code import PACKAGE, cell_code, cell_modules, digest_of
from zsad.study.committed import Committed, committed_folder
from zsad.study.config import Study
from zsad.study.kept import Kept
from zsad.study.load import load_study
from zsad.study.parts import evaluations
from zsad.study.proof import IMAGES, prove, prove_whole, sample
from zsad.study.rewritten import Rewritten
from zsad.study.shifts import starting_shifts

Asked = tuple[str, str, bool]
"""Whose code a kept cell is of: its detector, its kind of shift, whether a defence stands before it."""

Cell = tuple[Request, str]
"""What a study asks for, and the key of the kept cell that holds it."""


def asked_by(spec: dict[str, Any]) -> Asked:
    return spec["detector"], spec["shift"]["kind"], "defence" in spec["options"]


def changed(asked: Iterable[Asked], before: Path) -> dict[str, tuple[str, str]]:
    """Module -> fingerprints of its code today and before, of all whose code is another than in the package `before`.

    Raises:
        SystemExit: a module that was not there before, or was for other cells.
    """
    found = {}
    for cell in set(asked):
        modules = cell_modules(*cell)
        if new := modules - cell_modules(*cell, package=before):
            raise SystemExit(f"new code cannot stand for what was not there: {', '.join(sorted(new))}")
        for module in modules:
            today, then = digest_of(module), digest_of(module, before)
            if today != then:
                row = rewritten.rewritten(before).get((module, then))
                found[module] = today, then if row is None else row.same_as
    return found


def chosen(kept: Kept, modules: Collection[str], whole: int) -> tuple[set[str], list[Cell]]:
    """The modules that are run if some cells are computed again, and those of them that are to be so with all their
    images: `whole` of the sample, at even steps, and what runs changed `modules` that the rest of the sample does not.
    """
    few = [cell for cell in sample(kept) if not _compares(cell[0])]
    tried = set().union(*(_modules(request) for request, _ in few))
    found = few[:: max(1, len(few) // whole)][:whole]
    for cell in searched_or_compared(kept):
        if _modules(cell[0]) & (set(modules) - tried):
            found.append(cell)
    return tried | set().union(*(_modules(request) for request, _ in found)), found


def searched_or_compared(kept: Kept) -> list[Cell]:
    """What a few images cannot stand for, each by the kept cell that costs least: one of each search for worst cases
    that goes on from no other's, and one of each detector that compares the images of a batch.
    """
    cheapest: dict[str, tuple[float, Request, str]] = {}
    for request in requests(kept.study):
        shift, key, compares = request.shift, kept.key(request), _compares(request)
        if key is None or not (compares or shift.kind == "worst") or starting_shifts(shift):
            continue
        name = request.detector.name if compares else str(json.loads(shift.how)["search"])
        cost = evaluations(shift) * (request.limit or math.inf)
        if name not in cheapest or cost < cheapest[name][0]:
            cheapest[name] = cost, request, key
    return [(request, key) for _, request, key in cheapest.values()]


def _compares(request: Request) -> bool:
    return issubclass(DETECTORS[request.detector.name][0], BatchDetector)


def _modules(request: Request) -> set[str]:
    return cell_modules(request.detector.name, request.shift.kind, "defence" in request.detector.options)


def seen(study: Study, images: int, whole: Sequence[Cell]) -> str:
    """What was computed again and agrees, in words. Raises SystemExit where anything does not."""
    few, all_images = _agreeing(*prove(study, images)), _agreeing(*prove_whole(study, whole))
    return (
        f"{len(few)} cells, {images} images each, agree with what is kept (largest difference "
        f"{few['difference'].max():.1g}), and so do {len(all_images)} whole ones ({all_images['difference'].max():.1g})"
    )


def _agreeing(found: pd.DataFrame, failures: list[str]) -> pd.DataFrame:
    bad = found[~found["agrees"]]
    if failures or found.empty or len(bad):
        raise SystemExit("\n".join(["it does not compute the same:", bad.to_string(), *failures]))
    return found


def declare(commit: str, why: str, name: str = "demo", images: int = IMAGES, whole: int = 4) -> list[Rewritten]:
    """See the top of this file; returns the new rows."""
    kept = Committed(committed_folder(name)).sidecars.values()
    with TemporaryDirectory() as folder:
        modules = changed((asked_by(sidecar["spec"]) for sidecar in kept), package_of(commit, Path(folder)))
    if not modules:
        raise SystemExit(f"no code of the kept cells has changed since {commit}")
    study = load_study(name)
    ran, all_images = chosen(Kept(study), modules, whole)
    if untried := modules.keys() - ran:
        raise SystemExit(
            f"no kept cell that is tried runs {', '.join(sorted(untried))}: compute what is kept of it anew"
        )
    was_seen = seen(study, images, all_images)
    rows = [Rewritten(module, *digests, why, was_seen) for module, digests in modules.items()]
    there = list(rewritten.rewritten(PACKAGE).values())
    write([*(row for row in there if row.module not in modules), *rows])
    if lost := sum(sidecar["code"] != cell_code(*asked_by(sidecar["spec"])) for sidecar in kept):
        write(there)
        raise SystemExit(f"{lost} kept cells are of other code than that of {commit}: nothing is written")
    return rows


def write(rows: Iterable[Rewritten]) -> None:
    """Also makes the code be looked at anew."""
    rewritten.write(rows, PACKAGE)
    cell_code.cache_clear()


def package_of(commit: str, folder: Path) -> Path:
    """The sources of the package at a commit, put into a folder."""
    archive = subprocess.run(
        ["git", "archive", commit, "zsad/*.py", "zsad/study"], cwd=PACKAGE.parent, check=True, capture_output=True
    ).stdout
    with tarfile.open(fileobj=BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    return folder / "zsad"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit", help="the last one whose code the kept results are of")
    parser.add_argument("why", help="what was written anew, in a few words")
    given = parser.parse_args()
    for row in declare(given.commit, given.why):
        sys.stdout.write(f"{row.module}: {row.seen}\n")
