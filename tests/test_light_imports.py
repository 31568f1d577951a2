"""What commands, the runner of pages and Snakemake load at first: none of the large libraries, which take seconds."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "open_clip", "transformers", "matplotlib", "kornia")


@pytest.mark.parametrize(
    "work",
    [
        "import zsad.cli",
        "from zsad.study.load import load_study; load_study('demo', check_models=False)",
        "from zsad.study.kept import Kept, is_kept; from zsad.study.cells import requests",
        "import book.tools.execute, book.tools.sources",
        "from zsad.study.provenance import commit, host, versions; commit(), host(), versions()",
    ],
)
def test_it_loads_none_of_them(work):
    say = f"{work}; import sys; print(*(set({HEAVY}) & sys.modules.keys()))"
    found = subprocess.run([sys.executable, "-c", say], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []
