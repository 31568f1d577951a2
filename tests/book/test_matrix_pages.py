"""The pages of the matrix, decisions, doses and the null, of a real study of toys: what their cells show follows
from its records. Only the pictures are toys.
"""

import shutil

import pandas as pd
import pytest
from notebook_cells import order_on, run_cells, shown_on
from toys import load_reddish, tiny_study, write_suite

import zsad.study
from book.tools.measured import measured
from book.tools.nulls import bounds_of, criteria_of
from book.tools.page import Page
from book.tools.plots import plot_curves, plot_heat, to_svg
from book.tools.searches import searches_of
from book.tools.worst import cases_of
from zsad.analysis import null
from zsad.analysis.decisions import TRAINING
from zsad.analysis.differences import Difference
from zsad.analysis.null import Bound
from zsad.analysis.unmoved import NOTE
from zsad.study import compute
from zsad.study.load import load_study
from zsad.study.schema import RECORD_COLUMNS

SWEEPS = [
    {"name": "matrix", "over": ["washer"], "angle": [0.0, 5.0, 30.0], "exposure": [0.0, -0.5, -2.0]},
    {
        "name": "doses",
        "over": ["washer"],
        "angle": [0.0, -9.0, 9.0, 20.0, 30.0],
        "exposure": [0.0, -2.0, 0.5, 0.75, 1.0],
    },
]
WORST = [
    {"name": "searched", "over": ["washer"], "settings": ["angle"], "budget": 8},
    {"name": "random", "over": ["washer"], "settings": ["angle"], "budget": 8, "search": "random"},
    {"name": "by loss", "over": ["washer"], "settings": ["angle"], "budget": 8, "criterion": "loss"},
    {"name": "by score", "over": ["washer"], "settings": ["angle"], "budget": 8, "criterion": "score"},
    {
        "name": "random score",
        "over": ["washer"],
        "settings": ["angle"],
        "budget": 8,
        "search": "random",
        "criterion": "score",
    },
]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    root = write_suite(folder / "data" / "toys")
    for category in ("washer",):  # good training images: those of another draw
        others = write_suite(folder / "others", normal=6, seed=1) / category / "test" / "good"
        shutil.copytree(others, root / category / "train" / "good")
    corrupted = {"name": "matrix", "over": ["washer"], "kinds": ["contrast"], "severities": [0, 1, 4]}
    study = tiny_study(folder, sweeps=SWEEPS, worst=WORST, corruptions=[corrupted], training=6)
    compute(study, progress=False, loader=load_reddish)
    return study


@pytest.fixture
def page(study, tmp_path, monkeypatch):
    """A page whose records are computed with the toy detector."""
    with_toys = zsad.study.compute
    monkeypatch.setattr(zsad.study, "compute", lambda *a, **k: with_toys(*a, **k, loader=load_reddish, progress=False))
    return Page("matrix", study, {}, tmp_path)


def test_the_matrix_is_shown_and_offered_whole(page, monkeypatch):
    variables = run_cells("matrix", page, monkeypatch)
    ids, numbers = shown_on(page)
    assert ids == {"fig-matrix-toys", "fig-matrix-pixel-toys", "tab-matrix"}
    table = variables["table"]
    assert f"one rule for all {len(table)} effects of the matrix calls so" in numbers["conclusion"]
    assert numbers["conclusion"].endswith(" toys: 1 category, 10 test images.")
    assert set(table["setting"]) == {"angle", "exposure", "contrast"}
    kept = pd.read_csv(page.folder / "tables" / "tab-matrix.csv")
    assert len(kept) == len(table)
    records = variables["found"].records
    (shifted,) = records[(records["value"] == 30) & (records["metric"] == "image_auroc")]["estimate"]
    row = kept[(kept["dose"] == "+30 degrees") & (kept["metric"] == "image AUROC")].iloc[0]
    assert row["after"] == pytest.approx(100 * shifted, abs=0.051)


@pytest.mark.parametrize(
    ("name", "met"),
    [("matrix", ["finding", "fig-matrix-toys", "fig-matrix-pixel-toys", "> tab-matrix"]),
     ("decisions", ["finding", "fig-decisions-toys", "fig-false-alarms", "> tab-decisions", "fig-moved-toys"]),
     ("doses", ["finding", "fig-doses-toys", "fig-doses-alarms-toys", "> tab-doses"])],
)  # fmt: skip
def test_the_finding_stands_first_and_tables_are_folded(page, monkeypatch, name, met):
    assert order_on(name, page, monkeypatch) == met


def test_decisions_are_shown_at_a_threshold_from_training_images(page, monkeypatch):
    variables = run_cells("decisions", page, monkeypatch)
    ids, numbers = shown_on(page)
    assert ids == {"fig-decisions-toys", "fig-false-alarms", "tab-decisions", "fig-moved-toys"}
    assert variables["rule"] == TRAINING
    assert len(variables["squares"]) == 6, "three shifts at two levels"
    assert [key for key in numbers if key.startswith("take_home")] == [f"take_home_{n}" for n in (1, 2, 3)]
    alarms = variables["table"].query("metric == 'false_alarms' and rule == @TRAINING and level == 'plausible'")
    doubled = int((alarms["clear"] & (alarms["after"] > 2 * alarms["before"])).sum())
    assert f"more than double in {doubled} of 3 cases" in numbers["take_home_1"]


def test_the_first_page_is_told_three_findings(page, monkeypatch):
    variables = run_cells("answers", page, monkeypatch)
    ids, numbers = shown_on(page)
    assert ids == {"fig-answers", "tab-answers"}
    assert set(variables["said"]) == {"plausible", "extreme", "searched"}
    assert numbers["plausible_claim"] == variables["said"]["plausible"].claim
    assert variables["said"]["extreme"].number in numbers["extreme_measured"]
    assert "Not measured" not in " ".join(map(str, numbers.values()))
    assert numbers["who"].endswith(" test images of 1 product")


def test_doses_are_shown_with_their_thresholds(page, monkeypatch):
    variables = run_cells("doses", page, monkeypatch)
    ids, numbers = shown_on(page)
    assert ids == {"fig-doses-toys", "fig-doses-alarms-toys", "tab-doses"}
    kept = pd.read_csv(page.folder / "tables" / "tab-doses.csv")
    assert kept[["setting", "way", "tried", "both_ways"]].to_numpy().tolist() == [
        ["angle", "either", "(9.0, 20.0, 30.0)", "(9.0,)"],
        ["exposure", "+", "(0.5, 0.75, 1.0)", "()"]]  # fmt: skip
    assert "Rotation up to +30 degrees, 3 doses: " in numbers["each"]
    assert " of 2 curves " in numbers["conclusion"]
    assert "Left out: 1 of 3 curves, of 1 dose each (winclip)." in numbers["conclusion"]
    assert variables["points"].query("way == '−'")["x"].tolist() == [-2.0] * 3


def test_searches_stand_beside_random_shifts(page, monkeypatch):
    variables = run_cells("worst_null", page, monkeypatch)
    ids, numbers = shown_on(page)
    assert ids == {"fig-null-image", "fig-null-score", "fig-null-toys", "tab-null", "tab-null-pooled", "tab-criterion"}
    row = variables["falls"].iloc[0]
    samples = page.details("samples", variables["found"].records.query("shift == 'worst'"))
    random = samples[(samples["variant"] == "random") & samples["label"]]
    assert row["random_worst"] == pytest.approx(100 * (random["clean_auroc"] - random["auroc"]).mean(), abs=1e-4)
    assert row["random_mean"] == pytest.approx(100 * (random["clean_auroc"] - random["mean_auroc"]).mean(), abs=1e-4)
    assert "in 1 of 1 cases" in numbers["beyond"] or "in 0 of 1 cases" in numbers["beyond"]
    by_score = variables["aimed"].iloc[0]
    percent = {variant: 100 * page.records("worst", variant=variant).query("metric == 'image_auroc'")["estimate"].item()
               for variant in ("searched", "by score", "random score")}  # fmt: skip
    assert [by_score["worst"], by_score["random"]] == pytest.approx([percent["by score"], percent["random score"]])
    assert percent["by score"] <= percent["searched"]
    drop = variables["pooled"].query("metric == 'image_auroc'")["drop"].item()
    moves = {1: "falls", 0: "moves", -1: "rises"}[drop.sign]
    assert f" With every image of toys at its worst, image AUROC {moves} from " in numbers["conclusion"]


def test_gaps_that_no_draw_moves_have_no_interval_in_the_tables_of_the_null(page, monkeypatch):
    pooled, falls, said, tables = null.pooled, null.falls, [], {}
    still = Difference(0.0, 0.0, 0.0, 1)
    monkeypatch.setattr(null, "pooled", lambda *given: pooled(*given).assign(beyond=still))
    monkeypatch.setattr(
        null, "falls", lambda of: falls(of).assign(**{f"worst{end}": 0.0 for end in ("", "_low", "_high")})
    )
    monkeypatch.setattr(Page, "say", lambda page, text: said.append(text))
    monkeypatch.setattr(Page, "table", lambda page, frame, id, *caption, **more: tables.update({id: frame}))
    run_cells("worst_null", page, monkeypatch)
    assert set(tables["tab-null-pooled"]["search beyond random"]) == {"+0.0 (no draw differs)"}
    assert set(tables["tab-null"]["search"]) == {"0.0 (no draw differs)"}
    assert any(NOTE in text for text in said)


def test_searches_for_scores_are_not_held_against_those_of_maps(page):
    by_score = next(block for block in page.study.worst if block.name == "by score")
    assert "keeping that of the most misleading score of the image" in cases_of(page, by_score).who
    assert {cases.block.name for cases in searches_of(page)} == {"searched", "random", "by loss"}


def test_detectors_on_several_backbones_have_rows_of_their_own(tmp_path, monkeypatch):
    write_suite(tmp_path / "data" / "toys")
    study = tiny_study(
        tmp_path,
        detectors=["winclip", {"name": "winclip", "label": "another", "options": {"temperature": 0.1}}],
        backbones=["demo-b", "demo-l"],
        worst=WORST[:2],
    )
    monkeypatch.setattr(zsad.study, "compute", lambda *a, **k: compute(*a, **k, loader=load_reddish, progress=False))
    variables = run_cells("worst_null", Page("worst_null", study, {}, tmp_path / "page"), monkeypatch)
    of_auroc = variables["moved"].query("panel == 'image_auroc'")["row"].tolist()
    cases = ["WinCLIP, toys, demo-b", "WinCLIP, toys, demo-l", "another, toys, demo-b", "another, toys, demo-l"]
    assert sorted(of_auroc) == sorted(f"{case}: {what}" for case in cases for what in ("search", "random"))
    pairs = zip(of_auroc[::2], of_auroc[1::2], strict=True)
    assert all(one.removesuffix("search") == other.removesuffix("random") for one, other in pairs), "side by side"


def test_which_blocks_belong_together_is_read_from_the_study(study):
    assert bounds_of(study) == [Bound("searched", "random", 1.0)]
    assert bounds_of(study, aim="scores") == [Bound("by score", "random score", 1.0)]
    assert criteria_of(study) == {
        "lowest pixel AUROC": "searched", "lowest loss": "by loss", "most misleading score": "by score"
    }  # fmt: skip
    demo = load_study("demo", check_models=False)
    found = {(bound.search, bound.random): bound.size for bound in bounds_of(demo)}
    wanted = {("as published", "random"): 1, ("as published", "random 3d"): 1, ("half", "random half"): 0.5,
              ("tenth", "random tenth"): 0.1, ("other detectors", "random other detectors"): 1}  # fmt: skip
    assert wanted.items() <= found.items()
    of_one = {(bound.search, bound.random): bound.size for bound in bounds_of(demo, ["winclip"])}
    del wanted["other detectors", "random other detectors"]
    assert wanted.items() <= of_one.items() < found.items()
    assert "pre-training" in {search for search, _ in of_one}, "on backbones that differ in what pre-training showed"
    assert {search for search, _ in of_one} & {"other detectors", "defences"} == set()
    of_both = {bound.search for bound in bounds_of(demo, ["winclip"], ["demo-b"])}
    assert of_both == {search for search, _ in of_one} - {"pre-training"}
    kept = {
        "lowest pixel AUROC": "as published",
        "lowest loss": "kept by loss",
        "most misleading score": "image scores",
    }
    assert criteria_of(demo) == kept


@pytest.mark.parametrize("name", ["matrix", "decisions", "doses", "worst_null"])
def test_the_book_says_in_one_line_that_nothing_is_kept(page, study, monkeypatch, name):
    book, said = Page(name, study, {}, page.folder), []
    monkeypatch.setattr(book, "records", lambda *a, **k: pd.DataFrame(columns=RECORD_COLUMNS))
    monkeypatch.setattr(book, "say", said.append)
    run_cells(name, book, monkeypatch)
    assert len(said) == 1
    assert "`zsad run tiny` computes them" in said[0]
    assert not book.items
    assert shown_on(book)[1] == {"conclusion": said[0]}  # what the first page of the book shows


def test_a_study_without_such_blocks_is_told_so(page, study, monkeypatch):
    said = []
    bare = Page("matrix", study.model_copy(update={"sweeps": [], "corruptions": []}), {}, page.folder)
    monkeypatch.setattr(bare, "say", said.append)
    assert measured(bare, ["matrix"], "shifts") is None
    assert said[0].startswith("Not in this study: shifts.")


def test_squares_hold_their_numbers_and_say_which_are_unclear():
    table = pd.DataFrame({"row": ["a", "a", "b"], "column": ["x", "y", "x"], "panel": "p",
                          "value": [-3.4, -0.2, 12.0], "clear": [True, False, True]})  # fmt: skip
    figure = plot_heat(table, {"a": "A", "b": "B"}, {"x": "X", "y": "Y"}, {"p": "P"}, most=10)
    (axis,) = figure.axes
    assert [label.get_text() for label in axis.get_yticklabels()] == ["A", "B"]
    assert {text.get_text() for text in axis.texts} == {"−3", "(0)", "12"}
    assert {(text.get_position(), text.get_text()) for text in axis.texts} >= {((0, 1), "12"), ((1, 0), "(0)")}
    assert "currentColor" in to_svg(figure, "x")
    (image,) = axis.images
    better, unclear, worse = (image.cmap(image.norm(value)) for value in (-10.0, 0.0, 10.0))
    assert unclear[3] == pytest.approx(0, abs=0.01), "no change shows the page"
    assert better[2] > better[0]
    assert worse[0] > worse[2]
    assert better[3] == worse[3] == pytest.approx(0.85, abs=0.01)


def test_curves_have_a_panel_each_and_their_intervals():
    table = pd.DataFrame({"panel": ["p", "p", "q"], "series": "s", "x": [1.0, 2.0, 1.0], "estimate": [3.0, 4.0, 5.0],
                          "low": [2.0, 3.0, 4.0], "high": [4.0, 5.0, 6.0]})  # fmt: skip
    figure = plot_curves(table, {name: (name, "dose [m]") for name in "pqr"}, "points")
    lines = [list(axis.get_lines()[0].get_ydata()) for axis in figure.axes[:2]]
    assert lines == [[3, 4], [5]]
    assert [axis.get_xlabel() for axis in figure.axes[:2]] == ["dose [m]"] * 2
