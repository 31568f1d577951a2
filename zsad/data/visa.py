"""Reads VisA (Zou et al., ECCV 2022), as published and as its own script rearranges it."""

import csv
from pathlib import Path

from zsad.data import mvtec_ad
from zsad.data.files import by_stem, describe, images_in
from zsad.data.sample import GOOD, Entry

SPLIT_FILE = Path("split_csv", "1cls.csv")
COLUMNS = {"object", "split", "label", "image", "mask"}
LAYOUT = (
    "<root>/split_csv/1cls.csv with <category>/Data/{Images,Masks}/..., "
    "or <root>/<category>/{train/good,test/{good,bad},ground_truth/bad} as the data set's prepare_data.py writes it"
)
PREPARED = ("", "1cls", "VisA_pytorch/1cls", "visa_pytorch/1cls", "visa_pytorch")


def find(root: Path, category: str, split: str) -> list[Entry]:
    """Finds one category's pictures of one split, in either layout.

    With the published layout the one-class split of `split_csv/1cls.csv` is read, and the kind of defect comes from
    the category's `image_anno.csv` where there is one (several kinds on a picture: "bubble, scratch").

    Raises:
        ValueError: the layout is another one, the split file is damaged, the category is unknown or the split empty.
        FileNotFoundError: a picture of the split file, or an anomalous picture's mask, is missing.
    """
    if (root / SPLIT_FILE).is_file():
        return _find_published(root, category, split)
    if prepared := _prepared_root(root):
        return mvtec_ad.find(prepared, category, split)
    hint = ""
    if (root / category / "Data").is_dir():
        hint = f" {root / SPLIT_FILE} is missing: it is part of the data set's archive."
    elif (root.parent / SPLIT_FILE).is_file():
        hint = f" Pass {root.parent} as root?"
    raise ValueError(f"{root}: not the VisA layout. Expected {LAYOUT}; found {describe(root)}.{hint}")


def categories(root: Path) -> list[str]:
    """The categories of the split file, or of the rearranged copy; none in any other layout."""
    if (root / SPLIT_FILE).is_file():
        return sorted({row["object"] for row in _rows(root / SPLIT_FILE, COLUMNS)})
    prepared = _prepared_root(root)
    return mvtec_ad.categories(prepared) if prepared else []


def _prepared_root(root: Path) -> Path | None:
    candidates = (root / name for name in PREPARED)
    return next((path for path in candidates if path.is_dir() and mvtec_ad.categories(path)), None)


def _find_published(root: Path, category: str, split: str) -> list[Entry]:
    rows = _rows(root / SPLIT_FILE, COLUMNS)
    known = sorted({row["object"] for row in rows})
    if category not in known:
        raise ValueError(f"unknown category {category!r} in {root / SPLIT_FILE}; known: {', '.join(known)}.")
    rows = [row for row in rows if row["object"] == category and row["split"] == split]
    if not rows:
        raise ValueError(f"{root / SPLIT_FILE}: the split {split!r} of {category!r} is empty.")
    defects = _defects(root / category / "image_anno.csv")
    folders: dict[Path, dict[str, Path]] = {}
    entries = []
    for row in rows:
        if row["label"] not in ("normal", "anomaly"):
            raise ValueError(f"{root / SPLIT_FILE}: label {row['label']!r} of {row['image']} is not normal or anomaly.")
        image = _locate(root, row["image"], folders)
        if row["label"] == "normal":
            entries.append(Entry(image, None, label=False, defect=GOOD))
            continue
        if not row["mask"]:
            raise FileNotFoundError(f"{root / SPLIT_FILE}: no mask is named for the anomalous picture {image}.")
        mask = _locate(root, row["mask"], folders)
        entries.append(Entry(mask=mask, image=image, label=True, defect=defects.get(row["image"], "anomaly")))
    return entries


def _locate(root: Path, name: str, folders: dict[Path, dict[str, Path]]) -> Path:
    """The file that the split file names, by stem: copies of the data set differ in the case of `.JPG`."""
    path = root / name
    if path.parent not in folders:
        folders[path.parent] = by_stem(images_in(path.parent)) if path.parent.is_dir() else {}
    if path.stem not in folders[path.parent]:
        raise FileNotFoundError(
            f"{path}: missing, although {root / SPLIT_FILE} names it; restore it from the data set's archive."
        )
    return folders[path.parent][path.stem]


def _defects(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    return {row["image"]: ", ".join(row["label"].split(",")) for row in _rows(path, {"image", "label"})}


def _rows(path: Path, columns: set[str]) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        if missing := columns - set(reader.fieldnames or ()):
            raise ValueError(f"{path}: the columns {', '.join(sorted(missing))} are missing; is this VisA's own file?")
        return list(reader)
