import errno
import os
import subprocess
import sys
import time

import pytest

from zsad.files import (
    FullDiskError,
    check_writable,
    remove_stale,
    temporary_folder,
    temporary_path,
    write_atomically,
)

DAY = 24 * 3600


def run(code: str, *arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own, with what it needs of `zsad.files`."""
    head = "import os, pathlib, sys\nfrom zsad.files import *\npath = pathlib.Path(sys.argv[1])\n"
    command = [sys.executable, "-c", head + code, *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True, **options)


def killed_while_writing(path):
    code = "write_atomically(path, lambda temporary: (temporary.write_text('half'), os.kill(os.getpid(), 9)))"
    assert run(code, path).returncode == -9


def killed_while_filling(path):
    code = "with temporary_folder(path) as folder: (folder / 'a').write_text('x'); os.kill(os.getpid(), 9)"
    assert run(code, path).returncode == -9


def test_a_file_appears_complete(tmp_path):
    target, early = tmp_path / "file", []
    write_atomically(target, lambda path: (path.write_text("new"), early.append(target.exists())))
    assert early == [False]
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_a_failed_write_leaves_nothing_and_keeps_the_old_file(tmp_path):
    target = tmp_path / "file"
    target.write_text("old")

    def fails(path):
        path.write_text("half")
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        write_atomically(target, fails)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_temporary_folder_goes_unless_it_is_renamed(tmp_path):
    def fails():
        with temporary_folder(tmp_path / "suite") as folder:
            (folder / "a").write_text("x")
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert list(tmp_path.iterdir()) == []
    with temporary_folder(tmp_path / "suite") as folder:
        (folder / "a").write_text("x")
        folder.rename(tmp_path / "suite")
    assert [path.name for path in tmp_path.rglob("*")] == ["suite", "a"]


def test_what_killed_writers_leave_is_removed_and_nothing_else(tmp_path):
    killed_while_writing(tmp_path / "cell.parquet")
    killed_while_filling(tmp_path / "demo-visa")
    assert len(list(tmp_path.iterdir())) == 2
    mine = temporary_path(tmp_path / "cell.parquet")
    mine.write_text("being written")
    foreign = tmp_path / ".notes.tmp"
    foreign.write_text("somebody's")
    os.utime(foreign, (0, 0))
    remove_stale(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([mine, foreign])


def test_files_of_another_machine_are_removed_after_a_day(tmp_path):
    fresh, old = tmp_path / ".a.01234567-1.tmp", tmp_path / ".b.01234567-1.tmp"
    for path in (fresh, old):
        path.write_text("x")
    os.utime(old, (time.time() - DAY - 60,) * 2)
    remove_stale(tmp_path)
    assert list(tmp_path.iterdir()) == [fresh]


def test_folders_below_are_swept_where_that_is_asked_for(tmp_path):
    (tmp_path / "ab").mkdir()
    killed_while_writing(tmp_path / "ab" / "mask")
    remove_stale(tmp_path)
    assert len(list((tmp_path / "ab").iterdir())) == 1
    remove_stale(tmp_path, deep=True)
    assert list((tmp_path / "ab").iterdir()) == []


def test_a_target_is_checked_before_work_starts(tmp_path):
    killed_while_writing(tmp_path / "table.csv")
    check_writable(tmp_path / "table.csv")
    assert list(tmp_path.iterdir()) == []
    check_writable(tmp_path / "new" / "table.csv")
    with pytest.raises(OSError, match=r"^cannot write .*new: it is a folder; name a file in it$"):
        check_writable(tmp_path / "new")
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"^cannot write to .*file/below: .*/file is a file; choose another folder$"):
        check_writable(tmp_path / "file" / "below" / "table.csv")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OSError, match=r"^cannot write to .*: permission denied; choose another folder$"):
        check_writable(tmp_path / "table.csv")


def test_a_full_disk_names_the_folder_and_the_way_out(tmp_path):
    def full(path):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(FullDiskError, match=r"^no room to write in .* \(No space left on device\): free some space"):
        write_atomically(tmp_path / "file", full)


@pytest.mark.parametrize(
    "write",
    [
        "write_atomically(path, lambda temporary: temporary.write_bytes(bytes(9_000_000)))",
        "import pandas as pd, numpy as np\nfrom zsad.study.records import write_parquet\n"
        "write_parquet(pd.DataFrame({'x': np.random.default_rng(0).random(900_000)}), path)",
        "import torch\nfrom zsad.clip.store import write_tensors\nwrite_tensors(path, {'x': torch.zeros(900_000)})",
    ],
    ids=["bytes", "parquet", "tensors"],
)
def test_where_a_file_may_not_grow_nothing_is_left(tmp_path, write):
    limit = "import resource, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
    ended = run(limit + write, tmp_path / "big")
    assert f"FullDiskError: no room to write in {tmp_path} (File too large)" in ended.stderr
    assert list(tmp_path.iterdir()) == []
