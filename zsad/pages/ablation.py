"""What matters in the text FNN: variants with several seeds, how unlike its words are, and whether that helps."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from zsad.clip import Backbone
from zsad.pages.corruption import Corrupted, draws_of, level, minus, percent, points
from zsad.pages.embedded import unlikeness
from zsad.study.config import DetectorConfig, Study
from zsad.study.contrasts import Difference
from zsad.study.kept import load_sidecars
from zsad.study.notebook import Page
from zsad.study.run import load_study_detector

WHOLE, RANDOM = "text_fnn", "random words"
# Of the study's main corruptions, shown beside the ablations.
BESIDE = ("rwda", "winclip")
WORDS = {
    WHOLE: "the method: both losses, a network, the object's name",
    RANDOM: "words as they are drawn: neither loss",
    "diversity only": "words made unlike each other, without guidance",
    "guidance only": "words guided, without diversity",
    "knowledge guidance": "guided to stay close to the bare prompt, not by the contrast of the sides",
    "shorter guided": "guidance of distribution words by themselves, and no temperature in it",
    "linear": "one linear layer in place of the network",
    "prototype": "no network: the mean text of each side",
    "bare prompts": "no words and no network: the mean prompt of each side",
    "unknown name": "texts say “object” in place of its name",
    "rwda": "for comparison: random words of letters, nothing learned but the network",
    "rwda tokens": "RWDA with random tokens in place of letters",
    "rwda unknown": "RWDA with texts that say “object”",
    "winclip": "for comparison",
}


# Other methods, which are no change of this one.
OTHERS = ("rwda", "rwda tokens", "rwda unknown", "winclip")


@dataclass(frozen=True)
class Variant:
    """Detectors that differ in their seed alone; it is called by the label of the first."""

    name: str
    labels: tuple[str, ...]


def variants(cases: Corrupted) -> list[Variant]:
    """The variants among the detectors, in the order of `WORDS`."""
    groups: dict[str, list[str]] = {}
    for config in cases.study.detectors:
        if config.label in cases.detectors and config.label.rstrip(" 0123456789") in WORDS:
            options = {name: value for name, value in config.options.items() if name != "seed"}
            groups.setdefault(json.dumps([config.name, options], sort_keys=True), []).append(config.label)
    found = [Variant(labels[0], tuple(labels)) for labels in groups.values()]
    return sorted(found, key=lambda variant: list(WORDS).index(variant.name))


def with_winclip(cases: Corrupted | None, main: Corrupted | None) -> Corrupted | None:
    """The ablations with `BESIDE` from the study's main corruptions; of one missing, the other."""
    if cases is None or main is None:
        return cases or main
    beside = main.records["detector"].isin(BESIDE) & ~main.records["detector"].isin(cases.detectors)
    beside &= main.records["value"].isin(cases.severities)
    records = pd.concat([cases.records, main.records[beside]], ignore_index=True)
    return Corrupted(cases.study, cases.block, records, cases.suffix)


def parts_of(cases: Corrupted, variant: Variant, suite: str, severity: int) -> list[tuple[float, pd.DataFrame]]:
    """The mean over seeds (and, where corrupted, over kinds) as parts of a `difference`."""
    share = 1 / len(variant.labels)
    if severity == 0:
        return [(share, cases.clean(suite, label)) for label in variant.labels]
    return [part for label in variant.labels for part in cases.mean_of(suite, label, severity, share)]


def over_seeds(
    cases: Corrupted, variant: Variant, suite: str, severity: int, draws: pd.DataFrame
) -> tuple[Difference, float | None]:
    """The mean over seeds with its interval over pictures, and the standard deviation over seeds; percent."""
    alone = [level(parts_of(cases, Variant(label, (label,)), suite, severity), draws).value for label in variant.labels]
    mean = level(parts_of(cases, variant, suite, severity), draws)
    return mean, float(np.std(alone, ddof=1)) if len(alone) > 1 else None


def show_ablations(page: Page, cases: Corrupted) -> None:
    """A row a suite and variant, and what follows."""
    draws = draws_of(page, cases.records)
    found, severity = variants(cases), cases.severity
    whole = next((variant for variant in found if variant.name == WHOLE), None)
    rows, gaps = [], {}
    for suite in cases.suites:
        for variant in found:
            clean, clean_sd = over_seeds(cases, variant, suite, 0, draws)
            mean, sd = over_seeds(cases, variant, suite, severity, draws)
            row: dict[str, object] = {"suite": suite, "variant": variant.name, "what": WORDS[variant.name]}
            row |= {"seeds": len(variant.labels), "clean": percent(clean), "sd clean": clean_sd}
            row |= {"corrupted": percent(mean), "sd corrupted": sd, "against the method": None}
            if whole is not None and variant != whole:
                gaps[suite, variant.name] = level(
                    parts_of(cases, variant, suite, severity) + minus(parts_of(cases, whole, suite, severity)),
                    draws,
                )
                row["against the method"] = points(gaps[suite, variant.name])
            rows.append(row)
    page.table(
        pd.DataFrame(rows),
        f"tab-text-ablation{cases.suffix}",
        f"<strong>The text FNN with one thing changed.</strong> {cases.who}. Image AUROC in percent, mean over seeds, "
        "± half the width of the 95 % interval over test images; sd: standard deviation over seeds, in points. "
        f"Corrupted: mean of the four corruptions at severity {severity}. Last: difference of the corrupted means with "
        f"its 95 % interval on the same pictures.{_absent(cases)}{_guided(cases)}",
        formats={"sd clean": "{:.2f}", "sd corrupted": "{:.2f}"},
        study=cases.study.name,
    )
    conclusion = conclude(gaps)
    page.say(f"**Conclusion ({cases.who}).** {conclusion}")
    page.number(f"conclusion{cases.suffix}", conclusion)


def _absent(cases: Corrupted) -> str:
    """Which variants of the block have no records yet."""
    asked = [] if cases.block.detectors == "all" else cases.block.detectors
    absent = [label for label in asked if label not in cases.detectors]
    return f" Not computed yet: {', '.join(absent)}." if absent else ""


def _guided(cases: Corrupted) -> str:
    """A word on records that were made before guidance acted on full texts, or on both kinds of words."""
    rows = cases.records[cases.records["detector"] == WHOLE]
    if rows.empty:
        return ""
    (sidecar,) = load_sidecars(rows.iloc[:1], cases.study).values()
    options = sidecar["spec"]["options"]
    if "guided_words" in options:
        return ""
    if "guidance_of" in options:
        return " In these records guidance acts on distribution words alone."
    return " In these records guidance acts on distribution words by themselves, in 16 bits and without a temperature."


def conclude(gaps: dict[tuple[str, str], Difference]) -> str:
    """Whether trained words help against words as they are drawn, and which other changes matter for certain."""
    said = []
    for (suite, name), gap in gaps.items():
        if name == RANDOM:
            helps = Difference(-gap.value, -gap.high, -gap.low, gap.categories)
            verdict = {1: "help", -1: "hurt", 0: "make no difference that these pictures could tell"}[helps.sign]
            said.append(
                f"On {suite}, trained words {verdict} under corruption: {points(helps)} points of mean image AUROC "
                "against words as they are drawn."
            )
    changes = {place: gap for place, gap in gaps.items() if place[1] not in (RANDOM, *OTHERS)}
    sure = [f"{name} on {suite} ({points(gap)})" for (suite, name), gap in changes.items() if gap.sign]
    if changes:
        said.append(f"Other changes that matter for certain: {'; '.join(sure) or 'none'}.")
    return " ".join(said) or "The study holds no variant to compare the method with."


def show_cosines(page: Page, study: Study, category: str, suffix: str = "", seeds: bool = True) -> None:
    """How unlike the words are: the mean |cosine| over pairs of learned words against words as they are drawn.

    `seeds`: every seed that the study has, not the first alone. The words are learned from text alone.
    """
    rows: list[dict[str, Any]] = []
    towers: dict[str, Backbone | Exception] = {}
    for config in word_configs(study, seeds):
        detector = load_study_detector(study, config, study.backbones[0], towers)
        (row,) = page.computed(unlikeness, study, detector=detector, category=category).to_dict("records")
        row |= {name: 100 * share for name, share in row.items() if not name.endswith("words")}
        rows.append({"variant": config.label, "seed": detector.options["seed"]} | row)
    if not rows:
        return
    frame = pd.DataFrame(rows)
    page.table(
        frame,
        f"tab-word-cosines{suffix}",
        "<strong>How unlike the words are</strong>: mean |cosine| of the text features of all pairs of words, by "
        "themselves; 0 where all are orthogonal, 1 where all are one. Diversity words are the same for every object; "
        f"distribution words are those for “{category.replace('_', ' ')}”. And whether the network's training texts "
        "keep their meaning, in percent: moved right, the share that “broken” or “damaged” moves towards the anomalous "
        "side; nearer own side, that of texts nearer to their own side's bare prompts. Exact values of these words: "
        "there is nothing to sample.",
        formats={name: "{:.3f}" for name in frame if name.endswith("words") and not name.startswith("number")}
        | {"moved right": "{:.1f}", "nearer own side": "{:.1f}"},
        study=study.name,
    )
    mean = frame.assign(family=frame["variant"].str.rstrip(" 0123456789")).groupby("family")["diversity words"].mean()
    if {WHOLE, RANDOM} <= set(mean.index):
        text = f"{mean[WHOLE]:.3f} against {mean[RANDOM]:.3f}"
        page.say(f"Mean |cosine| of diversity words, learned against as they are drawn: {text}.")
        page.number(f"cosines{suffix}", text)


def word_configs(study: Study, seeds: bool) -> list[DetectorConfig]:
    """The text FNNs of a study whose words differ: of those that share their words, only the plain one."""
    found: dict[str, DetectorConfig] = {}
    for config in study.detectors:
        options = {k: v for k, v in config.options.items() if k != "head"}
        wanted = config.name == WHOLE and options.get("known_name", True) and (seeds or not options.get("seed"))
        if wanted and (seeds or config.label in (WHOLE, RANDOM)):
            found.setdefault(json.dumps(options, sort_keys=True), config)
    return list(found.values())
