"""Writes the demo suites to disk in the layouts of MVTec AD, VisA and AeBAD-S, where the ordinary readers find them."""

from __future__ import annotations

import csv
import logging
import multiprocessing
import os
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from jaxtyping import Bool, UInt8
from numpy import ndarray
from PIL import Image
from tqdm import tqdm

from zsad.data.demo.domains import leaning
from zsad.data.demo.specimen import render_specimen
from zsad.data.demo.stamp import STAMP, altered, folder_of, is_as_drawn, recipe, write_stamp
from zsad.data.demo.suites import HABITUAL, SUITES, Suite
from zsad.files import check_writable_folder, temporary_folder

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Planned:
    """One image of a suite: where it belongs, and the seed that draws it."""

    category: str
    split: str
    defect: str | None
    index: int
    number: int  # running number among the images of its folder
    domain: str | None = None

    def generator(self, suite: str, seed: int) -> np.random.Generator:
        """Depends on (suite, category, split, defect, domain, index) alone, never on the other images."""
        place = f"{suite}/{self.category}/{self.split}/{self.defect or 'good'}"
        if self.domain:
            place += f"/{self.domain}"
        return np.random.default_rng([seed, zlib.crc32(place.encode()), self.index])


def planned_images(suite: Suite) -> Iterator[Planned]:
    """Every image of a suite, category by category."""
    for category, spec in suite.categories.items():
        for domain in suite.train_domains or (None,):
            for index in range(suite.train):
                yield Planned(category, "train", None, index, index, domain)
        for domain in suite.domains or (None,):
            for index in range(suite.good):
                yield Planned(category, "test", None, index, suite.train + index, domain)
            for kind, defect in enumerate(spec.defects):
                for index in range(suite.each_defect):
                    yield Planned(category, "test", defect, index, kind * suite.each_defect + index, domain)


def render(
    suite: Suite, planned: Planned, rng: np.random.Generator
) -> tuple[UInt8[ndarray, "height width 3"], Bool[ndarray, "height width"]]:
    """One image of a suite and its mask, under the conditions of its domain."""
    domain = suite.domains[planned.domain] if planned.domain else HABITUAL
    product = domain.pose(suite.categories[planned.category].product)
    image, mask = render_specimen(product, domain.look, suite.style, rng, planned.defect, *suite.size)
    return leaning(image, mask, domain.lean, rng) if domain.lean else (image, mask)


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
        rows = list(tqdm(drawn, total=len(todo), **bar, disable=not progress))
    if suite.reader == "visa":
        _write_visa_tables(folder, suite, todo, rows)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _draw_one(folder: Path, name: str, seed: int, planned: Planned) -> tuple[str, str]:
    suite = SUITES[name]
    image, mask = render(suite, planned, planned.generator(name, seed))
    write = _write_visa if suite.reader == "visa" else _write_mvtec
    return write(folder, suite, planned, Image.fromarray(image), mask)


def _write_mvtec(root: Path, suite: Suite, planned: Planned, image: Image.Image, mask: np.ndarray) -> tuple[str, str]:
    """AeBAD-S has the same layout with one folder more, that of the domain, and masks named as their images."""
    below = Path(planned.defect or "good", planned.domain or "")
    folder = root / planned.category / planned.split / below
    folder.mkdir(parents=True, exist_ok=True)
    image.save(folder / f"{planned.index:03d}.png")
    if planned.defect:
        folder = root / planned.category / "ground_truth" / below
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{planned.index:03d}.png" if planned.domain else f"{planned.index:03d}_mask.png"
        Image.fromarray((mask * 255).astype(np.uint8)).save(folder / name)
    return "", ""


def _write_visa(root: Path, suite: Suite, planned: Planned, image: Image.Image, mask: np.ndarray) -> tuple[str, str]:
    """Masks hold the number of the defect class, from 1, as the published data set's do."""
    data = Path(planned.category) / "Data"
    path = data / "Images" / ("Anomaly" if planned.defect else "Normal") / f"{planned.number:03d}.JPG"
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    image.save(root / path, quality=95, subsampling=0)
    if not planned.defect:
        return path.as_posix(), ""
    number = suite.categories[planned.category].defects.index(planned.defect) + 1
    mask_path = data / "Masks" / "Anomaly" / f"{planned.number:03d}.png"
    (root / mask_path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((mask * number).astype(np.uint8)).save(root / mask_path)
    return path.as_posix(), mask_path.as_posix()


def _write_visa_tables(root: Path, suite: Suite, todo: list[Planned], rows: list[tuple[str, str]]) -> None:
    (root / "split_csv").mkdir()
    with (root / "split_csv" / "1cls.csv").open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["object", "split", "label", "image", "mask"])
        for planned, (image, mask) in zip(todo, rows, strict=True):
            table.writerow([planned.category, planned.split, "anomaly" if planned.defect else "normal", image, mask])
    for category in suite.categories:
        with (root / category / "image_anno.csv").open("w", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(["image", "label", "mask"])
            for planned, (image, mask) in zip(todo, rows, strict=True):
                if planned.category == category:
                    table.writerow([image, planned.defect or "normal", mask])
