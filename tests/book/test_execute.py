"""The notebook runner, on real kernels."""

import errno
import json
import os
from pathlib import Path

import nbformat
import papermill
import pytest
from papermill.exceptions import PapermillExecutionError

from book.tools.execute import EXPORTS, convert, execute, known_parameters, main
from book.tools.parameters import UnknownParameter, assigned_names, check_parameters

ROOT = Path(__file__).parents[2]
SOURCE = """# %% [markdown]
# # A page

# %% tags=["parameters"]
study = "quick"
limit = None

# %%
import os, sys, json
from pathlib import Path
print("progress", file=sys.stderr)
folder = Path(os.environ["ZSAD_PAGE_DIR"])
(folder / "tables").mkdir()
_ = (folder / "tables" / "tab-a.csv").write_text("a\\n1\\n")
_ = (folder / "page.json").write_text(json.dumps({"numbers": {"limit": limit}}))

# %% tags=["remove-input"]
study, limit
"""


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "page.py"
    path.write_text(SOURCE)
    return path


def test_executes_and_exports(source, tmp_path):
    out = tmp_path / "out"
    target = execute(source, out, {"study": "demo", "limit": 4})
    cells = nbformat.read(target, as_version=4).cells
    assert cells[-1].outputs[0]["data"]["text/plain"] == "('demo', 4)"
    assert json.loads((out / "page.json").read_text()) == {"numbers": {"limit": 4}}
    assert (out / "tables" / "tab-a.csv").read_text() == "a\n1\n"
    timing = json.loads((out / "page.time.json").read_text())
    assert timing["parameters"] == {"study": "demo", "limit": 4}
    assert timing["seconds"] > 0
    assert {"python", "papermill"} <= set(timing["versions"])
    assert (out / "sources" / "page.py").read_text() == SOURCE
    assert sorted(path.name for path in out.iterdir()) == sorted(
        ["page.ipynb", "page.json", "page.time.json", *EXPORTS]
    )


PAGES = """
left: {source: page, parameters: {study: demo, limit: 4}, head: "# Left"}
right: {source: page, parameters: {limit: 5}, head: "# Right"}
"""


def test_a_device_reaches_the_page_and_is_none_of_its_parameters(source, tmp_path):
    source.write_text(SOURCE.replace("\nstudy, limit\n", "\nos.environ['ZSAD_DEVICE']\n"))
    arguments = [str(source), "--out", str(tmp_path / "out"), "--device", "cuda:1"]
    assert main(arguments) == 0
    cells = nbformat.read(tmp_path / "out" / "page.ipynb", as_version=4).cells
    assert cells[-1].outputs[0]["data"]["text/plain"] == "'cuda:1'"
    assert json.loads((tmp_path / "out" / "page.time.json").read_text())["parameters"] == {}
    assert "ZSAD_DEVICE" not in os.environ


def test_a_page_that_shares_its_source_has_its_own_name_parameters_and_words(source, tmp_path, capsys):
    (tmp_path / "pages.yml").write_text(PAGES)
    out = tmp_path / "out"
    for page, parameters in (("left", {}), ("right", {"limit": 6})):
        execute(source, out, parameters, page=page)
    first, second = (nbformat.read(out / f"{page}.ipynb", as_version=4).cells for page in ("left", "right"))
    assert (first[0].source, second[0].source) == ("# Left", "# Right")
    assert first[-1].outputs[0]["data"]["text/plain"] == "('demo', 4)"
    assert second[-1].outputs[0]["data"]["text/plain"] == "('quick', 6)"
    for arguments, wrong in (([], "page"), (["--page", "middle"], "middle")):
        assert main([str(source), "--out", str(out), *arguments]) == 1
        assert f"makes no page '{wrong}'; choose one with --page: left, right" in capsys.readouterr().err


def test_two_runs_give_the_same_bytes(source, tmp_path):
    first = execute(source, tmp_path / "a", {"limit": 3}).read_bytes()
    second = execute(source, tmp_path / "b", {"limit": 3}).read_bytes()
    assert first == second
    notebook = nbformat.reads(first.decode(), as_version=4)
    assert [cell.id for cell in notebook.cells] == [f"page-{i:02d}" for i in range(5)]
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(output.get("name") == "stderr" for cell in code for output in cell.outputs)
    assert ["hide-input" in cell.metadata.tags for cell in code] == [True, False, True, False]
    assert b"papermill" not in first.replace(b"injected-parameters", b"")


def test_an_unknown_parameter_is_an_error_before_anything_runs(source, tmp_path, capsys):
    with pytest.raises(UnknownParameter, match="unknown notebook parameter limits; known: study, limit"):
        execute(source, tmp_path / "out", {"limits": 3})
    assert main([str(source), "--out", str(tmp_path / "out"), "-p", "limits", "3"]) == 1
    assert "known: study, limit" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_papermill_by_hand_meets_the_same_error(tmp_path):
    source = tmp_path / "by_hand.py"
    source.write_text(
        '# %% tags=["parameters"]\nstudy = "quick"\n'
        "# %%\nfrom book.tools.parameters import check_parameters\ncheck_parameters(In)\n"
    )
    nbformat.write(convert(source), tmp_path / "in.ipynb")
    with pytest.raises(PapermillExecutionError, match="unknown notebook parameter stduy; known: study"):
        papermill.execute_notebook(
            tmp_path / "in.ipynb", tmp_path / "out.ipynb", parameters={"stduy": "demo"}, progress_bar=False
        )


def test_a_failing_notebook_is_kept_under_another_name(source, tmp_path, capsys):
    source.write_text(SOURCE + "\n# %%\nraise RuntimeError('no such thing')\n")
    out = tmp_path / "out"
    assert main([str(source), "--out", str(out)]) == 1
    error = capsys.readouterr().err
    assert "RuntimeError: no such thing" in error
    assert "page.failed.ipynb" in error
    assert [path.name for path in out.iterdir()] == ["page.failed.ipynb"]


def test_a_later_success_removes_the_failed_notebook(source, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "page.failed.ipynb").write_text("{}")
    execute(source, out, {})
    assert not (out / "page.failed.ipynb").exists()


def test_convert_refuses_what_is_no_source(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        convert(tmp_path / "absent.py")
    (tmp_path / "plain.py").write_text("# %%\nx = 1\n")
    with pytest.raises(ValueError, match='no cell tagged "parameters"'):
        convert(tmp_path / "plain.py")


def test_known_parameters_are_the_tagged_cells_names(source):
    assert known_parameters(convert(source)) == ["study", "limit"]
    assert assigned_names("a = 1  # one\nb: int = 2\nd[0] = 4\n") == ["a", "b"]


def test_check_parameters_looks_at_the_cell_before_the_injected_one():
    cells = ["", "import os", "a = 1\nb = 2", "# Parameters\nb = 3", "x = 1"]
    check_parameters(cells)
    check_parameters(["", "a = 1", "x = 2"])  # nothing injected
    cells[3] = "# Parameters\nb = 3\nx = 5"
    with pytest.raises(UnknownParameter, match="parameter x; known: a, b"):
        check_parameters(cells)


def test_the_demo_worlds_page_is_of_the_study_that_it_is_given(tmp_path):
    cells = nbformat.read(execute(ROOT / "notebooks" / "demo_world.py", tmp_path, {"study": "paper"}), 4).cells
    shown = "".join(str(output.get("data")) for cell in cells for output in cell.get("outputs", []))
    page = json.loads((tmp_path / "demo_world.json").read_text())
    assert "Not in this study: a suite of the demo world" in shown
    assert page["study"] == "paper"
    assert page["items"] == []


def test_a_category_that_papermill_reads_as_a_number_says_how_to_give_it(tmp_path, capsys):
    arguments = [
        str(ROOT / "notebooks" / "uniform.py"),
        "--page",
        "rotation",
        "--out",
        str(tmp_path),
        "--study",
        "quick",
    ]
    assert main([*arguments, "-p", "category", "01"]) == 1
    assert "give the name raw, as in `papermill -r category 01`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent.py"], "absent.py: no notebook source absent.py"),
        (["page.py", "-p", "options", "{a: [1"], "parameter options: '{a: [1' is not valid YAML: while parsing"),
        (["page.py", "--out", "page.py"], "cannot write to page.py: page.py is a file; choose another folder"),
        (["page.py", "--out", "locked"], "locked: no permission; use a folder of your own, or ask its owner"),
    ],
)
def test_what_is_wrong_is_told_in_a_line_of_plain_words(source, arguments, message, monkeypatch, capsys):
    monkeypatch.chdir(source.parent)
    if "locked" in arguments:
        locked = PermissionError(errno.EACCES, "Permission denied", "locked")
        monkeypatch.setattr("book.tools.execute._run", lambda *_: (_ for _ in ()).throw(locked))
    assert main(["--out", "out", *arguments]) == 1
    said = capsys.readouterr().err.strip()
    assert message in said
    assert "Errno" not in said
    assert len(said.splitlines()) == 1
