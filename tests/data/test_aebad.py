"""The AeBAD-S layout: one part under several domains."""

import logging
import shutil

import pytest

import zsad
from zsad.data import ImageError, list_categories

TEST_DOMAINS = ["background", "illumination", "same", "view"]


def test_every_domain_is_read_with_its_masks(aebad_root):
    dataset = zsad.load_dataset("aebad", aebad_root, category="AeBAD_S")
    assert len(dataset) == 2 * 4 + 4 + 1
    assert sorted(set(dataset.domains)) == TEST_DOMAINS
    assert dataset.ids[0] == "AeBAD_S/test/fracture/view/IMG_9.png"
    assert [path.split("/")[3] for path in dataset.ids] == dataset.domains
    assert dataset.has_masks
    for sample, domain in zip(dataset, dataset.domains, strict=True):
        assert sample.domain == domain
        assert sample.label == (sample.defect != "good")
        assert (sample.mask is not None) == sample.label
        assert sample.mask is None or int(sample.mask.sum()) == 6


def test_one_domain_alone(aebad_root):
    dataset = zsad.load_dataset("aebad", aebad_root, category="AeBAD_S")
    parts = [dataset.in_domain(domain) for domain in TEST_DOMAINS]
    assert sorted(name for part in parts for name in part.ids) == sorted(dataset.ids)
    view = zsad.load_dataset("aebad", aebad_root, category="AeBAD_S", domain="view")
    assert view.ids == parts[3].ids
    assert view.defects == ["fracture", "good", "good", "groove"]
    assert view.labels.count(True) == 2
    assert view[:2].domains == ["view", "view"]
    assert len({part.fingerprint() for part in (dataset, *parts)}) == 5


def test_the_training_split_shows_some_domains_only(aebad_root):
    dataset = zsad.load_dataset("aebad", aebad_root, category="AeBAD_S", split="train")
    assert dataset.domains == ["same", "view"]
    assert not any(dataset.labels)
    with pytest.raises(ValueError, match=r"unknown domain 'background' of 'AeBAD_S' .*known: same, view\."):
        dataset.in_domain("background")


def test_a_subset_keeps_every_domain(aebad_root, save):
    """Also those with few pictures, which picks spread evenly over the list would miss."""
    for number in range(6):
        save(aebad_root / f"AeBAD_S/test/good/same/more_{number}.png")
    dataset = zsad.load_dataset("aebad", aebad_root, category="AeBAD_S").subset(7)
    normal = [domain for domain, label in zip(dataset.domains, dataset.labels, strict=True) if not label]
    assert len(dataset) == 7
    assert sorted(set(normal)) == TEST_DOMAINS


def test_unknown_domains_list_the_known_ones(aebad_root, mvtec_root):
    with pytest.raises(ValueError, match=r"unknown domain 'night' .*known: background, illumination, same, view\."):
        zsad.load_dataset("aebad", aebad_root, category="AeBAD_S", domain="night")
    with pytest.raises(ValueError, match=r"unknown domain 'view' of 'nut' .*known: none\."):
        zsad.load_dataset("mvtec_ad", mvtec_root, category="nut", domain="view")


def test_video_frames_are_no_category(aebad_root):
    assert list_categories("aebad", aebad_root) == ["AeBAD_S"]
    with pytest.raises(ValueError, match=r"unknown category 'AeBAD_V' .*known: AeBAD_S"):
        zsad.load_dataset("aebad", aebad_root, category="AeBAD_V")


def test_missing_mask(aebad_root):
    (aebad_root / "AeBAD_S/ground_truth/groove/view/IMG_3.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"groove/view/IMG_3\.png: its mask .*view/IMG_3\.png is missing"):
        zsad.load_dataset("aebad", aebad_root, category="AeBAD_S")
    shutil.rmtree(aebad_root / "AeBAD_S/ground_truth")
    with pytest.raises(FileNotFoundError, match=r"fracture/view/IMG_9\.png: its mask .* is missing"):
        zsad.load_dataset("aebad", aebad_root, category="AeBAD_S")


def test_a_mask_of_another_domain_is_not_taken(aebad_root, save, defect_mask):
    save(aebad_root / "AeBAD_S/ground_truth/groove/view/IMG_3.png", defect_mask[:, :-1])
    dataset = zsad.load_dataset("aebad", aebad_root, category="AeBAD_S")
    assert dataset.in_domain("same")[2].mask is not None
    with pytest.raises(ImageError, match=r"groove/view/IMG_3\.png: the mask is 15 x 12"):
        dataset.in_domain("view")[3]


def test_wrong_layout_says_what_was_expected_and_found(aebad_root, mvtec_root):
    with pytest.raises(ValueError, match=rf"not the AeBAD-S layout\. Expected .*<domain>.* Pass {aebad_root} as root"):
        zsad.load_dataset("aebad", aebad_root / "AeBAD_S", category="AeBAD_S")
    with pytest.raises(ValueError, match=r"bent/000\.png: pictures belong into a folder named after their domain"):
        zsad.load_dataset("aebad", mvtec_root, category="nut")
    with pytest.raises(ValueError, match=r"not the AeBAD-S layout.*found good/"):
        zsad.load_dataset("aebad", mvtec_root / "nut/train", category="good")


def test_empty_split(aebad_root):
    shutil.rmtree(aebad_root / "AeBAD_S/train/good")
    with pytest.raises(ValueError, match="AeBAD_S/train: the split 'train' is empty"):
        zsad.load_dataset("aebad", aebad_root, category="AeBAD_S", split="train")
    (aebad_root / "AeBAD_S/train").rmdir()
    with pytest.raises(ValueError, match="AeBAD_S/train: no such folder"):
        zsad.load_dataset("aebad", aebad_root, category="AeBAD_S", split="train")


def test_an_incomplete_copy_is_reported(aebad_root, caplog):
    with caplog.at_level(logging.WARNING):
        zsad.load_dataset("aebad", aebad_root, category="AeBAD_S", domain="view")
    assert "8 normal and 5 anomalous pictures, the published data set 490 and 1149" in caplog.text
