"""Which stages of the tiling pipeline earn their place: one thing changed at a time, and what each stage costs.

Records and draws are those of `zsad.analysis.tiling`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from zsad.analysis.differences import Difference
from zsad.analysis.tiling import METRICS, PIPELINE, Draws, gap, level
from zsad.analysis.words import number, percent, points

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
_OTHERS = {PIPELINE: "the pipeline", "winclip": "for comparison"}


@dataclass(frozen=True)
class Change:
    """One variant's difference from the pipeline on one metric, in points; None where every draw is the same."""

    variant: str
    metric: str
    difference: Difference | None

    @property
    def sign(self) -> int:
        return 0 if self.difference is None else self.difference.sign

    @property
    def worth(self) -> str:
        """What the pipeline's own choice adds, with its metric."""
        value = 0.0 if self.difference is None else -self.difference.value
        return f"{METRICS[self.metric]} {number(value, sign=True) if abs(value) >= 0.05 else 'by less than 0.05'}"


def changes(records: pd.DataFrame, draws: Draws) -> list[Change]:
    """Every variant that there are records of, against the pipeline."""
    found = []
    for variant in (name for name in WORDS if name in set(records["detector"])):
        for metric in METRICS:
            d = gap(records, draws, metric, variant, PIPELINE)
            found.append(Change(variant, metric, None if d.value == d.low == d.high == 0 else d))
    return found


def change_rows(found: list[Change]) -> pd.DataFrame:
    """row (the variant), panel (the metric), estimate, low, high: points."""
    rows = [(c.variant, c.metric, c.difference or Difference(0.0, 0.0, 0.0, 0)) for c in found]
    return pd.DataFrame([{"row": v, "panel": m, "estimate": d.value, "low": d.low, "high": d.high} for v, m, d in rows])


def change_table(records: pd.DataFrame, draws: Draws, found: list[Change]) -> pd.DataFrame:
    """The pipeline, each variant and WinCLIP: what is changed, both metrics, and their distance from the pipeline's."""
    of = {(change.variant, change.metric): change for change in found}
    there = set(records["detector"])
    rows = []
    for label in (name for name in (PIPELINE, *WORDS, "winclip") if name in there):
        row: dict[str, object] = {"variant": label, "what": _OTHERS.get(label) or WORDS[label][0]}
        for metric, words in METRICS.items():
            change = of.get((label, metric))
            row[words] = percent(level(records, draws, metric, label))
            row[f"Δ {words}"] = change and (points(change.difference) if change.difference else "same")
        rows.append(row)
    return pd.DataFrame(rows)


def conclusion(found: list[Change]) -> str:
    """Which stages earn their place, which cost, and which are statistically undecided."""
    if not found:
        return "The study holds no variant of the pipeline to compare it with."
    groups: dict[str, list[str]] = {name: [] for name in ("earns", "costs", "both", "undecided", "same")}
    names = dict.fromkeys(change.variant for change in found)
    for name in names:
        mine, stage = [change for change in found if change.variant == name], WORDS[name][1]
        worse, better = ([c.worth for c in mine if c.sign == sign] for sign in (-1, 1))
        if worse and better:
            groups["both"].append(f"{stage} ({worse[0]}, {better[0]})")
        elif worse or better:
            groups["earns" if worse else "costs"].append(f"{stage} ({' and '.join(worse or better)})")
        else:
            groups["same" if all(c.difference is None for c in mine) else "undecided"].append(stage)
    said = [
        f"Of {len(names)} choices, these earn their place (the 95 % interval excludes 0; in brackets, the points they "
        f"are worth): {'; '.join(groups['earns']) or 'none'}.",
        f"These cost: {'; '.join(groups['costs']) or 'none'}.",
    ]
    others = {"Both ways": "both", "Statistically undecided": "undecided", "No effect at all": "same"}
    return " ".join(said + [f"{words}: {'; '.join(groups[key])}." for words, key in others.items() if groups[key]])


def times(records: pd.DataFrame, sidecars: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Milliseconds an image in each stage of the pipeline and in all: a row a stage, a column a category; no row where
    the records do not say how long their stages took.

    `sidecars`: of the records, by key (`zsad.study.kept.load_sidecars`).
    """
    columns = {}
    for r in records[records["detector"] == PIPELINE].drop_duplicates("category").itertuples():
        seconds = sidecars[r.key].get("stage_seconds", {})
        spent = {stage: 1000 * value / r.n_images for stage, value in seconds.items()}
        columns[r.category.replace("_", " ")] = spent | ({"all stages": sum(spent.values())} if spent else {})
    return pd.DataFrame(columns).rename_axis("stage").reset_index()
