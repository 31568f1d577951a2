"""What names of files and folders say: which are normal, which are masks, and of which image."""

import re

GOOD = "good"
NORMAL = frozenset(
    {"good", "ok", "okay", "normal", "nominal", "intact", "undamaged", "flawless", "healthy", "passed", "nondefective"}
    | {"no defect", "no defects", "non defective", "not defective", "defect free", "anomaly free"}
)
MASK_WORDS = r"masks?|gt|ground[ _-]?truths?|seg|segmentations?|segmasks?|labels?|annotations?"
_MASK_FOLDER = re.compile(MASK_WORDS, re.IGNORECASE)
_IMAGE_FOLDER = re.compile(r"images?|imgs?|pictures?|photos?", re.IGNORECASE)
_MASK_AFTER = re.compile(rf"(?P<stem>.+?)[ ._-]+({MASK_WORDS})(?P<number>[ ._-]?\d+)?", re.IGNORECASE)
_MASK_BEFORE = re.compile(rf"({MASK_WORDS})[ ._-]+(?P<stem>.+)", re.IGNORECASE)


def is_normal(folder: str) -> bool:
    """Whether a folder of this name holds normal images: "good", "OK", "defect-free", ... in every layout."""
    return re.sub(r"[ _-]+", " ", folder).strip().lower() in NORMAL


def is_mask_folder(folder: str) -> bool:
    return _MASK_FOLDER.fullmatch(folder) is not None


def is_image_folder(folder: str) -> bool:
    """Whether a folder's name says that images are in it, and nothing of what they show."""
    return _IMAGE_FOLDER.fullmatch(folder) is not None


def masked_stem(stem: str) -> tuple[str, str] | None:
    """Of a file named like a mask: the stem of its image, and its number where an image has several.

    "000_mask", "000_GT" and "mask_000" give ("000", ""), "000_mask_2" gives ("000", "2"); other names None.
    """
    if found := _MASK_AFTER.fullmatch(stem):
        return found["stem"], (found["number"] or "").strip(" ._-")
    if found := _MASK_BEFORE.fullmatch(stem):
        return found["stem"], ""
    return None
