"""Runs that are killed anywhere, or find the disk full, go on and end with the same bytes; so do runs elsewhere.

A process that has imported everything forks one that computes, job after job: a start costs seconds, a fork nothing.
"""

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from toys import load_reddish, tiny_study, write_suite

from zsad import cli
from zsad.files import temporary_path
from zsad.study import run as running
from zsad.study.records import RecordStore

TESTS = Path(__file__).parents[1]
KILLED = -9
WORST = {"settings": ["hue"], "search": "grid", "budget": 3, "over": ["washer"]}
SUITES = {"toys": {"reader": "mvtec_ad", "root": "toys", "categories": ["washer"]}}

# A job holds the folder of the records; the number of the file operation in place of which the process kills itself,
# or the seconds after which it is killed. The answer: how it ended, after how long, and how many files it put in place
# or removed.
_FORKS = f"""
import json, os, signal, sys, time, traceback
from pathlib import Path
import torch
from toys import load_reddish, tiny_study
from zsad.study import compute

torch.set_num_threads(1)
data = Path(sys.argv[1])

def run(records, dies_at=None):
    done = [0]

    def counted(operation):
        def call(*arguments, **options):
            done[0] += 1
            if done[0] == dies_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return operation(*arguments, **options)
        return call

    plain = os.replace, os.unlink
    os.replace, os.unlink = map(counted, plain)
    study = tiny_study(data, suites={SUITES!r}, worst={WORST!r}, sweeps={{"angle": [-30, 0]}}, records_root=records)
    compute(study, loader=load_reddish, progress=False)
    os.replace, os.unlink = plain
    return done[0]

print(run(data / "records"), flush=True)  # imports what is imported late
for line in sys.stdin:
    job = json.loads(line)
    delay, started, process = job.pop("killed_after", None), time.monotonic(), os.fork()
    if process == 0:
        code = 1
        try:
            run(**job)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    if delay is not None:
        time.sleep(delay)
        os.kill(process, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    print(json.dumps([code, time.monotonic() - started]), flush=True)
"""


class Forks:
    """Runs a tiny study in forks of one process."""

    def __init__(self, folder: Path, seed: str) -> None:
        write_suite(folder / "data" / "toys")
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])}
        environment |= {"PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _FORKS, str(folder)],
            cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.operations = int(self._answer())
        self.whole = contents(folder / "records")

    def run(self, records: Path, **job: float) -> tuple[int, float]:
        """How a run ended (0, or `KILLED`), and the seconds it took."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"records": str(records), **job}) + "\n")
        self.process.stdin.flush()
        code, seconds = json.loads(self._answer())
        return code, seconds

    def _answer(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline()

    def end(self) -> None:
        self.process.communicate()


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    forks = Forks(tmp_path_factory.mktemp("forks"), seed="1")
    yield forks
    forks.end()


def contents(folder: Path) -> dict[str, bytes]:
    """Name -> bytes of all that lies in a folder; of sidecars, which hold a clock, the name alone."""
    return {path.name: b"" if path.suffix == ".json" else path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_run_killed_at_any_moment_goes_on_and_ends_with_the_same_bytes(forks, tmp_path):
    moments = random.Random(0)
    _, seconds = forks.run(tmp_path / "whole")
    codes = []
    for number in range(4):
        records = tmp_path / str(number)
        codes += [forks.run(records, killed_after=moments.uniform(0, 0.8) * seconds)[0] for _ in range(2)]
        assert forks.run(records)[0] == 0
        assert contents(records) == forks.whole
    assert set(codes) <= {0, KILLED}
    assert codes.count(KILLED) >= 2, "a busy machine may end some of the 8 runs before their time"


def test_a_run_killed_at_any_of_its_file_operations_goes_on_and_ends_with_the_same_bytes(forks, tmp_path):
    """Among them: a finished search's checkpoint that was not removed yet."""
    assert forks.operations > 15
    left = set()
    for number in range(1, forks.operations + 1):
        records = tmp_path / str(number)
        assert forks.run(records, dies_at=number)[0] == KILLED
        left |= {path.suffix for path in records.iterdir()}
        assert forks.run(records)[0] == 0
        assert contents(records) == forks.whole, number
    assert left == {".tmp", ".search", ".parquet", ".json"}, "what the kills have left"


def test_another_hash_seed_and_another_folder_give_the_same_keys_and_bytes(forks, tmp_path):
    other = Forks(tmp_path, seed="2")
    other.end()
    assert other.whole == forks.whole
    assert {Path(name).suffix for name in other.whole} == {".parquet", ".json"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small file system takes root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_run_that_fills_the_disk_says_so_and_goes_on_once_there_is_room(small_disk, tmp_path, monkeypatch, capsys):
    for module in ("manifest", "committed"):
        monkeypatch.setattr(f"zsad.study.{module}.project_root", lambda: tmp_path)
    monkeypatch.setattr(running, "load_study_detector", lambda *_, **__: load_reddish(*_))
    write_suite(tmp_path / "data" / "toys")
    study = tiny_study(tmp_path, records_root=small_disk / "records")
    monkeypatch.setattr("zsad.commands.study.load_study", lambda _: study)
    filler, store = small_disk / "filler", RecordStore(small_disk / "records")
    filler.write_bytes(bytes(2**20 - 40 * 1024))

    assert cli.main(["run", "tiny"]) == cli.FAILED
    error = f"no room to write in {store.folder} (No space left on device): free some space there and run again"
    assert f"zsad: error: {error}; what was finished is kept" in capsys.readouterr().err
    done = {path.stem for path in store.folder.glob("*.json")}
    assert 0 < len(done) < 5
    assert all(map(store.has, done))
    assert list(store.folder.glob(".*")) == []

    with filler.open("ab") as file:  # not a byte is left
        while os.statvfs(small_disk).f_bavail:
            file.write(bytes(4096))
            file.flush()
    assert cli.main(["run", "tiny"]) == cli.FAILED
    assert f"cannot write to {store.folder}: no space left on device" in capsys.readouterr().err

    filler.unlink()
    assert cli.main(["run", "tiny"]) == 0
    running.compute(study.with_overrides(records_root=tmp_path / "whole"), progress=False)
    assert contents(store.folder) == contents(tmp_path / "whole")


def test_leftovers_that_fill_the_disk_are_removed_first(small_disk):
    victim = subprocess.Popen(["true"])
    victim.wait()
    mine = temporary_path(small_disk / "cell.parquet")
    leftover = mine.with_name(mine.name.replace(f"-{os.getpid()}.", f"-{victim.pid}."))
    with pytest.raises(OSError, match="No space left"):
        leftover.write_bytes(bytes(2 * 2**20))
    assert not os.statvfs(small_disk).f_bavail
    RecordStore(small_disk).prepare()
    assert list(small_disk.iterdir()) == []
