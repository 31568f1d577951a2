"""The wheel holds all that the package needs: built and installed afresh, it predicts and runs a study elsewhere."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from zsad.clip.zoo import known_backbones
from zsad.study.code import cell_code
from zsad.study.shipped import published_folder

ROOT = Path(__file__).parents[1]
BUILT_FROM = ("zsad", "study", "results/published", "pyproject.toml", "setup.py", "README.md", "LICENSE")
HOST = "https://example.org/zsad"

STUDY = """
suites:
  parts: {reader: folder, root: pictures, categories: [washer]}
detectors: [winclip, clip]
backbones: [demo-b]
data_root: .
bootstrap: 20
"""

LOOK = """
import importlib.util, json
from pathlib import Path
import zsad
from zsad.clip.zoo import known_backbones
from zsad.study.code import cell_code
from zsad.study.project import resolve
from zsad.study.load import load_study
from zsad.study.provenance import commit
from zsad.study.shipped import published_folder, published_table, studies_folder
studies = {path.stem: load_study(path.stem) for path in studies_folder().glob("*.yaml")}
tables = {path.stem: len(published_table(path.stem)) for path in published_folder().glob("*.csv")}
print(json.dumps({
    "home": str(Path(zsad.__file__).parent), "book": importlib.util.find_spec("book") is not None,
    "studies": {name: str(resolve(study.records_root)) for name, study in studies.items()}, "tables": tables,
    "models": list(known_backbones()), "commit": commit()["commit"], "code": cell_code("winclip", "uniform"),
}))
"""


def uv() -> str:
    """As tools/setup.sh finds it."""
    found = shutil.which("uv", path=f"{os.environ['PATH']}:{ROOT / 'build/uv/bin'}")
    assert found, "no uv: tools/setup.sh fetches one into build/uv"
    return found


def run(*command: str | Path, cwd: Path, code: int = 0, **variables: str) -> str:
    """What a command prints; it sees nothing of this checkout."""
    outside = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, env={**outside, **variables})
    assert done.returncode == code, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, as a release is, by way of the sources: what lies in `build/` gets into no wheel."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in BUILT_FROM:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, source / name)
    build = (uv(), "build", "--no-build-isolation", "--offline", "--python", sys.executable, "--out-dir", out)
    run(*build, source, cwd=source, PROJECT_URL=HOST)
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of a fresh environment: the wheel, beside the libraries of this one."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    run(uv(), "venv", "--quiet", "--python", sys.executable, folder, cwd=folder.parent)
    python = folder / "bin" / "python"
    install = (uv(), "pip", "install", "--quiet", "--offline", "--no-deps", "--python", python, wheel)
    run(*install, cwd=folder.parent)
    libraries = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder.parent).strip()
    # A folder that is named in such a file has its own such files passed over, so that this checkout stays unknown.
    Path(libraries, "libraries.pth").write_text(sysconfig.get_path("purelib"))
    return python.parent


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder in a git repository of somebody else's, with pictures of a grey washer, half of them scratched."""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    who = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]
    subprocess.run(["git", *who, "commit", "--quiet", "--allow-empty", "-m", "else"], cwd=tmp_path, check=True)
    generator = np.random.default_rng(0)
    for index in range(6):
        kind = "good" if index < 3 else "scratch"
        image = generator.normal(128, 10, (240, 240, 3))
        mask = np.zeros((240, 240), dtype=np.uint8)
        if kind == "scratch":
            mask[100:140, 40 + index * 10 : 200] = 255
            image[mask > 0] = (220, 30, 30)
        folder = tmp_path / "pictures" / kind
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(folder / f"{index}.png")
        if kind == "scratch":
            masks = tmp_path / "pictures" / "masks"
            masks.mkdir(exist_ok=True)
            Image.fromarray(mask).save(masks / f"{index}.png")
    return tmp_path


def metadata(wheel: Path) -> Message:
    with ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return HeaderParser().parsestr(archive.read(name).decode())


def test_the_wheel_holds_what_lies_beside_the_package_and_nothing_else(wheel):
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
        for folder, inside in (("study", "studies"), ("results/published", "published"), ("zsad/weights", "weights")):
            for path in (ROOT / folder).iterdir():
                assert archive.read(f"zsad/{inside}/{path.name}") == path.read_bytes()
    sources = {path.relative_to(ROOT).as_posix() for path in (ROOT / "zsad").rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == sources
    assert {name.split("/")[0] for name in names} == {"zsad", f"zsad-{metadata(wheel)['Version']}.dist-info"}


def test_the_metadata_say_where_it_is_at_home_and_what_it_runs_on(wheel):
    said = metadata(wheel)
    urls = dict(line.split(", ", 1) for line in said.get_all("Project-URL"))
    assert urls["Repository"] == HOST
    assert "https://arxiv.org/abs/2405.07969" in urls.values()
    assert said["License-Expression"] == "Apache-2.0"
    pythons = [line.rpartition(" ")[2] for line in said.get_all("Classifier") if "Python :: 3." in line]
    assert pythons == ["3.11", "3.12", "3.13"]
    assert said["Requires-Python"] == "<3.14,>=3.11"


def test_studies_tables_models_and_code_are_those_of_the_checkout(installed, elsewhere):
    found = json.loads(run(installed / "python", "-c", LOOK, cwd=elsewhere))
    assert Path(found["home"]).is_relative_to(installed.parent)
    assert not found["book"], "the tools of the book are no part of it"
    assert set(found["studies"]) == {path.stem for path in (ROOT / "study").glob("*.yaml")}
    assert set(found["studies"].values()) == {str(elsewhere / "build/records")}
    assert set(found["tables"]) == {path.stem for path in published_folder().glob("*.csv")}
    assert min(found["tables"].values()) > 0
    assert found["models"] == list(known_backbones())
    assert found["commit"] == "unknown", "the repository around the working directory is not this one"
    assert found["code"] == cell_code("winclip", "uniform"), "records of the wheel and of the checkout have one key"


def test_it_predicts(installed, elsewhere):
    picture = elsewhere / "pictures/scratch/4.png"
    run(installed / "zsad", "predict", picture, "--category", "washer", "--out", "maps", cwd=elsewhere)
    assert (elsewhere / "maps" / "4_heatmap.jpg").is_file()
    assert "4.png" in (elsewhere / "maps" / "scores.csv").read_text()


def test_it_runs_a_study(installed, elsewhere):
    (elsewhere / "mine.yaml").write_text(STUDY)
    assert "study mine: 2 cells" in run(installed / "zsad", "run", "mine.yaml", cwd=elsewhere)
    records = elsewhere / "build" / "records"
    assert len([path for path in records.glob("*.json")]) == 2
    (listed,) = (elsewhere / "build" / "study" / "mine").rglob("*.json")
    assert listed.name == "demo-b.json"
