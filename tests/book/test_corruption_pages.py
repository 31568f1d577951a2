"""The pages of corruptions and of detectors trained on text: toys are corrupted, and the cells of the notebooks show
them; the numbers are held against slow recomputation.
"""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest
import torch
from notebook_cells import order_on, run_cells
from PIL import Image
from tiny_clip import tiny_backbone
from toys import SIZE, Reddish, tiny_study, write_suite

import zsad
import zsad.study
from book.tools import corruption
from book.tools.corruption import corrupted, of_table, seeds_of, shown
from book.tools.page import Page
from zsad import metrics, perturb
from zsad.analysis.ablation import gaps
from zsad.analysis.corruption import KIND_WORDS
from zsad.analysis.poster import comparisons
from zsad.data import stack
from zsad.detectors import Prediction
from zsad.study import compute
from zsad.study.load import load_study

KINDS = tuple(KIND_WORDS)
LABELS = {"winclip": 0.9, "clip": 0.2, "text_fnn": 1.0, "text_fnn 1": 0.7, "random words": 0.5}


class Tinted(Reddish):
    """Scores by how far red exceeds a share of green; says nothing about places."""

    localises = False

    def __init__(self, share: float, name: str) -> None:
        super().__init__(name=name)
        self.share = share

    @property
    def options(self) -> dict[str, object]:
        return {"share": self.share}

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(f"{self.name} {self.share}".encode()).hexdigest()

    def predict(self, images: torch.Tensor, category: str) -> Prediction:
        score = (images[:, 0] - self.share * images[:, 1]).flatten(1).std(1)
        return Prediction(score, score[:, None, None].expand(-1, *images.shape[-2:]))


def load_tinted(study, config, backbone):
    return Tinted(LABELS[config.label], config.name)


def write_domains(root):
    """A toy blade in two domains, in AeBAD's layout."""
    generator = np.random.default_rng(5)
    for domain, contrast in (("same", 90.0), ("view", 25.0)):
        for index in range(9):
            defect = "good" if index < 4 else "hole"
            image = generator.normal(128, 18, (SIZE, SIZE, 3))
            mask = np.zeros((SIZE, SIZE), np.uint8)
            if index >= 4:
                mask[4:16, 4:16] = 255
                image[mask > 0] += np.array([contrast, -30, -30]) / (index - 3)
                truth = root / "blade" / "ground_truth" / defect / domain
                truth.mkdir(parents=True, exist_ok=True)
                Image.fromarray(mask).save(truth / f"{index:03d}.png")
            folder = root / "blade" / "test" / defect / domain
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(folder / f"{index:03d}.png")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    write_suite(folder / "data" / "toys")
    write_domains(folder / "data" / "blades")
    domains = {f"aebad-{d}": {"reader": "aebad", "root": "blades", "domain": d} for d in ("same", "view")}
    detectors = [
        "winclip",
        "clip",
        "text_fnn",
        {"name": "text_fnn", "label": "text_fnn 1", "options": {"seed": 1}},
        {"name": "text_fnn", "label": "random words", "options": {"diversity": None, "guidance": None}},
    ]
    blocks = [
        {"detectors": ["winclip", "clip", "text_fnn"], "over": ["washer", "metal_nut"], "severities": [0, 1, 3]},
        {"name": "ablation", "detectors": ["text_fnn", "text_fnn 1", "random words"], "over": ["washer", "metal_nut"]},
    ]
    study = tiny_study(
        folder, suites={"mvtec_ad": {"reader": "mvtec_ad", "root": "toys"}, **domains}, detectors=detectors,
        corruptions=blocks, sweeps={},
    )  # fmt: skip
    compute(study, progress=False, loader=load_tinted)
    return study


@pytest.fixture
def page(study, tmp_path, monkeypatch):
    """A page whose records are computed with the toy detectors."""
    real = zsad.study.compute
    monkeypatch.setattr(zsad.study, "compute", lambda *a, **k: real(*a, **k, loader=load_tinted, progress=False))
    return Page("poster_table", study, {}, tmp_path)


def exports(page):
    return json.loads((page.folder / f"{page.name}.json").read_text())


SLOW: dict[tuple[object, ...], float] = {}  # what is asked by several tests is computed once


def slow_auroc(page, suite, category, label, kind, severity):
    """From the pictures on disk, one after another; AUROC as the share of pairs in the right order."""
    asked = (page.study.data_root, suite, category, label, severity and kind, severity)
    if asked not in SLOW:
        SLOW[asked] = auroc_of_pairs(page, *asked[1:])
    return SLOW[asked]


def auroc_of_pairs(page, suite, category, label, kind, severity):
    scores: dict[bool, list[float]] = {True: [], False: []}
    detector = Tinted(LABELS[label], "x")
    for sample in page.dataset(suite, category):
        noise = perturb.image_generator(sample.id, page.study.seed)
        image = perturb.corrupt(sample.image, kind, severity, noise) if severity else sample.image
        scores[sample.label].append(float(detector.predict(image[None], category).score))
    pairs = [(a > n) + (a == n) / 2 for a in scores[True] for n in scores[False]]
    return 100 * sum(pairs) / len(pairs)


def slow_mean(page, label, severity, suite="mvtec_ad"):
    everything = [slow_auroc(page, suite, c, label, k, severity) for c in ("washer", "metal_nut") for k in KINDS]
    return sum(everything) / len(everything)


def shown_by(name, page, monkeypatch):
    """The ids of what a notebook shows, and its tables by id."""
    run_cells(name, page, monkeypatch)
    tables = {path.stem: pd.read_csv(path) for path in (page.folder / "tables").glob("*.csv")}
    return [item["id"] for item in exports(page)["items"]], tables


def test_a_part_of_a_data_set_is_not_held_against_the_poster(page, monkeypatch):
    ids, _ = shown_by("poster_table", page, monkeypatch)
    assert ids == ["tab-poster-published", "tab-poster"]
    assert exports(page)["numbers"]["conclusion"]["text"] == (
        "Not held against print, which is of whole test splits: WinCLIP, CLIP, text FNN on mvtec_ad (1 of 15 "
        "categories); WinCLIP, CLIP, text FNN on AeBAD (2 of 4 domains)."
    )


def test_the_measured_table_is_the_mean_over_categories_kinds_and_seeds(page, monkeypatch):
    monkeypatch.setattr("zsad.study.whole.whole_counts", lambda suite: {"washer": 10, "metal_nut": 10})
    monkeypatch.setattr("zsad.analysis.poster.lacking_domains", lambda suite, images: "")
    ids, tables = shown_by("poster_table", page, monkeypatch)
    assert ids == ["tab-poster-published", "tab-poster", "tab-poster-order"]
    assert set(tables["tab-poster"]["method"]) == {"WinCLIP", "CLIP", "text FNN"}, "seeds are one method"
    table = tables["tab-poster"].set_index(["method", "column"])
    for labels, method in ((["winclip"], "WinCLIP"), (["text_fnn", "text_fnn 1"], "text FNN")):
        estimate = table.loc[method, "estimate"]
        for column, severity in (("mvtec_ad mean", 3), ("mvtec_ad none", 0)):
            assert estimate[column] == pytest.approx(np.mean([slow_mean(page, label, severity) for label in labels]))
        blur = [slow_auroc(page, "mvtec_ad", c, label, "defocus_blur", 3)
                for c in ("washer", "metal_nut") for label in labels]  # fmt: skip
        assert estimate["mvtec_ad blur"] == pytest.approx(np.mean(blur))
        blades = [slow_auroc(page, f"aebad-{d}", "blade", label, "contrast", 0)
                  for d in ("same", "view") for label in labels]  # fmt: skip
        assert estimate["AeBAD"] == pytest.approx(np.mean(blades))
    assert (table["low"] <= table["estimate"] + 1e-4).all()
    assert (table["estimate"] <= table["high"] + 1e-4).all()
    caption = exports(page)["items"][1]["caption"]
    assert "mean over 2 training seeds" in caption
    assert "All methods are of the league “text only”." in caption
    assert set(tables["tab-poster"]["league"]) == {"text only"}
    assert "AnomalyCLIP; RWDA, random tokens; RWDA, object unknown." in caption


def test_a_block_has_its_detectors_and_those_asked_beside_it(page):
    (alone,) = shown(page)
    assert (alone.suites, alone.detectors, alone.kinds) == (["mvtec_ad"], ["winclip", "clip", "text_fnn"], [*KINDS])
    assert (sorted(alone.records["value"].unique()), alone.severity) == ([0, 1, 3], 3)
    assert "mvtec_ad: 2 categories, 20 images; images corrupted at their native size" in alone.who
    assert seeds_of(page.study, "text_fnn") == ["text_fnn", "text_fnn 1"]
    assert of_table(page.study) == ["winclip", "clip", "text_fnn", "text_fnn 1"]
    (both,) = shown(page, beside="ablation", labels=of_table)
    assert both.detectors == ["winclip", "clip", "text_fnn", "text_fnn 1"]
    # What has one seed stays as it is; so does a severity that only the first seed has.
    mean = corruption.averaged(both, ["text_fnn", "text_fnn 1"])
    for label, severity in (("winclip", 3), ("text_fnn", 1)):
        parts = [found.mean_at("mvtec_ad", label, severity) for found in (alone, mean)]
        assert alone.level(parts[0]) == mean.level(parts[1])


def test_beside_a_block_stands_what_was_measured_where_its_table_is(page, monkeypatch):
    asked = {"block": "ablation", "beside": "default", "labels": ("winclip", "clip")}
    real = corruption._of_block

    def lacking(*arguments):
        records = real(*arguments)
        return records[(records["detector"] != "winclip") | (records["value"] != 3)]

    assert shown(page, **asked)[0].detectors[:2] == ["winclip", "clip"]
    monkeypatch.setattr(corruption, "_of_block", lacking)
    (cases,) = shown(page, **asked)
    assert cases.severity == 3
    assert cases.detectors == ["clip", "text_fnn", "text_fnn 1", "random words"]
    assert list(gaps(cases, {"text_fnn": ["text_fnn"], "clip": ["clip"]})) == [("mvtec_ad", "clip")]


def test_a_measured_difference_is_paired(page, monkeypatch):
    monkeypatch.setattr("zsad.study.whole.whole_counts", lambda suite: {"washer": 10, "metal_nut": 10})
    cases = corrupted(page, page.study)
    printed = pd.DataFrame(0.0, index=["Poster method (text FNN)", "CLIP", "WinCLIP"],
                           columns=pd.MultiIndex.from_product([["MVTec AD"], ["none", "corruption_mean"]]))  # fmt: skip
    found = {(c.second, c.what): c.measured for c in comparisons(cases, None, printed, page.study.titles)}
    against = found["WinCLIP", "mean of four corruptions"]
    assert against.value == pytest.approx(slow_mean(page, "text_fnn", 3) - slow_mean(page, "winclip", 3))
    sides = [
        (sign / 4, cases.at("mvtec_ad", label, kind, 3).sort_values("category"))
        for label, sign in (("text_fnn", 1), ("winclip", -1))
        for kind in KINDS
    ]
    drawn = sum(weight * cases.draws[list(side["key"])].to_numpy() for weight, side in sides)
    normal = (sides[0][1]["n_images"] - sides[0][1]["n_anomalous"]).to_numpy()
    low, high = metrics.interval(metrics.expanded(drawn, normal).mean(axis=1))
    assert (against.low, against.high) == pytest.approx((100 * low, 100 * high), abs=1e-4)


def test_severity_curves_start_at_the_clean_mean(page, monkeypatch):
    ids, tables = shown_by("severity", page, monkeypatch)
    assert ids == ["fig-severity", "fig-severity-kinds", "tab-severity"], "no toy says where"
    table = tables["tab-severity"].set_index(["detector", "corruption", "severity"])["estimate"]
    for kind in KINDS:
        assert table["clip", kind, 0] == pytest.approx(slow_mean(page, "clip", 0))
    noise = [slow_auroc(page, "mvtec_ad", c, "clip", "gaussian_noise", 1) for c in ("washer", "metal_nut")]
    assert table["clip", "gaussian_noise", 1] == pytest.approx(sum(noise) / 2)
    lost = slow_mean(page, "clip", 0) - slow_mean(page, "clip", 3)
    assert f"clip {lost:+.1f}".replace("-", "−") in exports(page)["numbers"]["each"]["text"]


@pytest.mark.parametrize(
    ("name", "met"),
    [("severity", ["finding", "fig-severity", "> fig-severity-kinds", "> tab-severity"]),
     ("aebad", ["finding", "fig-aebad", "> tab-aebad"]),
     ("corruptions", ["finding", "fig-corruptions", "fig-corruptions-image", "> tab-corruption-scores"])],
)  # fmt: skip
def test_the_finding_stands_first_and_tables_are_folded(page, monkeypatch, name, met):
    assert order_on(name, page, monkeypatch) == met


def test_the_finding_is_about_the_strongest_severity_of_all_kinds(page, monkeypatch):
    shown_by("severity", page, monkeypatch)
    said = exports(page)["numbers"]["conclusion"]["text"]
    falls = {label: slow_mean(page, label, 0) - slow_mean(page, label, 3) for label in ("winclip", "clip", "text_fnn")}
    assert "of 3 detectors" in said
    assert "(severity 3, mvtec_ad), on 20 test images of 2 products" in said
    most = max(falls, key=falls.__getitem__)
    some = "falls for none" not in said
    assert (
        not some or f"most for {most}, from {slow_mean(page, most, 0):.1f} to {slow_mean(page, most, 3):.1f} %" in said
    )


def test_counts_that_a_study_sets_are_told_and_the_demo_worlds_domains_named():
    quick = load_study("quick", check_models=False)
    assert corruption.counts_set(quick, ["clip", "rwda", "text_fnn"]) == (
        "; rwda with sentences 500; text_fnn with diversity words 20, word steps 20"
    )
    assert corruption.counts_set(quick, ["clip"]) == ""
    assert corruption.world_of(quick) == "demo-aebad"
    assert corruption.world_of(load_study("paper", check_models=False)) == "AeBAD"


def test_domains_are_compared_one_by_one_and_together(page, monkeypatch):
    ids, tables = shown_by("aebad", page, monkeypatch)
    assert ids == ["fig-aebad", "tab-aebad"]
    assert list(dict.fromkeys(tables["tab-aebad"]["detector"])) == ["winclip", "clip", "text_fnn"]
    table = tables["tab-aebad"].set_index(["detector", "column"])["estimate"]
    slow = {d: slow_auroc(page, f"aebad-{d}", "blade", "clip", "contrast", 0) for d in ("same", "view")}
    assert table["clip"][["same", "view", "mean of all"]].tolist() == pytest.approx(
        [slow["same"], slow["view"], sum(slow.values()) / 2]
    )
    samples = [sample for d in ("same", "view") for sample in page.dataset(f"aebad-{d}", "blade")]
    images, _, labels = stack(samples)
    together = metrics.image_auroc(Tinted(LABELS["clip"], "x").predict(images, "blade").score, labels)
    assert table["clip", "pooled"] == pytest.approx(100 * together)
    text = exports(page)["numbers"]["each"]["text"]
    assert f"; CLIP loses most by view, {slow['same'] - slow['view']:+.1f}".replace("-", "−") in text
    assert "text FNN loses" in text, "a detector is called by its title"
    said, alike = exports(page)["numbers"]["conclusion"]["text"].split("in brackets 95 % intervals. ")
    assert said.endswith("From the domain “same” to the mean over view; 18 test images, ")
    assert alike.endswith("what is said of several of them at image level is one finding, not several.")


def test_ablations_are_means_over_seeds_and_cosines_are_those_of_the_words(page, monkeypatch):
    backbone = tiny_backbone()
    options = {"diversity_words": 4, "distribution_words": 2, "word_steps": 4, "epochs": 1, "diversity_tokens": 2}

    def tiny(study, config, name, towers=None):
        return zsad.load_detector("text_fnn", backbone, **{**options, **config.options})

    monkeypatch.setattr("zsad.study.run.load_study_detector", tiny)
    monkeypatch.setattr(corruption, "guided", lambda cases: "")
    ids, tables = shown_by("text_ablation", page, monkeypatch)
    assert ids == ["tab-text-ablation", "tab-word-cosines"]
    rows = tables["tab-text-ablation"].set_index("variant")
    assert list(rows.index) == ["text_fnn", "random words", "winclip"]
    alone = [slow_mean(page, label, 3) for label in ("text_fnn", "text_fnn 1")]
    assert alone[0] != alone[1]
    assert rows.loc["text_fnn", "corrupted"].startswith(f"{sum(alone) / 2:.1f} (")
    assert rows.loc["text_fnn", "sd corrupted"] == pytest.approx(abs(alone[0] - alone[1]) / 2**0.5)
    assert pd.isna(rows.loc["random words", "sd corrupted"])
    assert rows.loc["winclip", "clean"].startswith(f"{slow_mean(page, 'winclip', 0):.1f} (")
    assert "against words as they are drawn" in exports(page)["numbers"]["conclusion"]["text"]
    table = tables["tab-word-cosines"].set_index("variant")
    assert list(table.index) == ["text_fnn", "text_fnn 1", "random words"]
    drawn = zsad.load_detector("text_fnn", backbone, **options, diversity=None, guidance=None)
    words = drawn.word_features("washer")["diversity"]
    pairs = [abs(float(words[i] @ words[j])) for i in range(4) for j in range(i)]
    assert table.loc["random words", "diversity words"] == pytest.approx(sum(pairs) / 6, abs=1e-5)
    assert table["diversity words"].nunique() == 3


def test_the_gallery_shows_the_picture_of_median_damage(page, monkeypatch):
    variables = run_cells("corruptions", page, monkeypatch)
    sample, category = variables["sample"], variables["category"]
    toys = list(page.dataset("mvtec_ad", category))
    sizes = sorted(int(s.mask.sum()) for s in toys if s.label)
    assert int(sample.mask.sum()) == sizes[len(sizes) // 2]
    ranks = pd.read_csv(page.folder / "tables" / "tab-corruption-scores.csv")
    assert list(ranks.columns) == ["detector", "corruption", "severity 0", "severity 1", "severity 3"]
    assert len(ranks) == 3 * 4
    scores = {s.id: float(Tinted(LABELS["clip"], "x").predict(s.image[None], category).score) for s in toys}
    below = np.mean([scores[s.id] < scores[sample.id] for s in toys if not s.label])
    assert (ranks.loc[ranks["detector"] == "clip", "severity 0"] == 100 * below).all()


def test_what_is_not_there_is_said(page, study, monkeypatch):
    said: list[str] = []
    monkeypatch.setattr(Page, "say", lambda self, text: said.append(text))
    page.study = study.model_copy(update={"corruptions": [], "suites": {"mvtec_ad": study.suites["mvtec_ad"]}})
    for name in ("severity", "aebad", "text_ablation", "poster_table", "text_space"):
        page.items.clear()
        page.numbers.clear()
        run_cells(name, page, monkeypatch)
        assert [item["id"] for item in page.items if item["id"] != "tab-poster-published"] == []
        if name != "text_space":
            assert page.numbers["conclusion"]["text"].startswith("Not in this study: ")
    assert sum(text.startswith("Not in this study: corruptions.") for text in said) == 2
    assert any(text.startswith("Not in this study: variants of the text FNN.") for text in said)


def test_of_what_is_kept_in_part_the_whole_severities_are_shown(page, monkeypatch):
    """Of one detector severity 3 lacks a category, and of another suite there is only what is not corrupted."""
    study = load_study("demo", check_models=False)
    block = next(b for b in study.corruptions if b.name == "default")
    cells = [
        (suite, category, detector, kind, value)
        for suite, categories in (("demo-mvtec", ("washer", "wood")), ("demo-visa", ("pcb",)))
        for category in categories
        for detector in ("winclip", "clip")
        for kind in KINDS
        for value in (0, 1, 3)
        if value == 0 or suite == "demo-mvtec"
        if (category, detector, value) != ("wood", "clip", 3)
    ]
    frame = pd.DataFrame(cells, columns=["suite", "category", "detector", "setting", "value"])
    frame = frame.assign(study="demo", backbone="demo-b", dtype="float32", shift="corruption", variant="default",
                         metric="image_auroc", estimate=0.5, low=0.4, high=0.6, n_images=9, n_anomalous=4,
                         key=[f"{i:064x}" for i in range(len(frame))])  # fmt: skip
    clean = frame[frame["value"] == 0].drop_duplicates(["category", "detector"])
    clean = clean.assign(shift="none", setting="none", key=[f"{10**6 + i:064x}" for i in range(len(clean))])
    kept = pd.concat([frame, clean], ignore_index=True)
    monkeypatch.setattr(Page, "shows_kept", True)
    monkeypatch.setattr(page, "records", lambda shift, variant, **where: kept[kept["shift"] == shift])
    monkeypatch.setattr(page, "uses", lambda records: records)
    shown_of = corruption._of_block(page, study, block)
    assert set(shown_of["suite"]) == {"demo-mvtec"}
    assert set(shown_of["value"]) == {0, 1}
    assert set(shown_of["detector"]) == {"winclip", "clip"}
