"""A demo suite that is not written is the one that would be: the same images, in the same order, of the same bytes."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import zsad
from zsad.data.demo import SUITES, drawn, write
from zsad.data.demo.drawn import drawn_dataset
from zsad.data.demo.plan import names_of, planned_images
from zsad.data.demo.stamp import read_stamp

PLACES = [(suite, name) for suite in SUITES for name in SUITES[suite].categories]


@pytest.fixture(scope="module")
def hollow(tmp_path_factory) -> Path:
    """The whole suites, every file empty: readers list without opening."""
    root = tmp_path_factory.mktemp("hollow")
    for name, suite in SUITES.items():
        planned = list(planned_images(suite))
        for path in (root / name / file for p in planned for file in names_of(suite, p)):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        if suite.reader == "visa":
            write._write_visa_tables(root / name, suite, planned)
    return root


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize(("suite", "category"), PLACES)
def test_it_lists_what_the_ordinary_reader_finds(hollow, suite, category, split):
    read = zsad.load_dataset(SUITES[suite].reader, hollow / suite, category=category, split=split)
    found = drawn_dataset(hollow / suite, suite, 0, category=category, split=split)
    assert found.entries == read.entries
    assert repr(found) == repr(read)


def test_it_lists_a_domain(hollow):
    asked = {"category": "blade", "domain": "view"}
    read = zsad.load_dataset("aebad", hollow / "demo-aebad", **asked)
    assert drawn_dataset(hollow / "demo-aebad", "demo-aebad", 0, **asked).entries == read.entries


@pytest.fixture
def small(monkeypatch):
    """Two categories of a suite with few images of each kind."""
    for name, suite in SUITES.items():
        few = dict(list(suite.categories.items())[:2])
        monkeypatch.setitem(SUITES, name, replace(suite, train=1, good=2, each_defect=1, categories=few))


@pytest.mark.parametrize("suite", list(SUITES))
def test_what_is_read_is_what_would_be_written(small, tmp_path, suite):
    folder = write.write_suite(tmp_path, suite, seed=5, progress=False)
    for category in SUITES[suite].categories:
        for split in ("train", "test"):
            asked = {"category": category, "split": split}
            read = zsad.load_dataset(SUITES[suite].reader, folder, **asked)
            found = drawn_dataset(folder, suite, 5, **asked)
            assert found.fingerprint() == read.fingerprint(), "of all bytes"
            assert found.image_digests == [read_stamp(folder)[1][name] for name in found.ids]
            for mine, theirs in zip(found, read, strict=True):
                torch.testing.assert_close(mine.image, theirs.image, rtol=0, atol=0)
                assert (mine.mask is None) == (theirs.mask is None)
                assert mine.mask is None or torch.equal(mine.mask, theirs.mask)
                assert (mine.label, mine.id, mine.defect) == (theirs.label, theirs.id, theirs.defect)


def test_only_what_is_read_is_drawn_and_once(small, tmp_path, monkeypatch):
    asked = []
    draw = drawn.files_of
    monkeypatch.setattr(drawn, "files_of", lambda *given: [asked.append(given[2]), draw(*given)][1])
    found = drawn_dataset(tmp_path / "not there", "demo-mvtec", 0, category="washer").as_drawn("a recipe", {})
    assert found.has_masks
    assert found.fingerprint() != found[:2].fingerprint()
    assert len(found.subset(4)) == 4
    assert asked == []
    damaged = found.subset(4).labels.index(True)
    sample = found.subset(4)[damaged]
    assert [(p.split, p.defect) for p in asked] == [("test", sample.defect)], "image and mask together"
    again = found[found.ids.index(sample.id)]
    assert len(asked) == 1
    torch.testing.assert_close(again.image, sample.image, rtol=0, atol=0)
    assert not (tmp_path / "not there").exists()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"category": "spoon"}, r"unknown category 'spoon' of demo-aebad; known: blade"),
        ({"category": "blade", "split": "validation"}, r"unknown split 'validation'; known: train, test"),
        ({"category": "blade", "domain": "veiw"}, r"unknown domain 'veiw' .*known: background, illumination, same"),
    ],
)
def test_what_a_suite_does_not_have_is_an_error(tmp_path, asked, said):
    with pytest.raises(ValueError, match=said):
        drawn_dataset(tmp_path, "demo-aebad", 0, **asked)
