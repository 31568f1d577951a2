"""The demo suites: same bytes for the same seed, read by the ordinary readers, masks that mark what changed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zsad
from zsad.data.demo import SUITES, specimen, write
from zsad.data.demo.damage import DAMAGE
from zsad.data.demo.products import PRODUCTS
from zsad.data.demo.scene import paint_parts
from zsad.data.demo.specimen import POSE_FAULTS, build_scene, render_specimen
from zsad.data.demo.suites import LOOK
from zsad.data.demo.write import STAMP, write_suites

STYLE = SUITES["demo-mvtec"].style


def digest(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def small_suites():
    """Both suites with two pictures of each kind, so that writing takes seconds."""
    return {name: replace(suite, train=1, good=2, each_defect=2) for name, suite in SUITES.items()}


@pytest.fixture(scope="module")
def written(tmp_path_factory, small_suites):
    folder = tmp_path_factory.mktemp("suites")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write, "SUITES", small_suites)
        write_suites(folder, seed=3, progress=False)
    return folder


def test_enough_categories_and_defects():
    kinds = [spec.kind for spec in SUITES["demo-mvtec"].categories.values()]
    assert kinds.count("texture") >= 2
    assert kinds.count("aligned") >= 1
    assert sum(spec.rotation_invariant for spec in SUITES["demo-mvtec"].categories.values()) >= 3
    assert {"many", "board"} <= {spec.kind for spec in SUITES["demo-visa"].categories.values()}
    defects = {defect for suite in SUITES.values() for spec in suite.categories.values() for defect in spec.defects}
    assert len(defects) >= 8
    assert {"rust", "discolouration"} <= defects
    assert {"turned", "misplaced"} <= defects


def test_same_seed_same_bytes_and_another_seed_other_pictures(written, tmp_path, monkeypatch, small_suites):
    monkeypatch.setattr(write, "SUITES", small_suites)
    write_suites(tmp_path / "again", seed=3, progress=False)
    assert digest(tmp_path / "again") == digest(written)
    write_suites(tmp_path / "other", seed=4, progress=False)
    first, other = digest(written), digest(tmp_path / "other")
    assert first.keys() == other.keys()
    pictures = [name for name in first if "/test/" in name or "/Images/" in name]
    assert all(first[name] != other[name] for name in pictures)


def test_a_suite_that_is_there_is_left_alone_and_an_outdated_one_replaced(tmp_path, monkeypatch, small_suites):
    monkeypatch.setattr(write, "SUITES", {"demo-mvtec": replace(small_suites["demo-mvtec"], good=1, each_defect=1)})
    (folder,) = write_suites(tmp_path, seed=3, progress=False)
    before = (folder / STAMP).stat().st_mtime_ns
    write_suites(tmp_path, seed=3, progress=False)
    assert (folder / STAMP).stat().st_mtime_ns == before
    write_suites(tmp_path, seed=4, progress=False)
    assert json.loads((folder / STAMP).read_text())["seed"] == 4
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_folder_of_somebody_else_is_not_touched(tmp_path):
    (tmp_path / "demo-mvtec").mkdir()
    (tmp_path / "demo-mvtec" / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(FileExistsError, match="demo-mvtec"):
        write_suites(tmp_path, progress=False)
    assert (tmp_path / "demo-mvtec" / "holiday.jpg").read_bytes() == b"x"


def test_a_killed_writing_leaves_no_suite(tmp_path, monkeypatch):
    def fail(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(write, "_write_mvtec", fail)
    with pytest.raises(KeyboardInterrupt):
        write_suites(tmp_path, progress=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suite", list(SUITES))
def test_the_ordinary_readers_read_them(written, suite, small_suites):
    for category, spec in SUITES[suite].categories.items():
        dataset = zsad.load_dataset(SUITES[suite].reader, written / suite, category=category)
        assert len(dataset) == 2 + 2 * len(spec.defects)
        assert sum(dataset.labels) == 2 * len(spec.defects)
        for sample in dataset:
            assert sample.image.shape[1:] == SUITES[suite].size
            if sample.label:
                assert sample.mask is not None
                assert 12 <= int(sample.mask.sum()) < sample.mask.numel() / 4


def test_visa_masks_hold_class_numbers(written):
    masks = sorted((written / "demo-visa" / "pcb" / "Data" / "Masks" / "Anomaly").glob("*.png"))
    numbers = {int(value) for path in masks for value in np.unique(np.asarray(Image.open(path)))}
    assert numbers == {0, *range(1, len(SUITES["demo-visa"].categories["pcb"].defects) + 1)}


@pytest.mark.parametrize("defect", [*DAMAGE, *POSE_FAULTS])
def test_the_mask_marks_what_the_defect_changed(defect, monkeypatch):
    """The same specimen with and without its defect differs where the mask says, and hardly anywhere else."""
    product = PRODUCTS["pcb" if defect in POSE_FAULTS else "biscuit"]
    scene = build_scene(product, LOOK, STYLE, np.random.default_rng(7), defect)
    if defect in POSE_FAULTS:  # drawn like the faulty one, then nothing moved
        monkeypatch.setattr(specimen, "paint_parts", lambda *args: paint_parts(*args[:-1]))
        monkeypatch.setattr(specimen, "MIN_MARKED", 0)
        clean = build_scene(product, LOOK, STYLE, np.random.default_rng(7), defect)
    else:
        clean = build_scene(product, LOOK, STYLE, np.random.default_rng(7), None)
    moved = np.abs(scene.rgb - clean.rgb).max(-1) > 0.03
    moved |= np.abs(scene.relief - clean.relief) > 0.5
    mask = scene.mask
    assert mask.sum() >= specimen.MIN_MARKED
    # A turned part is marked whole, also where it looks the same after the turn.
    assert (moved & mask).sum() >= (0.15 if defect in POSE_FAULTS else 0.5) * mask.sum()
    assert (moved & ~mask).sum() <= 0.6 * mask.sum() + 40


def test_pose_faults_need_a_part_that_moves():
    with pytest.raises(ValueError, match="fabric"):
        render_specimen(PRODUCTS["fabric"], LOOK, STYLE, np.random.default_rng(0), "turned")
    with pytest.raises(ValueError, match="unknown defect"):
        render_specimen(PRODUCTS["fabric"], LOOK, STYLE, np.random.default_rng(0), "melted")
