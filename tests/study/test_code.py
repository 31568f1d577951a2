"""Which cells a change of the code touches, in copies of the package."""

import json
import os
import shutil
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest
import yaml
from tiny_clip import tiny_backbone
from tiny_mae import tiny_autoencoder
from tiny_parts import BluePixels, NoParts, RedSoft, ship_untrained
from toys import SIZE, tiny_study, write_suite

from zsad.detectors import DETECTORS, declared, load_detector, usual_backbone
from zsad.detectors.backbones import USUAL
from zsad.detectors.batch import BatchDetector
from zsad.detectors.defence import DEFENCES
from zsad.detectors.tiling import Tiling
from zsad.detectors.tiling_options import TilingOptions
from zsad.study import code
from zsad.study.cells import Selection, requests
from zsad.study.code import ONLY_UNDER, PACKAGE, cell_code, cell_modules, detector_modules
from zsad.study.config import DetectorConfig
from zsad.study.evaluate import evaluate, load_images
from zsad.study.incomplete import Failures
from zsad.study.run import Evaluator
from zsad.study.shifts import SHIFTS

EVERY_CELL = {(detector, kind) for detector in DETECTORS for kind in SHIFTS}


@pytest.fixture
def copy(tmp_path):
    """The package's sources in another folder."""
    return shutil.copytree(PACKAGE, tmp_path / "zsad", ignore=shutil.ignore_patterns("weights", "__pycache__"))


def touched(copy: Path, *relative: str) -> set[tuple[str, str]]:
    """The (detector, kind of shift) whose code is another in a copy in which these files have been changed."""
    assert not relative or all((copy / path).read_bytes() != (PACKAGE / path).read_bytes() for path in relative)
    return {cell for cell in EVERY_CELL if cell_code(*cell) != cell_code(*cell, package=copy)}


def under(*kinds: str) -> set[tuple[str, str]]:
    return {cell for cell in EVERY_CELL if cell[1] in kinds}


def of(*detectors: str) -> set[tuple[str, str]]:
    return {cell for cell in EVERY_CELL if cell[0] in detectors}


@pytest.mark.parametrize(
    ("module", "cells"),
    [
        ("perturb/corruptions", under("corruption")),
        ("robustness/corruption", under("corruption")),
        ("perturb/rotation", under("uniform", "worst")),
        ("perturb/colour", under("uniform", "worst")),
        ("perturb/light", under("uniform")),
        ("perturb/parameters", under("uniform", "worst", "corruption")),
        ("robustness/bayes_opt", under("worst")),
        ("robustness/adam", under("worst")),
        ("robustness/attack", under("worst")),
        ("robustness/sweep", EVERY_CELL),
        ("robustness/shifted", EVERY_CELL),
        ("metrics/curve", EVERY_CELL),
        ("metrics/bootstrap", EVERY_CELL),
        ("data/image", EVERY_CELL),
        ("data/batch", EVERY_CELL),
        ("clip/backbone", EVERY_CELL),
        ("clip/tokenizer", EVERY_CELL),
        ("study/evaluate", EVERY_CELL),
        ("detectors/winclip", of("winclip", "winclip_plus")),
        ("detectors/text_fnn", of("text_fnn")),
        ("detectors/clip", of("clip", "clip_ac")),
        ("detectors/musc", of("musc")),
        ("detectors/acr_head", of("acr")),
        ("detectors/text_training/heads", of("text_fnn", "rwda")),
        ("detectors/tiling", of("tiling")),
        ("tiling/tiles", of("tiling")),
        ("tiling/sam", of("tiling")),
        ("data/demo/damage", set()),  # its pictures are data
        ("data/mvtec_ad", set()),
        ("data/load", set()),
        ("clip/zoo", set()),  # what it loads is weights
        ("detectors/__init__", set()),
        ("study/run", set()),
        ("study/cells", set()),
        ("analysis/worst", set()),
        ("plots/bars", set()),
        ("cli", set()),
    ],
)
def test_a_module_is_the_code_of_the_cells_that_it_can_touch_and_of_no_others(module, cells):
    name = f"zsad.{module.replace('/', '.')}".removesuffix(".__init__")
    assert {cell for cell in EVERY_CELL if name in cell_modules(*cell)} == cells


@pytest.mark.parametrize("kind", SHIFTS)
def test_the_code_of_a_defence_counts_where_there_is_one(kind):
    plain, defended = cell_modules("winclip", kind), cell_modules("winclip", kind, defended=True)
    own = {"zsad.detectors.defence", "zsad.perturb.colour", "zsad.perturb.rotation"}
    assert own <= defended
    assert "zsad.detectors.defence" not in plain
    assert plain == cell_modules("winclip", kind, defended=False)
    assert defended - plain <= own | {"zsad.perturb.parameters"}
    assert cell_code("winclip", kind, defended=True)["detectors"] != cell_code("winclip", kind)["detectors"]


def test_what_computes_nothing_changes_nothing(copy):
    paths = [path for path in copy.rglob("*.py") if path.read_text().startswith('"""')]
    for path in paths:
        lines = path.read_text().replace('"""', '"""Said otherwise. ', 1).splitlines()
        path.write_text("# a comment\n\n" + "\n".join(lines).replace("severity: int,", "severity:  int  ,  # strength"))
    assert touched(copy, *(str(path.relative_to(copy)) for path in paths)) == set()


def test_one_constant_is_enough(copy):
    path = copy / "perturb" / "corruptions.py"
    path.write_text(path.read_text().replace("CONTRAST = (0.4, 0.3, 0.2,", "CONTRAST = (0.4, 0.3, 0.9,"))
    assert touched(copy, "perturb/corruptions.py") == under("corruption")


def test_a_new_detector_touches_no_cell_that_is_there(copy):
    shutil.copy(copy / "detectors" / "clip_ac.py", copy / "detectors" / "another.py")
    door = copy / "detectors" / "__init__.py"
    source = "from zsad.detectors.another import CLIPAC as Another\n" + door.read_text()
    door.write_text(source.replace("] = {", '] = {\n    "another": (Another, Another),', 1))
    assert touched(copy, "detectors/__init__.py") == set()
    assert detector_modules("another", copy) == {"zsad.detectors.another"}
    assert cell_code("another", "none", package=copy)


def test_a_run_computes_again_what_a_change_can_touch_and_nothing_else(copy, tmp_path):
    (copy / "weights").symlink_to(PACKAGE / "weights")
    write_suite(tmp_path / "data" / "toys")
    content = tiny_study(
        tmp_path, detectors=["clip"], corruptions={"over": ["washer"], "kinds": ["contrast"], "severities": [0, 3]}
    ).model_dump(mode="json", exclude={"name"})
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(content))

    def run() -> dict[str, tuple[str, str]]:
        """Key -> kind of shift, and when it was begun, of every cell that is there."""
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        command = [sys.executable, "-m", "zsad.cli", "run", "tiny.yaml"]
        subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True)
        sidecars = [json.loads(path.read_text()) for path in sorted((tmp_path / "records").glob("*.json"))]
        return {sidecar["key"]: (sidecar["spec"]["shift"]["kind"], sidecar["started_at"]) for sidecar in sidecars}

    first = run()
    assert sorted(kind for kind, _ in first.values()) == ["corruption", "none", "none", *["uniform"] * 3]
    path = copy / "perturb" / "corruptions.py"
    path.write_text(path.read_text().replace("CONTRAST = (0.4, 0.3, 0.2,", "CONTRAST = (0.4, 0.3, 0.9,"))
    second = run()
    assert [kind for key, (kind, _) in second.items() if key not in first] == ["corruption"]
    assert {key: second[key] for key in first} == first, "finished cells are left alone"


def test_every_name_that_the_fingerprint_goes_by_exists():
    assert set(detector_modules("nobody")) == set()
    for name in DETECTORS:
        assert f"zsad.detectors.{name}" in detector_modules(name)
    for module in (*ONLY_UNDER, *code._ROOTS, *code._DOORS, *code._APART):
        assert code._file(module, PACKAGE), module
    kinds = {kind: set(cell_code("winclip", kind)) for kind in SHIFTS}
    assert kinds["none"] == {"clip", "data", "detectors", "metrics", "paths", "robustness", "study"}
    assert kinds["none"] | {"perturb"} == kinds["uniform"] == kinds["worst"] == kinds["corruption"]


def test_other_pythons_see_the_same_code():
    """Fields that came with Python 3.12 or are empty are not hashed."""
    tree = code._plain(code.ast.parse("def f(x): return x"))
    assert tree == ("Module", {"body": [("FunctionDef", {
        "name": "f",
        "args": ("arguments", {"args": [("arg", {"arg": "x"})]}),
        "body": [("Return", {"value": ("Name", {"id": "x", "ctx": ("Load", {})})})],
    })]})  # fmt: skip


def _executed(work) -> set[str]:
    """The modules of the package in which `work` has run a function."""
    seen: set[str] = set()

    def look(frame, event, argument):
        if event == "call":
            seen.add(frame.f_code.co_filename)

    threading.setprofile(look)
    sys.setprofile(look)
    try:
        work()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    inside = [Path(name).relative_to(PACKAGE) for name in seen if Path(name).is_relative_to(PACKAGE)]
    return {".".join(("zsad", *path.with_suffix("").parts)).removesuffix(".__init__") for path in inside}


MADE = {"CLIP": tiny_backbone, "masked autoencoder": tiny_autoencoder}


def _load(parts: Path, study, config: DetectorConfig, backbone):
    """On a tiny model of its kind, with untrained parts where it learns some."""
    tower = MADE[declared(config.name, "looks_through", USUAL)]()
    if config.name == "tiling":
        options = TilingOptions(**config.options)
        return Tiling(tower, options, soft=RedSoft(), parts=NoParts(), pixels=BluePixels())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("zsad.clip.zoo.WEIGHTS", ship_untrained(parts, tiny_backbone()))
        return load_detector(config.name, tower, **config.options)


FAST = {
    "text_fnn": {"diversity_words": 3, "distribution_words": 2, "word_steps": 2, "epochs": 1},
    "rwda": {"epochs": 1, "sentences": 10},
    "acr": {"head": None},
}


DEFENDED = [("winclip", defence) for defence in DEFENCES]


@pytest.mark.parametrize(("name", "defence"), [*((name, None) for name in DETECTORS), *DEFENDED])
def test_all_code_that_runs_for_a_cell_is_in_its_fingerprint(tmp_path, name, defence):
    """A cell of each kind of shift is computed, and what runs meanwhile is looked at. Detectors that compare the images
    of a batch need more of these, and have no worst cases."""
    together = issubclass(DETECTORS[name][0], BatchDetector)
    write_suite(tmp_path / "data" / "toys")
    study = tiny_study(
        tmp_path,
        detectors=[{"name": name, "options": {**FAST.get(name, {}), **({"defence": defence} if defence else {})}}],
        backbones=[usual_backbone(name)],
        sweeps={"over": ["washer"], "angle": [0.0, 30.0]},
        worst={"over": ["washer"], "settings": ["3d"], "budget": 6, "limit": 3, "name": "few", "criterion": "score"},
        corruptions={"over": ["washer"], "kinds": ["contrast"]},
        resolution=SIZE,
        limit=None if together else 3,
    )
    runner = Evaluator(study, partial(_load, tmp_path / "parts"))
    found = {}
    for kind in [kind for kind in SHIFTS if not (together and kind == "worst")]:
        selection = Selection(kind, categories=["washer"])
        chosen = next(r for r in requests(study, selection) if r.shift.kind == kind and not _is_zero(r))
        wanted = runner.of_request(chosen, Failures())
        assert wanted is not None
        runner.results.store.prepare()
        work = partial(evaluate, wanted.cell, wanted.detector, batch_size=4, device="cpu", progress=False)
        found[kind] = _executed(lambda w=wanted, work=work: work(load_images(w.cell, w.dataset)))
        bookkeeping = {m for m in found[kind] if m.startswith("zsad.study.") and m != "zsad.study.evaluate"}
        apart = bookkeeping | {f"zsad.{name}" for name in ("progress", "files", "leagues", "limits", "detectors.given")}
        apart |= {"zsad"}
        assert found[kind] - apart <= cell_modules(name, kind, defence is not None)
        assert set(wanted.cell.code) == set(cell_code(name, kind, defence is not None))
        assert defence is None or "zsad.detectors.defence" in found[kind]
    assert "zsad.perturb.corruptions" in found["corruption"] - found["none"]
    assert together or "zsad.robustness.bayes_opt" in found["worst"] - found["uniform"]
    assert not together or "zsad.robustness.feature_store" in found["none"]


def _is_zero(request) -> bool:
    return request.shift.kind != "none" and request.shift.is_none
