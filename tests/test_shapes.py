"""The run itself, alone or on several cores: the shapes that signatures name are checked, a worker has one thread."""

import os

import numpy as np
import pytest
import torch
from jaxtyping import TypeCheckError

from book.tools.plots import to_svg
from zsad.metrics.curve import rank
from zsad.study.project import project_root


def test_arrays_of_another_shape_are_refused():
    with pytest.raises(TypeCheckError, match="anomalies"):
        rank(np.zeros((2, 2)), np.zeros(3))


def test_every_module_whose_signatures_name_shapes_is_checked(pytestconfig):
    *checked, _ = pytestconfig.getoption("jaxtyping_packages").split(",")
    root = project_root()
    files = [file for folder in ("zsad", "book/tools") for file in (root / folder).rglob("*.py")]
    names = [".".join(f.relative_to(root).with_suffix("").parts) for f in files if "from jaxtyping" in f.read_text()]
    assert len(names) > 80
    assert [n for n in names if not any(f"{n}.".startswith(f"{package}.") for package in checked)] == []


def test_the_tools_of_the_book_are_checked_too():
    with pytest.raises(TypeCheckError):
        to_svg("a figure", "name")


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="a run on one core may use all threads")
def test_workers_do_not_fight_for_threads():
    assert torch.get_num_threads() == int(os.environ["OMP_NUM_THREADS"])
