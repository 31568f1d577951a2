"""Pictures beside their worst cases, chosen by a rule: the median and the largest drop of each suite."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from book.tools import plots
from book.tools.page import Page
from book.tools.pages.worst import SETTING_WORDS, WorstCases, label_of
from book.tools.probes.maps import maps_of_category, worst_map
from zsad.data import Dataset
from zsad.robustness.bounds import PARAMETERS
from zsad.study.config import Study
from zsad.study.evaluate import sizes_of
from zsad.study.run import ensure_suite, load_study_detector, read_suite


@dataclass(frozen=True)
class Chosen:
    """One picture of the gallery: the rule that chose it, and its row of the table "samples"."""

    rule: str
    sample: pd.Series


def choose(samples: pd.DataFrame) -> list[Chosen]:
    """Of the anomalous pictures those with the median and the largest drop of their own pixel AUROC; of the normal ones
    those with the median and the largest rise of the mean score.

    Of an even number the median is the upper one of the middle two; equal ones are taken in the order of their names.
    """
    found = []
    for label, before, after, words in (
        (True, "clean_auroc", "auroc", "drop of AUROC"),
        (False, "clean_loss", "loss", "rise of the mean score"),
    ):
        rows = samples[samples["label"] == label].copy()
        rows["change"] = rows[before] - rows[after]
        rows = rows.dropna(subset=["change"]).sort_values(["change", "category", "id"])
        for name, place in (("median", len(rows) // 2), ("largest", len(rows) - 1)):
            if len(rows):
                found.append(Chosen(f"{name} {words}", rows.iloc[place]))
    return found


def show_gallery(page: Page, cases: WorstCases, setting: str = "3d") -> None:
    """A figure a suite with the first backbone: picture, worst case, both maps; and a table with the numbers.

    Maps are computed again from the recorded parameters. Without this setting the first one there is is shown.
    """
    setting = setting if setting in cases.settings else cases.settings[0]
    study, backbone = cases.study, cases.backbones[0]
    config = next(d for d in study.detectors if d.label == label_of(study, cases.block))
    detector = load_study_detector(study, config, backbone)
    worst = cases.worst[(cases.worst["setting"] == setting) & (cases.worst["backbone"] == backbone)]
    samples = page.details("samples", worst)
    how = {"device": study.device, "batch_size": study.batch_size}
    rows = []
    for suite in cases.suites:
        chosen = choose(samples[samples["suite"] == suite])
        scales: dict[str, tuple[float, float]] = {}
        pictures: list[np.ndarray] = []
        titles: list[str] = []
        outlines: list[np.ndarray | None] = []
        scale_of: list[tuple[float, float] | None] = []
        for item in chosen:
            category = str(item.sample["category"])
            dataset = read_dataset(study, suite, category, cases.limit_of(suite, category))
            asked: dict[str, Any] = {"detector": detector, "dataset": dataset, "sizes": sizes_of(study, config)}
            if category not in scales:
                found = page.computed(maps_of_category, study, how, index=0, **asked)
                scales[category] = (float(found["scale"][0]), float(found["scale"][1]))
            id, values = str(item.sample["id"]), {name: float(item.sample[name]) for name in PARAMETERS}
            seen = page.computed(worst_map, study, how, id=id, shift=values, rotation=study.rotation, **asked)
            truth = seen["mask"]
            pictures += [plots.to_uint8(seen["image"]), plots.to_uint8(seen["shifted"]), seen["clean_map"], seen["map"]]
            titles += [category.replace("_", " "), parameters_in_words(item.sample), "map", "map at its worst"]
            outlines += [truth, None, truth, truth]
            scale_of += [None, None, scales[category], scales[category]]
            rows.append(_row(item, suite))
        page.figure(
            plots.worst_rows(
                pictures, titles, outlines, scale_of, [item.rule.replace(" of", "\nof", 1) for item in chosen]
            ),
            f"fig-worst-{suite}{cases.suffix}",
            f"<strong>Pictures of {suite} and their worst case ({SETTING_WORDS[setting]})</strong>, on {backbone}. "
            "Rows: the anomalous picture with the median, and with the largest, drop of its own pixel AUROC; the "
            "normal picture with the median, and with the largest, rise of its mean score. Columns: the picture; its "
            "worst case with angle, hue and saturation shift; the map of each, the second turned back. Outlined: the "
            "true defect. Maps of a category share one logarithmic colour scale, the 1st to 99.9th percentile of its "
            "unshifted test maps.",
            study=study.name,
        )
    page.table(
        pd.DataFrame(rows),
        f"tab-worst-gallery{cases.suffix}",
        "<strong>The pictures above</strong>, from the records: parameters of the worst case, pixel AUROC of the "
        "picture in percent, and the loss, which the attacker makes small (of a normal picture: minus its mean score).",
        formats={
            "angle [degrees]": "{:+.1f}",
            "hue [π]": "{:+.2f}",
            "saturation": "{:+.2f}",
            **dict.fromkeys(("AUROC", "AUROC at its worst"), "{:.1f}"),
            **dict.fromkeys(("loss", "loss at its worst"), "{:+.3f}"),
        },
        study=study.name,
    )


def read_dataset(study: Study, suite: str, category: str, limit: int | None) -> Dataset:
    """The test pictures of one category, written first where a demo suite is missing."""
    ensure_suite(study, suite)
    return read_suite(study, suite, category, limit)


def parameters_in_words(sample: pd.Series) -> str:
    """Angle, hue and saturation shift, such as "+45°, +0.50 π, −0.20"."""
    return f"{sample['angle']:+.0f}°, {sample['hue'] / math.pi:+.2f} π, {sample['saturation']:+.2f}".replace("-", "−")


def _row(item: Chosen, suite: str) -> dict[str, object]:
    sample = item.sample
    return {
        "chosen as": item.rule,
        "suite": suite,
        "picture": sample["id"],
        "angle [degrees]": sample["angle"],
        "hue [π]": sample["hue"] / math.pi,
        "saturation": sample["saturation"],
        "AUROC": 100 * sample["clean_auroc"],
        "AUROC at its worst": 100 * sample["auroc"],
        "loss": sample["clean_loss"],
        "loss at its worst": sample["loss"],
    }
