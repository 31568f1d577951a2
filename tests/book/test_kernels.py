"""Kernels that are copies of a process, real ones: what they begin with, and that they end with whoever uses them."""

import ast
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import nbformat
import pytest

from book.tools.kernels import read_ahead
from zsad.study.committed import _as_it_lies, committed, committed_folder, committed_studies
from zsad.study.sealed import RecordError

ROOT = Path(__file__).parents[2]
# `colorsys` stands for what takes long to import.
SERVER = """
import sys
from book.tools import kernels
kernels.IMPORTED = ("colorsys", "ipykernel.kernelapp")
kernels.read_ahead = lambda: None
sys.exit(kernels.run(sys.argv[1:]))
"""
SOURCE = """# %% [markdown]
# # A page

# %% tags=["parameters"]
value = None

# %%
import os, sys, time
from pathlib import Path
"""
# The first differs between a copy and a kernel that was started.
FACTS = "'colorsys' in sys.modules, value, Path.cwd().name, os.environ['GIVEN']"


@pytest.fixture
def source(tmp_path):
    def write(cell: str) -> Path:
        path = tmp_path / "page.py"
        path.write_text(SOURCE + cell)
        return path

    return write


def command(source: Path, *more: str) -> list[str]:
    execute = ["-m", "book.tools.execute", str(source), "--out", str(source.parent / "out"), *more]
    return [sys.executable, *execute]


def copied(*inner: str) -> list[str]:
    return [sys.executable, "-c", SERVER, *inner]


def start(arguments: list[str]) -> subprocess.Popen[str]:
    environment = os.environ | {"GIVEN": "a value", "PYTHONPATH": str(ROOT)}
    how = {"stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    return subprocess.Popen(arguments, cwd=ROOT, env=environment, **how)


def last_output(source: Path) -> str:
    cells = nbformat.read(source.parent / "out" / "page.ipynb", as_version=4).cells
    return cells[-1].outputs[0]["data"]["text/plain"]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(condition) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("waited for half a minute")


@pytest.mark.parametrize("wrap", [copied, lambda *inner: list(inner)], ids=["copied", "started"])
def test_a_page_is_the_same_with_a_kernel_that_was_copied(source, wrap):
    page = source(FACTS)
    process = start(wrap(*command(page, "-p", "value", "7")))
    assert process.wait(120) == 0, process.stderr.read()
    imported, *others = ast.literal_eval(last_output(page))
    assert imported is (wrap is copied)
    assert others == [7, ROOT.name, "a value"]


def test_two_pages_at_a_time_share_nothing(source, tmp_path):
    cell = "import colorsys; seen = getattr(colorsys, 'seen', None); colorsys.seen = value; time.sleep(1); seen, value"
    page = source(cell)
    script = tmp_path / "both.sh"
    one, other = (" ".join(command(page, "-p", "value", n)).replace("/out", f"/out-{n}") for n in ("1", "2"))
    script.write_text(f"{one} & first=$!; {other}; wait $first")
    process = start(copied("bash", str(script)))
    assert process.wait(120) == 0, process.stderr.read()
    for number in (1, 2):
        cells = nbformat.read(tmp_path / f"out-{number}" / "page.ipynb", as_version=4).cells
        assert cells[-1].outputs[0]["data"]["text/plain"] == f"(None, {number})"


def test_the_status_of_the_command_is_handed_on(tmp_path):
    assert start(copied("bash", "-c", "exit 7")).wait(60) == 7


def test_a_kernel_that_dies_fails_the_page(source):
    process = start(copied(*command(source("os._exit(3)"))))
    assert process.wait(120) != 0
    assert "Kernel died" in process.stderr.read()


@pytest.mark.parametrize("which", ["the page", "everything"])
def test_a_kernel_ends_with_whoever_uses_it(source, tmp_path, which):
    told = tmp_path / "pid"
    page = source(f"Path({str(told)!r}).write_text(f'{{os.getpid()}} {{os.getppid()}}'); time.sleep(600)")
    script = tmp_path / "page.sh"
    script.write_text(f"{' '.join(command(page))} & echo $! > {tmp_path / 'runner'}; sleep 60")  # others still run
    process = start(copied("bash", str(script)))
    wait_for(lambda: told.is_file() and len(told.read_text().split()) == 2)
    kernel, parent = map(int, told.read_text().split())
    assert parent == process.pid, "a copy of the process that has imported everything"
    assert is_alive(kernel)
    runner = int((tmp_path / "runner").read_text())
    os.kill(runner if which == "the page" else process.pid, signal.SIGKILL)
    wait_for(lambda: not is_alive(kernel))
    assert (process.poll() is None) is (which == "the page")
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(60)


def test_studies_are_told_from_what_else_lies_in_results():
    assert committed_studies() == ["demo", "search"]


def test_what_is_kept_is_read_before_pages_ask_for_it():
    _as_it_lies.cache_clear()
    read_ahead()
    before = _as_it_lies.cache_info()
    cells = committed(committed_folder("demo"))
    assert _as_it_lies.cache_info().hits == before.hits + 1
    assert {"sidecars", "records"} <= set(vars(cells))


@pytest.mark.parametrize("content", ["", "{}"])
def test_of_what_is_damaged_pages_speak(monkeypatch, tmp_path, content):
    (tmp_path / "provenance.json").write_text(content)
    monkeypatch.setattr("zsad.study.committed.committed_studies", lambda: ["damaged"])
    monkeypatch.setattr("zsad.study.committed.committed_folder", lambda study: tmp_path)
    read_ahead()
    with pytest.raises(RecordError, match="provenance"):
        committed(tmp_path).sidecars  # noqa: B018
