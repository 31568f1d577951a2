"""The records of defences: unshifted, under uniform shifts, and worst cases that were searched through them; with those
of WinCLIP without one, on the same backbone and on others.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from book.tools import plots
from book.tools.absent import say_absent, say_left_out, say_not_kept
from book.tools.page import Page
from book.tools.probes.blocks import Measured
from zsad.analysis.decisions import METRICS as DECIDED
from zsad.analysis.decisions import RULES, TRAINING
from zsad.analysis.defences import METRICS, PLAIN, floor_rows, under_shifts, worth
from zsad.analysis.gaps import changes, gap_rows
from zsad.analysis.means import unshifted
from zsad.study.config import Study
from zsad.study.schema import KEY_COLUMNS, SUBJECT_COLUMNS
from zsad.study.shifts import Bounds, Sweeps, Worst

JOINT = "3d"  # the setting in which all parameters are searched at once


@dataclass(frozen=True)
class Defences:
    """What the page shows of its study."""

    study: Study
    worth: pd.DataFrame
    shifts: pd.DataFrame
    costs: pd.DataFrame
    passes: dict[str, int]
    who: str
    unshifted: int
    """How many test images of the first suite were seen through a defence without a shift."""


def shown(page: Page) -> list[Defences]:
    """Of the page's study, or nothing; what is missing is said, and kept as the page's conclusion."""
    if not defended(page.study):
        page.number("conclusion", say_absent(page, "a detector behind a defence"))
        return []
    found = _of(page, page.study, _computed(page))
    if found is None:
        page.number("conclusion", say_not_kept(page, "defences"))
        return []
    return [found]


def defended(study: Study) -> list[str]:
    """The labels of WinCLIPs behind a defence."""
    return [d.label for d in study.detectors if d.name == PLAIN and d.options.get("defence")]


def searched(study: Study) -> list[Worst]:
    """The blocks that search all parameters at once within the published bounds, as the paper counts."""
    alike = {"search": "bayes_opt", "criterion": "auroc", "align": "map", "corners": "counted", "gradient": "windows"}
    return [
        block
        for block in study.worst
        if JOINT in block.settings
        and block.bounds == Bounds()
        and all(getattr(block, name) == value for name, value in alike.items())
    ]


def _computed(page: Page) -> pd.DataFrame:
    labels = [PLAIN, *defended(page.study)]

    def parts() -> Iterator[pd.DataFrame]:
        yield page.records("none", detectors=labels)
        for block in searched(page.study):
            own = [label for label in labels if block.detectors == "all" or label in block.detectors]
            if own:
                where: dict[str, Any] = {"variant": block.name, "detectors": own}
                yield page.records("worst", JOINT, **where)
                if block.limit is not None:
                    yield page.records("none", **where)
        for swept, own in _sweeps(page.study, labels):
            yield page.records("uniform", variant=swept.variant, detectors=own)

    return pd.concat(parts(), ignore_index=True)


def _sweeps(study: Study, labels: list[str]) -> Iterator[tuple[Sweeps, list[str]]]:
    """The blocks that shift defences uniformly, and the first that shifts WinCLIP as they do, with their detectors."""
    for block in study.sweeps:
        own = labels if block.detectors == "all" else [label for label in labels if label in block.detectors]
        if set(own) - {PLAIN}:
            yield block, own
            beside = [b for b in study.sweeps if _covers(b, block)] if PLAIN not in own else []
            yield from ((b, [PLAIN]) for b in beside[:1])


def _covers(one: Sweeps, other: Sweeps) -> bool:
    """Whether one block shifts WinCLIP by all that another shifts by."""
    values = one.values()
    has = one.detectors == "all" or PLAIN in one.detectors
    all_of = all(set(wanted) <= set(values.get(setting, [])) for setting, wanted in other.values().items())
    return has and all_of and one.share == other.share and one.corners == other.corners


def _of(page: Page, study: Study, records: pd.DataFrame) -> Defences | None:
    """None where nothing was done to images behind a defence."""
    labels = defended(study)
    records = records[records["detector"].isin([PLAIN, *labels]) & records["metric"].isin(METRICS)]
    on = records.loc[records["detector"].isin(labels), "backbone"]
    blocks = {block.name: block for block in searched(study)}
    of_search = (records["shift"] == "worst") & (records["setting"] == JOINT) & records["variant"].isin(blocks)
    behind = records["detector"].isin(labels)
    with_defences = records.loc[behind, "suite"].unique()
    if not len(with_defences):
        return None
    records = records.assign(method=_methods(records, on.iloc[0]))[records["suite"].isin(with_defences)]
    order = {name: place for place, name in enumerate(blocks)}
    subject = [*SUBJECT_COLUMNS, "metric"]
    worst = records[of_search[records.index]].sort_values("variant", key=lambda names: names.map(order), kind="stable")
    worst = worst.drop_duplicates(subject)
    own_images = {name: "default" if block.limit is None else name for name, block in blocks.items()}
    named = worst[subject].assign(variant=worst["variant"].map(own_images))
    plain = records[records["shift"] == "none"]
    before = plain.merge(named, on=[*subject, "variant"])
    searches = worst["key"].nunique()
    worst = worst.merge(before[subject].drop_duplicates(), on=subject)
    say_left_out(page, searches - worst["key"].nunique())
    clean = unshifted(records)
    swept = _swept(records, labels)
    used = page.uses(pd.concat([clean, worst, before, swept]).drop(columns="method"))
    judged, draws = Measured(study, used).judged
    decided = judged[judged["metric"].isin(DECIDED)]
    clean, worst, before, swept = (_with_decisions(frame, decided) for frame in (clean, worst, before, swept))
    table = worth(clean, worst, before, draws) if worst["detector"].isin(labels).any() else pd.DataFrame()
    order_of = [PLAIN, *labels]
    shifts = _in_order(under_shifts(swept, draws), order_of)
    if len(table):
        first = table.iloc[0]
        seen = f"worst cases: {first['suite']}, {_counted(int(first['categories']), int(first['images']))}"
    else:
        once = swept[swept["method"] == PLAIN].drop_duplicates("category")
        seen = f"{', '.join(once['suite'].unique())}: {_counted(len(once), int(once['n_images'].sum()))}"
    who = f"WinCLIP on {on.iloc[0]} ({records['dtype'].iloc[0]}); {seen}"
    worths = _in_order(table, order_of) if len(table) else table
    costs = changes(clean[clean["backbone"] == on.iloc[0]], draws, labels)
    seen_once = clean[clean["detector"].isin(labels)].drop_duplicates(["suite", "category"])
    images = int(seen_once.loc[seen_once["suite"] == costs["suite"].iloc[0], "n_images"].sum()) if len(costs) else 0
    return Defences(study, worths, shifts, costs, _passes(study), who, images)


def _with_decisions(frame: pd.DataFrame, decided: pd.DataFrame) -> pd.DataFrame:
    """Records, each with its method, and what was decided in the same cells."""
    names = frame[["study", *KEY_COLUMNS, "method"]].drop_duplicates()
    return pd.concat([frame, decided.merge(names, on=["study", *KEY_COLUMNS])], ignore_index=True)


def _counted(categories: int, images: int) -> str:
    return f"{categories} {'category' if categories == 1 else 'categories'}, {images} images"


def _methods(records: pd.DataFrame, backbone: str) -> pd.Series:
    """Without a defence, another backbone is a method of its own."""
    elsewhere = (records["detector"] == PLAIN) & (records["backbone"] != backbone)
    return records["detector"].mask(elsewhere, records["backbone"])


def _swept(records: pd.DataFrame, labels: list[str]) -> pd.DataFrame:
    """The uniform shifts that defences were given, and the same of the others: each value once, by the paper's rule."""
    uniform = records[(records["shift"] == "uniform") & (records["variant"] != "corners left out")]
    of_defences = uniform[uniform["detector"].isin(labels)]
    at = of_defences[["suite", "category", "setting", "value"]].drop_duplicates()
    wanted = uniform.merge(at, on=list(at.columns))
    wanted = wanted.drop_duplicates(["method", "suite", "category", "setting", "value", "metric"])
    counts = wanted.drop_duplicates(["method", *at.columns])["method"].value_counts()
    return wanted[wanted["method"].isin(counts.index[counts == len(at)])]


def _in_order(table: pd.DataFrame, first: list[str]) -> pd.DataFrame:
    """WinCLIP first, then the defences in the study's order, then other backbones; metric by metric."""
    places = {name: place for place, name in enumerate(first)}
    ranked = table.assign(
        _metric=table["metric"].map(list(METRICS).index), _place=[places.get(m, len(places)) for m in table["method"]]
    )
    ranked = ranked.sort_values(["suite", "_metric", "_place"], kind="stable", ignore_index=True)
    return ranked.drop(columns=["_metric", "_place"])


def _passes(study: Study) -> dict[str, int]:
    from zsad.detectors.defence import passes  # imports every model's code

    return {d.label: passes(d.options.get("defence")) for d in study.detectors}


def draw(page: Page, found: Defences, level: str, metrics: Collection[str]) -> None:
    """Show some metrics, those of one `level`: what each defence costs unshifted and, where worst cases were searched
    through it, what it is worth at the worst.
    """
    for name, table in found.costs.groupby("suite", sort=False):
        panels = {metric: METRICS[metric] for metric in metrics if metric in set(table["metric"])}
        page.figure(
            plots.plot_forest(
                gap_rows(table), list(dict.fromkeys(table["cause"])), panels, "defence − WinCLIP, no shift [points]"
            ),
            f"fig-defences-costs-{level}-{name}",
            f"<strong>{level.capitalize()} level: what defences cost without a shift, {name}.</strong> Change of means "
            f"over categories in points, with its 95 % interval; grey: it holds 0. {_thresholds(panels)}".rstrip(),
            study=found.study.name,
        )
    worths = found.worth[found.worth["metric"].isin(list(metrics))] if len(found.worth) else found.worth
    for name, table in worths.groupby("suite", sort=False) if len(worths) else ():
        rows = [method for method in dict.fromkeys(table["method"]) if method != PLAIN]
        panels = {metric: METRICS[metric] for metric in metrics if metric in set(table["metric"])}
        siblings = set(rows) - set(defended(found.study))
        below = "Below the defences: WinCLIP on models of other pre-training. " if siblings else ""
        page.figure(
            plots.plot_forest(floor_rows(table), rows, panels, "at the worst: defence − WinCLIP [points]"),
            f"fig-defences-worst-{level}-{name}",
            f"<strong>{level.capitalize()} level: what a defence is worth at the worst, {name}.</strong> {found.who}. "
            f"{below}Difference of means over categories in points, each method at its own worst, with its 95 % "
            f"interval from a paired bootstrap over images; grey: it holds 0. {_thresholds(panels)}".rstrip(),
            study=found.study.name,
        )


def _thresholds(metrics: Collection[str]) -> str:
    """Which thresholds false alarms and misses are at, where these are shown."""
    if not DECIDED.keys() & metrics:
        return ""
    return f"False alarms and misses are at each method's own threshold, set without a shift: {RULES[TRAINING]}."
