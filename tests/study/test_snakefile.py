"""What the Snakefile runs again after a change, and that names of folders reach commands as they are.

Snakemake really runs, in a copy of the project below a folder with a space in its name; the commands that it starts are
stand-ins that write the files they are asked for. Each run is a fork of one process that has imported what Snakemake
and the Snakefile import: a start takes seconds, a fork nothing.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CATEGORIES = ["x$(touch F)", "metal nut", "it's; touch F"]
CLI = """
import argparse, sys
from pathlib import Path
from zsad.study.manifest import manifest_path, run_of
from zsad.study.sealed import write_sealed

parser = argparse.ArgumentParser()
parser.add_argument("command", choices=["run"])
for name in ("study", "--suite", "--category", "--backbone", "--device"):
    parser.add_argument(name)
a = parser.parse_args()
path = manifest_path(Path(a.study).stem, a.suite, a.category, a.backbone)
path.parent.mkdir(parents=True, exist_ok=True)
whole = a.category != Path("lacking").read_text()
write_sealed({"results": [], "whole": whole, "run": run_of(path), "device": a.device}, path)
sys.exit(0 if whole else 3)
"""
EXECUTE = """
import argparse
from pathlib import Path

parser = argparse.ArgumentParser()
for name in ("source", "--page", "--study", "--out", "--device"):
    parser.add_argument(name, type=Path)
parser.add_argument("--listed", action="store_true")
a = parser.parse_args()
a.out.mkdir(parents=True, exist_ok=True)
(a.out / f"{a.page}.ipynb").write_text(a.source.read_text())
"""
# A job is the arguments, and the file that takes what is said; the answer is how it ended.
FORKS = """
import json, os, sys
from pathlib import Path
from snakemake.cli import main
import zsad.detectors  # imported late

lines = Path("Snakefile").read_text().splitlines()
exec("\\n".join(line for line in lines if line.startswith(("from ", "import "))))
for line in sys.stdin:
    arguments, said = json.loads(line)
    process = os.fork()
    if process == 0:
        code = 1
        try:
            out = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(out, 1)
            os.dup2(out, 2)
            main(arguments)
        except SystemExit as ended:
            code = ended.code
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
"""
SOURCES = {"rotation": "uniform.py", "hue": "uniform.py", "winclip_picture": "winclip_picture.py"}
PAGES = [f"build/book/odd/{name}.ipynb" for name in SOURCES]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A project with a study that lacks results of one category."""
    folder = tmp_path_factory.mktemp("a project") / "with space"
    for name in ("zsad", "profiles", "book/tools"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("weights", "__pycache__"))
    shutil.copy(ROOT / "Snakefile", folder)
    (folder / "notebooks").mkdir()
    for name in {*SOURCES.values(), "pages.yml"}:
        shutil.copy(ROOT / "notebooks" / name, folder / "notebooks")
    (folder / "zsad" / "cli.py").write_text(CLI)
    (folder / "book" / "tools" / "execute.py").write_text(EXECUTE)
    (folder / "study").mkdir()
    for name in ("toys", "washers"):  # a suite without a folder is passed over
        (folder / "data" / name).mkdir(parents=True)
    (folder / "lacking").write_text("metal nut")
    (folder / "mine.pt").write_text("weights")
    study = {
        "data_root": "data",
        "suites": {
            "plain toys": {"reader": "mvtec_ad", "root": "toys", "categories": CATEGORIES},
            "corrupted": {"reader": "mvtec_ad", "root": "toys", "categories": ["nut"]},
            "attacked": {"reader": "mvtec_ad", "root": "washers", "categories": ["washer"]},
        },
        "detectors": [
            {"name": "winclip", "backbones": ["demo-b"]},
            {"name": "clip", "suites": ["corrupted"], "options": {"text_cache": "build/texts"}},
        ],
        "backbones": ["demo-b", {"name": "mine", "architecture": "ViT-B-16", "weights": "mine.pt"}],
        "corruptions": {"over": ["nut"]},
        "worst": {"over": ["washer"]},
    }
    (folder / "study" / "odd.yaml").write_text(yaml.safe_dump(study))
    return folder


ASKED = ["records", *PAGES, "--cores", "2", "--config", "study=odd"]


@pytest.fixture(scope="module")
def snakemake(folder, tmp_path_factory) -> Iterator[Callable[..., str]]:
    """Runs Snakemake with some options and gives what it says."""
    said = tmp_path_factory.mktemp("said") / "said"
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    server = subprocess.Popen([sys.executable, "-c", FORKS], cwd=folder, env=environment, **pipes)

    def ask(*options: str, code: int = 0) -> str:
        print(json.dumps([[*ASKED, *options], str(said)]), file=server.stdin, flush=True)
        assert server.stdout.readline() == f"{code}\n", said.read_text()
        return said.read_text()

    yield ask
    server.communicate()


@pytest.fixture(scope="module")
def project(folder, snakemake) -> Path:
    """The project when it has been run, and again until nothing lacks."""
    snakemake()
    assert "Evaluating plain toys metal nut " in snakemake("device=cuda"), "it lacked results"
    lists = sorted((folder / "build" / "study" / "odd").rglob("demo-b.json"))
    assert [path.parent.name for path in lists if json.loads(path.read_text())["device"] == "cuda"] == ["metal nut"]
    (folder / "lacking").write_text("")
    snakemake()
    return folder


@pytest.fixture
def would_run(project, snakemake) -> Callable[..., str]:
    """What Snakemake says that it would run."""
    return lambda *options, code=0: snakemake(*options, "--dry-run", code=code)


def test_names_of_folders_reach_the_commands_as_they_are(project):
    manifests = [path.relative_to(project / "build" / "study" / "odd") for path in project.rglob("demo-b.json")]
    expected = [f"plain toys/{name}/demo-b.json" for name in CATEGORIES]
    expected += ["corrupted/nut/demo-b.json", "attacked/washer/demo-b.json"]
    assert sorted(map(str, manifests)) == sorted(expected)
    assert list(project.rglob("F")) == [], "a part of a name was run as a command"


def test_pages_that_share_a_source_are_executed_from_it(project):
    for page, source in SOURCES.items():
        made = project / "build" / "book" / "odd" / f"{page}.ipynb"
        assert made.read_text() == (ROOT / "notebooks" / source).read_text()


def run_again(project: Path, would_run: Callable[..., str], *changed: str, text: str) -> set[str]:
    """What would be run after `text` has been written at the end of some files: suites of cells, or "pages"."""
    sources = {project / name: (project / name).read_text() for name in changed}
    try:
        for path, source in sources.items():
            path.write_text(f"{source}\n{text}\n")
        said = would_run()
    finally:
        for path, source in sources.items():
            path.write_text(source)
    return named(said)


def named(said: str) -> set[str]:
    suites = {name for name in ("plain toys", "corrupted", "attacked") if f"Evaluating {name} " in said}
    return suites | ({"pages"} if "Executing notebook" in said else set())


@contextmanager
def instead(path: Path, text: str) -> Iterator[None]:
    """Another file under the same path, as old as it may be; then the same again."""
    kept = path.with_name(f"{path.name} kept")
    if path.exists():
        path.rename(kept)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    os.utime(path, (1, 1))
    try:
        yield
    finally:
        path.unlink()
        if kept.exists():
            kept.rename(path)


@pytest.mark.parametrize(
    ("changed", "again"),
    [
        ("mine.pt", {"corrupted", "pages"}),
        ("data/toys/nut/test/good/0.png", {"plain toys", "corrupted", "pages"}),
        ("data/washers/split.csv", {"attacked", "pages"}),
        ("build/texts/kept.safetensors", set()),
    ],
)
def test_other_weights_and_pictures_run_again_what_depends_on_them(project, would_run, changed, again):
    assert named(would_run()) == set(), "complete, and listed once more where it was not"
    (project / changed).parent.mkdir(parents=True, exist_ok=True)
    with instead(project / changed, "other"):
        assert named(would_run()) == again
    assert named(would_run()) == set()


def test_a_list_that_was_written_by_hand_says_nothing_of_what_changed_since(project, would_run):
    stamp = project / "build" / "study" / "odd" / "attacked" / "washer" / "demo-b.listed"
    with instead(stamp, ""):
        stamp.unlink()
        assert stamp.with_suffix(".json").is_file()
        assert named(would_run()) == {"attacked", "pages"}
        stamp.write_text("")


def test_another_device_runs_nothing_again_and_an_unknown_one_is_refused(project, would_run):
    assert named(would_run("device=cuda")) == set()
    assert "unknown device 'tpu'; known: cpu, cuda" in would_run("device=tpu", code=1)


EVERYTHING = {"plain toys", "corrupted", "attacked", "pages"}


@pytest.mark.parametrize(
    ("changed", "again"),
    [
        ("zsad/perturb/corruptions.py", {"corrupted", "pages"}),
        ("zsad/robustness/attack.py", {"attacked", "pages"}),
        ("zsad/detectors/winclip.py", EVERYTHING),
        ("zsad/metrics/curve.py", EVERYTHING),
        ("book/tools/plots/style.py", {"pages"}),
        ("zsad/detectors/rwda.py", set()),
    ],
)
def test_a_change_of_the_code_runs_again_what_depends_on_it(project, would_run, changed, again):
    assert run_again(project, would_run, changed, text="CHANGED = True") == again


def test_a_comment_runs_nothing_again(project, would_run):
    code = [*(project / "zsad").rglob("*.py"), *(project / "book").rglob("*.py")]
    everything = [str(path.relative_to(project)) for path in code]
    assert run_again(project, would_run, *everything, text='# a comment\n"""or a text"""') == set()


def test_parts_come_before_what_lists_their_results(would_run):
    said = would_run("parts=2", "--forceall")
    assert "Computing part 1 of 2" in said
    assert "Computing part 2 of 2" in said
    assert said.index("Computing part 2 of 2") < said.index("Evaluating plain toys ")
    assert "Computing part" not in would_run("--forceall")


def test_a_cluster_gives_jobs_memory_and_minutes_and_has_no_cap_of_one_gpu():
    profile = yaml.safe_load((ROOT / "profiles" / "slurm" / "config.yaml").read_text())
    assert "resources" not in profile
    assert set(profile["set-resources"]) == {"part", "evaluate"}
    for asked in (profile["default-resources"], *profile["set-resources"].values()):
        assert {"mem_mb", "runtime"} <= set(asked)


def test_make_hands_on_a_study_and_a_device_as_they_are(tmp_path):
    """`python` is a stand-in that says what it is given."""
    (tmp_path / "python").write_text('#!/bin/sh\nfor word in "$@"; do echo "<$word>"; done\n')
    (tmp_path / "python").chmod(0o755)
    (tmp_path / "installed").touch()
    given = [f"BIN={tmp_path}", f"INSTALLED={tmp_path / 'installed'}", "STUDY=My $$Parts' (1).yaml", "DEVICE=cpu"]
    run = subprocess.run(["make", "book", *given], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "<study=My $Parts' (1).yaml>\n<device=cpu>\n" in run.stdout
