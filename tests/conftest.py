"""Options of the test suite, its order, and what a worker needs where it runs on several cores (`pytest -n`)."""

import os
from importlib import import_module
from pathlib import Path

import pytest
from longest import LONGEST

if "PYTEST_XDIST_WORKER" in os.environ:  # A thread each, before torch is imported; what a test starts inherits it.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# The hook that checks shapes looks for other bytecode than what is installed, for whatever is imported while a module
# of the package is: libraries that come before it need not be compiled anew in each process.
for library in ("open_clip", "kornia", "scipy.stats"):
    import_module(library)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--real-data",
        metavar="DIR",
        type=Path,
        help="also read every photograph of the real data sets in DIR/mvtec_ad and DIR/visa",
    )


def pytest_configure(config: pytest.Config) -> None:
    folder = config.getoption("--real-data")
    if folder is not None and not folder.is_dir():
        raise pytest.UsageError(f"--real-data {folder}: no such folder")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Without the option there is nothing for those tests to read: they are left out rather than skipped."""
    if collection_path.name == "test_real_data.py" and config.getoption("--real-data") is None:
        return True
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; all others in their order."""
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))
