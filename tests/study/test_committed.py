"""Cells that are committed in results/demo, computed again by today's code: a few images of each, drawn for that.

What may differ is rounding. The cells were computed in bfloat16, on two kinds of processor. Measured on one of them:

- scores that were computed there come out the same to the last bit. Of those of the other kind, the log-odds move by up
  to 0.08 (of 60 images), as much as by computing in float32 here. Differences would hide more: scores go down to 1e-7.
- the loss of a worst case moves by up to 4 % of it, the AUROC of one image by up to 0.0015, and the pixel metrics
  of a category by up to 0.0005 (image AUROC by 0.0025: two images change places).

The limits are two or three times that. Half a pixel in the maps moves the AUROC of one image by 0.004 to 0.01 and the
loss by up to 20 %; a temperature of 0.06 for 0.07 moves the log-odds by a sixth of themselves, which is up to 2.
"""

import math
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from zsad.clip import Backbone, load_backbone
from zsad.data import load_dataset
from zsad.data.demo import SUITES, write
from zsad.detectors import load_detector
from zsad.leagues import NOT_RECORDED
from zsad.robustness.search_space import PARAMETERS
from zsad.study.cells import Cell
from zsad.study.committed import Committed, committed_folder
from zsad.study.evaluate import Evaluated, evaluate, load_images
from zsad.study.shifts import BOUNDS, Shift, canonical_json

LOG_ODDS, LOSS, AUROC = 0.15, 0.1, 0.003

# Of each suite one category, and which of its test images: defect -> number. Blocks with a limit hold them too.
DRAWN = {
    "demo-mvtec": ("washer", {"chip": 4, "contamination": 4, "dent": 4, None: 10}),
    "demo-visa": ("beans", {"hole": 1, "burn": 2, "discolouration": 6, None: 1}),  # 300 x 240
}


@pytest.fixture(scope="module")
def kept() -> Committed:
    found = Committed(committed_folder("demo"))
    if not found.sidecars:
        pytest.skip("results/demo holds no records: the study has to be computed again")
    return found


@pytest.fixture(scope="module")
def tower() -> Backbone:
    return load_backbone("demo-b", dtype="bfloat16")


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """The drawn images, lying as they do in the whole suites."""
    root = tmp_path_factory.mktemp("data")
    for name, (category, numbers) in DRAWN.items():
        suite = replace(SUITES[name], categories={category: SUITES[name].categories[category]})
        drawn = [p for p in write.planned_images(suite) if p.split == "test" and numbers.get(p.defect) == p.index]
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(SUITES, name, suite)
            patch.setattr(write, "planned_images", lambda suite, drawn=drawn: drawn)
            write.write_suite(root, name, progress=False)
    return root


def key_of(kept: Committed, suite: str, detector: str, shift: tuple[str, str, float], limit: int | None, **how) -> str:
    """That of the only cell of this description."""
    kind, setting, value = shift
    wanted = {"suite": suite, "category": DRAWN[suite][0], "detector": detector, "backbone": "demo-b", "limit": limit}
    found = [
        key
        for key, sidecar in kept.sidecars.items()
        if wanted.items() <= (spec := sidecar["spec"]).items()
        and (kind, setting) == (spec["shift"]["kind"], spec["shift"]["setting"])
        and math.isclose(value, spec["shift"]["value"])
        and how.items() <= spec["shift"]["how"].items()
    ]
    assert len(found) == 1, f"results/demo has {len(found)} cells of {wanted}, {shift}, {how}"
    return found[0]


def again(
    kept: Committed, key: str, data: Path, tower: Backbone, starts: Sequence[pd.DataFrame] = (), **how: object
) -> Evaluated:
    """What today's code says of the drawn images of a cell. Where a cell names no aspect, it is from before that was
    kept: its images were squashed, and its metrics taken there. So for the league."""
    spec = kept.sidecars[key]["spec"]
    detector = load_detector(spec["detector"], backbone=tower)
    assert detector.options == spec["options"], "other defaults: the study has to be computed again"
    if detector.fingerprint != kept.sidecars[key]["weights_fingerprint"]:
        pytest.skip("these records are of other weights than the package's: the study has to be computed again")
    shift = Shift(**{**spec["shift"], "how": canonical_json({**spec["shift"]["how"], **how})})
    given = {"aspect": "squashed", "metric_size": spec["resolution"], "league": NOT_RECORDED, **spec}
    given = {"league_of_scores": given["league"], "league_of_maps": given["league"], **given}
    given |= {"options": canonical_json(spec["options"]), "shift": shift, "bootstrap": 2}
    cell = Cell(**{field.name: given[field.name] for field in fields(Cell)})
    dataset = load_dataset(spec["reader"], data / spec["suite"], category=spec["category"])
    pictures = load_images(cell, dataset)
    return evaluate(cell, detector, pictures, batch_size=16, device="cpu", progress=False, starts=starts)


def kept_rows(kept: Committed, key: str, table: str, ids: pd.Index) -> pd.DataFrame:
    return kept.table(key, table).set_index("id").loc[ids]


def log_odds(scores: pd.Series) -> list[float]:
    return np.log(scores.astype(float) / (1 - scores.astype(float))).tolist()


@pytest.mark.parametrize(
    ("suite", "detector", "kind", "setting", "value"),
    [
        ("demo-mvtec", "winclip", "none", "none", 0),
        ("demo-mvtec", "clip", "none", "none", 0),
        ("demo-mvtec", "clip_ac", "none", "none", 0),
        ("demo-mvtec", "winclip", "uniform", "angle", 30),
        ("demo-mvtec", "winclip", "uniform", "hue", math.pi / 2),
        ("demo-mvtec", "winclip", "uniform", "saturation", -0.5),
        ("demo-mvtec", "winclip", "corruption", "brightness", 3),
        ("demo-mvtec", "winclip", "corruption", "contrast", 3),
        ("demo-mvtec", "winclip", "corruption", "defocus_blur", 3),
        ("demo-mvtec", "winclip", "corruption", "gaussian_noise", 3),
        ("demo-visa", "winclip", "none", "none", 0),
        ("demo-visa", "winclip", "corruption", "contrast", 3),
    ],
)
def test_scores_are_those_that_are_kept(kept, data, tower, suite, detector, kind, setting, value):
    key = key_of(kept, suite, detector, (kind, setting, value), None)
    found = again(kept, key, data, tower).tables["images"].set_index("id")
    before = kept_rows(kept, key, "images", found.index)
    assert log_odds(found["score"]) == pytest.approx(log_odds(before["score"]), abs=LOG_ODDS)


def test_metrics_are_those_that_are_kept(kept, data, tower):
    key = key_of(kept, "demo-mvtec", "winclip", ("none", "none", 0), 4)
    found = again(kept, key, data, tower)
    before = kept.rows(key).set_index("metric")
    assert set(before["n_images"]) == {len(found.tables["images"])}, "of all images of the cell"
    metrics = found.metrics.set_index("metric")["estimate"].to_dict()
    assert metrics == pytest.approx(before["estimate"].to_dict(), abs=AUROC)


@pytest.mark.parametrize(
    ("suite", "limit", "how"), [("demo-mvtec", 4, {"search": "refine", "budget": 66}), ("demo-visa", 20, {})]
)
@pytest.mark.parametrize("setting", ["angle", "hue", "saturation", "3d"])
def test_the_worst_that_was_found_is_as_bad_today(kept, data, tower, suite, limit, how, setting):
    """Searches change; what a try is worth does not: the kept one is tried again, after the image as it is."""
    key = key_of(kept, suite, "winclip", ("worst", setting, 0), limit, **how)
    start = kept.table(key, "samples").set_index("id")
    for name in PARAMETERS:  # kept as float32, whose pi is too large
        start[name] = start[name].astype(float).clip(-BOUNDS[name], BOUNDS[name])
    found = again(kept, key, data, tower, [start.reset_index()], search="bayes_opt", budget=2).tables["samples"]
    before = start.loc[found["id"]]
    for column in ("clean_loss", "loss"):
        assert found[column].tolist() == pytest.approx(before[column].tolist(), rel=LOSS), column
    for column in ("clean_auroc", "auroc"):
        assert found[column].tolist() == pytest.approx(before[column].tolist(), abs=AUROC, nan_ok=True), column
