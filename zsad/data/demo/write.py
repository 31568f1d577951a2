"""Writes the demo suites to disk in the layouts of MVTec AD, VisA and AeBAD-S, where the ordinary readers find them."""

from __future__ import annotations

import csv
import logging
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout
from tqdm import tqdm

from zsad.data.demo.plan import Planned, files_of, names_of, planned_images
from zsad.data.demo.stamp import STAMP, altered, folder_of, is_as_drawn, recipe, write_stamp
from zsad.data.demo.suites import SUITES, Suite
from zsad.files import check_writable_folder, temporary_folder

logger = logging.getLogger(__name__)


def write_suites(root: str | os.PathLike[str], seed: int = 0, progress: bool = True) -> list[Path]:
    """Writes every suite (`write_suite`) below `root`; returns their folders."""
    return [write_suite(root, name, seed, progress) for name in SUITES]


def write_suite(root: str | os.PathLike[str], name: str, seed: int = 0, progress: bool = True) -> Path:
    """Writes `root/<name>` (`root/<name>-seed-<seed>` for seeds other than 0), the same bytes for the same seed.

    A suite that is there as it was drawn is left alone. One with an image missing, replaced or added is drawn again,
    and what was there is set aside beside it, with a warning; one that was drawn otherwise is replaced. A suite appears
    under its name only when it is complete. Of several processes one draws, and the others wait for it.
    All processors draw, each in a process of its own that imports the main module: a script that calls this guards what
    it does with `if __name__ == "__main__":`.

    Args:
        root: folder that receives the suite.
        name: one of `SUITES`.
        seed: chooses every image. The study uses 0; others make fresh suites of the same kind.
        progress: show a bar.

    Returns:
        The folder of the suite.

    Raises:
        FileExistsError: a folder of that name is there and was not written by this function.
        OSError: the folder cannot be written.
    """
    root = Path(root)
    final, drawn_from = root / folder_of(name, seed), recipe(name, SUITES[name], seed)
    if is_as_drawn(final, drawn_from):
        return final
    check_writable_folder(root)
    with _alone(root / f".{final.name}.lock"):
        if not is_as_drawn(final, drawn_from):
            _refuse_foreign(final)
            outdated = final.with_name(f"{final.name}.old")
            with temporary_folder(final) as partial, temporary_folder(outdated) as old:
                _draw(partial, name, seed, progress)
                write_stamp(partial, drawn_from)
                if final.exists():  # never emptied in place: nobody reads half a suite
                    final.rename(_aside(final) or old / final.name)
                partial.rename(final)
    return final


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Only one process at a time; a lock goes with the process that holds it."""
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        logger.warning("%s is held by another process that draws the suite: waiting for it", path)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _refuse_foreign(final: Path) -> None:
    if final.exists() and not (final / STAMP).exists() and any(final.iterdir()):
        raise FileExistsError(f"{final} holds files that are no demo suite: choose another folder, or move it away")


def _aside(final: Path) -> Path | None:
    """Where to keep a suite that somebody has altered; None for one that can be drawn again as it is."""
    difference = altered(final) if (final / STAMP).exists() else None
    if difference is None:
        return None
    number = 1
    while (aside := final.with_name(f"{final.name}.altered-{number}")).exists():
        number += 1
    logger.warning(
        "%s: %s; the suite was drawn again, and what was there is now %s (remove it if you do not need it)",
        *(final, difference, aside),
    )
    return aside


def _draw(folder: Path, name: str, seed: int, progress: bool) -> None:
    """Every image draws from its own seed, so that it does not matter which process draws it."""
    suite = SUITES[name]
    todo = list(planned_images(suite))
    bar = {"desc": f"writing {folder_of(name, seed)}", "unit": "picture", "mininterval": 1}
    with ProcessPoolExecutor(_processors(), mp_context=multiprocessing.get_context("spawn")) as pool:
        drawn = pool.map(partial(_draw_one, folder, name, seed), todo, chunksize=16)
        for _ in tqdm(drawn, total=len(todo), **bar, disable=not progress):
            pass
    if suite.reader == "visa":
        _write_visa_tables(folder, suite, todo)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _draw_one(folder: Path, name: str, seed: int, planned: Planned) -> None:
    for file, content in files_of(name, SUITES[name], planned, seed).items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(content)


def _write_visa_tables(root: Path, suite: Suite, planned_all: list[Planned]) -> None:
    names = [(*names_of(suite, planned), "") for planned in planned_all]
    rows = [(planned, image, mask) for planned, (image, mask, *_) in zip(planned_all, names, strict=True)]
    (root / "split_csv").mkdir()
    with (root / "split_csv" / "1cls.csv").open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["object", "split", "label", "image", "mask"])
        for planned, image, mask in rows:
            table.writerow([planned.category, planned.split, "anomaly" if planned.defect else "normal", image, mask])
    for category in suite.categories:
        with (root / category / "image_anno.csv").open("w", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(["image", "label", "mask"])
            for planned, image, mask in rows:
                if planned.category == category:
                    table.writerow([image, planned.defect or "normal", mask])
