"""The blocks of the page "Bring your own" are run as they stand: in order, in a folder that holds nothing else.

The commands of shell blocks are called in this process, which spares their imports; papermill is one of its own.
"""

import contextlib
import io
import logging
import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from jupytext.cli import jupytext

from zsad import cli

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "book" / "own.md"
BLOCK = re.compile(r"^```\{code-block\} (\w+)\n((?::\w+: [^\n]*\n)*)(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks() -> list[tuple[str, dict[str, str], str]]:
    """Language, options and text of each block."""
    found = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    return [(kind, dict(re.findall(r"^:(\w+): (.*)$", options, re.M)), text) for kind, options, text in found]


def call(command: str) -> None:
    name, *arguments = shlex.split(command)
    if name == "zsad":
        assert cli.main(arguments) == 0, command
    elif name == "python":
        runpy.run_path(arguments[0], run_name="__main__")
    elif name == "jupytext":
        jupytext(arguments)
    else:
        assert name == "papermill"
        done = subprocess.run([sys.executable, "-m", name, *arguments], capture_output=True, text=True, timeout=500)
        assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Where the blocks were run, and what each said."""
    place = tmp_path_factory.mktemp("own")
    (place / "notebooks").symlink_to(ROOT / "notebooks")
    (place / "build").mkdir()
    said, before = [], [*sys.path]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(place)]))
        for kind, options, text in blocks():
            if "caption" in options:
                (place / options["caption"]).write_text(text)
                continue
            out = io.StringIO()
            log = logging.StreamHandler(out)
            logging.getLogger().addHandler(log)
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
                if kind == "bash":
                    for command in text.replace("\\\n", " ").splitlines():
                        call(command)
                else:
                    exec(compile(text, str(PAGE), "exec"), {})
            logging.getLogger().removeHandler(log)
            said.append(out.getvalue())
    yield place, said
    sys.path[:] = before
    sys.modules.pop("my_detector", None)


def test_every_block_of_the_page_is_one_that_is_run():
    assert PAGE.read_text(encoding="utf-8").count("```{code-block}") == len(blocks()) >= 9
    assert {kind for kind, _, _ in blocks()} == {"python", "bash", "yaml"}


def test_weights_of_ones_own_are_called_unknown_with_their_checksum(ran):
    assert re.search(r"mine: unknown weights, sha256 [0-9a-f]{64} \(my_clip\.safetensors\)", ran[1][1])
    assert "winclip on mine, bracket: 12 images, 6 anomalous; league: unknown" in ran[1][1]
    assert "text only (5, 5)" in ran[1][2]


def test_a_detector_of_ones_own_finds_what_it_looks_for(ran):
    assert re.search(r"my_detector:DarkSpots on mine, bracket: 12 images, 6 anomalous", ran[1][3])
    assert re.search(r"^image_auroc +100\.0%", ran[1][3], re.M)
    assert re.search(r"^pixel_auroc +100\.0%", ran[1][3], re.M)


def test_a_study_of_all_three_is_computed(ran):
    _, said = ran
    assert re.search(r"study parts: 6 cells", said[4])
    assert re.search(r"study parts-own: 3 cells", said[4]), "another option is another result"


def test_a_page_leaves_figures_and_tables_in_the_folder_that_is_named(ran):
    place, _ = ran
    figures = {path.name for path in (place / "build" / "mine" / "figures").iterdir()}
    assert {"fig-rotation.svg", "fig-rotation.png"} <= figures
    assert (place / "build" / "mine" / "tables" / "tab-rotation.csv").stat().st_size > 100
    records = (place / "build" / "mine" / "tables" / "records-rotation-parts.csv").read_text()
    assert ",dark," in records
    assert ",other," in records
