"""Which records a page shows, and what it says where its study lacks what it asks for."""

from toys import load_reddish, tiny_study, write_suite

import zsad.study
from book.tools import page as notebook
from book.tools.measured import measured
from book.tools.page import Page
from zsad.study import compute, load_study


def test_a_page_that_lacks_two_things_concludes_once(tmp_path, monkeypatch):
    glued, shown = [], []
    monkeypatch.setattr(notebook, "glue", lambda key, value, display: glued.append(key))
    monkeypatch.setattr(notebook, "display", lambda item: shown.append(item.data))
    page = Page("answers", load_study("quick", check_models=False), {}, tmp_path)
    assert measured(page, ["matrix"], "shifts at two doses") is None
    assert measured(page, ["no such block"], "random shifts") is None
    assert glued == ["conclusion"]
    assert "shifts at two doses" in page.numbers["conclusion"]["text"]
    assert ["random shifts" in text for text in shown] == [False, True]


def test_shifted_images_are_held_against_as_many_as_they_are(tmp_path, monkeypatch):
    write_suite(tmp_path / "data" / "toys")
    block = {"name": "matrix", "over": ["washer"]}
    study = tiny_study(
        tmp_path,
        sweeps=[{**block, "limit": 4, "exposure": [0.0, -1.0]}],
        corruptions=[{**block, "kinds": ["contrast"], "severities": [4]}],
    )
    monkeypatch.setattr(zsad.study, "compute", lambda *a, **k: compute(*a, **k, loader=load_reddish, progress=False))
    found = measured(Page("matrix", study, {}, tmp_path), ["matrix"], "shifts")
    aurocs = found.records[found.records["metric"] == "image_auroc"]
    told = aurocs[["category", "shift", "variant", "value", "n_images"]].sort_values(
        ["value", "n_images"], ascending=[True, False]
    )
    assert [*told.itertuples(index=False, name=None)] == [
        ("washer", "uniform", "matrix", -1.0, 4),
        ("washer", "none", "default", 0.0, 10),
        ("washer", "none", "matrix", 0.0, 4),
        ("washer", "corruption", "matrix", 4.0, 10),
    ], "of two blocks of one name, one has images of its own"


def test_blocks_with_images_of_their_own_ask_for_no_others(tmp_path, monkeypatch):
    write_suite(tmp_path / "data" / "toys")
    study = tiny_study(tmp_path, sweeps=[{"name": "matrix", "over": ["washer"], "limit": 4, "exposure": [0.0, -1.0]}])
    asked = []

    def computed(*arguments, **options):
        asked.append((arguments[1], options.get("variant")))
        return compute(*arguments, **options, loader=load_reddish, progress=False)

    monkeypatch.setattr(zsad.study, "compute", computed)
    found = measured(Page("matrix", study, {}, tmp_path), ["matrix"], "shifts")
    assert set(found.records["variant"]) == {"matrix"}
    assert {variant for _, variant in asked} == {"matrix"}


def test_a_cell_without_its_images_as_they_are_is_left_out_and_said_to_be(tmp_path, monkeypatch):
    class Partial(Page):
        def records(self, shift=None, setting=None, study=None, **selection):
            found = super().records(shift, setting, study, **selection)
            return found[(found["shift"] != "none") | (found["category"] != "washer")]

    write_suite(tmp_path / "data" / "toys")
    shown = []
    monkeypatch.setattr(notebook, "display", lambda item: shown.append(str(item.data)))
    monkeypatch.setattr(zsad.study, "compute", lambda *a, **k: compute(*a, **k, loader=load_reddish, progress=False))
    study = tiny_study(tmp_path, sweeps=[{"name": "matrix", "exposure": [0.0, -1.0]}])
    found = measured(Partial("matrix", study, {}, tmp_path), ["matrix"], "shifts")
    assert {*zip(found.records["category"], found.records["shift"], strict=True)} == {
        ("metal_nut", "none"), ("metal_nut", "uniform"),
    }  # fmt: skip
    assert any("Left out: 1 shifted cell whose images are not there as they are" in text for text in shown)
    alone = study.with_overrides(category="washer")
    assert measured(Partial("matrix", alone, {}, tmp_path), ["matrix"], "shifts of all") is None
    assert "hold no shifts of all yet" in shown[-1]


def test_unshifted_images_are_asked_of_what_the_blocks_are_made_of_alone(tmp_path, monkeypatch):
    write_suite(tmp_path / "data" / "toys")
    block = {"name": "matrix", "over": ["washer"], "backbones": ["demo-l"], "exposure": [0.0, -1.0]}
    study = tiny_study(tmp_path, sweeps=[block], backbones=["demo-b", "demo-l"])
    asked = []

    def computed(*arguments, **options):
        asked.append((arguments[1], options.get("detectors"), options.get("backbones")))
        return compute(*arguments, **options, loader=load_reddish, progress=False)

    monkeypatch.setattr(zsad.study, "compute", computed)
    found = measured(Page("matrix", study, {}, tmp_path), ["matrix"], "shifts")
    assert asked == [("uniform", None, None), ("none", ["winclip"], ["demo-l"])]
    assert set(found.records["backbone"]) == {"demo-l"}
