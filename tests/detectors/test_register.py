"""A detector that is one class and one line of `zsad.detectors.DETECTORS` is known everywhere by what it declares."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from tiny_clip import tiny_backbone
from toys import SIZE, Reddish, tiny_study, write_suite

from book.tools import corruption, leagues
from book.tools.measured import measured
from book.tools.page import Page
from zsad import cli
from zsad.analysis import league_tables, matrix, poster, tiling
from zsad.detectors import DETECTORS, declared, load_detector
from zsad.detectors.given import Checked
from zsad.study import StudyError, compute
from zsad.study.checks import check_models
from zsad.study.config import DetectorConfig, Study
from zsad.study.results import load_sidecars
from zsad.study.run import load_study_detector


@dataclass(frozen=True)
class ToyOptions(Checked):
    channel: Literal["red", "blue"] = "red"
    cache: str | Path | None = None


class Toy(Reddish):
    title = "Toy of one line"
    resolution = 2 * SIZE
    cached_by = ("zsad.heatmap",)

    def __init__(self, backbone: object, options: ToyOptions) -> None:
        super().__init__(name="toy")
        self.chosen = options

    @property
    def options(self) -> dict[str, Any]:
        return {"channel": self.chosen.channel}


@pytest.fixture(autouse=True)
def one_line(monkeypatch):
    monkeypatch.setitem(DETECTORS, "toy", (Toy, ToyOptions))
    for module in ("zsad.detectors", "zsad.study.run"):
        monkeypatch.setattr(f"{module}.load_backbone_of", lambda *_, **__: tiny_backbone())


@pytest.fixture
def study(tmp_path) -> Study:
    write_suite(tmp_path / "data" / "toys")
    detectors = ["toy", {"name": "toy", "label": "toy blue", "options": {"channel": "blue"}}]
    return tiny_study(tmp_path, detectors=detectors, sweeps={}, cache_root=tmp_path / "cache")


def test_a_study_takes_it_and_its_options_and_computes_it(study):
    check_models(study)
    wrong = study.with_overrides(detectors=[{"name": "toy", "options": {"channel": "green"}}])
    with pytest.raises(StudyError, match=r"detectors\.toy\.options: channel must be 'red' or 'blue', not 'green'"):
        check_models(wrong)
    records = compute(study, "none", progress=False)
    assert records["detector"].unique().tolist() == ["toy", "toy blue"]


def test_it_is_given_images_of_its_size_and_a_folder_for_what_it_keeps(study, monkeypatch):
    assert [study.resolution_of(detector) for detector in study.detectors] == [2 * SIZE, 2 * SIZE]
    given = {}
    monkeypatch.setattr("zsad.study.run.load_detector", lambda name, **options: given.update(options) or Reddish())
    load_study_detector(study, DetectorConfig(name="toy"), "demo-b")
    assert given["cache"].parent == study.cache_root / "masks"


def test_tables_and_legends_call_it_by_its_title(study):
    assert study.titles == {"toy": "Toy of one line", "toy blue": "toy blue"}


def test_the_command_line_takes_it(study, tmp_path, capsys):
    arguments = ["evaluate", "--detector", "toy", "--reader", "mvtec_ad", "--root", str(study.root_of("toys"))]
    assert cli.main([*arguments, "--category", "washer", "--option", "channel=blue"]) == 0
    out = capsys.readouterr().out
    assert "toy on demo-b, washer: 10 images" in out
    assert "anomalous; league: text only\n" in out


def test_it_takes_a_defence_wherever_it_takes_an_option(study, tmp_path, capsys):
    """From a study, papermill and the command line; the records of others keep their options and code."""
    grey = {"name": "toy", "label": "grey", "options": {"defence": "grey input"}}
    records = compute(study.with_overrides(detectors=["toy", grey]), "none", progress=False)
    sidecars = {record: load_sidecars(records[records["detector"] == record], study) for record in ("toy", "grey")}
    specs = {label: [sidecar["spec"]["options"] for sidecar in of.values()] for label, of in sidecars.items()}
    assert specs == {"toy": 2 * [{"channel": "red"}], "grey": 2 * [{"channel": "red", "defence": "grey input"}]}
    means = records[records["metric"] == "pixel_auroc"].groupby("detector")["estimate"].mean()
    assert means["toy"] > 0.6
    assert means["grey"] == 0.5, "grey pictures show it nothing red"
    overridden = study.with_overrides(options="{defence: hue copies}").detectors
    assert [detector.options.get("defence") for detector in overridden] == 2 * ["hue copies"]
    wrong = study.with_overrides(detectors=[{"name": "toy", "options": {"defence": "gray"}}])
    with pytest.raises(StudyError, match=r"detectors\.toy\.options: unknown defence 'gray'; known: turned copies"):
        check_models(wrong)
    arguments = ["evaluate", "--detector", "toy", "--reader", "mvtec_ad", "--root", str(study.root_of("toys"))]
    assert cli.main([*arguments, "--category", "washer", "--option", "defence=grey input"]) == 0
    assert "toy on demo-b, washer: 10 images" in capsys.readouterr().out
    assert cli.main([*arguments, "--category", "washer", "--option", "defence=gray"]) == 2
    assert "unknown defence 'gray'" in capsys.readouterr().err


def test_it_stands_in_every_table_that_fits_it(tmp_path, monkeypatch):
    """Of leagues, the matrix and the poster's, by its title, as one that nobody prints and that has no words."""
    monkeypatch.setattr("zsad.analysis.published.lacking", lambda *_: "")  # the toys for the whole data set
    write_suite(tmp_path / "data" / "toys")
    study = tiny_study(
        tmp_path, suites={"mvtec_ad": {"reader": "mvtec_ad", "root": "toys"}}, detectors=["winclip", "toy"],
        sweeps={"name": "matrix", "over": ["washer"], "angle": [0.0, 5.0, 30.0]},
        corruptions={"over": ["washer", "metal_nut"], "kinds": ["contrast"], "severities": [0, 3]},
    )  # fmt: skip
    compute(study, progress=False)
    page = Page("leagues", study, {}, tmp_path / "page")
    found = leagues.measured(page)
    named, in_print = {("winclip", "MVTec AD", "image_auroc"): 91.8}, "MVTec AD, printed iAUROC"
    table = league_tables.methods_by_league(found.records, found.of_scores, study.titles, ["image_auroc"], named)
    assert table[["league", "method", in_print]].to_numpy().tolist() == [
        ["text only", "WinCLIP", "91.8"], ["text only", "Toy of one line", "–"]
    ]  # fmt: skip
    drawn = leagues.pictured(found)[2]["toy"]
    assert (drawn.title, drawn.words[:2]) == ("Toy of one line", ("–", "–"))
    assert drawn.map.shape == (2 * SIZE, 2 * SIZE)
    blocks = measured(page, ["matrix"], "shifts")
    squares = matrix.matrix(blocks.records, blocks.draws, blocks.decisions, blocks.rotation_invariant)
    assert {"image_auroc", "pixel_auroc", "false_alarms"} <= set(squares.loc[squares["detector"] == "toy", "metric"])
    cases = corruption.corrupted(page, study)
    titles = page.titled(cases.detectors)
    assert poster.name_in_print("toy", titles) is None
    assert poster.measured_table(cases, None, titles)["method"].unique().tolist() == ["WinCLIP", "Toy of one line"]


def test_its_options_are_checked_however_they_come():
    assert load_detector("toy", channel="blue").options == {"channel": "blue"}
    for make in (ToyOptions, lambda **options: load_detector("toy", **options)):
        with pytest.raises(ValueError, match="channel must be 'red' or 'blue', not 'green'"):
            make(channel="green")


def test_what_tables_of_printed_methods_call_a_detector_is_its_title():
    for name in DETECTORS.keys() & tiling.NAMES.keys():
        assert declared(name, "title", None) == tiling.NAMES[name]
    titles = {name: declared(name, "title", name) for name in DETECTORS}
    measured = {poster.name_in_print(name, titles) for name in DETECTORS}
    assert measured >= {"MAEDAY", "CLIP", "CLIP-AC", "RWDA", "WinCLIP", poster.OURS}
    assert titles[poster.TRAINED] == "text FNN"
