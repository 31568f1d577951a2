"""Which stages of the tiling pipeline earn their place: one thing changed at a time, and what each stage costs."""

from dataclasses import dataclass

import pandas as pd

from book.tools import plots
from book.tools.page import Page
from book.tools.pages.corruption import percent, points
from book.tools.pages.tiled import METRICS, PIPELINE, Tiled, draws_of, gap, level
from zsad.analysis.differences import Difference
from zsad.study.results import load_sidecars

# What each variant changes, and what stands or falls with it.
WORDS = {
    "tiles everywhere": ("no foreground: squares all over the picture", "the foreground"),
    "whole picture": ("no tiles: the picture is one", "tiling"),
    "clipseg alone": ("no tiles, and maps not scaled by scores", "tiles and scores together"),
    "DIS alone": ("the soft foreground as it is, without part masks", "SAM's part masks"),
    "SAM alone": ("all part masks, whatever the soft foreground says", "the soft foreground"),
    "never elongated": ("long parts are tiled like others", "the rule for long parts"),
    "mean embedding": ("cosine with the mean of unit embeddings", "averaging cosines"),
    "mean raw embedding": ("cosine with the mean of embeddings of any length", "averaging cosines (raw)"),
    "CLIP's temperature": ("the softmax at the model's own temperature", "temperature 0.07 against the model's"),
    "temperature 1": ("a softmax that is nearly even", "temperature 0.07 against 1"),
    "18 prompts": ("the repeated localising prompt once", "the repeated prompt"),
    "arithmetic mean": ("maps of prompts averaged plainly", "the harmonic mean"),
    "not scaled": ("maps not multiplied by their tile's score", "scaling maps by scores"),
    "mean of components": ("mean of all components in place of the top quarter", "the top quarter against the mean"),
    "highest component": ("the highest component alone", "the top quarter against the highest"),
}


@dataclass(frozen=True)
class Change:
    """One variant's difference from the pipeline on one metric, in points; None where every draw is the same."""

    variant: str
    metric: str
    difference: Difference | None

    @property
    def sign(self) -> int:
        return 0 if self.difference is None else self.difference.sign


def changes(cases: Tiled, draws: dict[str, pd.DataFrame]) -> list[Change]:
    """Every variant that the study has, against the pipeline."""
    found = []
    for variant in (name for name in WORDS if name in cases.detectors):
        for metric in METRICS:
            d = gap(cases, variant, PIPELINE, metric, draws[metric])
            found.append(Change(variant, metric, None if d.value == d.low == d.high == 0 else d))
    return found


def show_ablations(page: Page, cases: Tiled) -> None:
    """The figure, the table and the conclusion."""
    draws = draws_of(page, cases)
    found = changes(cases, draws)
    of = {(change.variant, change.metric): change.difference for change in found}
    names = list(dict.fromkeys(change.variant for change in found))
    if found:
        page.figure(
            plots.plot_forest(
                pd.DataFrame(
                    [
                        {"row": c.variant, "panel": c.metric, "estimate": d.value, "low": d.low, "high": d.high}
                        for c in found
                        if (d := c.difference or Difference(0.0, 0.0, 0.0, len(cases.categories)))
                    ]
                ),
                names,
                METRICS,
                "variant − pipeline [points]",
            ),
            f"fig-tiling-ablation{cases.suffix}",
            f"<strong>The pipeline with one thing changed</strong>, {cases.who}. Left of the line, the change costs: "
            "the stage earns its place. Lines: 95 % intervals of the difference on the same pictures; grey where they "
            "hold 0.",
            study=cases.study.name,
        )
    rows = []
    for label in [PIPELINE, *names, *(["winclip"] if "winclip" in cases.detectors else [])]:
        what = WORDS[label][0] if label in WORDS else {"winclip": "for comparison"}.get(label, "the pipeline")
        row: dict[str, object] = {"variant": label, "what": what}
        for metric, words in METRICS.items():
            row[words] = percent(level(cases, label, metric, draws[metric]))
            difference = of.get((label, metric))
            row[f"Δ {words}"] = points(difference) if difference else "same" if label in names else None
        rows.append(row)
    page.table(
        pd.DataFrame(rows),
        f"tab-tiling-ablation{cases.suffix}",
        f"<strong>The pipeline with one thing changed.</strong> {cases.who}. F1-max in percent, mean over categories, "
        "± half the width of the 95 % interval over test images; Δ: variant − pipeline in points, with the 95 % "
        "interval of the difference on the same pictures; same: equal in every draw.",
        study=cases.study.name,
    )
    conclusion = conclude(found)
    page.say(f"**Conclusion ({cases.who}).** {conclusion}")
    page.number(f"conclusion{cases.suffix}", conclusion)


def conclude(found: list[Change]) -> str:
    """Which stages earn their place for certain, which cost, and about which these pictures cannot tell."""
    if not found:
        return "The study holds no variant of the pipeline to compare it with."
    names = list(dict.fromkeys(change.variant for change in found))
    earns, costs, both, open_, same = [], [], [], [], []
    for name in names:
        mine = [change for change in found if change.variant == name]
        worse = [f"{METRICS[c.metric]} {_worth(c)}" for c in mine if c.sign < 0]
        better = [f"{METRICS[c.metric]} {_worth(c)}" for c in mine if c.sign > 0]
        stage = WORDS[name][1]
        if worse and better:
            both.append(f"{stage} ({worse[0]}, {better[0]})")
        elif worse:
            earns.append(f"{stage} ({' and '.join(worse)})")
        elif better:
            costs.append(f"{stage} ({' and '.join(better)})")
        elif all(c.difference is None for c in mine):
            same.append(stage)
        else:
            open_.append(stage)
    said = [
        f"Of {len(names)} choices, these earn their place for certain (in brackets, the points they are worth): "
        f"{'; '.join(earns) or 'none'}."
    ]
    said.append(f"These cost for certain: {'; '.join(costs) or 'none'}.")
    for words, stages in (
        ("Both ways:", both), ("These pictures cannot tell about", open_), ("No effect at all:", same),
    ):  # fmt: skip
        if stages:
            said.append(f"{words} {'; '.join(stages)}.")
    return " ".join(said)


def _worth(change: Change) -> str:
    """What the pipeline's own choice adds, in points."""
    value = 0.0 if change.difference is None else -change.difference.value
    return f"{value:+.1f}".replace("-", "−") if abs(value) >= 0.05 else "by less than 0.05"


def show_times(page: Page, cases: Tiled) -> None:
    """Milliseconds a picture in each stage of the pipeline, for each category."""
    rows_of = cases.of(PIPELINE).drop_duplicates("category")
    sidecars = load_sidecars(rows_of, page.study)
    rows = []
    for record in rows_of.itertuples():
        seconds = sidecars[record.key].get("stage_seconds", {})
        spent = {stage: 1000 * value / record.n_images for stage, value in seconds.items()}
        rows.append({"category": str(record.category).replace("_", " "), **spent, "all stages": sum(spent.values())})
    frame = pd.DataFrame(rows)
    if len(frame.columns) < 3:
        page.say("The records of this study do not say how long each stage took.")
        return
    machine = next(iter(sidecars.values()))["machine"]
    page.table(
        frame,
        f"tab-tiling-time{cases.suffix}",
        "<strong>Time per stage</strong>: milliseconds a picture, as it was spent when the records were computed "
        f"({machine.get('gpu', machine['processor'])}, {machine.get('threads', '?')} thread(s), other work beside it: "
        "compare "
        "stages, not machines). A segmenter costs next to nothing where its masks were kept from an earlier run.",
        formats=dict.fromkeys(frame.columns[1:], "{:.1f}"),
        study=cases.study.name,
    )
