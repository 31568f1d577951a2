import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from tiny_clip import tiny_backbone
from torch.nn.functional import interpolate
from toys import SIZE, Reddish, load_reddish, tiny_study, write_suite

from zsad import metrics, perturb
from zsad.data import load_dataset
from zsad.data.demo import stamp
from zsad.detectors import Prediction
from zsad.detectors.learned import TrainedOn
from zsad.files import temporary_path
from zsad.perturb.rotation import rotate_mask
from zsad.robustness import Corruption, load_test_set
from zsad.study import compute, load_records, run
from zsad.study.committed import Committed
from zsad.study.config import DetectorConfig, StudyError
from zsad.study.data import ensure_suite, read_suite, recipe_of
from zsad.study.evaluate import corruption_of, load_images
from zsad.study.export import export
from zsad.study.incomplete import IncompleteError
from zsad.study.manifest import write_manifest
from zsad.study.records import RecordStore
from zsad.study.results import leagues_of, load_table
from zsad.study.run import Evaluator
from zsad.study.schema import RECORD_COLUMNS, TABLES, validate_records
from zsad.study.sealed import RecordError, read_sealed, write_sealed

TESTS = Path(__file__).parents[1]
CELLS = 2 + 2 + 1  # two unshifted categories; two angles and one hue of the swept one


@pytest.fixture
def study(tmp_path):
    write_suite(tmp_path / "data" / "toys")
    return tiny_study(tmp_path)


def contents(folder: Path, pattern: str = "*.parquet") -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob(pattern))}


def test_a_study_gives_validated_records(study):
    records = compute(study, loader=load_reddish, progress=False)
    store = RecordStore(study.records_root)
    provenance = {key: store.sidecar(key) for key in records["key"].unique()}
    validate_records(records, provenance)
    assert list(records.columns) == RECORD_COLUMNS
    assert len(provenance) == CELLS
    shifts = records.groupby("category")["setting"].unique().map(sorted).to_dict()
    assert shifts == {"metal_nut": ["none"], "washer": ["angle", "hue", "none"]}
    sidecar = next(iter(provenance.values()))
    assert sidecar["spec"]["options"] == {"gain": 1.0}
    assert sidecar["weights_fingerprint"] == Reddish().fingerprint
    assert str(study.data_root) not in str(provenance)


def test_records_name_the_league_that_the_detector_has(study):
    def loader(study, config, backbone):
        detector = Reddish()
        detector.league = "auxiliary anomalies"
        return detector

    one, other = (compute(study, "none", loader=load, progress=False) for load in (load_reddish, loader))
    assert (leagues_of(one, study), leagues_of(other, study)) == (
        {"winclip": "text only"},
        {"winclip": "auxiliary anomalies"},
    )
    both = pd.concat([one, other])
    assert leagues_of(both, study) == {"winclip": "text only or auxiliary anomalies"}


def test_records_tell_the_leagues_of_scores_and_maps_apart(study):
    def loader(study, config, backbone):
        detector = Reddish()
        detector.league, detector.league_of_scores = "auxiliary anomalies", "text only"
        return detector

    records = compute(study, "none", loader=loader, progress=False)
    assert leagues_of(records, study, "scores") == {"winclip": "text only"}
    assert leagues_of(records, study, "maps") == {"winclip": "auxiliary anomalies"}
    assert leagues_of(records, study) == {"winclip": "text only (scores), auxiliary anomalies (maps)"}


def test_a_detector_is_not_tested_on_what_it_was_trained_on(study):
    def loader(trained_on):
        detector = Reddish()
        detector.trained_on = trained_on
        return lambda study, config, backbone: detector

    digests = load_dataset("mvtec_ad", study.root_of("toys"), category="washer").image_digests
    for trained_on, words in (
        (TrainedOn("toys"), "winclip on demo-b: it was trained on toys, with masks: that is no zero-shot test"),
        (TrainedOn.of("copy", digests[:3]), "3 of the tested images are among those of copy"),
    ):
        with pytest.raises(IncompleteError, match=words):
            compute(study, "none", categories=["washer"], loader=loader(trained_on), progress=False)
    assert len(compute(study, "none", loader=loader(TrainedOn.of("others", ["0" * 64])), progress=False))


def test_a_published_data_set_is_known_in_a_folder_of_another_name(tmp_path):
    write_suite(tmp_path / "data" / "MVTec-AD")
    study = tiny_study(tmp_path, suites={"mine": {"reader": "mvtec_ad", "root": "MVTec-AD"}}, sweeps={})

    def loader(study, config, backbone):
        detector = Reddish()
        detector.trained_on = TrainedOn("mvtec_ad")
        return detector

    with pytest.raises(IncompleteError, match="it was trained on mvtec_ad, with masks: that is no zero-shot test"):
        compute(study, "none", categories=["washer"], loader=loader, progress=False)


def test_a_detector_has_other_options_on_another_suite(tmp_path):
    write_suite(tmp_path / "data" / "toys")
    write_suite(tmp_path / "data" / "others", seed=3)
    suites = {name: {"reader": "mvtec_ad", "root": name} for name in ("toys", "others")}
    detector = {"name": "clip", "options": {"temperature": 1.0}, "suite_options": {"others": {"temperature": 2.0}}}
    both = tiny_study(tmp_path, suites=suites, detectors=[detector], sweeps={})
    loaded = []

    def loader(study, config, backbone):
        loaded.append((config.label, config.options))
        return load_reddish(study, config, backbone)

    records = compute(both, progress=False, loader=loader)
    assert loaded == [("clip", {"temperature": 1.0}), ("clip", {"temperature": 2.0})]
    assert set(records["detector"]) == {"clip"}
    assert set(records["suite"]) == {"toys", "others"}


def test_records_of_earlier_versions_name_no_league_and_are_read(study):
    records = compute(study, "none", loader=load_reddish, progress=False)
    store = RecordStore(study.records_root)
    for key in records["key"].unique():
        sidecar = read_sealed(store.path(key, ".json"))
        del sidecar["spec"]["league"]
        write_sealed(sidecar, store.path(key, ".json"))
    assert leagues_of(records, study) == {"winclip": "not recorded"}
    validate_records(records, {key: store.sidecar(key) for key in records["key"].unique()})


def test_value_zero_of_every_setting_is_the_unshifted_cell(study):
    records = compute(study, loader=load_reddish, progress=False)
    zero = records[(records["category"] == "washer") & (records["value"] == 0)]
    assert zero["key"].nunique() == 1
    wide = zero.pivot(index="metric", columns="setting", values="estimate")
    assert sorted(wide.columns) == ["angle", "hue", "none"]
    assert (wide["angle"] == wide["none"]).all()


def test_estimates_are_the_metrics_of_the_detectors_answers(study):
    records = compute(study, "none", loader=load_reddish, progress=False)
    rows = records[records["category"] == "metal_nut"].set_index("metric")
    dataset = Evaluator(study, load_reddish).dataset("toys", "metal_nut", None)
    images = torch.stack([sample.image for sample in dataset])
    masks = torch.stack([s.mask if s.mask is not None else torch.zeros(32, 32, dtype=torch.bool) for s in dataset])
    prediction = Reddish().predict(images, "metal nut")
    expected = metrics.pixel_auroc(prediction.map, masks)
    assert rows.loc["pixel_auroc", "estimate"] == pytest.approx(expected)
    scores = RecordStore(study.records_root).table(rows["key"].iloc[0], "images")
    assert scores["id"].tolist() == dataset.ids
    assert scores["score"].tolist() == pytest.approx(prediction.score.tolist())


def test_what_is_there_is_not_computed_again(study):
    detectors: list[Reddish] = []

    def loader(*arguments):
        detectors.append(Reddish())
        return detectors[-1]

    first = compute(study, loader=loader, progress=False)
    second = compute(study, loader=loader, progress=False)
    pd.testing.assert_frame_equal(first, second)
    assert len(detectors) == 2, "one detector a run, for all categories"
    assert detectors[0].batches
    assert detectors[1].batches == []


def test_two_studies_share_their_cells(study):
    compute(study, loader=load_reddish, progress=False)
    before = contents(study.records_root, "*")
    other = study.with_overrides(name="other", sweeps={"over": ["washer"], "angle": [0, 30]})
    records = compute(other, loader=load_reddish, progress=False)
    assert contents(study.records_root, "*") == before
    assert set(records["study"]) == {"other"}


def test_other_data_are_other_cells(study):
    compute(study, "none", loader=load_reddish, progress=False)
    write_suite(study.data_root / "toys", seed=5)
    compute(study, "none", loader=load_reddish, progress=False)
    assert len(list(study.records_root.glob("*.json"))) == 4


def test_a_selection_computes_no_more_than_asked(study):
    records = compute(
        study, "uniform", "angle", suites=["toys"], categories=["washer"], loader=load_reddish, progress=False
    )
    assert len(list(study.records_root.glob("*.json"))) == 3
    assert records["value"].drop_duplicates().tolist() == [-30.0, 0.0, 30.0]
    with pytest.raises(ValueError, match=r"no category 'spoon'.*known: metal_nut, washer"):
        compute(study, categories=["spoon"], loader=load_reddish)


def test_a_limit_takes_fewer_pictures(study):
    records = compute(study.with_overrides(limit=6), "none", loader=load_reddish, progress=False)
    assert set(records["n_images"]) == {6}


def test_a_committed_cell_is_read_where_it_lies_and_not_computed_again(study, tmp_path, monkeypatch):
    root = tmp_path / "project"
    for category in study.root_of("toys").iterdir():
        shutil.copytree(category / "test/good", category / "train/good")
    everything = study.with_overrides(worst={"settings": ["hue", "3d"], "budget": 5, "over": ["washer"]}, training=3)
    records = compute(everything, loader=load_reddish, progress=False)
    export(records, everything, root / "results" / "tiny")
    assert sorted(path.stem for path in (root / "results" / "tiny").glob("*.parquet")) == sorted([*TABLES, "records"])
    committed, store = Committed(root / "results" / "tiny"), RecordStore(study.records_root)
    assert committed.sidecars == {key: store.sidecar(key) for key in records["key"]}
    for key, sidecar in committed.sidecars.items():
        pd.testing.assert_frame_equal(committed.rows(key), store.rows(key))
        for name in sidecar["tables"]:
            pd.testing.assert_frame_equal(committed.table(key, name), store.table(key, name))
    monkeypatch.setattr("zsad.study.committed.project_root", lambda: root)
    elsewhere = everything.with_overrides(records_root=tmp_path / "elsewhere")
    again = compute(elsewhere, loader=lambda *arguments: Reddish(limit=0), progress=False)
    pd.testing.assert_frame_equal(again, records)
    for name in TABLES:
        shift = "none" if name == "training" else "worst"
        of = records if name in ("images", "replicates") else records[records["shift"] == shift]
        pd.testing.assert_frame_equal(load_table(of, name, elsewhere), load_table(of, name, everything))
    assert list((tmp_path / "elsewhere").iterdir()) == []
    shorter = compute(elsewhere.with_overrides(limit=6), "none", loader=load_reddish, progress=False)
    assert set(shorter["n_images"]) == {6}, "what is not committed is computed"
    export(compute(elsewhere, progress=False, loader=load_reddish), elsewhere, tmp_path / "again")
    assert contents(tmp_path / "again", "*") == contents(root / "results" / "tiny", "*"), "exported from there"


@pytest.fixture
def kept(study, tmp_path, monkeypatch):
    """The folder that a toy study's records are kept in, and a study that has none of its own."""
    root = tmp_path / "project"
    export(compute(study, loader=load_reddish, progress=False), study, root / "results" / "tiny")
    monkeypatch.setattr("zsad.study.committed.project_root", lambda: root)
    return root / "results" / "tiny", study.with_overrides(records_root=tmp_path / "elsewhere")


@pytest.mark.parametrize("name", ["records.parquet", "images.parquet", "replicates.parquet", "provenance.json"])
def test_no_flipped_bit_of_kept_records_is_used(kept, name):
    """100 a file, at random: an error that names it and says how to get it back."""
    folder, study = kept
    path, rng = folder / name, random.Random(0)
    content = path.read_bytes()
    for _ in range(100):
        flipped = bytearray(content)
        flipped[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(flipped)
        with pytest.raises(RecordError, match=rf"{name} is damaged .*git checkout -- \S*{name}$"):
            load_table(load_records(study), path.stem if path.stem in TABLES else "images", study)


@pytest.mark.parametrize("name", ["images.parquet", "provenance.json"])
def test_kept_records_that_lack_a_file_are_an_error(kept, name):
    folder, study = kept
    (folder / name).unlink()
    with pytest.raises(RecordError, match=rf"{name}.*git checkout"):
        load_table(compute(study, loader=load_reddish, progress=False), "images", study)


def test_kept_tables_of_an_earlier_version_lack_what_came_later(kept):
    folder, study = kept
    path = folder / "replicates.parquet"
    pd.read_parquet(path).drop(columns=["image_f1max", "pixel_f1max"]).to_parquet(path, index=False)
    provenance = read_sealed(folder / "provenance.json")
    provenance["files"]["replicates"] = hashlib.sha256(path.read_bytes()).hexdigest()
    write_sealed(provenance, folder / "provenance.json")
    records = compute(study, "none", loader=lambda *_: Reddish(limit=0), progress=False)
    restored = load_table(records, "replicates", study)
    assert restored["pixel_f1max"].isna().all()
    assert restored["aupro"].notna().all()


def test_a_committed_cell_is_not_taken_where_other_images_lie(kept):
    """60 images were measured, and 59 are there."""
    _, study = kept
    min(study.root_of("toys").glob("washer/test/*/*.png")).unlink()
    records = compute(study, "none", loader=load_reddish, progress=False)
    counts = records.groupby("category")["n_images"].first().to_dict()
    assert counts == {"metal_nut": 10, "washer": 9}


WORST = {"settings": ["angle", "hue"], "search": "grid", "budget": 9, "over": ["washer"]}


def test_worst_cases_are_cells_like_others(study):
    study = study.with_overrides(worst=[WORST, {**WORST, "name": "by loss", "settings": ["hue"], "criterion": "loss"}])
    records = compute(study, "worst", loader=load_reddish, progress=False)
    names = records[["variant", "setting", "value"]].drop_duplicates().to_records(index=False).tolist()
    assert names == [("default", "angle", 0.0), ("default", "hue", 0.0), ("by loss", "hue", 0.0)]
    assert set(records["category"]) == {"washer"}
    samples = load_table(records, "samples", study)
    assert list(samples.groupby(["variant", "setting"]).size()) == [10, 10, 10]
    hue, angle = (samples[(samples["setting"] == s) & (samples["variant"] == "default")] for s in ("hue", "angle"))
    assert (hue["angle"] == 0).all()
    assert hue["hue"].abs().max() > 0
    assert (angle["hue"] == 0).all()
    assert set(samples["evaluations"]) == {9}
    anomalous = samples[samples["label"]]
    assert (anomalous["auroc"] <= anomalous["clean_auroc"])[anomalous["variant"] == "default"].all()
    assert samples.loc[~samples["label"], "auroc"].isna().all()
    by_loss = samples[samples["variant"] == "by loss"]
    assert (by_loss["loss"] <= by_loss["clean_loss"]).all()
    curve = load_table(records[records["variant"] == "by loss"], "curve", study)
    assert curve["evaluation"].tolist() == list(range(1, 10))
    assert curve["loss"].is_monotonic_decreasing
    assert curve["loss"].iloc[0] == pytest.approx(by_loss["clean_loss"].mean(), rel=1e-5)
    assert curve["loss"].iloc[-1] == pytest.approx(by_loss["loss"].mean(), rel=1e-5)


def test_a_worst_cell_is_the_metrics_of_the_pictures_that_were_found(study):
    """Each picture, shifted by what is recorded, gives the maps that the cell's metrics are of."""
    study = study.with_overrides(worst={**WORST, "settings": ["hue"]})
    records = compute(study, "worst", loader=load_reddish, progress=False).set_index("metric")
    samples = load_table(records.reset_index(), "samples", study)
    dataset = Evaluator(study, load_reddish).dataset("toys", "washer", None)
    test_set = load_test_set(dataset, study.resolution)
    assert samples["id"].tolist() == test_set.ids
    shifted = perturb.semantic(test_set.images.stacked(), hue=torch.tensor(samples["hue"].to_numpy()))
    prediction = Reddish().predict(shifted, "washer")
    expected = metrics.all_metrics(prediction.score, test_set.labels, prediction.map, test_set.masks)
    assert records["estimate"].to_dict() == pytest.approx(expected, abs=2e-3)
    clean = compute(study, "none", categories=["washer"], loader=load_reddish, progress=False).set_index("metric")
    assert records.loc["pixel_auroc", "estimate"] < clean.loc["pixel_auroc", "estimate"] - 0.05


def test_a_mask_that_turns_along_counts_where_it_comes_to_lie(study):
    study = study.with_overrides(worst={**WORST, "settings": ["angle"], "align": "mask"}, rotation="bilinear")
    records = compute(study, "worst", loader=load_reddish, progress=False)
    angle = torch.tensor(load_table(records, "samples", study)["angle"].to_numpy())
    assert angle.abs().max() > 5
    test_set = load_test_set(Evaluator(study, load_reddish).dataset("toys", "washer", None), study.resolution)
    turned = perturb.semantic(test_set.images.stacked(), angle=angle, rotation="bilinear")
    prediction = Reddish().predict(turned, "washer")
    masks = rotate_mask(test_set.masks, angle)
    expected = metrics.all_metrics(prediction.score, test_set.labels, prediction.map, masks)
    # An angle is kept as float32: a pixel on an edge may fall to its other side.
    assert records.set_index("metric")["estimate"].to_dict() == pytest.approx(expected, abs=5e-3)
    still = metrics.all_metrics(prediction.score, test_set.labels, prediction.map, test_set.masks)
    assert abs(still["pixel_auroc"] - expected["pixel_auroc"]) > 0.03, "the test would see an unturned mask"


def test_a_search_that_was_stopped_goes_on_with_the_next_pictures(study, tmp_path):
    study = study.with_overrides(worst={**WORST, "settings": ["hue"]})

    class Mortal(Reddish):
        left = 12

        def predict(self, images: torch.Tensor, category: str) -> Prediction:
            self.left -= 1
            if self.left < 0:
                raise RuntimeError("the power is gone")
            return super().predict(images, category)

    with pytest.raises(RuntimeError, match="the power is gone"):
        compute(study, "worst", loader=lambda *arguments: Mortal(), progress=False)
    (left,) = study.records_root.glob("*.search")
    detector = Reddish()
    compute(study, "worst", loader=lambda *arguments: detector, progress=False)
    assert not left.exists()
    whole = tmp_path / "whole"
    everything = Reddish()
    compute(study.with_overrides(records_root=whole), "worst", loader=lambda *arguments: everything, progress=False)
    assert contents(study.records_root) == contents(whole)
    assert sum(detector.batches) < sum(everything.batches) == 90


def test_worst_cases_need_masks(study, tmp_path):
    plain = {"reader": "folder", "root": "plain", "categories": ["nut"]}
    (study.data_root / "toys" / "washer" / "test").rename(study.data_root / "plain")
    study = tiny_study(tmp_path, suites={"mine": plain}, worst={"settings": ["hue"]}, sweeps={})
    with pytest.raises(ValueError, match=r"mine/nut: .* without masks: worst cases are searched"):
        compute(study, "worst", loader=load_reddish, progress=False)
    records = compute(study, "none", loader=load_reddish, progress=False)
    assert load_table(records, "replicates", study)["pixel_auroc"].isna().all()


def test_maps_that_tell_no_places_apart_have_no_pixel_metrics(study):
    class Flat(Reddish):
        localises = False

        @property
        def fingerprint(self) -> str:
            return "flat"

    blob = compute(study, "uniform", "angle", loader=load_reddish, progress=False)
    flat = compute(study, "uniform", "angle", loader=lambda *_: Flat(), progress=False)
    assert set(flat["metric"]) == {"image_auroc", "image_ap", "image_f1max", "image_f1max_floor"}
    image = blob[blob["metric"].isin(set(flat["metric"]))].reset_index(drop=True)
    assert flat.drop(columns="key").equals(image.drop(columns="key"))
    # The same pictures are drawn with and without pixels, so that detectors of both kinds can be subtracted.
    draws = [load_table(r, "replicates", study).groupby("value")["image_auroc"].agg(list) for r in (blob, flat)]
    assert draws[0].equals(draws[1])
    assert load_table(flat, "replicates", study)["pixel_auroc"].isna().all()


def test_corruptions_are_cells_like_others(study):
    study = study.with_overrides(
        corruptions=[
            {"kinds": ["gaussian_noise", "contrast"], "severities": [0, 3]},
            {"name": "resized", "kinds": ["gaussian_noise"], "at": "resized"},
        ],
        resolution=24,
    )
    records = compute(study, "corruption", loader=load_reddish, progress=False)
    shown = records[["category", "variant", "setting", "value"]].drop_duplicates()
    assert len(shown) == 2 * (2 * 2 + 1)
    clean = compute(study, "none", loader=load_reddish, progress=False)
    assert set(records.loc[records["value"] == 0, "key"]) == set(clean["key"]), "severity 0 is the clean cell"
    dataset = Evaluator(study, load_reddish).dataset("toys", "washer", None)
    for variant, setting in (("default", "gaussian_noise"), ("default", "contrast"), ("resized", "gaussian_noise")):
        found = records[
            (records["category"] == "washer") & (records["variant"] == variant)
            & (records["setting"] == setting) & (records["value"] == 3)
        ].set_index("metric")  # fmt: skip
        test_set = load_test_set(dataset, 24, Corruption(setting, 3, "resized" if variant == "resized" else "native"))
        prediction = Reddish().predict(test_set.images.stacked(), "washer")
        maps = interpolate(prediction.map[None], (SIZE, SIZE), mode="bilinear", antialias=True)[0]
        expected = metrics.all_metrics(prediction.score, test_set.labels, maps, test_set.masks)
        assert found["estimate"].to_dict() == pytest.approx(expected)


def test_pictures_are_read_once_for_all_that_is_done_to_them(study, monkeypatch):
    read = []

    def counted(cell, dataset):
        corruption = corruption_of(cell)
        read.append((dataset.category, corruption and corruption.kind))
        return load_images(cell, dataset)

    monkeypatch.setattr("zsad.study.run.load_images", counted)
    study = study.with_overrides(
        detectors=["winclip", {"name": "winclip", "label": "twin"}],
        backbones=["demo-b", "ViT-L-14"],
        sweeps={},
        worst={"settings": ["hue"], "budget": 2, "search": "grid"},
        corruptions={"kinds": ["contrast", "brightness"], "over": ["washer"]},
    )

    def loader(study, detector, backbone):
        return Reddish(name=f"{detector.label} {backbone}")

    records = compute(study, loader=loader, progress=False)
    subjects = ["detector", "backbone"]
    assert len(records[subjects].drop_duplicates()) == 4
    assert read == [("metal_nut", None), ("washer", None), ("washer", "contrast"), ("washer", "brightness")]


_SLOW = """
import sys, time
from pathlib import Path
from toys import Reddish, tiny_study
from zsad.study import compute

class Slow(Reddish):
    def predict(self, images, category):
        time.sleep({pause})
        return super().predict(images, category)

compute(tiny_study(Path(sys.argv[1])), loader=lambda *arguments: Slow())
"""


def start(folder: Path, pause: float) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "OMP_NUM_THREADS": str(torch.get_num_threads())}
    command = [sys.executable, "-c", _SLOW.format(pause=pause), str(folder)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(study, tmp_path):
    run = start(tmp_path, pause=0.2)
    deadline = time.monotonic() + 600  # a busy machine takes its time to import torch
    while len(list(study.records_root.glob("*.json"))) < 2:
        assert run.poll() is None, run.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    run.send_signal(signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL
    done = contents(study.records_root, "*.json")
    assert 2 <= len(done) < CELLS
    # What a kill in the middle of a write leaves: the temporary file of a process that is gone.
    victim = subprocess.Popen(["true"])
    victim.wait()
    mine = temporary_path(study.records_root / "cell.parquet")
    stale = mine.with_name(mine.name.replace(f"-{os.getpid()}.", f"-{victim.pid}."))
    stale.write_bytes(b"half")

    again = start(tmp_path, pause=0)
    progress = again.communicate(timeout=600)[1]
    assert again.returncode == 0, progress
    assert f"{CELLS} of {CELLS} cells" in progress
    assert not stale.exists()
    sidecars = contents(study.records_root, "*.json")
    assert len(sidecars) == CELLS
    assert {name: sidecars[name] for name in done} == done, "finished cells are left alone"

    whole = tmp_path / "whole"
    compute(study.with_overrides(records_root=whole), loader=load_reddish, progress=False)
    assert len(contents(whole)) == 3 * CELLS
    assert contents(study.records_root) == contents(whole)


def test_a_sidecar_that_is_missing_means_the_cell_is_computed_again(study):
    compute(study, loader=load_reddish, progress=False)
    before = contents(study.records_root)
    sidecar = min(study.records_root.glob("*.json"))
    sidecar.unlink()
    sidecar.with_suffix(".parquet").write_bytes(b"half")
    compute(study, loader=load_reddish, progress=False)
    assert sidecar.exists()
    assert contents(study.records_root) == before


@pytest.mark.parametrize("suffix", [".parquet", ".images.parquet", ".json"])
@pytest.mark.parametrize("damage", ["flipped", "cut", "emptied"])
def test_a_damaged_cell_is_computed_again_and_its_file_named(study, caplog, suffix, damage):
    records = compute(study, "none", loader=load_reddish, progress=False)
    before = contents(study.records_root)
    path = RecordStore(study.records_root).path(records["key"].iloc[0], suffix)
    content = path.read_bytes()
    flipped = content[:20] + bytes([content[20] ^ 4]) + content[21:]
    path.write_bytes({"flipped": flipped, "cut": content[:-9], "emptied": b"{}"}[damage])
    detector = Reddish()
    again = compute(study, "none", loader=lambda *arguments: detector, progress=False)
    assert f"{path} is damaged" in caplog.text
    assert sum(detector.batches) == 10, "that cell alone"
    pd.testing.assert_frame_equal(again, records)
    assert contents(study.records_root) == before


def test_out_of_memory_gives_the_same_bytes_with_smaller_batches(study, tmp_path):
    compute(study, loader=load_reddish, progress=False)
    detector = Reddish(limit=1)
    other = study.with_overrides(records_root=tmp_path / "small")
    compute(other, loader=lambda *arguments: detector, progress=False)
    assert contents(tmp_path / "small") == contents(study.records_root)
    assert set(detector.batches) == {1}


def test_nan_names_the_cell_and_the_picture_and_stores_nothing(study):
    with pytest.raises(ValueError, match=r"toys/washer.*winclip on demo-b.*hole/005\.png|test/.*png"):
        compute(study, categories=["washer"], loader=lambda *arguments: Reddish(broken=1), progress=False)
    assert list(study.records_root.iterdir()) == []


def test_an_unwritable_folder_is_found_before_anything_is_loaded(study, tmp_path):
    (tmp_path / "file").write_text("")

    def loader(*arguments):
        raise AssertionError("nothing may be loaded")

    with pytest.raises(OSError, match=r"cannot write to .*records_root"):
        compute(study.with_overrides(records_root=tmp_path / "file" / "records"), loader=loader)


def test_the_folders_that_detectors_keep_results_in_are_tried_before_anything_is_loaded(study, tmp_path):
    (tmp_path / "file").write_text("")
    blocked = tmp_path / "file" / "cache"

    def loader(*arguments):
        raise AssertionError("nothing may be loaded")

    tiling = {"name": "tiling", "options": {"text_cache": None}}
    usual = study.with_overrides(detectors=["winclip", tiling], cache_root=blocked)
    with pytest.raises(OSError, match=r"cannot write to .*file is a file; .* with the study's cache_root$"):
        compute(usual, loader=loader)
    own = study.with_overrides(detectors=[{"name": "winclip", "label": "kept", "options": {"text_cache": blocked}}])
    with pytest.raises(OSError, match=r"file is a file; .* with the option text_cache of kept$"):
        compute(own, loader=loader)
    assert len(compute(study.with_overrides(cache_root=blocked), "none", loader=load_reddish, progress=False))


def test_a_finished_cells_checkpoint_goes_with_the_next_run_and_an_unfinished_ones_stays(study):
    """A kill may come between the last file of a cell and the removal of its search's checkpoint."""
    records = compute(study, "none", loader=load_reddish, progress=False)
    done, damaged = (RecordStore(study.records_root).path(key, "") for key in records["key"].unique())
    damaged.with_suffix(".images.parquet").write_bytes(b"half")
    for suffix in (".search", ".24x32.search"):
        done.with_suffix(suffix).write_bytes(b"finished pictures")
    needed = [damaged.with_suffix(".search"), done.with_name(f"{'0' * 64}.32x24.search")]
    for path in needed:
        path.write_bytes(b"finished pictures")
    RecordStore(study.records_root).prepare()
    assert sorted(study.records_root.glob("*.search")) == sorted(needed)


def test_a_device_that_is_not_there_is_an_error(study):
    with pytest.raises(StudyError, match="device: unknown device 'gpu'; known: cpu, cuda"):
        study.with_overrides(device="gpu")
    away = study.with_overrides(device="cuda:99")
    with pytest.raises(StudyError, match=r"5 of 5 cells are missing, and device 'cuda:99'.* --device cpu") as caught:
        compute(away, loader=lambda *_: pytest.fail("weights were read"), progress=False)
    assert "make book DEVICE=cpu" in str(caught.value)


def test_what_is_there_is_handed_out_without_the_device(study):
    devices = []

    def loader(study, detector, backbone):
        devices.append(study.device)
        return Reddish()

    records = compute(study, loader=load_reddish, progress=False)
    away = study.with_overrides(device="cuda:99")
    for missing in (True, False):
        found = compute(away, missing=missing, loader=loader, progress=False)
        pd.testing.assert_frame_equal(found, records)
    assert devices == ["cpu", "cpu"]
    RecordStore(study.records_root).path(records["key"].iloc[0], ".json").unlink()
    with pytest.raises(StudyError, match="1 of 5 cells are missing, and device 'cuda:99'"):
        compute(away, loader=loader, progress=False)


def test_a_suite_can_be_one_domain_of_a_data_set(study, tmp_path):
    root = study.data_root / "toys" / "washer"
    for kind in [*(root / "test").iterdir(), *(root / "ground_truth").iterdir()]:
        for index, picture in enumerate(sorted(kind.iterdir())):
            folder = kind / ("view", "same")[index % 2]
            folder.mkdir(exist_ok=True)
            picture.rename(folder / picture.name.replace("_mask", ""))
    suite = {"reader": "aebad", "root": "toys", "categories": ["washer"]}
    suites = {"all": suite, "turned": {**suite, "domain": "view"}}
    records = compute(tiny_study(tmp_path, suites=suites, sweeps={}), loader=load_reddish, progress=False)
    assert records.groupby("suite")["n_images"].first().to_dict() == {"all": 10, "turned": 6}
    wrong = tiny_study(tmp_path, suites={"turned": {**suite, "domain": "veiw"}}, sweeps={})
    with pytest.raises(ValueError, match=r"unknown domain 'veiw'.*known: same, view"):
        compute(wrong, loader=load_reddish, progress=False)


def test_a_damaged_picture_is_named(study):
    broken = study.data_root / "toys" / "washer" / "test" / "hole" / "004.png"
    broken.write_bytes(broken.read_bytes()[:60])
    with pytest.raises(IncompleteError, match=r"toys/washer: .*hole/004\.png: damaged"):
        compute(study, loader=load_reddish, progress=False)
    assert not list(study.records_root.glob("*.tmp"))


def test_progress_says_how_far_and_what(study, capfd):
    compute(study, loader=load_reddish)
    shown = capfd.readouterr().err
    assert f"{CELLS} of {CELLS} cells" in shown
    assert "toys washer" in shown or "toys metal_nut" in shown
    compute(study, loader=load_reddish)
    assert capfd.readouterr().err == "", "nothing to do, nothing to show"
    compute(study.with_overrides(worst={**WORST, "settings": ["hue"]}), "worst", loader=load_reddish)
    shown = capfd.readouterr().err
    assert "90 of 90 evaluations" in shown, "tries of a search are shown too"
    assert "\r" not in shown, "a line at a time, for logs"


DEMO = {"demo-mvtec": {"reader": "mvtec_ad", "root": "demo-mvtec", "categories": ["washer"]}}


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """A study of a demo suite, for which toys stand in; and what puts the stamp on it as it lies there."""
    monkeypatch.setattr("zsad.study.data.write_suite", lambda *_: None)
    study = tiny_study(tmp_path, suites=DEMO, sweeps={})
    root = study.root_of("demo-mvtec")
    write_suite(root)
    return study, lambda seed=0: stamp.write_stamp(root, {"seed": seed})


def change(path: Path) -> None:
    """One pixel of one image differs by a level, as rounding may."""
    pixels = np.asarray(Image.open(path)).copy()
    pixels[0, 0, 0] ^= 1
    Image.fromarray(pixels).save(path)


def test_a_demo_suite_drawn_on_another_processor_has_the_same_cells(drawn):
    study, put_stamp = drawn
    put_stamp()
    records = compute(study, loader=load_reddish, progress=False)
    change(next(study.root_of("demo-mvtec").glob("washer/test/*/*.png")))
    put_stamp()
    again = compute(study, loader=lambda *arguments: Reddish(limit=0), progress=False)
    pd.testing.assert_frame_equal(again, records)
    put_stamp(seed=1)
    other = compute(study, loader=load_reddish, progress=False)
    assert set(other["key"]).isdisjoint(records["key"]), "drawn otherwise"


def test_images_of_a_demo_suite_that_are_not_as_drawn_are_not_measured(drawn):
    study, put_stamp = drawn
    put_stamp()
    path = next(study.root_of("demo-mvtec").glob("washer/test/*/*.png"))
    change(path)
    with pytest.raises(IncompleteError, match=re.escape(f"{path.name}: changed since")):
        compute(study, loader=load_reddish, progress=False)


def test_a_demo_suite_without_a_stamp_is_known_by_its_bytes(drawn):
    study, put_stamp = drawn
    by_bytes = read_suite(study, "demo-mvtec", "washer", None).fingerprint()
    put_stamp()
    drawn_set = read_suite(study, "demo-mvtec", "washer", None)
    by_recipe = drawn_set.fingerprint()
    assert by_recipe != by_bytes
    assert drawn_set[:2].fingerprint() != drawn_set[2:4].fingerprint(), "as many images of a kind, and others"
    assert read_suite(study, "demo-mvtec", "washer", 4).fingerprint() != by_recipe, "other images"
    assert read_suite(study, "demo-mvtec", "metal_nut", None).fingerprint() != by_recipe
    change(next(study.root_of("demo-mvtec").glob("washer/test/*/*.png")))
    assert read_suite(study, "demo-mvtec", "washer", None).fingerprint() == by_recipe


def test_the_recipe_of_a_demo_suite_names_what_was_drawn_and_the_code_that_draws(tmp_path, monkeypatch):
    assert recipe_of(tmp_path) is None, "not drawn yet"
    path = tmp_path / stamp.STAMP

    def recipe() -> str:
        found = recipe_of(tmp_path)
        assert found is not None
        assert found[1] == json.loads(path.read_text())["files"]
        return found[0]

    path.write_text('{"seed": 0, "files": {"a.png": "as drawn here"}}')
    recipes = [recipe()]
    path.write_text('{"seed": 0, "files": {"a.png": "as drawn elsewhere"}}')
    assert recipe() == recipes[0]
    path.write_text('{"seed": 1, "files": {"a.png": "as drawn here"}}')
    recipes.append(recipe())
    monkeypatch.setattr(stamp, "DRAWN_BY", "other code, which draws other images")
    recipes.append(recipe())
    assert len(set(recipes)) == 3
    path.write_text('{"seed": 1}')
    assert recipe_of(tmp_path) is None, "drawn before files were listed"


def test_exported_records_say_where_they_come_from_and_nothing_of_the_machines_names(study, tmp_path, monkeypatch):
    records = compute(study, loader=load_reddish, progress=False)
    root = tmp_path / "project"
    export(records, study, root / "results" / "tiny")
    assert sorted(p.name for p in (root / "results" / "tiny").iterdir()) == [
        "images.parquet", "provenance.json", "records.parquet", "replicates.parquet",
    ]  # fmt: skip
    text = (root / "results" / "tiny" / "provenance.json").read_text()
    assert os.uname().nodename not in text
    assert str(tmp_path) not in text
    monkeypatch.setattr("zsad.study.committed.project_root", lambda: root)
    pd.testing.assert_frame_equal(load_records(study), records)


def test_records_of_a_run_are_found_through_its_manifests(study, tmp_path, monkeypatch):
    for module in ("manifest", "committed"):
        monkeypatch.setattr(f"zsad.study.{module}.project_root", lambda: tmp_path)
    with pytest.raises(FileNotFoundError, match="run `zsad run tiny`"):
        load_records(study)
    records = compute(study, loader=load_reddish, progress=False)
    write_manifest(records, study)
    listed = sorted(p.relative_to(tmp_path / "build/study/tiny").as_posix() for p in tmp_path.rglob("build/**/*.json"))
    assert listed == ["toys/metal_nut/demo-b.json", "toys/washer/demo-b.json"]
    order = ["category", "shift", "setting", "value", "metric"]
    found, expected = (frame.sort_values(order, ignore_index=True) for frame in (load_records(study), records))
    pd.testing.assert_frame_equal(found, expected)


def test_a_demo_suite_is_written_where_it_is_missing_and_others_are_not(tmp_path, monkeypatch):
    """Rendering takes minutes and has its own tests: here only what it is asked for."""
    calls = []
    monkeypatch.setattr("zsad.study.data.write_suite", lambda *a: calls.append(a))
    suite = {"reader": "visa", "root": "demo-visa"}
    study = tiny_study(tmp_path, suites={"demo-visa": suite}, sweeps={}, demo_seed=4)
    ensure_suite(study, "demo-visa", progress=False)
    assert calls == [(tmp_path / "data", "demo-visa", 4, False)]
    assert study.root_of("demo-visa") == tmp_path / "data" / "demo-visa-seed-4"
    assert study.with_overrides(demo_seed=0).root_of("demo-visa") == tmp_path / "data" / "demo-visa"
    ensure_suite(tiny_study(tmp_path, suites={"demo-visa": {**suite, "root": "mine"}}, sweeps={}), "demo-visa")
    ensure_suite(tiny_study(tmp_path), "toys")
    assert len(calls) == 1


def test_pictures_of_a_suite_that_is_not_there_are_missed_with_a_way_out(tmp_path):
    away = tiny_study(tmp_path, suites={"away": {"reader": "mvtec_ad", "root": "away", "categories": ["washer"]}})
    way_out = f"away: no folder {tmp_path / 'data' / 'away'}; put the data set there, or set data_root"
    with pytest.raises(FileNotFoundError, match=re.escape(way_out)):
        read_suite(away, "away", "washer", None)


def test_segmenters_keep_what_they_find_in_the_studys_folder(study, monkeypatch):
    """Variants of the tiling pipeline share it, under their code, and an option that names another folder wins."""
    given = {}

    def remember(name, **options):
        given[name] = options
        return Reddish()

    monkeypatch.setattr(run, "load_backbone_of", lambda *_, **__: tiny_backbone())
    monkeypatch.setattr(run, "load_detector", remember)
    study = study.with_overrides(cache_root=study.data_root / "cache")
    for name, options in (("tiling", {}), ("winclip", {}), ("tiling", {"cache": "elsewhere"})):
        run.load_study_detector(study, DetectorConfig(name=name, options=options), "demo-b")
        if name == "tiling":
            code = run.module_code("zsad.tiling.zoo", "zsad.tiling.mask_cache")[:16]
            assert given["tiling"]["cache"] == options.get("cache", study.data_root / "cache" / "masks" / code)
    assert "cache" not in given["winclip"]


def test_a_detector_may_be_given_pictures_of_another_size(study):
    """Its cell says so, and its neighbour's pictures stay as they are."""
    sizes = {}

    class Seeing(Reddish):
        def predict(self, images, category):
            sizes[self.name] = tuple(images.shape[-2:])
            return super().predict(images, category)

    large = study.with_overrides(detectors=[{"name": "winclip"}, {"name": "tiling", "resolution": 2 * SIZE}], sweeps=[])
    compute(large, "none", progress=False, loader=lambda study, config, _: Seeing(name=config.name))
    assert sizes == {"winclip": (SIZE, SIZE), "tiling": (2 * SIZE, 2 * SIZE)}


def test_no_image_s_worst_case_of_three_parameters_is_better_than_that_of_one(tmp_path):
    """3d starts from what the single settings have found, whichever cell is asked for first."""
    write_suite(tmp_path / "data" / "toys")
    study = tiny_study(tmp_path, worst={"over": ["washer"], "budget": 14, "settings": ["3d", "angle", "hue"]})
    compute(study, "worst", "3d", loader=load_reddish, progress=False)
    store = RecordStore(study.records_root)
    cells = {sidecar["spec"]["shift"]["setting"]: store.table(sidecar["key"], "samples").set_index("id")
             for path in study.records_root.glob("*.json") if (sidecar := store.sidecar(path.stem))}  # fmt: skip
    assert set(cells) == {"3d", "angle", "hue"}
    best = pd.concat([cells["angle"]["auroc"], cells["hue"]["auroc"]], axis=1).min(axis=1)
    assert (cells["3d"]["auroc"].dropna() <= best.dropna()).all()
    assert cells["3d"]["auroc"].notna().sum() == 6
    before = contents(study.records_root)
    tries = load_table(compute(study, "worst", loader=load_reddish, progress=False), "tries", study)
    assert contents(study.records_root) == before
    assert set(tries.groupby(["setting", "id"])["evaluation"].max()) == {14}
    assert (tries["gradients"] == 0).all()


def test_what_a_search_starts_from_is_searched_once(tmp_path, monkeypatch):
    """3d is listed first, and yet comes after the single settings that it starts from."""
    write_suite(tmp_path / "data" / "toys")
    study = tiny_study(tmp_path, worst={"over": ["washer"], "budget": 4, "settings": ["3d", "angle", "hue"]})
    evaluated, plain = [], run.evaluate

    def counted(cell, *arguments, **options):
        evaluated.append(cell.shift.setting)
        return plain(cell, *arguments, **options)

    monkeypatch.setattr(run, "evaluate", counted)
    compute(study, "worst", loader=load_reddish, progress=False)
    assert sorted(evaluated) == ["3d", "angle", "hue"]
