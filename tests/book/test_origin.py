"""What a figure says it was made from: records and their commits, files, data; and whether the code has moved on."""

import hashlib

import pandas as pd
import pytest
from toys import load_reddish, tiny_study, write_suite

from book.tools import origin
from book.tools.origin import PUBLISHED, Sources, commits_in_words, short_commit
from zsad.study import compute
from zsad.study.project import project_root

PROGRAM = {"commit": "a" * 40, "dirty": True}


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """Those of a page that has read a toy study, computed at two commits."""
    write_suite(tmp_path / "data" / "toys")
    study = tiny_study(tmp_path)
    monkeypatch.setattr("zsad.study.provenance.commit", lambda: PROGRAM)
    compute(study, "none", progress=False, loader=load_reddish)
    monkeypatch.setattr("zsad.study.provenance.commit", lambda: {"commit": "b" * 40, "dirty": False})
    return Sources(study, [compute(study, progress=False, loader=load_reddish)])


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"a": 1}, "commit a"),
        ({"a": 1, "b+": 2}, "commits b+ and another"),
        ({"a": 3, "b+": 2, "c": 1, "d": 2}, "commits a and 3 others (1 with changes of their own)"),
        ({}, "commit unknown"),
    ],
)
def test_several_commits_are_the_first_and_how_many_more(counts, words):
    assert commits_in_words(counts) == words


def test_the_commits_are_those_of_the_records_and_not_the_pages(sources, monkeypatch):
    monkeypatch.setattr(origin, "commit", lambda: {"commit": "c" * 40, "dirty": False})
    shown, commits = sources.made_from()
    assert shown == f"records {sources.records_hash()} in records"  # a folder of the test's own
    assert commits == "commits bbbbbbbbbb and another (1 with changes of their own)", "three cells against two"
    unshifted = Sources(sources.study, [sources.read[0].query("shift == 'none'")])
    assert unshifted.made_from()[1] == "commit aaaaaaaaaa+"


def test_the_leagues_of_what_was_read_are_said(sources, tmp_path):
    assert sources.leagues() == "league text only"
    assert sources.leagues(PUBLISHED) == Sources(sources.study).leagues() == sources.leagues("another") == ""

    def load_other(study, config, backbone):
        detector = load_reddish(study, config, backbone)
        detector.name, detector.league = "clip", "was shown masks of other products"
        return detector

    both = sources.study.with_overrides(detectors=["clip"])
    sources.read.append(compute(both, "none", progress=False, loader=load_other))
    assert sources.leagues() == "leagues text only (winclip), was shown masks of other products (clip)"
    sources.read.append(sources.read[1].assign(backbone="demo-l", detector="winclip"))
    assert sources.leagues() == (
        "leagues text only (winclip on demo-b), was shown masks of other products (clip on demo-b, winclip on demo-l)"
    )
    sources.used |= {(sources.study.name, f"method {number}"): "text only" for number in range(4)}
    assert sources.leagues().startswith("leagues text only (5 detectors), was shown masks")


def test_code_that_is_as_it_was_is_not_mentioned(sources):
    assert sources.moved_on() == ""


def test_code_that_has_moved_on_is_counted(sources, monkeypatch):
    real = origin.cell_code
    changed = {"uniform": {"perturb": "another"}}
    monkeypatch.setattr(origin, "cell_code", lambda name, kind, defended: changed.get(kind) or real(name, kind))
    assert sources.moved_on() == (
        "Computed at commit bbbbbbbbbb; the code that can touch 3 of 5 cells has changed since."
    )


def test_each_study_has_its_own_records_and_commits(sources):
    sources.read.append(sources.read[0].assign(study="another", key="nowhere"))
    assert sources.made_from()[1].startswith("commits bbbbbbbbbb")
    assert sources.records_hash("another") != sources.records_hash("tiny") != sources.records_hash()


def test_numbers_of_others_are_known_by_their_file(tmp_path):
    sources = Sources(tiny_study(tmp_path))
    frame = sources.published("poster_table")
    path = project_root() / "results" / "published" / "poster_table.csv"
    pd.testing.assert_frame_equal(frame, pd.read_csv(path))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert sources.made_from(PUBLISHED) == (f"poster_table.csv {digest[:12]}", "")


def test_pictures_are_known_by_their_data(tmp_path):
    sources, other = Sources(tiny_study(tmp_path)), Sources(tiny_study(tmp_path))
    assert sources.made_from()[0] == "no records, what the code itself holds"
    sources.data["toys/washer"], other.data["toys/washer"] = "one", "another"
    assert sources.made_from()[0].startswith("data ")
    assert sources.made_from()[0] != other.made_from()[0]
    assert sources.made_from()[1] == f"commit {short_commit(origin.commit())}"
