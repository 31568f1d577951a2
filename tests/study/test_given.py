"""What a study is given is listed: what a run could see changes the listing, and nothing that a run writes does."""

import os

import pytest
from toys import tiny_study, write_suite

from zsad.study import given


@pytest.fixture
def study(tmp_path):
    write_suite(tmp_path / "data" / "toys")
    (tmp_path / "parts").mkdir()
    for name in ("mine.pt", "mine.json", "parts/toys.pt", "trained.pt"):
        (tmp_path / name).write_text("one")
    options = {"weights_folder": str(tmp_path / "parts"), "text_cache": str(tmp_path / "texts")}
    own = {"weights": tmp_path / "mine.pt", "architecture": str(tmp_path / "mine.json")}
    return tiny_study(
        tmp_path,
        detectors=[
            {"name": "winclip", "options": options, "suite_options": {"toys": {"part": str(tmp_path / "trained.pt")}}}
        ],
        backbones=["demo-b", "mine"],
        own_weights={"mine": own},
        data_root=tmp_path / "data",
        records_root=tmp_path / "data" / "toys" / "records",
    )


def listing(study, backbone="mine"):
    given._listing.cache_clear()
    return given.given_to(study, ["toys"], [backbone])


@pytest.mark.parametrize(
    "name", ["mine.pt", "mine.json", "parts/toys.pt", "trained.pt", "data/toys/washer/test/good/000.png"]
)
def test_another_file_under_the_same_path_is_seen_and_so_is_one_that_is_gone(study, tmp_path, name):
    before, path = listing(study), tmp_path / name
    status = path.stat()
    path.write_bytes(path.read_bytes() + b"more")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    larger = listing(study)
    path.unlink()
    assert len({before, larger, listing(study)}) == 3


def test_what_came_later_is_seen(study, tmp_path):
    before = listing(study)
    dent = tmp_path / "data" / "toys" / "washer" / "test" / "dent"
    dent.mkdir()
    (dent / "000.png").write_text("one")
    folder = listing(study)
    (tmp_path / "parts" / "other.pt").write_text("one")
    assert len({before, folder, listing(study)}) == 3


def test_what_a_run_writes_and_weights_of_other_backbones_change_nothing(study, tmp_path):
    before = listing(study, "demo-b")
    for folder in ("texts", "data/toys/records"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "cell.json").write_text("{}")
    (tmp_path / "mine.pt").unlink()
    assert listing(study, "demo-b") == before
    assert listing(study) != before


def test_what_a_link_leads_back_to_is_listed_once(study, tmp_path):
    root = tmp_path / "data" / "toys"
    files = [path for path in root.rglob("*") if path.is_file()]
    (root / "again").symlink_to(root)
    assert len(given._listing(root, frozenset()).splitlines()) == 1 + len(files), "the folder and each file once"
