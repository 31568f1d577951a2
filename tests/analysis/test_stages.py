"""Which stages of the tiling pipeline earn their place: on toys that stand for its variants, and on made-up changes."""

import pandas as pd
import pytest
from shaded import compute_shaded, shaded_study

from zsad.analysis import stages, tiling
from zsad.analysis.differences import Difference
from zsad.analysis.stages import Change
from zsad.study.results import load_sidecars, load_table


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return shaded_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def records(study):
    records = compute_shaded(study)
    return records[records["suite"] == "toys"].reset_index(drop=True)


@pytest.fixture(scope="module")
def draws(study, records):
    return tiling.draws_of(load_table(records, "replicates", study))


def test_a_variant_that_changes_nothing_is_called_the_same(records, draws):
    found = stages.changes(records, draws)
    differences = {(c.variant, c.metric): c.difference for c in found}
    assert differences["not scaled", "image_f1max"] is None
    assert differences["clipseg alone", "pixel_f1max"] is not None
    table = stages.change_table(records, draws, found).set_index("variant")
    assert list(table.index) == ["tiling", "clipseg alone", "not scaled", "winclip"]
    assert table.loc["not scaled", "Δ sample F1-max"] == "same"
    assert pd.isna(table.loc["tiling", "Δ sample F1-max"])
    assert "No effect at all: scaling maps by scores." in stages.conclusion(found)
    rows = stages.change_rows(found).set_index(["row", "panel"])
    assert rows.loc[("not scaled", "image_f1max"), "high"] == 0
    assert rows.loc[("clipseg alone", "pixel_f1max"), "estimate"] == differences["clipseg alone", "pixel_f1max"].value


def test_a_stage_earns_its_place_only_where_the_interval_excludes_0():
    def change(variant, low, high, metric="image_f1max"):
        return Change(variant, metric, Difference((low + high) / 2, low, high, 2))

    text = stages.conclusion([change("DIS alone", -3, -1), change("18 prompts", -1, 1), change("not scaled", 1, 2),
                              change("arithmetic mean", -3, -1), change("arithmetic mean", 1, 3, "pixel_f1max"),
                              Change("never elongated", "image_f1max", None)])  # fmt: skip
    assert "Of 5 choices, these earn their place" in text
    assert "the points they are worth): SAM's part masks (sample F1-max +2.0)." in text
    assert "These cost: scaling maps by scores (sample F1-max −1.5)." in text
    assert "Both ways: the harmonic mean (sample F1-max +2.0, pixel F1-max −2.0)." in text
    assert "Statistically undecided: the repeated prompt." in text
    assert "No effect at all: the rule for long parts." in text
    assert "no variant" in stages.conclusion([])


def test_time_is_that_of_each_cell_alone(study, records):
    sidecars = load_sidecars(records, study)
    table = stages.times(records, sidecars)
    assert list(table.columns) == ["stage", "metal nut", "washer"]
    assert list(table["stage"]) == ["part masks", "all stages"]
    assert (table[["metal nut", "washer"]] == 250.0).all(axis=None), "a quarter of a second an image"
    silent = {key: {**sidecar, "stage_seconds": {}} for key, sidecar in sidecars.items()}
    assert stages.times(records, silent).empty
