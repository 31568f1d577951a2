"""Auxiliary data through the real readers: what is refused, what a batch is, what a mosaic is."""

import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from toys import CATEGORIES, SIZE, write_suite

from zsad.auxiliary.data import AuxiliaryData, read_auxiliary, squashed_mask
from zsad.data import load_dataset


@pytest.fixture
def data(tmp_path):
    return read_auxiliary("toys", "mvtec_ad", write_suite(tmp_path / "toys"))


def test_all_categories_are_read_with_masks_and_labels(data):
    assert len(data) == 20
    images, masks, labels = data.read(range(20), SIZE)
    expected = [
        sample
        for name in sorted(CATEGORIES)
        for sample in load_dataset("mvtec_ad", data.datasets[0].root, category=name)
    ]
    assert data.categories(range(20)) == [sample.category for sample in expected]
    assert torch.equal(images, torch.stack([sample.image for sample in expected]))
    assert [bool(mask.any()) for mask in masks] == labels.tolist() == [sample.label for sample in expected]
    assert all(torch.equal(mask, s.mask) for mask, s in zip(masks, expected, strict=True) if s.label)


def test_images_and_masks_are_squashed_alike(data):
    images, masks, _ = data.read([0, 19], 16)
    assert images.shape == (2, 3, 16, 16)
    assert masks.shape == (2, 16, 16)
    whole = data.read([19], SIZE)[1][0]
    assert masks[1].float().mean() == pytest.approx(float(whole.float().mean()), abs=0.05)


def test_a_mask_is_resized_as_pillow_does_it():
    mask = torch.rand(37, 53, generator=torch.Generator().manual_seed(1)) > 0.6
    pillow = Image.fromarray(mask.numpy().astype(np.uint8) * 255).resize((20, 20), Image.Resampling.BILINEAR)
    assert (squashed_mask(mask, 20).numpy() == (np.asarray(pillow) / 255 > 0.5)).mean() > 0.99


def test_a_mosaic_holds_four_images_of_its_category_with_their_masks(tmp_path):
    data = read_auxiliary("toys", "mvtec_ad", write_suite(tmp_path / "toys", normal=14))
    images, masks, _ = data.mosaics([0] * 40, 2 * SIZE, np.random.default_rng(0))
    own = data.datasets[0]
    known = [sample.image for sample in own]
    drawn = []
    for image, mask in zip(images, masks, strict=True):
        for rows in (slice(0, SIZE), slice(SIZE, None)):
            for columns in (slice(0, SIZE), slice(SIZE, None)):
                index = next(i for i, k in enumerate(known) if torch.equal(k, image[:, rows, columns]))
                sample = own[index]
                assert torch.equal(mask[rows, columns], sample.mask if sample.label else torch.zeros(SIZE, SIZE).bool())
                drawn.append(sample.defect)
    # Kinds are drawn alike, whatever their numbers of images: 14 good, 3 holes, 3 stains here.
    assert {kind: drawn.count(kind) / 160 for kind in set(drawn)} == pytest.approx(
        dict.fromkeys(("good", "hole", "stain"), 1 / 3), abs=0.1
    )


@pytest.fixture
def thin(tmp_path):
    """Good images are black, anomalous ones white, each with a mask of one pixel."""
    for kind, value in {"good": 0, "hole": 255}.items():
        (folder := tmp_path / "thin" / "nut" / "test" / kind).mkdir(parents=True)
        (truth := tmp_path / "thin" / "nut" / "ground_truth" / kind).mkdir(parents=True)
        for number in range(2):
            Image.new("RGB", (8 * SIZE, 8 * SIZE), (value,) * 3).save(folder / f"{number:03d}.png")
            if value:
                (mask := Image.new("L", (8 * SIZE, 8 * SIZE))).putpixel((100, 100), 255)
                mask.save(truth / f"{number:03d}_mask.png")
    return read_auxiliary("thin", "mvtec_ad", tmp_path / "thin")


def test_an_anomaly_that_is_too_thin_for_its_squashed_mask_is_still_one(thin):
    _, masks, labels = thin.read(range(4), SIZE)
    assert not masks.any()
    assert labels.tolist() == [False, False, True, True]


def test_a_mosaic_is_anomalous_where_one_of_the_four_is_however_thin(thin):
    images, masks, labels = thin.mosaics([0] * 30, SIZE, np.random.default_rng(0))
    assert not masks.any()
    assert labels.tolist() == images.flatten(1).any(dim=1).tolist()
    assert set(labels.tolist()) == {False, True}


def test_masks_that_are_missing_are_refused(tmp_path):
    root = write_suite(tmp_path / "toys") / "washer"
    shutil.rmtree(root / "ground_truth")
    with pytest.raises(FileNotFoundError, match=r"_mask\.png is missing.*from other categories") as caught:
        read_auxiliary("toys", "mvtec_ad", tmp_path / "toys")
    assert "'folder'" not in str(caught.value)
    with pytest.raises(ValueError, match=r"'washer' of toys in .* has anomalous images without masks"):
        AuxiliaryData("toys", [load_dataset("folder", root / "test", category="washer")])


def test_images_of_one_kind_are_refused(tmp_path):
    root = write_suite(tmp_path / "toys", normal=0)
    with pytest.raises(ValueError, match="only anomalous images"):
        read_auxiliary("toys", "mvtec_ad", root)


def test_no_category_is_refused():
    with pytest.raises(ValueError, match="toys has no category"):
        AuxiliaryData("toys", [])


def test_its_fingerprint_follows_images_and_masks(tmp_path, data):
    again = read_auxiliary("toys", "mvtec_ad", write_suite(tmp_path / "copy"))
    assert again.fingerprint == data.fingerprint
    assert again.image_digests == data.image_digests
    other = read_auxiliary("toys", "mvtec_ad", write_suite(tmp_path / "other", seed=1))
    assert other.fingerprint != data.fingerprint
    assert not set(other.image_digests) & set(data.image_digests)
