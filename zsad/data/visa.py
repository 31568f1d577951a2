"""Reads VisA (Zou et al., ECCV 2022), as published and as its own script rearranges it."""

import csv
import logging
from pathlib import Path, PurePosixPath, PureWindowsPath

from zsad.data import mvtec_ad
from zsad.data.files import by_stem, describe, images_in, in_words
from zsad.data.names import GOOD
from zsad.data.sample import Entry

SPLIT_FILE = Path("split_csv", "1cls.csv")
COLUMNS = {"object", "split", "label", "image", "mask"}
LAYOUT = (
    "<root>/split_csv/1cls.csv with <category>/Data/{Images,Masks}/..., "
    "or <root>/<category>/{train/good,test/{good,bad},ground_truth/bad} as the data set's prepare_data.py writes it"
)
PREPARED = ("", "1cls", "VisA_pytorch/1cls", "visa_pytorch/1cls", "visa_pytorch")

logger = logging.getLogger(__name__)


def find(root: Path, category: str, split: str) -> list[Entry]:
    """Finds one category's images of one split, in either layout.

    With the published layout the one-class split of `split_csv/1cls.csv` is read, and the kind of defect comes from
    the category's `image_anno.csv` where there is one (several kinds on an image: "bubble, scratch").

    Raises:
        ValueError: the layout is another one, the split file is damaged, names an image twice or one outside of root;
            the category is unknown or the split empty.
        FileNotFoundError: an image of the split file, or an anomalous image's mask, is missing.
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
    if odd := [
        row["object"] for row in rows if not row["object"] or {"/", "\\"} & {*row["object"]} or row["object"] == ".."
    ]:
        raise ValueError(f"{root / SPLIT_FILE}: {odd[0]!r} is no name of a category.")
    known = sorted({row["object"] for row in rows})
    if category not in known:
        raise ValueError(f"unknown category {category!r} in {root / SPLIT_FILE}; known: {', '.join(known)}.")
    rows = [row for row in rows if row["object"] == category]
    listed = _listed_once(root / SPLIT_FILE, rows)
    rows = [row for row in rows if row["split"] == split]
    if not rows:
        raise ValueError(f"{root / SPLIT_FILE}: the split {split!r} of {category!r} is empty.")
    defects = _defects(root / category / "image_anno.csv")
    folders: dict[Path, dict[str, Path]] = {}
    entries = []
    for row in rows:
        image = _locate(root, row["image"], folders)
        if row["label"] == "normal":
            entries.append(Entry(image, (), label=False, defect=GOOD))
            continue
        if not row["mask"]:
            raise FileNotFoundError(f"{root / SPLIT_FILE}: no mask is named for the anomalous picture {image}.")
        mask = _locate(root, row["mask"], folders)
        entries.append(Entry(image, (mask,), label=True, defect=defects.get(row["image"], "anomaly")))
    _tell_unlisted(root, {entry.image.parent for entry in entries}, listed)
    return entries


def _listed_once(path: Path, rows: list[dict[str, str]]) -> set[PurePosixPath]:
    """The images of one category, in both splits, without their suffix.

    Raises:
        ValueError: a row is none of a data set: another label or split, an image that another row has too.
    """
    listed: set[PurePosixPath] = set()
    for row in rows:
        if row["split"] not in mvtec_ad.SPLITS or row["label"] not in ("normal", "anomaly") or not row["image"]:
            raise ValueError(
                f"{path}: label {row['label']!r} of {row['image']} (split {row['split']!r}) is not normal or anomaly, "
                "or the split is not train or test."
            )
        image = PurePosixPath(row["image"]).with_suffix("")
        if image in listed:
            raise ValueError(f"{path}: names {row['image']} twice; restore the file from the data set's archive.")
        listed.add(image)
    return listed


def _tell_unlisted(root: Path, folders: set[Path], listed: set[PurePosixPath]) -> None:
    for folder in sorted(folders):
        here = PurePosixPath(folder.relative_to(root).as_posix())
        if lost := [image.name for image in images_in(folder) if here / image.stem not in listed]:
            logger.warning(
                "%s: %d pictures are left out, since %s does not name them: %s.",
                *(folder, len(lost), SPLIT_FILE.as_posix(), in_words(lost, 5)),
            )


def _locate(root: Path, name: str, folders: dict[Path, dict[str, Path]]) -> Path:
    """The file that the split file names, by stem: copies of the data set differ in the case of `.JPG`."""
    parts = (*PurePosixPath(name).parts, *PureWindowsPath(name).parts)
    if ".." in parts or PurePosixPath(name).is_absolute() or PureWindowsPath(name).drive:
        raise ValueError(f"{root / SPLIT_FILE}: {name} lies outside of {root}, where nothing is read.")
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
        try:
            rows = list(reader)
        except (UnicodeDecodeError, csv.Error) as error:
            raise ValueError(f"{path}: no table of comma-separated values in UTF-8 ({error}).") from error
        if missing := columns - set(reader.fieldnames or ()):
            raise ValueError(f"{path}: the columns {', '.join(sorted(missing))} are missing; is this VisA's own file?")
        return rows
