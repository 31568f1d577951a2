"""The demo suites: same bytes for the same seed, read by the ordinary readers, masks that mark what changed."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zsad
from zsad.data.demo import SUITES, specimen, write
from zsad.data.demo.blade_damage import BLADE_DAMAGE
from zsad.data.demo.camera import photograph
from zsad.data.demo.domains import leaning
from zsad.data.demo.plan import Planned, planned_images, render
from zsad.data.demo.products import PRODUCTS
from zsad.data.demo.scene import paint_parts
from zsad.data.demo.specimen import POSE_FAULTS, SURFACE_FAULTS, build_scene, render_specimen
from zsad.data.demo.stamp import STAMP, folder_of
from zsad.data.demo.suites import DOMAINS, LOOK
from zsad.data.demo.write import write_suites

STYLE = SUITES["demo-mvtec"].style


def digest(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("[!.]*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def small_suites():
    """The suites with one picture of each kind, so that writing takes seconds."""
    return {name: replace(suite, train=1, good=1, each_defect=1) for name, suite in SUITES.items()}


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
    """A category a suite, drawn by this process alone, against those that processes drew side by side."""
    few = {name: replace(s, categories=dict(islice(s.categories.items(), 1))) for name, s in small_suites.items()}
    monkeypatch.setattr(write, "SUITES", few)
    monkeypatch.setattr(write, "ProcessPoolExecutor", lambda *_, **__: ThreadPoolExecutor(1))
    for folder, seed in (("again", 3), ("other", 4)):
        write_suites(tmp_path / folder, seed=seed, progress=False)
    first, whole = digest(tmp_path / "again"), digest(written)
    of_all = {f"{folder_of(name, 3)}/{STAMP}" for name in few} | {"demo-visa-seed-3/split_csv/1cls.csv"}
    assert {Path(name).parts[1] for name in first.keys() - of_all} == {c for s in few.values() for c in s.categories}
    assert {name for name in first if first[name] != whole[name]} <= of_all
    rows, all_rows = ((f / "demo-visa-seed-3/split_csv/1cls.csv").read_text() for f in (tmp_path / "again", written))
    assert all_rows.startswith(rows), "the first category"
    other = digest(tmp_path / "other")
    renamed = {name.replace("-seed-4/", "-seed-3/"): value for name, value in other.items()}
    assert first.keys() == renamed.keys()
    pictures = [name for name in first if "/test/" in name or "/Images/" in name]
    assert all(first[name] != renamed[name] for name in pictures)


@pytest.mark.parametrize("suite", list(SUITES))
def test_the_ordinary_readers_read_them(written, suite):
    for category, spec in SUITES[suite].categories.items():
        dataset = zsad.load_dataset(SUITES[suite].reader, written / folder_of(suite, 3), category=category)
        count = max(1, len(SUITES[suite].domains))
        assert len(dataset) == count + count * len(spec.defects)
        assert sum(dataset.labels) == count * len(spec.defects)
        assert {*dataset.defects} == {"good", *spec.defects} or SUITES[suite].reader == "visa"
        for sample in dataset:
            assert sample.image.shape[1:] == SUITES[suite].size
            if sample.label:
                assert sample.mask is not None
                assert 12 <= int(sample.mask.sum()) < sample.mask.numel() / 4


def test_visa_masks_hold_class_numbers(written):
    masks = sorted((written / "demo-visa-seed-3" / "pcb" / "Data" / "Masks" / "Anomaly").glob("*.png"))
    numbers = {int(value) for path in masks for value in np.unique(np.asarray(Image.open(path)))}
    assert numbers == {0, *range(1, len(SUITES["demo-visa"].categories["pcb"].defects) + 1)}


@pytest.mark.parametrize("defect", [*SURFACE_FAULTS, *POSE_FAULTS])
def test_the_mask_marks_what_the_defect_changed(defect, monkeypatch):
    """The same specimen with and without its defect differs where the mask says, and hardly anywhere else."""
    product = PRODUCTS["pcb" if defect in POSE_FAULTS else "blade" if defect in BLADE_DAMAGE else "biscuit"]
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


def test_demo_aebad_has_the_layout_and_the_domains_of_aebad_s(written):
    root = written / "demo-aebad-seed-3"
    dataset = zsad.load_dataset("aebad", root, category="blade")
    assert sorted(set(dataset.domains)) == ["background", "illumination", "same", "view"]
    assert set(dataset.defects) == {"good", "ablation", "breakdown", "fracture", "groove"}
    assert {dataset.domains.count(domain) for domain in DOMAINS} == {len(dataset) // len(DOMAINS)}
    assert (root / "blade/test/groove/view/000.png").is_file()
    assert (root / "blade/ground_truth/groove/view/000.png").is_file()
    train = zsad.load_dataset("aebad", root, category="blade", split="train")
    assert set(train.domains) == {"same"}
    assert set(train.ids).isdisjoint(dataset.ids)


def test_the_stamp_holds_the_domains(written):
    stamp = json.loads((written / "demo-aebad-seed-3" / STAMP).read_text())
    assert set(stamp["domains"]) == set(DOMAINS)
    assert stamp["domains"]["view"]["tilt"] == DOMAINS["view"].tilt
    assert "domains" not in json.loads((written / "demo-visa-seed-3" / STAMP).read_text())


def backdrops(domain: str) -> np.ndarray:
    """Mean colours of a strip beside the product, in some pictures of a domain: (picture, channel) in [0, 1]."""
    shown = (Planned("blade", "test", None, index, index, domain) for index in range(6))
    images = (render(SUITES["demo-aebad"], picture, picture.generator("demo-aebad", 0))[0] for picture in shown)
    return np.stack([image[:, :20].mean((0, 1)) / 255 for image in images])


def test_each_domain_changes_what_its_name_says():
    seen = {domain: backdrops(domain) for domain in DOMAINS}
    warmth = {domain: (colours[:, 0] - colours[:, 2]).mean() for domain, colours in seen.items()}
    assert warmth["background"] > warmth["same"] + 0.08
    assert abs(warmth["view"] - warmth["same"]) < 0.05
    assert seen["illumination"].mean() < seen["same"].mean() - 0.05
    assert DOMAINS["background"].look.azimuth == DOMAINS["same"].look.azimuth
    assert DOMAINS["illumination"].look.hue == DOMAINS["same"].look.hue
    assert DOMAINS["view"].look == DOMAINS["same"].look == LOOK
    blade = PRODUCTS["blade"]
    assert DOMAINS["same"].pose(blade) == blade
    assert DOMAINS["view"].pose(blade).tilt > 4 * blade.tilt


def test_a_leaning_camera_moves_picture_and_mask_alike():
    rng = np.random.default_rng(2)
    scene = build_scene(PRODUCTS["blade"], LOOK, STYLE, rng, "breakdown")
    picture = photograph(scene, LOOK, rng)
    assert np.array_equal(leaning(picture, scene.mask, 0.0, rng)[0], picture)
    marked = np.where(scene.mask[..., None], np.uint8(255), np.uint8(0)).repeat(3, -1)
    leant, mask = leaning(marked, scene.mask, 1 / 16, rng)
    assert ((leant[..., 0] > 127) ^ mask).sum() < 0.1 * mask.sum()
    assert (mask ^ scene.mask).sum() > 0.1 * mask.sum(), "nothing moved"
    assert mask.sum() > scene.mask.sum() * 0.9
    plain = leaning(np.full_like(picture, 200), scene.mask, 1 / 16, rng)[0]
    assert plain.min() == 200, "a corner shows what was never photographed"


def test_every_blade_of_the_suite_shows_its_defect():
    """Also where the camera leans: a crop must not take the defect away."""
    suite = replace(SUITES["demo-aebad"], good=1)
    for picture in planned_images(suite):
        if picture.defect and picture.domain == "view":
            _, mask = render(suite, picture, picture.generator("demo-aebad", 0))
            assert mask.sum() >= specimen.MIN_MARKED / 2, picture
