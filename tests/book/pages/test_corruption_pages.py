"""The pages of corruptions and of detectors trained on text: toys are corrupted, shown and concluded from; the numbers
are held against slow recomputation."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from tiny_clip import tiny_backbone
from toys import SIZE, Reddish, tiny_study, write_suite

import zsad
import zsad.study
from book.tools.absent import say_absent
from book.tools.page import Page
from book.tools.pages import ablation, aebad, corruption
from book.tools.pages.ablation import Variant, over_seeds, show_ablations, show_cosines, variants, with_winclip
from book.tools.pages.aebad import computed_domains, pooled, show_domains
from book.tools.pages.corruption import KINDS, computed, draws_of, kept, level, minus
from book.tools.pages.corruption_gallery import below, chosen, show_corruptions, show_scores
from book.tools.pages.poster import (
    Comparison,
    averaged,
    comparisons,
    conclude,
    labels_of,
    published,
    show_measured,
    show_published,
    with_seeds,
)
from book.tools.pages.seeds import mean_over_seeds, seeds_of
from book.tools.pages.severity import loss, means, over_severity, show_severity
from zsad import metrics, perturb
from zsad.analysis.differences import Difference
from zsad.data import stack
from zsad.detectors import Prediction
from zsad.study import compute

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


def slow_auroc(page, suite, category, label, kind, severity):
    """From the pictures on disk, one after another; AUROC as the share of pairs in the right order."""
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


def test_the_measured_table_is_the_mean_over_categories_and_kinds(page):
    cases = computed(page)
    assert (cases.suites, cases.detectors, cases.kinds) == (["mvtec_ad"], ["winclip", "clip", "text_fnn"], list(KINDS))
    assert (cases.severities, cases.severity) == ([0, 1, 3], 3)
    show_published(page)
    show_measured(page, cases, computed_domains(page))
    ids = ["tab-poster-published", "tab-poster", "tab-poster-order"]
    assert [item["id"] for item in exports(page)["items"]] == ids
    table = pd.read_csv(page.folder / "tables" / "tab-poster.csv").set_index(["method", "column"])
    for label, method in (("winclip", "WinCLIP"), ("text_fnn", "text FNN")):
        assert table.loc[(method, "mvtec_ad mean"), "estimate"] == pytest.approx(slow_mean(page, label, 3))
        assert table.loc[(method, "mvtec_ad none"), "estimate"] == pytest.approx(slow_mean(page, label, 0))
        blur = [slow_auroc(page, "mvtec_ad", c, label, "defocus_blur", 3) for c in ("washer", "metal_nut")]
        assert table.loc[(method, "mvtec_ad blur"), "estimate"] == pytest.approx(sum(blur) / 2)
        blades = [slow_auroc(page, f"aebad-{d}", "blade", label, "contrast", 0) for d in ("same", "view")]
        assert table.loc[(method, "AeBAD"), "estimate"] == pytest.approx(sum(blades) / 2)
    assert (table["low"] <= table["estimate"] + 1e-4).all()
    assert (table["estimate"] <= table["high"] + 1e-4).all()


def test_the_poster_s_table_holds_the_mean_over_seeds(page):
    assert seeds_of(page.study, "text_fnn") == ["text_fnn", "text_fnn 1"]
    assert labels_of(page.study) == ["winclip", "clip", "text_fnn", "text_fnn 1"]
    alone, cases = computed(page), with_seeds(computed(page), computed(page, "ablation"))
    domains = computed_domains(page, labels_of(page.study))
    changed, of_domains, draws = averaged(page, cases, domains, seeds_of(page.study, "text_fnn"))
    mean = level(changed.mean_of("mvtec_ad", "text_fnn", 3), draws)
    assert mean.value == pytest.approx(sum(slow_mean(page, label, 3) for label in ("text_fnn", "text_fnn 1")) / 2)
    blades = [slow_auroc(page, f"aebad-{d}", "blade", label, "contrast", 0)
              for d in ("same", "view") for label in ("text_fnn", "text_fnn 1")]  # fmt: skip
    assert level(of_domains.mean_of("text_fnn"), draws).value == pytest.approx(sum(blades) / 4)
    # What has one seed stays as it is; so does a severity that only the first seed has.
    for label, severity in (("winclip", 3), ("text_fnn", 1)):
        one = level(alone.mean_of("mvtec_ad", label, severity), draws)
        assert level(changed.mean_of("mvtec_ad", label, severity), draws) == one
    show_measured(page, cases, domains)
    caption = exports(page)["items"][0]["caption"]
    assert "mean over 2 training seeds" in caption
    assert "Not there: RWDA, random tokens, RWDA, object unknown." in caption


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_an_interval_holds_the_spread_of_seeds(seeds):
    """Where every image draw says the same, what is left is the variance of a mean over as many seeds."""
    generator = np.random.default_rng(0)
    estimates, labels = generator.normal(0.8, 0.05, seeds), [f"f {index}" for index in range(seeds)]
    place = {"suite": "s", "category": "c", "setting": "contrast", "value": 3.0, "metric": "image_auroc"}
    rows = [{**place, "detector": label, "key": label, "estimate": e}
            for label, e in zip(labels, estimates, strict=True)]  # fmt: skip
    draws = pd.DataFrame({row["key"]: np.full(20_000, row["estimate"]) for row in rows})
    records, drawn = mean_over_seeds(pd.DataFrame(rows), draws, labels)
    (row,) = records[records["detector"] == "f 0"].to_dict("records")
    assert row["estimate"] == pytest.approx(estimates.mean())
    assert drawn[row["key"]].mean() == pytest.approx(estimates.mean(), abs=1e-3)
    assert drawn[row["key"]].var() == pytest.approx(estimates.var(ddof=1) / seeds, rel=0.05)


def test_differences_are_compared_with_the_printed_ones(page):
    cases, domains = computed(page), computed_domains(page)
    draws = draws_of(page, pd.concat([cases.records, domains.records]))
    found = {(c.second, c.data_set, c.what): c for c in comparisons(cases, domains, draws)}
    assert len(found) == 2 * 3
    against = found["WinCLIP", "MVTec AD", "mean of four corruptions"]
    assert against.printed == pytest.approx(87.6 - 86.5)
    assert against.measured.value == pytest.approx(slow_mean(page, "text_fnn", 3) - slow_mean(page, "winclip", 3))
    assert found["CLIP", "AeBAD", "mean of its domains"].printed == pytest.approx(80.7 - 53.1)
    # The interval is that of the paired difference, which draws both from the same pictures.
    sides = [
        (sign / 4, cases.at("mvtec_ad", label, kind, 3).sort_values("category"))
        for label, sign in (("text_fnn", 1), ("winclip", -1))
        for kind in KINDS
    ]
    drawn = sum(weight * draws[list(side["key"])].to_numpy() for weight, side in sides)
    normal = (sides[0][1]["n_images"] - sides[0][1]["n_anomalous"]).to_numpy()
    low, high = metrics.interval(metrics.expanded(drawn, normal).mean(axis=1))
    assert (against.measured.low, against.measured.high) == pytest.approx((100 * low, 100 * high), abs=1e-4)


@pytest.mark.parametrize(
    ("printed", "low", "high", "verdict"),
    [(3.0, 1.0, 5.0, "the same order"), (-3.0, 1.0, 5.0, "the other order"), (3.0, -5.0, -1.0, "the other order"),
     (-1.0, -5.0, -1.0, "the same order"), (3.0, -1.0, 5.0, "undecided"), (0.0, 1.0, 5.0, "a tie in print"),
     (0.0, -1.0, 5.0, "undecided")],
)  # fmt: skip
def test_an_order_is_borne_out_only_by_an_interval_clear_of_0(printed, low, high, verdict):
    measured = Difference((low + high) / 2, low, high, 2)
    found = Comparison("text FNN", "WinCLIP", "demo-visa", "VisA", "x", printed, measured)
    assert found.verdict == verdict
    assert found.as_large == (low <= printed <= high)


def test_the_conclusion_counts_and_names_disagreement():
    def case(low, high, second="WinCLIP"):
        measured = Difference((low + high) / 2, low, high, 2)
        return Comparison("text FNN", second, "demo-visa", "VisA", "mean of four corruptions", 3.8, measured)

    text = conclude([case(-3, -1), case(-1, 1, "RWDA"), case(1, 3, "CLIP")])
    assert "borne out in 1, reversed in 1, and left open by these pictures in 1" in text
    assert "−2.0 (−3.0 to −1.0) points from WinCLIP; the poster prints +3.8 on VisA: the other order" in text
    assert "The demo world disagrees with the poster here: WinCLIP on demo-visa (mean of four corruptions)." in text
    assert "lies in the measured interval in 0." in text
    assert "disagrees" not in conclude([case(1, 3)])
    real = replace(case(-3, -1), suite="AeBAD", data_set="AeBAD", what="mean of its domains")
    assert "This study disagrees with the poster here: WinCLIP on AeBAD" in conclude([real])


def test_the_printed_means_are_those_of_the_four_corruptions():
    table = published()
    for data_set in ("MVTec AD", "VisA"):
        four = table[data_set][["brightness", "contrast", "blur", "noise"]].mean(axis=1)
        assert (four - table[data_set]["corruption_mean"]).abs().max() <= 0.051


def test_severity_curves_start_at_the_clean_mean_and_losses_are_measured_from_it(page):
    cases = computed(page)
    draws = draws_of(page, cases.records)
    table = over_severity(cases, draws, means(cases, draws)).set_index(["series", "column", "severity"])["estimate"]
    for kind in KINDS:
        assert table["clip", kind, 0] == pytest.approx(slow_mean(page, "clip", 0))
    noise = [slow_auroc(page, "mvtec_ad", c, "clip", "gaussian_noise", 1) for c in ("washer", "metal_nut")]
    assert table["clip", "gaussian_noise", 1] == pytest.approx(sum(noise) / 2)
    lost = level(loss(cases, "mvtec_ad", "clip", 3), draws)
    assert lost.value == pytest.approx(slow_mean(page, "clip", 0) - slow_mean(page, "clip", 3))
    show_severity(page, cases)
    content = exports(page)
    assert [item["id"] for item in content["items"]] == ["fig-severity", "fig-severity-kinds", "tab-severity"]
    assert "severity 3 costs" in content["numbers"]["conclusion"]["text"]


def test_counts_that_a_study_sets_are_told_and_the_demo_worlds_domains_named():
    quick = aebad.load_study("quick", check_models=False)
    assert corruption.counts_set(quick, ["clip", "rwda", "text_fnn"]) == (
        "; rwda with sentences 500; text_fnn with diversity words 20, word steps 20"
    )
    assert corruption.counts_set(quick, ["clip"]) == ""
    assert aebad.Domains(quick, pd.DataFrame()).world == "demo-aebad"
    assert aebad.Domains(aebad.load_study("paper", check_models=False), pd.DataFrame()).world == "AeBAD"


def test_the_poster_s_table_calls_measured_domains_by_what_they_are(page, monkeypatch):
    """The printed column is AeBAD's; what the demo world's suite gave stands under that suite's name."""
    monkeypatch.setattr(aebad.Domains, "world", "demo-aebad")
    show_measured(page, computed(page), computed_domains(page))
    table, order = (pd.read_csv(page.folder / "tables" / f"{name}.csv") for name in ("tab-poster", "tab-poster-order"))
    assert "demo-aebad" in set(table["column"])
    assert "AeBAD" not in set(table["column"])
    assert "demo-aebad (AeBAD)" in set(order["data set"])
    caption = exports(page)["items"][0]["caption"]
    assert "demo-aebad: of its domains" in caption
    assert "AeBAD" not in caption


def test_domains_are_compared_one_by_one_and_together(page):
    domains = computed_domains(page)
    assert (domains.domains, domains.detectors) == (["same", "view"], ["winclip", "clip", "text_fnn"])
    draws = draws_of(page, domains.records)
    drop = level([(1.0, domains.at("clip", "same")), *minus([(1.0, domains.at("clip", "view"))])], draws)
    slow = {d: slow_auroc(page, f"aebad-{d}", "blade", "clip", "contrast", 0) for d in ("same", "view")}
    assert drop.value == pytest.approx(slow["same"] - slow["view"])
    samples = [sample for d in ("same", "view") for sample in page.dataset(f"aebad-{d}", "blade")]
    images, _, labels = stack(samples)
    together = metrics.image_auroc(Tinted(LABELS["clip"], "x").predict(images, "blade").score, labels)
    assert pooled(page, domains, "clip").value == pytest.approx(100 * together)
    show_domains(page, domains)
    assert [item["id"] for item in exports(page)["items"]] == ["fig-aebad", "tab-aebad"]
    text = exports(page)["numbers"]["conclusion"]["text"]
    assert f"clip loses most by view, {drop.value:+.1f}".replace("-", "−") in text


def test_seeds_are_averaged_and_their_deviation_is_theirs(page):
    cases = with_winclip(computed(page, "ablation"), computed(page))
    found = variants(cases)
    assert [(v.name, v.labels) for v in found] == [
        ("text_fnn", ("text_fnn", "text_fnn 1")), ("random words", ("random words",)), ("winclip", ("winclip",))
    ]  # fmt: skip
    draws = draws_of(page, cases.records)
    mean, deviation = over_seeds(cases, found[0], "mvtec_ad", 3, draws)
    alone = [slow_mean(page, label, 3) for label in ("text_fnn", "text_fnn 1")]
    assert alone[0] != alone[1]
    assert mean.value == pytest.approx(sum(alone) / 2)
    assert deviation == pytest.approx(abs(alone[0] - alone[1]) / 2**0.5)
    assert over_seeds(cases, found[1], "mvtec_ad", 3, draws)[1] is None
    assert over_seeds(cases, Variant("winclip", ("winclip",)), "mvtec_ad", 0, draws)[0].value == pytest.approx(
        slow_mean(page, "winclip", 0)
    )
    show_ablations(page, cases)
    assert "against words as they are drawn" in exports(page)["numbers"]["conclusion"]["text"]


def test_the_conclusion_on_words_turns_with_the_sign():
    def gap(low, high):
        return {("s", "random words"): Difference((low + high) / 2, low, high, 2)}

    assert "trained words hurt under corruption: −2.0 (−3.0 to −1.0)" in ablation.conclude(gap(1, 3))
    assert "trained words help under corruption: +2.0 (+1.0 to +3.0)" in ablation.conclude(gap(-3, -1))
    assert "no difference" in ablation.conclude(gap(-1, 1))
    linear = {("s", "linear"): Difference(-2.0, -3.0, -1.0, 2), ("s", "prototype"): Difference(0.0, -1.0, 1.0, 2)}
    assert "matter for certain: linear on s (−2.0 (−3.0 to −1.0))." in ablation.conclude(linear)


def test_cosines_are_those_of_the_words(page, monkeypatch):
    backbone = tiny_backbone()
    options = {"diversity_words": 4, "distribution_words": 2, "word_steps": 4, "epochs": 1, "diversity_tokens": 2}

    def tiny(study, config, name, towers=None):
        return zsad.load_detector("text_fnn", backbone, **{**options, **config.options})

    monkeypatch.setattr(ablation, "load_study_detector", tiny)
    show_cosines(page, page.study, "nut")
    table = pd.read_csv(page.folder / "tables" / "tab-word-cosines.csv").set_index("variant")
    assert list(table.index) == ["text_fnn", "text_fnn 1", "random words"]
    drawn = zsad.load_detector("text_fnn", backbone, **options, diversity=None, guidance=None).word_features("nut")
    words = drawn["diversity"]
    pairs = [abs(float(words[i] @ words[j])) for i in range(4) for j in range(i)]
    assert table.loc["random words", "diversity words"] == pytest.approx(sum(pairs) / 6, abs=1e-5)
    assert table["diversity words"].nunique() == 3


def test_the_gallery_ranks_its_picture_among_the_normal_ones(page):
    pictures = pd.DataFrame({"id": list("abcd"), "label": [False, False, False, True], "score": [0.1, 0.5, 0.9, 0.5]})
    assert below(pictures, "d") == pytest.approx(50)
    assert below(pictures.assign(score=[0.1, 0.2, 0.3, 0.5]), "d") == 100
    sample = chosen(page, "mvtec_ad", "washer")
    sizes = sorted(int(s.mask.sum()) for s in page.dataset("mvtec_ad", "washer") if s.label)
    assert int(sample.mask.sum()) == sizes[len(sizes) // 2]
    show_corruptions(page, "mvtec_ad", sample)
    show_scores(page, computed(page), "mvtec_ad", sample)
    shown = pd.read_csv(page.folder / "tables" / "tab-corruption-scores.csv")
    assert list(shown.columns) == ["detector", "corruption", "severity 0", "severity 1", "severity 3"]
    assert len(shown) == 3 * 4


def test_what_is_not_there_is_said(page, study, monkeypatch):
    page.study = study.model_copy(update={"corruptions": [], "suites": {"mvtec_ad": study.suites["mvtec_ad"]}})
    assert computed(page) is None
    assert computed_domains(page) is None
    assert "Not in this study: corruptions." in say_absent(page, "corruptions")

    def nothing(name):
        raise FileNotFoundError

    for module in (corruption, aebad):
        monkeypatch.setattr(module, "load_records", nothing)
    assert kept(page) is None
    assert aebad.kept_domains(page) is None


def test_kept_records_are_shown_with_their_clean_cells_and_domains(page, monkeypatch):
    demo = page.study.model_copy(update={"name": "demo"})
    records = compute(page.study, progress=False, loader=load_tinted).assign(study="demo")
    for module in (corruption, aebad):
        monkeypatch.setattr(module, "load_study", lambda name, check_models: demo)
        monkeypatch.setattr(module, "load_records", lambda name: records)
    found, here = kept(page), computed(page)
    assert found.suffix == "-demo"
    columns = ["suite", "category", "detector", "setting", "value"]
    assert set(map(tuple, found.records[columns].values)) == set(map(tuple, here.records[columns].values))
    assert kept(page, "ablation").detectors == ["text_fnn", "text_fnn 1", "random words"]
    assert aebad.kept_domains(page).domains == ["same", "view"]
