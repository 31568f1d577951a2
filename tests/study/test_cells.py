from dataclasses import fields, replace

import pytest
from toys import tiny_study

from zsad.study.cells import Cell, Request, Selection, cell_of, requests
from zsad.study.config import DetectorConfig, Study
from zsad.study.shifts import Corruptions, Shift, Worst, canonical_json

CHANGES = {
    "suite": "other",
    "category": "other",
    "reader": "visa",
    "detector": "other",
    "options": '{"a":2}',
    "backbone": "other",
    "dtype": "bfloat16",
    "league": "auxiliary anomalies",
    "league_of_scores": "no text",
    "league_of_maps": "no text",
    "shift": Shift("uniform", "angle", 7.0),
    "resolution": 64,
    "aspect": "squashed",
    "metric_size": 64,
    "limit": 3,
    "rotation": "bilinear",
    "fpr_limit": 0.05,
    "bootstrap": 7,
    "training": 7,
    "seed": 9,
}


@pytest.fixture
def cell(tmp_path) -> Cell:
    study = tiny_study(tmp_path)
    return _cell(study, {"a": 1})


def _cell(study: Study, options: dict[str, int]) -> Cell:
    winclip = DetectorConfig(name="winclip")
    return cell_of(study, Request("toys", "washer", winclip, "demo-b", "default", Shift(), None), options, "text only")


def test_every_field_of_a_cell_changes_its_key(cell):
    assert set(CHANGES) == {field.name for field in fields(Cell)}
    shifted = cell.under(Shift("uniform", "angle", 5.0))
    keys = {shifted.key("d", "w")} | {replace(shifted, **{k: v}).key("d", "w") for k, v in CHANGES.items()}
    assert len(keys) == 1 + len(CHANGES)


def test_a_cell_names_the_league_of_an_output_only_where_it_is_another(cell):
    assert [name for name in cell.spec() if name.startswith("league")] == ["league"]
    mixed = replace(cell, league="auxiliary anomalies", league_of_maps="auxiliary anomalies").spec()
    assert {name: value for name, value in mixed.items() if name.startswith("league")} == {
        "league": "auxiliary anomalies",
        "league_of_scores": "text only",
    }


def test_data_weights_and_code_change_the_key(cell, monkeypatch):
    keys = {cell.key("d", "w"), cell.key("e", "w"), cell.key("d", "v")}
    monkeypatch.setattr("zsad.study.cells.cell_code", lambda detector, kind, _: {"data": f"{detector} {kind}"})
    keys.add(cell.key("d", "w"))
    assert len(keys) == 4


def test_device_batch_size_and_place_do_not_change_the_key(tmp_path, cell):
    study = tiny_study(tmp_path / "elsewhere", device="cuda", batch_size=99)
    moved = _cell(study, {"a": 1})
    assert moved.key("d", "w") == cell.key("d", "w")


def test_no_strength_is_no_shift(cell):
    for setting, value in (("angle", 0.0), ("hue", 0), ("saturation", -0.0)):
        assert cell.under(Shift("uniform", setting, value)) == cell
    assert cell.under(Shift("corruption", "contrast", 0, '{"at":"native"}')) == cell
    assert cell.under(Shift("uniform", "hue", 1.0)) != cell
    assert cell.under(Shift("worst", "hue")) != cell, "a worst case has no strength, but it is a shift"


def test_the_order_of_options_does_not_matter(tmp_path):
    study = tiny_study(tmp_path)
    one, two = (_cell(study, options) for options in ({"a": 1, "b": 2}, {"b": 2, "a": 1}))
    assert one.key("d", "w") == two.key("d", "w")


def test_what_is_not_a_number_has_no_key():
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"a": float("nan")})


WORST = [
    Worst(),
    Worst(search="adam"),
    Worst(budget=7),
    Worst(criterion="loss"),
    Worst(align="mask"),
    Worst(corners="left out"),
    Worst(gradient="class_token"),
    Worst(bounds={"angle": 45}),
    Worst(settings=["angle"]),
]


def test_every_option_of_a_search_and_of_a_corruption_changes_the_key(cell):
    shifts = {shift for block in WORST for shift in block.shifts()}
    assert len(shifts) == 7 * 4 + 2, "the first block's four, six changed ones, and a bound of two settings"
    corruptions = [Corruptions(severities=[1, 2]), Corruptions(severities=[1, 2], at="resized")]
    shifts |= {shift for block in corruptions for shift in block.shifts()}
    keys = {cell.under(shift).key("d", "w") for shift in shifts}
    assert len(keys) == len(shifts) == 30 + 2 * 2 * 4


def test_a_bound_that_a_setting_does_not_search_leaves_its_key_alone():
    wide, narrow = ({s.setting: s for s in Worst(bounds={"angle": a}).shifts()} for a in (90, 30))
    assert {name for name in wide if wide[name] != narrow[name]} == {"angle", "3d"}


@pytest.fixture
def study(tmp_path):
    for category in ("washer", "nut"):
        (tmp_path / "data" / "toys" / category / "test").mkdir(parents=True)
    return tiny_study(
        tmp_path,
        detectors=["winclip", {"name": "winclip", "label": "plain", "options": {"a": 1}, "backbones": ["demo-b"]}],
        backbones=["demo-b", "demo-l"],
        worst=[
            {"settings": ["hue", "3d"], "detectors": ["winclip"]},
            {"name": "short", "settings": ["3d"], "budget": 5, "limit": 3, "over": ["nut"]},
        ],
        corruptions={"kinds": ["contrast"], "severities": [0, 3], "over": ["nut"], "backbones": ["demo-b"]},
    )


def asked(study, **selection):
    return [
        (r.category, r.detector.label, r.backbone, r.variant, str(r.shift))
        for r in requests(study, Selection(**selection))
    ]


def test_a_study_asks_for_what_its_blocks_say(study):
    everything = asked(study)
    assert len(everything) == len(set(everything))
    subjects = {row[:3] for row in everything}
    assert subjects == {
        (category, *subject)
        for category in ("nut", "washer")
        for subject in (("winclip", "demo-b"), ("winclip", "demo-l"), ("plain", "demo-b"))
    }
    of_nut = [row[1:] for row in everything if row[0] == "nut"]
    assert [row[2:] for row in of_nut if row[:2] == ("winclip", "demo-b")] == [
        ("default", "none none"),
        ("default", "worst hue"),
        ("default", "worst 3d"),
        ("short", "none none"),
        ("short", "worst 3d"),
        ("default", "corruption contrast 0"),
        ("default", "corruption contrast 3"),
    ]
    assert ("plain", "demo-b", "default", "worst hue") not in of_nut
    assert ("plain", "demo-b", "short", "worst 3d") in of_nut
    assert ("winclip", "demo-l", "default", "corruption contrast 3") not in of_nut
    assert {row[4] for row in everything if row[0] == "washer"} == {
        "none none", "worst hue", "worst 3d", "uniform angle -30", "uniform angle 0", "uniform angle 30",
        "uniform hue 0", "uniform hue 1",
    }  # fmt: skip


def test_a_selection_takes_a_part(study):
    everything = asked(study)
    assert asked(study, shift="worst", setting="3d", variant="short", categories=["nut"], backbones=["demo-l"]) == [
        ("nut", "winclip", "demo-l", "short", "worst 3d")
    ]
    assert asked(study, detectors=["plain"]) == [row for row in everything if row[1] == "plain"]
    assert asked(study, setting="hue") == [row for row in everything if "hue" in row[4]]
    assert asked(study, suites=["toys"]) == everything


def test_a_block_with_a_limit_has_unshifted_pictures_of_its_own(study):
    limited = [r for r in requests(study, Selection(variant="short"))]
    assert {(r.limit, r.category) for r in limited} == {(3, "nut")}
    assert {r.shift.kind for r in limited} == {"none", "worst"}
    assert {r.limit for r in requests(study, Selection()) if r.variant == "default"} == {None}
    assert {r[3] for r in asked(study, shift="none")} == {"default"}, "a page's unshifted pictures are the study's"
    assert asked(study, shift="none", variant="short", backbones=["demo-b"], detectors=["plain"]) == [
        ("nut", "plain", "demo-b", "short", "none none")
    ]
    narrower = study.with_overrides(limit=2)
    assert {r.limit for r in requests(narrower, Selection(variant="short"))} == {2}


def test_blocks_of_two_kinds_and_one_name_have_their_unshifted_pictures_in_common(tmp_path):
    (tmp_path / "data" / "toys" / "nut" / "test").mkdir(parents=True)
    few = {"name": "few", "limit": 2, "over": ["nut"]}
    study = tiny_study(
        tmp_path,
        sweeps=[{**few, "hue": [0.0, 1.0]}],
        corruptions=[{**few, "kinds": ["contrast"], "severities": [3]}],
    )
    assert [(row[3], row[4]) for row in asked(study)] == [
        ("default", "none none"),
        ("few", "none none"),
        ("few", "uniform hue 0"),
        ("few", "uniform hue 1"),
        ("few", "corruption contrast 3"),
    ]
    assert {r.limit for r in requests(study, Selection(variant="few"))} == {2}
    with pytest.raises(ValueError, match="a limit of its own needs a name"):
        tiny_study(tmp_path, sweeps=[{"over": ["nut"], "limit": 2, "hue": [0.0, 1.0]}])


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ({"shift": "tilt"}, "has no shift 'tilt'; known: none, uniform, worst, corruption"),
        ({"shift": "uniform", "setting": "3d"}, "no setting '3d'; known: angle, hue"),
        ({"shift": "worst", "variant": "long"}, "no variant 'long'; known: default, short"),
        ({"detectors": ["clip"]}, "no detector 'clip'; known: winclip, plain"),
        ({"backbones": ["demo-x"]}, "no backbone 'demo-x'; known: demo-b, demo-l"),
        ({"categories": ["spoon"]}, "no category 'spoon'; known: nut, washer"),
        ({"suites": ["toy"]}, "no suite 'toy'; known: toys"),
        ({"shift": "uniform", "categories": ["nut"]}, "has no result for shift uniform, categories nut"),
    ],
)
def test_what_a_study_does_not_have_is_an_error_with_what_it_has(study, selection, message):
    with pytest.raises(ValueError, match=message):
        asked(study, **selection)
