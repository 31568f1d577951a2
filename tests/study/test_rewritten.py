"""Code that was written anew keeps its name only where it was seen to compute the same, and until it changes again."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from tools import rewritten as tool
from zsad.study.code import PACKAGE, cell_code, cell_modules, digest_of
from zsad.study.committed import Committed, committed_folder
from zsad.study.kept import Kept
from zsad.study.load import load_study
from zsad.study.rewritten import Rewritten, rewritten, write
from zsad.study.shifts import starting_shifts

CURVE = "zsad.metrics.curve"
CELLS = pd.DataFrame(
    {"suite": "s", "category": "c", "detector": ["d", "e"], "backbone": "b", "shift": "none none", "images": 4}
)
AGREES = CELLS.assign(agrees=[True, True], difference=[0.0, 2e-5])
DIFFERS = CELLS.assign(agrees=[True, False], difference=[0.0, 0.3])


@pytest.fixture
def copy(tmp_path):
    """The package's sources in another folder, without any row."""
    found = shutil.copytree(PACKAGE, tmp_path / "zsad", ignore=shutil.ignore_patterns("weights", "__pycache__"))
    (found / "study" / "rewritten.csv").unlink(missing_ok=True)
    return found


def renamed(package: Path, to: Path) -> Path:
    """Another copy, in which a name of the curve's code is another."""
    found = shutil.copytree(package, to / "zsad")
    path = found / "metrics" / "curve.py"
    path.write_text(path.read_text().replace("within", "share_below"))
    return found


def test_what_is_written_down_is_of_todays_code_and_touches_kept_cells():
    used = {tool.asked_by(side["spec"]) for side in Committed(committed_folder("demo")).sidecars.values()}
    reached = set().union(*(cell_modules(*cell) for cell in used))
    for (module, code), row in rewritten(PACKAGE).items():
        assert code == digest_of(module), f"{module} has changed since: its row says nothing any more"
        assert row.same_as != code
        assert module in reached
        assert "agree" in row.seen


def test_code_that_stands_for_another_has_its_name_until_it_changes(copy, tmp_path):
    today = renamed(copy, tmp_path / "today")
    before, own = cell_code("clip", "none", package=copy), cell_code("clip", "none", package=today)
    assert before["metrics"] != own["metrics"]
    write([Rewritten(CURVE, digest_of(CURVE, today), digest_of(CURVE, copy), "a name", "2 agree")], today)
    cell_code.cache_clear()
    assert cell_code("clip", "none", package=today) == before
    again = shutil.copytree(today, tmp_path / "again" / "zsad")
    path = again / "metrics" / "curve.py"
    path.write_text(path.read_text().replace("limit=1.0", "limit=0.9"))
    assert cell_code("clip", "none", package=again)["metrics"] not in (before["metrics"], own["metrics"])


def test_what_has_changed_since_is_found_under_the_name_it_had_then(copy, tmp_path):
    today = renamed(PACKAGE, tmp_path / "today")
    assert digest_of(CURVE, today) != digest_of(CURVE)
    assert tool.changed([("clip", "none", False)], today) == {CURVE: (digest_of(CURVE), digest_of(CURVE, today))}
    first = "0" * 64
    write([Rewritten(CURVE, digest_of(CURVE, today), first, "a name", "2 agree")], today)
    assert tool.changed([("clip", "none", False)], today) == {CURVE: (digest_of(CURVE), first)}


def test_new_code_stands_for_nothing(copy):
    (copy / "metrics" / "curve.py").rename(copy / "metrics" / "curves.py")
    with pytest.raises(SystemExit, match=r"zsad\.metrics\.curve"):
        tool.changed([("clip", "none", False)], copy)


@pytest.mark.parametrize(
    ("few", "whole", "failures", "said"),
    [
        (AGREES, AGREES, [], None),
        (DIFFERS, AGREES, [], "does not compute the same"),
        (AGREES, DIFFERS, [], "does not compute the same"),
        (AGREES, AGREES, ["no weights"], "no weights"),
        (AGREES, AGREES[:0], [], "does not compute the same"),
    ],
)
def test_only_what_agrees_counts_as_seen(monkeypatch, few, whole, failures, said):
    monkeypatch.setattr(tool, "prove", lambda study, images: (few, []))
    monkeypatch.setattr(tool, "prove_whole", lambda study, cells: (whole, failures))
    if said is None:
        found = tool.seen(None, 4, 2)
        assert found.startswith("2 cells, 4 images each, agree with what is kept (largest difference 2e-05)")
        assert found.endswith("and so do 2 whole ones (2e-05)")
    else:
        with pytest.raises(SystemExit, match=said):
            tool.seen(None, 4, 2)


def test_kept_cells_that_are_not_found_again_keep_everything_from_being_written(monkeypatch):
    written = []
    monkeypatch.setattr(tool, "package_of", lambda commit, folder: folder)
    monkeypatch.setattr(tool, "changed", lambda asked, before: {CURVE: (digest_of(CURVE), "0" * 64)})
    monkeypatch.setattr(tool, "seen", lambda *a: "all agree")
    monkeypatch.setattr(tool, "write", lambda rows: written.append(list(rows)))
    monkeypatch.setattr(tool, "cell_code", lambda *a: {"metrics": "of another commit"})
    with pytest.raises(SystemExit, match="kept cells are of other code than that of abc"):
        tool.declare("abc", "no reason")
    assert [row.same_as for row in written[0] if row.module == CURVE] == ["0" * 64]
    assert written[1] == list(rewritten(PACKAGE).values())


def test_what_few_images_cannot_stand_for_is_tried_whole_where_its_code_has_changed():
    kept = Kept(load_study("demo", check_models=False))
    ran, plain = tool.chosen(kept, [CURVE], 2)
    assert len(plain) == 2
    search, batch = "zsad.robustness.bayes_opt", "zsad.detectors.musc"
    assert not {search, batch} & ran, "nothing says that they were run"
    ran, found = tool.chosen(kept, [batch], 2)
    assert batch in ran
    assert [request.detector.name for request, _ in found[2:]] == ["musc"]
    assert found[2][0].limit == 60, "the dearest of its cells, all images"
    ran, found = tool.chosen(kept, [search], 2)
    assert search in ran
    searches = {json.loads(request.shift.how)["search"] for request, _ in found[2:]}
    assert searches == {"bayes_opt", "adam", "random"}
    assert not any(starting_shifts(request.shift) for request, _ in found[2:]), "its result hangs on another's"
    declared = {module for module, _ in rewritten(PACKAGE)}
    assert declared <= tool.chosen(kept, declared, 2)[0]


def test_code_that_no_tried_cell_runs_is_refused_before_anything_is_computed(monkeypatch):
    elsewhere = "zsad.auxiliary.train"
    monkeypatch.setattr(tool, "package_of", lambda commit, folder: folder)
    monkeypatch.setattr(tool, "changed", lambda asked, before: dict.fromkeys([CURVE, elsewhere], ("1", "2")))
    monkeypatch.setattr(tool, "seen", lambda *a: pytest.fail("it was computed"))
    with pytest.raises(SystemExit, match=f"no kept cell that is tried runs {elsewhere}: "):
        tool.declare("abc", "no reason")
