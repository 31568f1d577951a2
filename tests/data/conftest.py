"""Writes small data sets in each layout to disk."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Save = Callable[..., Path]


@pytest.fixture
def save() -> Save:
    """Saves an array (or, by default, noise of `size` = (height, width)) as a picture and returns its path."""

    def write(
        path: Path, pixels: np.ndarray | None = None, size: tuple[int, int] = (12, 16), **options: object
    ) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        if pixels is None:
            pixels = np.random.default_rng(len(path.name)).integers(0, 256, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path, **options)
        return path

    return write


@pytest.fixture
def defect_mask() -> np.ndarray:
    """A 12 x 16 mask with a defect of 6 pixels."""
    mask = np.zeros((12, 16), np.uint8)
    mask[3:5, 4:7] = 255
    return mask


@pytest.fixture
def mvtec_root(tmp_path: Path, save: Save, defect_mask: np.ndarray) -> Path:
    """Two categories; `nut` has 3 good, 2 bent and 1 scratched test pictures and 2 for training."""
    root = tmp_path / "mvtec"
    for name in ("train/good/000.png", "train/good/001.png", "test/good/000.png", "test/good/001.png"):
        save(root / "nut" / name)
    save(root / "nut/test/good/002.PNG")
    for name in ("bent/000", "bent/001", "scratch/000"):
        save(root / f"nut/test/{name}.png")
        save(root / f"nut/ground_truth/{name}_mask.png", defect_mask)
    save(root / "bolt/test/good/000.png")
    (root / "readme.txt").write_text("not a category")
    return root


@pytest.fixture
def visa_root(tmp_path: Path, save: Save, defect_mask: np.ndarray) -> Path:
    """VisA as published: 2 normal and 2 anomalous test pictures, 1 for training; masks hold class numbers."""
    root = tmp_path / "visa"
    rows = ["object,split,label,image,mask"]
    for split, stem in (("train", "0000"), ("test", "0001"), ("test", "0002")):
        image = save(root / f"pcb/Data/Images/Normal/{stem}.JPG")
        rows.append(f"pcb,{split},normal,{image.relative_to(root).as_posix()},")
    for stem, number in (("000", 1), ("001", 3)):
        image = save(root / f"pcb/Data/Images/Anomaly/{stem}.JPG")
        mask = save(root / f"pcb/Data/Masks/Anomaly/{stem}.png", (defect_mask // 255 * number).astype(np.uint8))
        rows.append(f"pcb,test,anomaly,{image.relative_to(root).as_posix()},{mask.relative_to(root).as_posix()}")
    (root / "split_csv").mkdir()
    (root / "split_csv/1cls.csv").write_text("\n".join(rows) + "\n")
    (root / "pcb/image_anno.csv").write_text(
        'image,label,mask\npcb/Data/Images/Anomaly/000.JPG,melt,\npcb/Data/Images/Anomaly/001.JPG,"scratch,bent",\n'
    )
    return root


@pytest.fixture
def aebad_root(tmp_path: Path, save: Save, defect_mask: np.ndarray) -> Path:
    """AeBAD-S as published, with the junk of its archive, beside AeBAD-V; every domain has good and grooved blades."""
    root = tmp_path / "AeBAD"
    blades = root / "AeBAD_S"
    for domain in ("same", "view"):
        save(blades / f"train/good/{domain}/a.png")
    for domain in ("same", "background", "illumination", "view"):
        for stem in ("IMG_1", "IMG_2"):
            save(blades / f"test/good/{domain}/{stem}.png")
        save(blades / f"test/groove/{domain}/IMG_3.png")
        save(blades / f"ground_truth/groove/{domain}/IMG_3.png", defect_mask)
    save(blades / "test/fracture/view/IMG_9.png", format="JPEG")
    save(blades / "ground_truth/fracture/view/IMG_9.png", defect_mask)
    for junk in ("test/good/view/._IMG_1.png", "ground_truth/groove/view/._IMG_3.png", "test/groove/view/._IMG_3.png"):
        (blades / junk).write_bytes(b"junk")
    save(root / "AeBAD_V/train/good/video1_train/0001.jpg")
    save(root / "AeBAD_V/test/video1/anomaly/0001.jpg")
    return root


@pytest.fixture
def product_folder(tmp_path: Path, save: Save, defect_mask: np.ndarray) -> Path:
    """A plain folder: 2 good, 1 cracked, 1 stained picture, with masks."""
    root = tmp_path / "product"
    for name in ("good/a.jpg", "good/b.png", "crack/c.jpeg", "stain/d.bmp"):
        save(root / name)
    save(root / "masks/crack/c.png", defect_mask)
    save(root / "masks/stain/d_mask.png", defect_mask)
    return root
