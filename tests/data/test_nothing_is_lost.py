"""Trees of files shuffled at random: whatever a reader does not refuse, it reads whole, once and as what it is."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zsad
from zsad.data import Dataset
from zsad.data.names import is_normal

Rng = np.random.Generator
IMAGES, MASKS = ("png", "JPG", "jfif", "gif", "ppm"), ("{}", "{}_mask", "{}_GT", "mask_{}", "{}-seg")


def put(path: Path, is_mask: bool) -> None:
    """A picture is grey with a bright corner; a mask is black with a few marks, and named so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((8, 8), np.uint8) if is_mask else np.full((8, 8), 90, np.uint8)
    pixels[:2, :2] = 255
    Image.fromarray(pixels).save(path, format="JPEG" if path.suffix.lower() in (".jpg", ".jfif") else None)


def is_mask(path: Path) -> bool:
    if path.suffix == ".heic":
        return False
    return np.asarray(Image.open(path).convert("L")).min() < 40


def mvtec(root: Path, rng: Rng) -> tuple[str, str, Path]:
    for kind in ("good", "bent", "cut"):
        for number in range(rng.integers(1, 4)):
            put(root / f"nut/test/{kind}/{number}.{rng.choice(IMAGES)}", is_mask=False)
            if kind != "good":
                place = "test" if rng.random() < 0.3 else "ground_truth"
                name = rng.choice(MASKS[1:] if place == "test" else MASKS).format(number)
                put(root / f"nut/{place}/{kind}/{name}.png", is_mask=True)
    return "mvtec_ad", "nut", root / "nut"


def aebad(root: Path, rng: Rng) -> tuple[str, str, Path]:
    for kind in ("OK", "groove"):
        for domain in ("same", "view"):
            for number in range(rng.integers(1, 4)):
                put(root / f"blade/test/{kind}/{domain}/{number}.{rng.choice(IMAGES)}", is_mask=False)
                if kind != "OK":
                    put(root / f"blade/ground_truth/{kind}/{domain}/{number}.png", is_mask=True)
    return "aebad", "blade", root / "blade"


def kinds(root: Path, rng: Rng) -> tuple[str, str, Path]:
    home, flat, beside = rng.choice(["", "images"]), rng.random() < 0.3, rng.random() < 0.3
    for kind in ("normal", "bent", "cut"):
        for number in range(rng.integers(1, 4)):
            stem = f"{kind}{number}"
            put(root / home / kind / f"{stem}.{rng.choice(IMAGES)}", is_mask=False)
            if kind != "normal":
                folder = root / home / kind if beside else root / "masks" / ("" if flat else kind)
                put(folder / f"{rng.choice(MASKS[1:] if beside else MASKS).format(stem)}.png", is_mask=True)
    return "folder", "nut", root


def direct(root: Path, rng: Rng) -> tuple[str, str, Path]:
    home, beside, every = rng.choice(["", "images"]), rng.random() < 0.4, rng.random() < 0.5
    for number in range(rng.integers(2, 6)):
        put(root / home / f"{number}.{rng.choice(IMAGES)}", is_mask=False)
        if every or rng.random() < 0.5:
            folder = root / home if beside else root / "ground_truth"
            put(folder / f"{rng.choice(MASKS[1:] if beside else MASKS).format(number)}.png", is_mask=True)
    return "folder", "nut", root


def shuffle(root: Path, rng: Rng) -> None:
    """One mishap of the kind that happens to folders."""
    path = rng.choice(sorted(path for path in root.rglob("*") if path.is_file()))
    folders = sorted({path.parent for path in root.rglob("*") if path.is_file()})
    name = f"x{path.name}" if not is_mask(path) else f"x_mask{path.suffix}" if rng.random() < 0.5 else path.name
    other = rng.choice(folders) / name
    if is_mask(path) and not any(word in other.as_posix().lower() for word in ("mask", "gt", "truth", "seg")):
        return  # a mask among pictures under a picture's name: no name tells
    if other == path:
        return
    match rng.integers(6):
        case 0:
            path.unlink()
        case 1:
            path.rename(other)
        case 2:
            shutil.copy(path, other)
        case 3:
            deeper = path.parent / "deeper"
            deeper.mkdir(exist_ok=True)
            path.rename(deeper / path.name)
        case 4:
            (path.parent / f"{path.stem}.heic").write_bytes(b"unknown")
        case 5:
            if not is_mask(path):
                shutil.copy(path, path.with_suffix(".bmp"))


def check(dataset: Dataset, tree: Path, told: str) -> None:
    images = [entry.image for entry in dataset.entries]
    masks = [mask for entry in dataset.entries for mask in entry.masks]
    assert len(set(images)) == len(images)
    assert len(set(masks)) == len(masks), "a mask of two pictures"
    assert not set(images) & set(masks)
    assert len(set(dataset.ids)) == len(dataset)
    assert not [path for path in images if is_mask(path)], "a mask is scored as a picture"
    assert not [path for path in masks if not is_mask(path)], "a picture is taken for a mask"
    lost = {path for path in tree.rglob("*") if path.is_file()} - {*images, *masks}
    assert not [path for path in lost if path.name not in told], "left out without a word"
    for entry in dataset.entries:
        named = {part for part in entry.image.relative_to(tree).parts if is_normal(part)}
        if named or "bent" in entry.image.parts or "cut" in entry.image.parts or "groove" in entry.image.parts:
            assert entry.label == (not named)


@pytest.mark.parametrize("layout", [mvtec, aebad, kinds, direct], ids=lambda layout: layout.__name__)
@pytest.mark.parametrize("seed", range(12))
def test_a_shuffled_tree_is_read_whole_or_refused(layout: Callable, seed: int, tmp_path, caplog):
    rng = np.random.default_rng(seed)
    reader, category, tree = layout(tmp_path / "root", rng)
    with caplog.at_level(logging.WARNING):
        check(zsad.load_dataset(reader, tmp_path / "root", category=category), tree, "")
        for _ in range(3):
            shuffle(tree, rng)
            caplog.clear()
            dataset, error = attempt(reader, tmp_path / "root", category)
            if dataset is None:
                assert str(tmp_path) in error, "an error that does not say where"
                break
            check(dataset, tree, caplog.text)


def attempt(reader: str, root: Path, category: str) -> tuple[Dataset | None, str]:
    try:
        return zsad.load_dataset(reader, root, category=category), ""
    except (ValueError, OSError) as error:
        return None, str(error)
