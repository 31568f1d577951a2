"""Execute a notebook source for the book: `python -m book.tools.execute notebooks/X.py --study quick --out DIR [--page
PAGE] [--device NAME] [-p name value]`.

PAGE is one of the pages that share the source (`book.tools.sources`), by default X. DIR receives `PAGE.ipynb`
(normalised: the same inputs give the same bytes), `PAGE.json` (its numbers, figures and tables), their drawings
(`bodies/*`), what can be downloaded (`tables/*.csv`, `figures/*`, `sources/*.py`) and `PAGE.time.json` (how long it
took, where and when: the only file with a clock in it). A notebook that fails is kept as `PAGE.failed.ipynb`.
"""

import argparse
import json
import logging
import os
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jupytext
import nbformat
import papermill
import yaml
from papermill.exceptions import PapermillExecutionError

from book.tools.kernels import ADDRESS, ForkedKernels
from book.tools.parameters import DEVICE, LISTED, PAGE_DIR, SOURCE, refuse_unknown
from book.tools.sources import Source, sources
from zsad.files import check_writable_folder, temporary_folder
from zsad.study.provenance import host, versions
from zsad.wording import describe

# Folders of what a page exports besides its numbers: drawings as they stand in the page, and what can be downloaded.
EXPORTS = ("bodies", "figures", "tables", "sources")

_BOOK_PACKAGES = ("jupyter-book", "matplotlib", "pandas", "papermill", "sphinx")


def convert(source: Path) -> nbformat.NotebookNode:
    """A py:percent source as a notebook. Raises FileNotFoundError, and ValueError where no cell is tagged
    `parameters`.
    """
    if not source.is_file():
        raise FileNotFoundError(f"no notebook source {source}")
    notebook: nbformat.NotebookNode = jupytext.read(source)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    if not any("parameters" in cell.metadata.get("tags", []) for cell in notebook.cells):
        raise ValueError(f'{source}: no cell tagged "parameters" (# %% tags=["parameters"])')
    return notebook


def known_parameters(notebook: nbformat.NotebookNode) -> list[str]:
    """Names that the notebook's parameters cell sets."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "source.ipynb"
        nbformat.write(notebook, path)
        return list(papermill.inspect_notebook(path))


def normalise(notebook: nbformat.NotebookNode, name: str) -> None:
    """Take out, in place, what differs from run to run: cell ids, clocks, progress bars. Code cells are marked to
    fold away.
    """
    notebook.metadata.pop("papermill", None)
    notebook.metadata.pop("widgets", None)
    notebook.metadata.get("language_info", {}).pop("version", None)
    for index, cell in enumerate(notebook.cells):
        cell.id = f"{name}-{index:02d}"
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if cell.cell_type != "code":
            continue
        cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
        tags = cell.metadata.setdefault("tags", [])
        if not any(tag.startswith(("hide-", "remove-")) for tag in tags):
            tags.append("remove-input" if "injected-parameters" in tags else "hide-input")


def execute(
    source: Path,
    out: Path,
    parameters: dict[str, Any],
    listed: bool = False,
    page: str | None = None,
    device: str | None = None,
) -> Path:
    """Execute `source` into `out` and return the notebook's path; nothing is left under a final name when it fails.

    `listed`: the study's records have just been computed; take them as they are listed. `page`: one of the pages that
    share the source, whose parameters come before those given here. `device`: in place of the study's; no parameter,
    since it changes no result.

    Raises UnknownParameter before anything runs, ValueError for a page that the source does not make, and papermill's
    PapermillExecutionError for a failing cell.
    """
    name = page or source.stem
    notebook = convert(source)
    made = _page_of(source, name)
    parameters = made.parameters | parameters
    if made.head:
        notebook.cells[0].source = made.head
    refuse_unknown(list(parameters), known_parameters(notebook))
    check_writable_folder(out)
    started, clock = datetime.now(UTC), time.perf_counter()
    with temporary_folder(out / name) as folder:
        jupytext.write(notebook, folder / "source.ipynb")
        try:
            _run(source, folder / f"{name}.ipynb", parameters, folder, listed, device)
        except PapermillExecutionError:
            os.replace(folder / f"{name}.ipynb", out / f"{name}.failed.ipynb")
            raise
        executed = nbformat.read(folder / f"{name}.ipynb", as_version=4)
        normalise(executed, name)
        nbformat.write(executed, folder / f"{name}.ipynb")
        (folder / "sources").mkdir()
        (folder / "sources" / source.name).write_bytes(source.read_bytes())
        (folder / f"{name}.time.json").write_text(_timing(name, parameters, started, time.perf_counter() - clock))
        _publish(folder, out, name)
    return out / f"{name}.ipynb"


def _page_of(source: Path, page: str) -> Source:
    pages = {name: made for name, made in sources(source.parent).items() if made.path == source}
    if page not in pages:
        raise ValueError(f"{source} makes no page {page!r}; choose one with --page: {', '.join(pages)}")
    return pages[page]


def _run(
    source: Path, target: Path, parameters: dict[str, Any], folder: Path, listed: bool, device: str | None
) -> None:
    given = {PAGE_DIR: str(folder.resolve()), SOURCE: source.name} | ({LISTED: "1"} if listed else {})
    given |= {DEVICE: device} if device else {}
    os.environ.update(given)
    kernels = {"kernel_manager_class": ForkedKernels} if ADDRESS in os.environ else {}
    try:
        papermill.execute_notebook(
            folder / "source.ipynb", target, parameters=parameters, kernel_name="python3", cwd=str(Path.cwd()),
            progress_bar={"desc": target.stem}, stderr_file=sys.stderr, start_timeout=300,
            **kernels,
        )  # fmt: skip
    finally:
        for variable in given:
            del os.environ[variable]


def _publish(folder: Path, out: Path, name: str) -> None:
    """Move the results into place, each by an atomic rename, the notebook last."""
    for kind in EXPORTS:
        (out / kind).mkdir(exist_ok=True)
        for file in sorted((folder / kind).glob("*")):
            os.replace(file, out / kind / file.name)
    for suffix in (".json", ".time.json", ".ipynb"):
        if (folder / f"{name}{suffix}").is_file():
            os.replace(folder / f"{name}{suffix}", out / f"{name}{suffix}")
    (out / f"{name}.failed.ipynb").unlink(missing_ok=True)


def _timing(name: str, parameters: dict[str, Any], started: datetime, seconds: float) -> str:
    content = {
        "notebook": name,
        "parameters": parameters,
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "machine": host(),
        "versions": {**versions(), **{package: version(package) for package in _BOOK_PACKAGES}},
    }
    return json.dumps(content, indent=1) + "\n"


def _value(name: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"parameter {name}: {text!r} is not valid YAML: {describe(error)}") from None


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns 1 with a message for a failing notebook or a wrong parameter."""
    parser = argparse.ArgumentParser(
        prog="python -m book.tools.execute", description="Execute one notebook for the book."
    )
    parser.add_argument("source", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="folder for the executed notebook")
    parser.add_argument("--page", help="which of the pages that share the source; by default the source's name")
    parser.add_argument("--study", help="study name or YAML file (parameter `study`)")
    parser.add_argument("--device", help="in place of the study's")
    parser.add_argument("-p", "--parameter", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"))
    parser.add_argument("--listed", action="store_true", help="take records as the run just before has listed them")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        parameters = {name: _value(name, value) for name, value in options.parameter}
        if options.study:
            parameters["study"] = options.study
        execute(options.source, options.out, parameters, options.listed, options.page, options.device)
    except PapermillExecutionError as error:
        kept = options.out / f"{options.page or options.source.stem}.failed.ipynb"
        print(
            f"{options.source}: {error.ename}: {error.evalue}\nThe notebook as far as it came: {kept}", file=sys.stderr
        )
        return 1
    except (ValueError, OSError) as error:
        print(f"{options.source}: {describe(error)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
