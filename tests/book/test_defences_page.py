"""The page of defences, of a real study of toys whose worst cases are searched through them. Only the pictures and the
detector are toys.
"""

import shutil

import pandas as pd
import pytest
from notebook_cells import run_cells, shown_on
from toys import Reddish, tiny_study, write_suite

import zsad.study
from book.tools import defences as loading
from book.tools.page import Page
from zsad.analysis.defences import METRICS
from zsad.detectors.defence import Defended
from zsad.study import compute, load_study

DETECTORS = [
    "winclip",
    {"name": "winclip", "label": "hue copies", "options": {"defence": "hue copies"}},
    {"name": "winclip", "label": "grey", "options": {"defence": "grey input"}},
]
LABELS = ["hue copies", "grey"]
COMMON = {"over": ["washer"], "settings": ["3d"], "budget": 6, "limit": 6}


def load(study, detector, backbone):
    defence = detector.options.get("defence")
    return Defended(Reddish(), defence) if defence else Reddish()


@pytest.fixture
def page(tmp_path, monkeypatch):
    root = write_suite(tmp_path / "data" / "toys")
    others = write_suite(tmp_path / "others", normal=6, seed=1)
    for category in ("washer", "metal_nut"):  # good training images: those of another draw
        shutil.copytree(others / category / "test" / "good", root / category / "train" / "good")
    study = tiny_study(
        tmp_path,
        training=6,
        detectors=DETECTORS,
        worst=[
            {**COMMON, "name": "by loss", "criterion": "loss", "detectors": ["winclip"]},
            {**COMMON, "name": "plain", "detectors": ["winclip"]},
            {**COMMON, "name": "defences", "detectors": LABELS},
        ],
        sweeps=[{"over": ["washer"], "name": "all", "hue": [0.0, 1.0]}],
    )
    monkeypatch.setattr(zsad.study, "compute", lambda *a, **k: compute(*a, **k, loader=load, progress=False))
    return Page("defences", study, {}, tmp_path)


def test_the_page_compares_what_was_searched_alike(page, monkeypatch, capsys):
    variables = run_cells("defences", page, monkeypatch)
    ids, numbers = shown_on(page)
    figures = {"fig-defences-worst-image-toys", "fig-defences-worst-pixel-toys"}
    swept = ("image_auroc", "false_alarms", "misses", "pixel_auroc")
    tables = {"tab-defences", *(f"tab-defences-shifts-{metric}" for metric in swept)}
    unshifted = {"tab-defences-costs", "fig-defences-costs-image-toys", "fig-defences-costs-pixel-toys"}
    assert ids == figures | tables | unshifted
    assert "Unshifted mean pixel AUROC on toys: " in numbers["costs"]
    (found,) = variables["shown"]
    assert found.passes == {"winclip": 1, "hue copies": 6, "grey": 1}
    assert found.who == "WinCLIP on demo-b (float32); worst cases: toys, 1 category, 6 images"
    records = compute(page.study, loader=load, progress=False)
    at = records[(records["metric"] == "pixel_auroc") & (records["category"] == "washer")]
    worst = at[(at["shift"] == "worst") & at["variant"].isin(["plain", "defences"])].set_index("detector")["estimate"]
    for frame in (found.costs, found.shifts, found.worth):
        assert set(frame["metric"]) == set(METRICS), "false alarms and misses too"
    assert "Image level: what a defence is worth at the worst, toys" in (page.folder / "defences.json").read_text()
    assert "Below the defences" not in (page.folder / "defences.json").read_text(), "no other backbone is shown"
    table = found.worth[found.worth["metric"] == "pixel_auroc"].set_index("method")
    assert table.index.tolist() == ["winclip", *LABELS]
    assert table.loc["grey", "floor"].value == pytest.approx(100 * (worst["grey"] - worst["winclip"]))
    before = at[(at["shift"] == "none") & (at["variant"] == "plain")]["estimate"].iloc[0]
    assert table.loc["winclip", "drop"].value == pytest.approx(100 * (worst["winclip"] - before))
    assert table.loc["grey", "drop"].value == pytest.approx(0, abs=1e-4), "grey pictures show it nothing red"
    assert "at its worst WinCLIP loses" in numbers["worth"]
    assert numbers["conclusion"].startswith(
        "At the worst, on 6 images, with intervals that exclude 0, image AUROC is higher than WinCLIP's in "
    )
    assert " of 2 ways to defend it" in numbers["conclusion"]
    assert "Without a shift, on 20 test images of toys, " in numbers["conclusion"]
    assert numbers["shifts"].startswith("Mean image AUROC on toys, against WinCLIP under the same shift: hue copies (6")
    hue = pd.read_csv(page.folder / "tables" / "tab-defences-shifts-pixel_auroc.csv")
    assert hue["method"].tolist() == ["winclip", *LABELS]


@pytest.fixture
def kept(page, monkeypatch):
    """Gives a page whose study is kept, of some shifts alone, and computes nothing."""

    def keep(*shifts):
        records = compute(page.study, loader=load, progress=False)
        monkeypatch.setattr("zsad.study.kept.load_records", lambda study: records[records["shift"].isin(shifts)])
        monkeypatch.setattr("book.tools.page.is_kept", lambda name: True)
        monkeypatch.setattr(zsad.study, "compute", None)
        return page

    return keep


def test_uniform_shifts_are_shown_where_no_worst_case_is_kept(kept, monkeypatch, capsys):
    page = kept("none", "uniform")
    (found,) = run_cells("defences", page, monkeypatch)["shown"]
    assert found.worth.empty
    assert found.shifts["method"].unique().tolist() == ["winclip", *LABELS]
    assert found.who == "WinCLIP on demo-b (float32); toys: 1 category, 10 images"
    ids, numbers = shown_on(page)
    assert numbers["conclusion"].endswith("no worst cases through a defence are kept.")
    assert {"tab-defences-costs", "tab-defences-shifts-image_auroc"} <= ids


def test_costs_are_shown_where_no_shift_is_kept(kept, monkeypatch, capsys):
    page = kept("none")
    run_cells("defences", page, monkeypatch)
    ids, numbers = shown_on(page)
    assert ids == {"tab-defences-costs", "fig-defences-costs-image-toys", "fig-defences-costs-pixel-toys"}
    assert numbers["conclusion"].endswith("no worst cases through a defence are kept.")


def test_a_page_of_which_nothing_is_kept_says_so(kept, monkeypatch, capsys):
    page = kept()
    run_cells("defences", page, monkeypatch)
    ids, numbers = shown_on(page)
    assert not ids
    assert "hold no defences yet" in numbers["conclusion"]


def test_without_a_defence_it_says_so(page, monkeypatch, capsys):
    plain = page.study.with_overrides(detectors=["winclip"], worst=[], sweeps=[])
    run_cells("defences", bare := Page("defences", plain, {}, page.folder), monkeypatch)
    ids, numbers = shown_on(bare)
    assert not ids
    assert numbers["conclusion"].startswith("Not in this study: a detector behind a defence")


def test_the_demo_study_shifts_and_searches_winclip_as_its_defences():
    study = load_study("demo", check_models=False)
    labels = loading.defended(study)
    assert labels == ["turned copies", "hue copies", "grey input", "grey world", "white patch"]
    swept = [(block.variant, own) for block, own in loading._sweeps(study, ["winclip", *labels])]
    assert swept == [("defences", labels), ("matrix", ["winclip"])]
    assert {"as published", "pre-training", "defences"} <= {block.name for block in loading.searched(study)}
    assert not {"random 3d", "half", "kept by loss", "mask turned along"} & {b.name for b in loading.searched(study)}
