"""Writes the demo suites to disk in the layouts of MVTec AD, VisA and AeBAD-S, where the ordinary readers find them."""

from __future__ import annotations

import csv
import json
import os
import shutil
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8
from numpy import ndarray
from PIL import Image
from tqdm import tqdm

from zsad.data.demo.domains import leaning
from zsad.data.demo.specimen import render_specimen
from zsad.data.demo.suites import HABITUAL, LOOK, SUITES, Suite
from zsad.files import remove_stale, temporary_folder

STAMP = "demo-suite.json"
RENDERER = 1  # raised when the same seed draws other pictures


@dataclass(frozen=True)
class Picture:
    """One picture of a suite: where it belongs, and the seed that draws it."""

    category: str
    split: str
    defect: str | None
    index: int
    number: int  # running number among the pictures of its folder
    domain: str | None = None

    def generator(self, suite: str, seed: int) -> np.random.Generator:
        """Depends on (suite, category, split, defect, domain, index) alone, never on the other pictures."""
        place = f"{suite}/{self.category}/{self.split}/{self.defect or 'good'}"
        if self.domain:
            place += f"/{self.domain}"
        return np.random.default_rng([seed, zlib.crc32(place.encode()), self.index])


def pictures(suite: Suite) -> Iterator[Picture]:
    """Every picture of a suite, category by category."""
    for category, spec in suite.categories.items():
        for domain in suite.train_domains or (None,):
            for index in range(suite.train):
                yield Picture(category, "train", None, index, index, domain)
        for domain in suite.domains or (None,):
            for index in range(suite.good):
                yield Picture(category, "test", None, index, suite.train + index, domain)
            for kind, defect in enumerate(spec.defects):
                for index in range(suite.each_defect):
                    yield Picture(category, "test", defect, index, kind * suite.each_defect + index, domain)


def render(
    suite: Suite, picture: Picture, rng: np.random.Generator
) -> tuple[UInt8[ndarray, "height width 3"], Bool[ndarray, "height width"]]:
    """One picture of a suite and its mask, under the conditions of its domain."""
    domain = suite.domains[picture.domain] if picture.domain else HABITUAL
    product = domain.pose(suite.categories[picture.category].product)
    image, mask = render_specimen(product, domain.look, suite.style, rng, picture.defect, *suite.size)
    return leaning(image, mask, domain.lean, rng) if domain.lean else (image, mask)


def write_suites(root: str | os.PathLike[str], seed: int = 0, progress: bool = True) -> list[Path]:
    """Writes `root/demo-mvtec`, `root/demo-visa` and `root/demo-aebad`, the same bytes for the same seed.

    A suite that is there already, drawn with the same seed and the same renderer, is left alone; one drawn otherwise is
    replaced. A suite appears under its name only when it is complete.

    Args:
        root: folder that receives the suites.
        seed: chooses every picture. The study uses 0; others make fresh suites of the same kind.
        progress: show a bar.

    Returns:
        The folders of the suites.

    Raises:
        FileExistsError: a folder of that name is there and was not written by this function.
        OSError: the folder cannot be written.
    """
    root = Path(root)
    root.mkdir(parents=True, exist_ok=True)
    return [_write_suite(root, name, suite, seed, progress) for name, suite in SUITES.items()]


def _write_suite(root: Path, name: str, suite: Suite, seed: int, progress: bool) -> Path:
    final = root / name
    stamp = {"suite": name, "seed": seed, "renderer": RENDERER, "reader": suite.reader, "style": asdict(suite.style)}
    stamp |= {"look": asdict(LOOK), "counts": [suite.train, suite.good, suite.each_defect]}
    stamp |= {"defects": {category: spec.defects for category, spec in suite.categories.items()}}
    if suite.domains:
        stamp |= {"domains": {domain: asdict(conditions) for domain, conditions in suite.domains.items()}}
        stamp |= {"train_domains": suite.train_domains}
    stamp |= {"note": "rendered pictures of a demo world, not photographs", "licence": "Apache-2.0"}
    text = json.dumps(stamp, indent=1) + "\n"
    if final.exists():
        if (final / STAMP).exists() and (final / STAMP).read_text() == text:
            return final
        if not (final / STAMP).exists() and any(final.iterdir()):
            raise FileExistsError(f"{final} holds files that are no demo suite: choose another folder, or move it away")
    remove_stale(root)
    with temporary_folder(final) as partial:
        rows = []
        todo = list(pictures(suite))
        for picture in tqdm(todo, desc=f"writing {name}", unit="picture", mininterval=1, disable=not progress):
            image, mask = render(suite, picture, picture.generator(name, seed))
            write = _write_visa if suite.reader == "visa" else _write_mvtec
            rows.append(write(partial, suite, picture, Image.fromarray(image), mask))
        if suite.reader == "visa":
            _write_visa_tables(partial, suite, todo, rows)
        (partial / STAMP).write_text(text)
        if final.exists():
            shutil.rmtree(final)
        partial.replace(final)
    return final


def _write_mvtec(root: Path, suite: Suite, picture: Picture, image: Image.Image, mask: np.ndarray) -> tuple[str, str]:
    """AeBAD-S has the same layout with one folder more, that of the domain, and masks named as their pictures."""
    below = Path(picture.defect or "good", picture.domain or "")
    folder = root / picture.category / picture.split / below
    folder.mkdir(parents=True, exist_ok=True)
    image.save(folder / f"{picture.index:03d}.png")
    if picture.defect:
        folder = root / picture.category / "ground_truth" / below
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{picture.index:03d}.png" if picture.domain else f"{picture.index:03d}_mask.png"
        Image.fromarray((mask * 255).astype(np.uint8)).save(folder / name)
    return "", ""


def _write_visa(root: Path, suite: Suite, picture: Picture, image: Image.Image, mask: np.ndarray) -> tuple[str, str]:
    """Masks hold the number of the defect class, from 1, as the published data set's do."""
    data = Path(picture.category) / "Data"
    path = data / "Images" / ("Anomaly" if picture.defect else "Normal") / f"{picture.number:03d}.JPG"
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    image.save(root / path, quality=95, subsampling=0)
    if not picture.defect:
        return path.as_posix(), ""
    number = suite.categories[picture.category].defects.index(picture.defect) + 1
    mask_path = data / "Masks" / "Anomaly" / f"{picture.number:03d}.png"
    (root / mask_path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((mask * number).astype(np.uint8)).save(root / mask_path)
    return path.as_posix(), mask_path.as_posix()


def _write_visa_tables(root: Path, suite: Suite, todo: list[Picture], rows: list[tuple[str, str]]) -> None:
    (root / "split_csv").mkdir()
    with (root / "split_csv" / "1cls.csv").open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["object", "split", "label", "image", "mask"])
        for picture, (image, mask) in zip(todo, rows, strict=True):
            table.writerow([picture.category, picture.split, "anomaly" if picture.defect else "normal", image, mask])
    for category in suite.categories:
        with (root / category / "image_anno.csv").open("w", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(["image", "label", "mask"])
            for picture, (image, mask) in zip(todo, rows, strict=True):
                if picture.category == category:
                    table.writerow([image, picture.defect or "normal", mask])
