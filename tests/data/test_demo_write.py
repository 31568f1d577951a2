"""Demo suites on disk: drawn once, whoever asks; noticed where they are no longer as they were drawn."""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from zsad.data.demo import SUITES, write
from zsad.data.demo.stamp import STAMP, altered, folder_of, read_stamp
from zsad.data.demo.write import write_suite, write_suites
from zsad.files import sha256_of

NAME = "demo-mvtec"
_SMALL = """
import os, sys, time
from dataclasses import replace
from pathlib import Path
from zsad.data.demo import SUITES, write
suite = SUITES["demo-mvtec"]
washer = replace(suite.categories["washer"], defects=suite.categories["washer"].defects[:1])
write.SUITES = {"demo-mvtec": replace(suite, train=1, good=2, each_defect=1, categories={"washer": washer})}
"""


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """One product with one defect: four pictures, drawn in this process, since another takes seconds to start."""
    suite = SUITES[NAME]
    washer = replace(suite.categories["washer"], defects=suite.categories["washer"].defects[:1])
    small = replace(suite, train=1, good=2, each_defect=1, categories={"washer": washer})
    monkeypatch.setattr(write, "SUITES", {NAME: small})
    monkeypatch.setattr(write, "ProcessPoolExecutor", lambda *_, **__: ThreadPoolExecutor(1))


def hidden_but_locks(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".") and path.suffix != ".lock"]


def test_a_suite_that_is_there_is_left_alone_and_an_outdated_one_replaced(tmp_path, monkeypatch, caplog):
    folder = write_suite(tmp_path, NAME, progress=False)
    before = (folder / STAMP).stat().st_mtime_ns
    assert write_suites(tmp_path, progress=False) == [folder]
    assert (folder / STAMP).stat().st_mtime_ns == before
    monkeypatch.setattr(write, "SUITES", {NAME: replace(write.SUITES[NAME], good=1)})
    write_suite(tmp_path, NAME, progress=False)
    assert read_stamp(folder)[0]["counts"] == [1, 1, 1]
    assert not (folder / "washer/test/good/001.png").exists()
    assert hidden_but_locks(tmp_path) == []
    assert caplog.text == ""


def test_suites_of_two_seeds_lie_side_by_side(tmp_path):
    first, other = write_suite(tmp_path, NAME, 0, False), write_suite(tmp_path, NAME, 4, False)
    assert (first.name, other.name) == (NAME, f"{NAME}-seed-4") == (folder_of(NAME, 0), folder_of(NAME, 4))
    assert read_stamp(first)[0]["seed"] == 0
    assert read_stamp(other)[0]["seed"] == 4
    assert read_stamp(first)[1].keys() == read_stamp(other)[1].keys(), "ids are the same"


def test_the_stamp_holds_the_checksum_of_every_file(tmp_path):
    folder = write_suite(tmp_path, NAME, progress=False)
    listed = read_stamp(folder)[1]
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != STAMP]
    assert listed == {path.relative_to(folder).as_posix(): sha256_of(path) for path in files}
    assert len(listed) == 1 + 2 + 1 + 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda picture: picture.unlink(), "washer/test/good/000.png is missing"),
        (lambda picture: picture.write_bytes(b"mine"), "washer/test/good/000.png is not as it was drawn"),
        (lambda picture: picture.with_name("mine.jpg").write_bytes(b"x"), "washer/test/good/mine.jpg was not drawn"),
        (lambda picture: (picture.parents[3] / STAMP).write_text('{"suite":'), f"{STAMP} is damaged"),
    ],
    ids=["deleted", "replaced", "added", "stamp"],
)
def test_an_altered_suite_is_drawn_again_and_kept_aside(tmp_path, caplog, change, said):
    folder = write_suite(tmp_path, NAME, progress=False)
    change(folder / "washer/test/good/000.png")
    was = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    write_suite(tmp_path, NAME, progress=False)
    assert altered(folder) is None
    assert said in caplog.text
    aside = tmp_path / f"{NAME}.altered-1"
    assert str(aside) in caplog.text
    assert {path.relative_to(aside): path.read_bytes() for path in aside.rglob("*") if path.is_file()} == was


def test_a_suite_drawn_before_files_were_listed_is_drawn_again(tmp_path):
    folder = write_suite(tmp_path, NAME, progress=False)
    stamp = json.loads((folder / STAMP).read_text())
    del stamp["files"]
    (folder / STAMP).write_text(json.dumps(stamp))
    write_suite(tmp_path, NAME, progress=False)
    assert read_stamp(folder)[1]


def test_a_folder_of_somebody_else_is_not_touched(tmp_path):
    (tmp_path / NAME).mkdir()
    (tmp_path / NAME / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(FileExistsError, match=NAME):
        write_suites(tmp_path, progress=False)
    assert (tmp_path / NAME / "holiday.jpg").read_bytes() == b"x"


def test_a_suite_may_lie_where_nothing_can_be_written(tmp_path, monkeypatch):
    folder = write_suite(tmp_path, NAME, progress=False)
    monkeypatch.setattr(write, "check_writable_folder", lambda folder: pytest.fail("nothing is to be written"))
    assert write_suite(tmp_path, NAME, progress=False) == folder


def test_a_writing_that_was_interrupted_leaves_no_suite(tmp_path, monkeypatch):
    def fail(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(write, "write_stamp", fail)
    with pytest.raises(KeyboardInterrupt):
        write_suites(tmp_path, progress=False)
    assert hidden_but_locks(tmp_path) == []
    assert not (tmp_path / NAME).exists()


def start(code: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", _SMALL + code, str(folder)], stdout=subprocess.PIPE, text=True)


def test_a_writing_that_was_killed_frees_the_lock_and_is_swept(tmp_path):
    code = "write.write_stamp = lambda *a: os.kill(os.getpid(), 9)\n"
    code += "write.write_suite(sys.argv[1], 'demo-mvtec', 0, False)"
    assert start(code, tmp_path).wait() == -9
    assert len(hidden_but_locks(tmp_path)) == 2
    write_suite(tmp_path, NAME, progress=False)
    assert hidden_but_locks(tmp_path) == []


def test_of_four_first_runs_at_once_one_draws(tmp_path):
    """Each reads every file as soon as it is told that the suite is there, and goes on reading."""
    code = """
root, draw = Path(sys.argv[1]), write._draw

def slowly(*arguments):
    (root / f"drew-{os.getpid()}").touch()
    time.sleep(1)  # long enough for all others to find no suite yet
    draw(*arguments)

write._draw = slowly
(root / f"ready-{os.getpid()}").touch()
while not (root / "go").exists():
    time.sleep(0.01)
folder = write.write_suite(root / "data", "demo-mvtec", 0, False)
files = [path for path in folder.rglob("*") if path.is_file()]
for _ in range(200):
    assert sum(len(path.read_bytes()) > 0 for path in files) == 6
    time.sleep(0.005)
print((folder / "demo-suite.json").stat().st_ino)
"""
    runs = [start(code, tmp_path) for _ in range(4)]
    while len(list(tmp_path.glob("ready-*"))) < 4:
        assert all(run.poll() is None for run in runs)
        time.sleep(0.05)
    (tmp_path / "go").touch()
    said = [run.communicate(timeout=300)[0] for run in runs]
    assert [run.returncode for run in runs] == [0] * 4
    assert len(set(said)) == 1, "one suite, drawn once"
    assert len(list(tmp_path.glob("drew-*"))) == 1
    assert hidden_but_locks(tmp_path / "data") == []
