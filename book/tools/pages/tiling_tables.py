"""Tables 1 and 2 of the tiling report (Baugh et al.): F1-max per category, measured and in print, and who is ahead."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from book.tools import plots
from book.tools.origin import PUBLISHED
from book.tools.page import Page
from book.tools.pages.corruption import percent, points
from book.tools.pages.tiled import METRICS, PIPELINE, Tiled, draws_of, gap, level
from zsad.analysis.differences import Difference
from zsad.data.counts import TEST_COUNTS
from zsad.metrics import image_f1max
from zsad.study.config import project_root

# Detectors of the measured tables: labels, and the names that a reader knows them by.
NAMES = {"winclip": "WinCLIP", "clipseg alone": "CLIPSeg alone", PIPELINE: "tiling pipeline"}
PRINTED = ("WinCLIP", "APRIL-GAN", "VVV")
LEAGUES = {"APRIL-GAN": "auxiliary anomalies"}
# What F1-max is at least on VisA's one-class test split, in percent: F1 of calling every picture anomalous.
VISA_FLOORS = {
    name: 100 * 2 * anomalous / (2 * anomalous + good) for name, (good, anomalous) in TEST_COUNTS["visa"].items()
}
FLOOR = "all called anomalous"
CHANCE = "95 % of random orders"
SHUFFLES = 500


def published() -> pd.DataFrame:
    """The report's tables: columns method, category, metric, value (percent); "mean" is the mean as printed."""
    return pd.read_csv(project_root() / "results" / "published" / "vvv_tables.csv")


def printed_gap(metric: str) -> float:
    """By how many points the pipeline's mean is ahead of WinCLIP's in print."""
    table = published()
    means = table[(table["category"] == "mean") & (table["metric"] == metric)].set_index("method")["value"]
    return float(means["VVV"] - means["WinCLIP"])


def show_published(page: Page, metric: str) -> None:
    """One of the report's tables as it is printed; of the samples', the floor below it."""
    everything = page.published("vvv_tables")
    table = everything[everything["metric"] == metric]
    wide = table.pivot(index="method", columns="category", values="value")[list(dict.fromkeys(table["category"]))]
    rows: list[dict[str, object]] = [
        {"method": "VVV (tiling pipeline)" if name == "VVV" else name, "league": LEAGUES.get(name, "text only")}
        | wide.loc[name].to_dict()
        for name in PRINTED
    ]
    sample = metric == "image_f1max"
    if sample:
        floors = {**VISA_FLOORS, "mean": sum(VISA_FLOORS.values()) / len(VISA_FLOORS)}
        rows.append({"method": FLOOR, "league": "–"} | {name: floors[name] for name in wide.columns})
    frame = pd.DataFrame(rows).rename(columns=lambda name: name.replace("_", " "))
    number = 1 if sample else 2
    page.table(
        frame,
        f"tab-tiling-published-{'image' if sample else 'pixel'}",
        f"<strong>The report's Table {number}, as printed</strong>: {METRICS[metric]} on VisA, real data, percent. "
        "APRIL-GAN was trained on the anomalies of another data set and is not measured here."
        + (
            " Last row: what is reached by calling every picture anomalous, from the number of pictures; of 12 "
            f"categories, the pipeline's printed value lies within a point of it in {_on_floor(wide.loc['VVV'])}."
            if sample
            else " The printed mean of the pipeline is 24.2; that of the printed categories is "
            f"{wide.loc['VVV'].drop('mean').mean():.2f}."
        ),
        formats={name: "{:.1f}" for name in frame.columns[2:]},
        study=PUBLISHED,
    )


def _on_floor(values: pd.Series) -> int:
    return int(sum(abs(values[name] - floor) <= 1 for name, floor in VISA_FLOORS.items()))


@dataclass(frozen=True)
class Lead:
    """By how many points the pipeline is ahead of WinCLIP on a metric's mean: in print, and measured."""

    metric: str
    printed: float
    measured: Difference

    @property
    def verdict(self) -> str:
        if self.measured.sign == 0:
            return "undecided"
        return "as in print" if self.measured.sign * self.printed > 0 else "the other way round"


def show_measured(page: Page, cases: Tiled) -> None:
    """Both tables with a figure each, the lead over WinCLIP, and the conclusion."""
    draws = draws_of(page, cases)
    chance = chance_of(page, cases)
    for metric in METRICS:
        _show_table(page, cases, metric, draws[metric], chance)
    leads = _show_leads(page, cases, draws)
    conclusion = conclude(cases, leads, without_skill(cases, chance))
    page.say(f"**Conclusion ({cases.who}).** {conclusion}")
    page.number(f"conclusion{cases.suffix}", conclusion)


def _show_table(page: Page, cases: Tiled, metric: str, draws: pd.DataFrame, chance: dict[str, float]) -> None:
    labels = [label for label in NAMES if label in cases.detectors]
    rows, everything = [], []
    for label in labels:
        found = {category: level(cases, label, metric, draws, category) for category in cases.categories}
        found["mean"] = level(cases, label, metric, draws)
        rows.append({"method": NAMES[label]} | {name: percent(value) for name, value in found.items()})
        everything += [
            {"series": NAMES[label], "group": name, "estimate": d.value, "low": d.low, "high": d.high}
            for name, d in found.items()
        ]
    sample = metric == "image_f1max"
    if sample:
        for name, values in ((FLOOR, floor_of(cases)), (CHANCE, chance)):
            rows.append({"method": name} | {group: f"{value:.1f}" for group, value in values.items()})
            everything += [
                {"series": name, "group": group, "estimate": value, "low": value, "high": value}
                for group, value in values.items()
            ]
    kind = "image" if sample else "pixel"
    figure = pd.DataFrame(everything)
    page.figure(
        plots.plot_dots(
            figure,
            list(dict.fromkeys(figure["series"])),
            {name: name.replace("_", " ") for name in [*cases.categories, "mean"]},
            f"{METRICS[metric]} [%]",
        ),
        f"fig-tiling-{kind}{cases.suffix}",
        f"<strong>{METRICS[metric][0].upper() + METRICS[metric][1:]} per category</strong>, {cases.who}; lines: 95 % "
        "intervals over test images. "
        + (
            f"“{FLOOR.capitalize()}” is the floor, which needs no skill; “{CHANCE}” is what 95 % of {SHUFFLES} random "
            "orders of the same pictures stay below: F1-max picks its threshold on the test set, so chance lies above "
            "the floor."
            if sample
            else "The share of pixels found at the best threshold of the test set, which no one knows beforehand."
        ),
        study=cases.study.name,
    )
    page.table(
        pd.DataFrame(rows).rename(columns=lambda name: name.replace("_", " ")),
        f"tab-tiling-{kind}{cases.suffix}",
        f"<strong>The report's Table {1 if sample else 2}, measured</strong>: {METRICS[metric]} in percent, ± half the "
        f"width of the 95 % interval over test images. {cases.who}. All methods are of the league “text only”; the "
        "pipeline's segmenters have seen masks, but of other products.",
        study=cases.study.name,
        csv=figure,
    )


def floor_of(cases: Tiled) -> dict[str, float]:
    """F1-max of calling every picture anomalous, in percent, per category and in the mean."""
    rows = cases.records[(cases.records["metric"] == "image_f1max_floor")].drop_duplicates("category")
    floors = (100 * rows.set_index("category")["estimate"]).to_dict()
    return {**floors, "mean": sum(floors.values()) / len(floors)}


def chance_of(page: Page, cases: Tiled) -> dict[str, float]:
    """What 95 % of random orders of the pictures stay below in sample F1-max, in percent, per category and in the mean
    over them.
    """
    generator = np.random.default_rng(cases.study.seed)
    pictures = page.details("images", cases.of(PIPELINE).drop_duplicates("category"))
    drawn = {}
    for category in cases.categories:
        labels = pictures.loc[pictures["category"] == category, "label"].to_numpy(bool)
        order = np.arange(len(labels), dtype=float)
        drawn[category] = [image_f1max(generator.permutation(order), labels) for _ in range(SHUFFLES)]
    drawn["mean"] = np.mean(list(drawn.values()), axis=0).tolist()
    return {name: 100 * float(np.quantile(values, 0.95)) for name, values in drawn.items()}


def without_skill(cases: Tiled, chance: dict[str, float]) -> list[str]:
    """Categories where the pipeline's sample F1-max is no higher than chance."""
    rows = cases.of(PIPELINE)
    reached = 100 * rows[rows["metric"] == "image_f1max"].set_index("category")["estimate"]
    return [category for category in cases.categories if reached[category] <= chance[category]]


def _show_leads(page: Page, cases: Tiled, draws: dict[str, pd.DataFrame]) -> list[Lead]:
    if not {"winclip", PIPELINE} <= set(cases.detectors):
        return []
    rows, leads = [], []
    for metric, words in METRICS.items():
        mean = gap(cases, PIPELINE, "winclip", metric, draws[metric])
        leads.append(Lead(metric, printed_gap(metric), mean))
        row: dict[str, object] = {"metric": words}
        row |= {
            category.replace("_", " "): points(gap(cases, PIPELINE, "winclip", metric, draws[metric], category))
            for category in cases.categories
        }
        rows.append({**row, "mean": points(mean), "report": leads[-1].printed, "which is ahead": leads[-1].verdict})
    page.table(
        pd.DataFrame(rows),
        f"tab-tiling-lead{cases.suffix}",
        "<strong>How far the pipeline is ahead of WinCLIP</strong> (behind, where negative), in points, with the 95 % "
        "interval of the difference on the same pictures; report: the difference of its printed means on VisA. "
        "Undecided: the interval holds 0.",
        formats={"report": "{:+.1f}"},
        study=cases.study.name,
    )
    return leads


def conclude(cases: Tiled, leads: list[Lead], by_chance: list[str]) -> str:
    """Who is ahead on both metrics, against the report, and where the pipeline shows no skill at all."""
    said = []
    for lead in leads:
        said.append(
            f"In the mean {METRICS[lead.metric]}, the pipeline is {points(lead.measured)} points from WinCLIP; the "
            f"report prints {lead.printed:+.1f} on VisA: {lead.verdict}."
        )
    if not leads:
        said.append("The study lacks WinCLIP beside the pipeline, so the report's comparison is not tested.")
    total = len(cases.categories)
    if by_chance:
        named = ", ".join(category.replace("_", " ") for category in by_chance)
        said.append(
            f"In {len(by_chance)} of {total} categories ({named}) its sample F1-max is what a random order reaches too."
        )
    else:
        said.append(f"In all {total} categories its sample F1-max is above what 95 % of random orders reach.")
    return " ".join(said)
