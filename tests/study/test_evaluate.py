"""Cells of images that are not square, and of unequal sizes."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import roc_auc_score
from tiny_clip import tiny_backbone
from tiny_parts import BluePixels, RedSoft
from toys import Reddish, load_reddish, tiny_study

from zsad import metrics
from zsad.cli import main
from zsad.data import read_image
from zsad.data.load import load_dataset
from zsad.detectors import WinCLIP
from zsad.detectors.tiling import Tiling
from zsad.detectors.tiling_options import TilingOptions
from zsad.perturb.rotation import inside_frame, rotate_mask
from zsad.robustness import load_test_set, measure, predict_shifted, worst_case
from zsad.study import compute
from zsad.study.config import DetectorConfig, StudyError
from zsad.study.results import load_sidecars, load_table
from zsad.tiling.part import Part

WIDE, TALL = (40, 60), (64, 40)  # height, width


def write_images(root: Path, sizes: list[tuple[int, int]]) -> None:
    """Two normal images, the others with a redder box."""
    generator = np.random.default_rng(1)
    for index, (height, width) in enumerate(sizes):
        image = generator.normal(128, 18, (height, width, 3))
        defect = "good" if index < 2 else "hole"
        if defect != "good":
            mask = np.zeros((height, width), np.uint8)
            mask[8 : 16 + 2 * index, 6:20] = 255
            image[mask > 0] += np.array([50.0, -20.0, -20.0]) / index
            truth = root / "washer" / "ground_truth" / defect
            truth.mkdir(parents=True, exist_ok=True)
            Image.fromarray(mask).save(truth / f"{index:03d}_mask.png")
        folder = root / "washer" / "test" / defect
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(folder / f"{index:03d}.png")


def study_of(folder: Path, sizes: list[tuple[int, int]], **changes: object):
    write_images(folder / "data" / "toys", sizes)
    suites = {"toys": {"reader": "mvtec_ad", "root": "toys", "categories": ["washer"]}}
    return tiny_study(folder, suites=suites, sweeps={}, **{"resolution": "native", **changes})


@pytest.mark.parametrize("resolution", ["native", 32])
def test_winclip_tiles_images_that_are_not_square(tmp_path, resolution):
    """Through the study as by itself: a score of square tiles, not of a squashed image."""
    study = study_of(tmp_path, [WIDE] * 4, resolution=resolution)
    detector = WinCLIP(tiny_backbone())
    records = compute(study, "none", progress=False, loader=lambda *_: detector)
    found = load_table(records, "images", study)["score"]
    dataset = load_dataset("mvtec_ad", tmp_path / "data" / "toys", category="washer")
    images = torch.stack([sample.image for sample in dataset])
    if resolution != "native":
        images = torch.nn.functional.interpolate(images, (32, 48), mode="bicubic", antialias=True).clamp(0, 1)
    expected = detector.predict(images, "washer").score
    assert found.to_numpy() == pytest.approx(expected.numpy(), abs=1e-6)
    squashed = compute(
        study.model_copy(update={"aspect": "squashed", "resolution": 32}), "none", progress=False,
        loader=lambda *_: detector,
    )  # fmt: skip
    assert abs(load_table(squashed, "images", study)["score"] - found).max() > 1e-4


class Bars:
    """Every column of a red bar is a part."""

    name, fingerprint, settings, shown = "bars", "bars", None, ("masks of ordinary things",)

    def __call__(self, image):
        red = image[..., 0] > 127
        masks = [red & (np.arange(red.shape[1]) == column) for column in range(red.shape[1])]
        return [part for mask in masks if (part := Part.of(mask)) is not None]


@pytest.mark.parametrize(("aspect", "tiles"), [("own", 3), ("squashed", 1)])
def test_the_rule_for_long_components_sees_them_as_long_as_they_are(tmp_path, aspect, tiles):
    """A bar of 96 x 48 pixels (three tiles) on images of 120 x 60 is square once these are squashed."""
    study = study_of(tmp_path, [(60, 120)] * 4, resolution=60, aspect=aspect, metric_size=60)
    for path in (tmp_path / "data" / "toys" / "washer" / "test").rglob("*.png"):
        picture = np.zeros((60, 120, 3), np.uint8)
        picture[6:54, 12:108, 0] = 255
        Image.fromarray(picture).save(path)
    found = []

    class Watched(Tiling):
        def segment(self, images):
            found.extend(super().segment(images))
            return found[-len(images) :]

    detector = Watched(tiny_backbone(), TilingOptions(), RedSoft(), Bars(), BluePixels())
    named = study.model_copy(update={"detectors": [DetectorConfig(name="tiling", resolution=60)]})
    compute(named, "none", progress=False, loader=lambda *_: detector)
    assert [len(one.tiles) for one in found] == [tiles] * 4
    (component,) = found[0].components
    assert (component.height, component.width) == ((48, 96) if aspect == "own" else (48, 48))


def test_the_command_and_the_study_agree_on_an_image(tmp_path, capsys, monkeypatch):
    study = study_of(tmp_path, [WIDE, TALL, WIDE, TALL])
    detector = WinCLIP(tiny_backbone())
    records = compute(study, "none", progress=False, loader=lambda *_: detector)
    monkeypatch.setattr("zsad.detectors.load_detector", lambda *_, **__: detector)
    rows = load_table(records, "images", study)
    assert len(rows) == 4
    for row in rows.itertuples():
        path = tmp_path / "data" / "toys" / row.id
        assert main(["predict", str(path), "--category", "washer", "--out", str(tmp_path / "out")]) == 0
        assert f"score {row.score:.4f}" in capsys.readouterr().out


def test_sizes_and_aspect_stand_in_the_record(tmp_path):
    study = study_of(tmp_path, [WIDE] * 4, resolution=32, aspect="squashed", metric_size=24)
    records = compute(study, "none", progress=False, loader=lambda *_: Reddish())
    (key,) = records["key"].unique()
    spec = json.loads((study.records_root / f"{key}.json").read_text())["spec"]
    assert (spec["resolution"], spec["aspect"], spec["metric_size"]) == (32, "squashed", 24)


@pytest.mark.parametrize("extra", [{}, {"align": "mask"}, {"corners": "left out"}])
def test_worst_cases_of_unequal_sizes_are_those_of_each_size(tmp_path, extra):
    sizes = [WIDE, TALL, TALL, WIDE, WIDE, TALL]
    worst = {"over": ["washer"], "settings": ["angle"], "search": "grid", "budget": 7, **extra}
    study = study_of(tmp_path, sizes, worst=worst, rotation="bilinear")
    records = compute(study, "worst", progress=False, loader=lambda *_: Reddish())
    samples = load_table(records, "samples", study)
    dataset = load_dataset("mvtec_ad", tmp_path / "data" / "toys", category="washer")
    assert samples["id"].tolist() == dataset.ids
    maps, masks, counted, scores = [], [], [], []
    for row, sample in zip(samples.itertuples(), dataset, strict=True):
        mask = torch.zeros(sample.image.shape[1:], dtype=bool) if sample.mask is None else sample.mask
        alone = worst_case(
            Reddish(), sample.image[None], mask[None], category="washer", setting="angle", search="grid", budget=7,
            rotation="bilinear", **extra,
        )  # fmt: skip
        assert row.angle == pytest.approx(alone.parameters["angle"].item())
        assert (row.loss, row.evaluations) == (pytest.approx(alone.loss.item()), 7)
        maps.append(alone.map[0])
        masks.append(rotate_mask(mask[None], row.angle)[0] if extra.get("align") == "mask" else mask)
        counted.append(inside_frame(mask[None], -row.angle)[0] if "corners" in extra else torch.ones_like(mask))
        scores.append(alone.score[0])
    expected = metrics.all_metrics(torch.stack(scores), dataset.labels, maps, masks, valid_mask=counted)
    assert records.set_index("metric")["estimate"].to_dict() == pytest.approx(expected, abs=5e-3)
    assert not list(study.records_root.glob("*.search")), "checkpoints of both sizes are gone"


def test_a_search_over_several_sizes_goes_on_where_it_was(tmp_path):
    worst = {"over": ["washer"], "settings": ["hue"], "search": "grid", "budget": 5}
    study = study_of(tmp_path, [WIDE, TALL, TALL, WIDE], worst=worst)

    class Mortal(Reddish):
        def predict(self, images, category):
            if images.shape[-2:] == TALL and len(self.batches) == 5:
                raise RuntimeError("the power is gone")
            return super().predict(images, category)

    with pytest.raises(RuntimeError, match="the power is gone"):
        compute(study, "worst", progress=False, loader=lambda *_: Mortal())
    assert len(list(study.records_root.glob("*.search"))) == 1
    detector = Reddish()
    compute(study, "worst", progress=False, loader=lambda *_: detector)
    assert sum(detector.batches) == 10, "the wide images are done"
    assert not list(study.records_root.glob("*.search"))


def test_metrics_of_a_resized_image_are_taken_at_its_masks_size(tmp_path):
    """With align="mask" too: the mask, turned at the size of the image, is brought to its own."""
    read = read_image(study_of(tmp_path, [WIDE] * 4).data_root / "toys" / "washer" / "test" / "hole" / "002.png")
    assert tuple(read.shape[1:]) == WIDE
    sizes = set()

    class Seeing(Reddish):
        def predict(self, images, category):
            sizes.add(tuple(images.shape[-2:]))
            return super().predict(images, category)

    worst = {
        "over": ["washer"],
        "settings": ["angle"],
        "search": "grid",
        "budget": 5,
        "align": "mask",
        "corners": "left out",
    }
    study = study_of(tmp_path, [WIDE] * 4, worst=worst, resolution=20)
    records = compute(study, "worst", progress=False, loader=lambda *_: Seeing())
    assert sizes == {(20, 30)}
    assert records["estimate"].between(0, 1).all()
    own = compute(study.model_copy(update={"metric_size": 20}), "worst", progress=False, loader=lambda *_: Seeing())
    one, other = (rows.set_index("metric")["estimate"] for rows in (records, own))
    assert one["image_auroc"] == other["image_auroc"]
    assert one["pixel_auroc"] != other["pixel_auroc"]
    assert one["pixel_auroc"] == pytest.approx(other["pixel_auroc"], abs=0.1)


def test_a_sweep_can_leave_out_the_corners_that_a_rotation_empties(tmp_path):
    """Pixel metrics alone, and as if the pixels outside the frame were not there."""
    sizes = [WIDE] * 3 + [TALL] * 2
    counted = study_of(tmp_path, sizes)
    blocks = [
        {"angle": [0.0, 40.0]},
        {"name": "inside", "angle": [0.0, 40.0], "hue": [0.0, 1.0], "corners": "left out"},
    ]
    study = counted.with_overrides(sweeps=blocks)
    records = compute(study, "uniform", progress=False, loader=load_reddish)
    found = records[records["setting"] == "angle"].set_index(["variant", "value", "metric"])["estimate"]
    assert found["default", 40, "image_auroc"] == found["inside", 40, "image_auroc"]
    assert found["default", 0, "pixel_auroc"] == found["inside", 0, "pixel_auroc"]
    test_set = load_test_set(load_dataset("mvtec_ad", study.root_of("toys"), category="washer"), "native")
    shifted = predict_shifted(Reddish(), test_set.images, "washer", "angle", 40)
    inside = [inside_frame(mask[None], -40)[0] for mask in test_set.masks]
    values = torch.cat([one[seen] for one, seen in zip(shifted.map, inside, strict=True)])
    truth = torch.cat([one[seen] for one, seen in zip(test_set.masks, inside, strict=True)])
    assert found["inside", 40, "pixel_auroc"] == pytest.approx(roc_auc_score(truth, values))
    assert found["inside", 40, "pixel_auroc"] != found["default", 40, "pixel_auroc"]
    hue = records[(records["setting"] == "hue") & (records["value"] == 1)]
    assert {json.dumps(s["spec"]["shift"]["how"]) for s in load_sidecars(hue, study).values()} == {"{}"}


def test_corners_of_a_share_cannot_be_left_out(tmp_path):
    with pytest.raises(StudyError, match="only a share is turned"):
        study_of(tmp_path, [WIDE] * 4).with_overrides(
            sweeps=[{"name": "half", "share": 0.5, "angle": [0.0, 40.0], "corners": "left out"}]
        )


def test_kept_draws_lie_within_half_a_step_of_what_was_drawn(tmp_path):
    study = study_of(tmp_path, [WIDE] * 5)
    records = compute(study, "none", progress=False, loader=load_reddish)
    draws = load_table(records, "replicates", study)["image_auroc"].to_numpy(float)
    test_set = load_test_set(load_dataset("mvtec_ad", study.root_of("toys"), category="washer"), "native")
    shifted = predict_shifted(Reddish(), test_set.images, "washer")
    drawn = measure(shifted, test_set, replicates=study.bootstrap, seed=study.seed).replicates["image_auroc"]
    assert np.abs(draws - drawn.to_numpy(float)).max() <= 0.5 / 2**14
    assert (draws * 2**14 % 1 == 0).all()
