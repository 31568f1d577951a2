"""Reads every photograph of the real data sets in the folder named by `--real-data`; collected only with it."""

from pathlib import Path

import pytest

import zsad
from zsad.data import SPLITS, list_categories


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    folder: Path = metafunc.config.getoption("--real-data")
    roots = [(reader, folder / reader) for reader in ("mvtec_ad", "visa", "aebad") if (folder / reader).is_dir()]
    if not roots:
        raise pytest.UsageError(f"--real-data {folder}: none of mvtec_ad/, visa/ and aebad/ is in it")
    cases = [
        (reader, root, category, split)
        for reader, root in roots
        for category in list_categories(reader, root)
        for split in SPLITS
    ]
    metafunc.parametrize(("reader", "root", "category", "split"), cases)


def test_every_photograph_is_read(reader, root, category, split):
    dataset = zsad.load_dataset(reader, root, category=category, split=split)
    assert len(set(dataset.ids)) == len(dataset)
    assert any(dataset.labels) == (split == "test")
    for sample in dataset:
        assert sample.image.shape[0] == 3
        assert sample.image.min() >= 0
        assert 0.2 < sample.image.max() <= 1
        assert sample.image.std() > 0.01
        assert (sample.mask is not None) == sample.label
        if sample.mask is not None:
            assert sample.mask.shape == sample.image.shape[1:]
            assert 0 < sample.mask.float().mean() < 0.7
