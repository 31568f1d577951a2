"""The page of reproduction gaps, of a study of toys whose ports shift the toy detector's map."""

import shutil

import pandas as pd
import pytest
from notebook_cells import run_cells, shown_on
from tiny_clip import tiny_backbone
from toys import Reddish, tiny_study, write_suite

import zsad.study
from book.tools import gaps as loading
from book.tools.page import Page
from zsad.detectors import Prediction
from zsad.study import compute

PORTS = [{"name": "winclip", "label": "map maximum", "options": {"image_score": "map maximum"}}]


class Port(Reddish):
    """Finds half as much on the right side."""

    def predict(self, images, category):
        found = super().predict(images, category).map.clone()
        found[..., found.shape[-1] // 2 :] *= 0.5
        return Prediction(found.flatten(1).amax(1), found)

    @property
    def options(self):
        return {"image_score": "map maximum"}


def load(study, detector, backbone):
    return Reddish() if detector.label == "winclip" else Port()


def small(detector, name, device="cpu", dtype="float32"):
    """A tiny CLIP under the name that it was asked for."""
    backbone = tiny_backbone(device=device, dtype=dtype)
    backbone.name = name
    return backbone


@pytest.fixture
def page(tmp_path, monkeypatch):
    write_suite(tmp_path / "data" / "toys")
    study = tiny_study(tmp_path, detectors=["winclip", *PORTS], sweeps={})
    monkeypatch.setattr(zsad.study, "compute", lambda *a, **k: compute(*a, **k, loader=load, progress=False))
    return Page("reproduction_gaps", study, {}, tmp_path)


def test_the_page_shows_what_its_study_changes(page, monkeypatch, capsys):
    monkeypatch.setattr(loading, "IMAGES", 4)  # of each category, which go through WinCLIP again and again
    for module in ("zsad.detectors", "book.tools.probes.protocol"):
        monkeypatch.setattr(f"{module}.load_backbone_of", small)
    variables = run_cells("reproduction_gaps", page, monkeypatch)
    ids, numbers = shown_on(page)
    assert ids == {"fig-gaps-image-toys", "fig-gaps-pixel-toys", "tab-gaps", "fig-protocols", "tab-protocols"}
    (found,) = variables["shown"]
    assert found.changes["cause"].unique().tolist() == ["map maximum", "pooled"]
    change = found.changes.set_index(["cause", "metric"])["change"]
    records = compute(page.study, "none", loader=load, progress=False)
    means = 100 * records[records["metric"] == "pixel_auroc"].groupby("detector")["estimate"].mean()
    assert change["map maximum", "pixel_auroc"].value == pytest.approx(means["map maximum"] - means["winclip"])
    assert "have a 95 % interval that excludes 0" in numbers["counted"]
    assert numbers["conclusion"].startswith("With intervals that exclude 0, image AUROC falls in ")
    assert "(a case is one of the things that ports do otherwise, where " in numbers["conclusion"]
    assert variables["sample"].who == "WinCLIP on demo-b (float32), toys, images: metal nut 4, washer 4"
    table = pd.read_csv(page.folder / "tables" / "tab-protocols.csv")
    assert table["done otherwise"].tolist() == list(loading.PROTOCOLS)


def test_each_port_has_a_threshold_of_its_own_scores(page):
    others = write_suite(page.folder / "others", normal=6, seed=1)
    for category in ("washer", "metal_nut"):
        shutil.copytree(
            others / category / "test" / "good", page.study.data_root / "toys" / category / "train" / "good"
        )
    page.study = page.study.model_copy(update={"training": 6})
    (found,) = loading.ported(page)
    records = compute(page.study, "none", loader=load, progress=False)
    images, good = (page.details(table, records) for table in ("images", "training"))
    highest = good.groupby(["detector", "category"])["score"].max()  # of six good images none may raise an alarm
    above = [row.score > highest[row.detector, row.category] for row in images.itertuples()]
    rates = 100 * images.assign(alarm=above).groupby(["detector", "category", "label"])["alarm"].mean()
    rates = rates.groupby(["detector", "label"]).mean()
    change = found.changes.set_index(["cause", "metric"])["change"]
    alarms, caught = (rates["map maximum", label] - rates["winclip", label] for label in (False, True))
    assert change["map maximum", "false_alarms"].value == pytest.approx(alarms, abs=1e-6)
    assert change["map maximum", "misses"].value == pytest.approx(-caught, abs=1e-6)
    plain = found.changes.set_index(["cause", "metric"])["plain"]
    assert plain["map maximum", "misses"] == pytest.approx(100 - rates["winclip", True], abs=1e-6)
    assert plain["map maximum", "false_alarms"] == pytest.approx(rates["winclip", False], abs=1e-6)
    assert ("pooled", "misses") not in change


def test_kept_records_are_those_of_the_first_backbone_with_ports(page, monkeypatch):
    records = compute(page.study, "none", loader=load, progress=False)
    other = records[records["detector"] == "winclip"].assign(backbone="demo-l")
    monkeypatch.setattr(page, "records", lambda *_, **__: pd.concat([other, records]))
    (found,) = loading.ported(page)
    assert len(found.changes) == 4
    assert found.who == "WinCLIP on demo-b (float32), toys: 2 categories, 20 images"


def test_where_no_port_is_kept_it_says_so(page, monkeypatch, capsys):
    records = compute(page.study, "none", loader=load, progress=False)
    monkeypatch.setattr(page, "records", lambda *_, **__: records[records["detector"] == "winclip"])
    monkeypatch.setattr("book.tools.page.is_kept", lambda name: True)
    assert loading.ported(page) == []
    assert "hold no WinCLIP that does one thing otherwise yet" in page.numbers["conclusion"]["text"]


def test_weights_of_ones_own_are_not_looked_for_by_their_name(page, monkeypatch):
    own = {"name": "mine", "architecture": "ViT-B-16", "weights": "mine.pt"}
    page.study = tiny_study(page.study.data_root.parent, backbones=[own], sweeps={})
    said = []
    monkeypatch.setattr(Page, "say", lambda page, text: said.append(text))
    assert loading.measured(page) is None
    assert said == ["Not measured here: it takes a backbone of this package, and not weights of your own."]
