"""What defences and other pre-training are worth: what they cost without a shift, and what is left under the worst."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from zsad.analysis.costs import IMAGE, PIXEL
from zsad.analysis.differences import Difference, difference_of
from zsad.analysis.gaps import WORSE, counted_changes
from zsad.analysis.sweeps import strength
from zsad.analysis.unmoved import seen_points, seen_span
from zsad.analysis.words import number

PLAIN = "winclip"
METRICS = {**IMAGE, **PIXEL}
WHAT = {
    "turned copies": "mean over four quarter turns",
    "finely turned copies": "mean over twelve turns of 30 degrees",
    "hue copies": "mean over six hues around the circle",
    "grey input": "luma in all three channels",
    "grey world": "mean light of each channel made equal",
    "white patch": "lightest hundredth of each channel made white",
    PLAIN: "no defence",
}


def worth(
    clean: pd.DataFrame, worst: pd.DataFrame, worst_clean: pd.DataFrame, draws: Mapping[str, pd.DataFrame]
) -> pd.DataFrame:
    """Each method against `PLAIN`, over the categories that all of them have.

    Args:
        clean: unshifted records of all test images, with `method`, of which one is `PLAIN`.
        worst, worst_clean: worst cases, and the unshifted records of the same images.
        draws: metric -> a row a draw, a column a key (`zsad.analysis.differences.by_key`), of all three.

    Returns:
        A row a suite, method and metric: categories, images (of the worst cases); unshifted and worst, means in
        percent; and as `Difference`: cost, the unshifted change against `PLAIN`; drop, worst minus clean of the same
        images; and floor, the worst case's mean minus that of `PLAIN`'s worst case. Those of `PLAIN` itself are 0.
    """
    rows = []
    for suite in worst["suite"].unique():
        frames = [_common(frame[frame["suite"] == suite]) for frame in (clean, worst, worst_clean)]
        shared = set.intersection(*(set(frame["category"]) for frame in frames))
        frames = [frame[frame["category"].isin(shared)] for frame in frames]
        methods = [m for m in frames[1]["method"].unique() if all((frame["method"] == m).any() for frame in frames)]
        if not shared or PLAIN not in methods:
            continue
        for metric in METRICS:
            of = {m: [_of(frame, m, metric) for frame in frames] for m in methods}
            of = {m: parts for m, parts in of.items() if all(map(len, parts))}
            for method, (alone, found, before) in of.items() if PLAIN in of else ():
                plain, floor, _ = of[PLAIN]
                row: dict[str, object] = {"suite": suite, "method": method, "metric": metric, "categories": len(shared)}
                row |= {"images": int(found["n_images"].sum()), "unshifted": 100 * alone["estimate"].mean()}
                row["worst"] = 100 * found["estimate"].mean()
                row["cost"] = difference_of([(1, alone), (-1, plain)], draws[metric], metric)
                row["drop"] = difference_of([(1, found), (-1, before)], draws[metric], metric)
                row["floor"] = difference_of([(1, found), (-1, floor)], draws[metric], metric)
                rows.append(row)
    return pd.DataFrame(rows)


def _common(frame: pd.DataFrame) -> pd.DataFrame:
    """The categories that every method has."""
    sets = [set(rows["category"]) for _, rows in frame.groupby("method")]
    return frame[frame["category"].isin(set.intersection(*sets) if sets else set())]


def _of(frame: pd.DataFrame, method: str, metric: str) -> pd.DataFrame:
    return frame[(frame["method"] == method) & (frame["metric"] == metric)]


def under_shifts(swept: pd.DataFrame, draws: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Each method under uniform shifts, over the categories that all of them have.

    Args:
        swept: uniform shifts, value 0 among them, with `method`, of which one is `PLAIN`.
        draws: metric -> a row a draw, a column a key.

    Returns:
        A row a suite, method, setting, value and metric, with the number of images and three `Difference`s: cost, the
        unshifted mean minus that of `PLAIN`; change, the shifted mean minus the unshifted one; and floor, the shifted
        mean minus that of `PLAIN`.
    """
    rows = []
    by = ["suite", "setting", "value"]
    for (suite, setting, value), group in swept[swept["value"] != 0].groupby(by, sort=False):
        at_zero = swept[(swept["suite"] == suite) & (swept["setting"] == setting) & (swept["value"] == 0)]
        shared = set(_common(group)["category"])
        frames = [frame[frame["category"].isin(shared)] for frame in (at_zero, group)]
        for method in group["method"].unique() if shared and (group["method"] == PLAIN).any() else ():
            for metric in METRICS:
                before, after = (_of(frame, str(method), metric) for frame in frames)
                plain, shifted = (_of(frame, PLAIN, metric) for frame in frames)
                if not all(map(len, (before, after, plain, shifted))):
                    continue
                row = {"suite": suite, "method": method, "setting": setting, "value": value, "metric": metric}
                row["images"] = int(after["n_images"].sum())
                row["cost"] = difference_of([(1, before), (-1, plain)], draws[metric], metric)
                row["change"] = difference_of([(1, after), (-1, before)], draws[metric], metric)
                row["floor"] = difference_of([(1, after), (-1, shifted)], draws[metric], metric)
                rows.append(row)
    columns = ["suite", "method", "setting", "value", "metric", "images", "cost", "change", "floor"]
    return pd.DataFrame(rows, columns=columns)


def costs_table(table: pd.DataFrame, passes: Mapping[str, int]) -> pd.DataFrame:
    """`zsad.analysis.gaps.changes` of defences as a reader sees them: what each costs unshifted, a row a suite and
    defence.
    """
    rows: dict[tuple[str, str], dict[str, object]] = {}
    for row in table.to_dict("records"):
        method = row["cause"]
        first = {"suite": row["suite"], "method": method, "what": WHAT.get(method, ""), "passes": passes[method]}
        shown = rows.setdefault((row["suite"], method), {**first, "categories": row["categories"]})
        shown[METRICS[row["metric"]]] = seen_points(row["change"])
    return pd.DataFrame(list(rows.values()))


def conclude_costs(table: pd.DataFrame) -> str:
    """Metric by metric, which defences cost or gain unshifted."""
    said = []
    for (suite, metric), rows in table.groupby(["suite", "metric"], sort=False):
        groups: dict[str, list[str]] = {"costs": [], "gains": [], "undecided": []}
        for row in rows.to_dict("records"):
            name = {1: "costs", -1: "gains", 0: "undecided"}[row["change"].sign * WORSE.get(str(metric), -1)]
            groups[name].append(f"{row['cause']} ({seen_points(row['change'])})")
        parts = [f"{words}: {', '.join(names)}" for words, names in groups.items() if names]
        said.append(f"Unshifted mean {METRICS[str(metric)]} on {suite}: {'; '.join(parts)}.")
    return " ".join(said)


def finding(costs: pd.DataFrame, worths: pd.DataFrame, shifts: pd.DataFrame, images: int) -> str:
    """What the page of defences found of the first suite, image AUROC first: at the worst where worst cases were
    searched through a defence, else under one shift for all and what each costs without a shift.

    Args:
        costs: of `zsad.analysis.gaps.changes`. worths: of `worth`, or empty. shifts: of `under_shifts`, or empty.
        images: how many were seen unshifted.
    """
    suite = costs["suite"].iloc[0]
    counted = counted_changes(costs[costs["suite"] == suite], "defences")
    said = f"{_under_shifts_in_words(shifts)}Without a shift, on {images:,} test images of {suite}, {counted}."
    if worths.empty:
        return f"{said} Whether a defence pays at the worst is not known: no worst cases through a defence are kept."
    first = worths[worths["suite"] == worths["suite"].iloc[0]]
    at_worst = "; ".join(
        f"{METRICS[metric]} is higher than WinCLIP's in {_higher_at_worst(first[first['metric'] == metric])}"
        for metric in ("image_auroc", "pixel_auroc")
        if (first["metric"] == metric).any()
    )
    return f"At the worst, on {int(first['images'].iloc[0])} images, with intervals that exclude 0, {at_worst}. {said}"


def _higher_at_worst(rows: pd.DataFrame) -> str:
    """In how many ways to defend it a metric is higher at the worst, with an interval that excludes 0, and which."""
    others = rows[rows["method"] != PLAIN].to_dict("records")
    higher = [
        f"{row['method']} ({seen_points(row['floor'], row['images'])} points)"
        for row in others
        if row["floor"].sign > 0
    ]
    return f"{len(higher)} of {len(others)} ways to defend it" + (f": {', '.join(higher)}" if higher else "")


def _under_shifts_in_words(table: pd.DataFrame) -> str:
    """Of `under_shifts`, the first suite, at image level: in how many cases a defence does better or worse than `PLAIN`
    under the same shift, with an interval that excludes 0, in a sentence that ends in a space; "" where there is none.
    """
    if table.empty:
        return ""
    rows = table[(table["method"] != PLAIN) & table["metric"].isin(IMAGE) & (table["suite"] == table["suite"].iloc[0])]
    said: list[str] = []
    for metric, of_metric in rows.groupby("metric", sort=False):
        good = -1 if metric in WORSE else 1
        signs = [good * floor.sign for floor in of_metric["floor"]]
        better, worse = signs.count(1), signs.count(-1)
        best = max(of_metric.to_dict("records"), key=lambda row: good * row["floor"].value)
        case = f" (a defence under one shift; furthest {best['method']} under {_shift(best)})" if not said else ""
        said.append(f"{METRICS[str(metric)]} better in {better} of {len(signs)} cases{case}, worse in {worse}")
    if not said:
        return ""
    images = f"{rows['images'].max():,}"
    return (
        f"With all {images} images under one shift, against WinCLIP under the same one, with intervals that exclude 0: "
        f"{'; '.join(said)}. "
    )


def _shift(row: Mapping[str, Any]) -> str:
    return f"{strength(row['setting'], row['value'])}, {seen_points(row['floor'], row['images'])} points"


def worth_table(table: pd.DataFrame, passes: Mapping[str, int]) -> pd.DataFrame:
    """`worth` as a reader sees it: a row a suite, metric and method; `passes` are the forward passes an image costs."""
    rows = []
    for row in table.to_dict("records"):
        other = row["method"] != PLAIN
        rows.append(
            {
                "suite": row["suite"],
                "metric": METRICS[row["metric"]],
                "method": row["method"],
                "what": WHAT.get(row["method"], "no defence, another pre-training"),
                "passes": passes.get(row["method"], 1),
                "unshifted": row["unshifted"],
                "cost": seen_points(row["cost"]) if other else "–",
                "worst": row["worst"],
                "drop": seen_points(row["drop"], row["images"]),
                "floor": seen_points(row["floor"], row["images"]) if other else "–",
            }
        )
    return pd.DataFrame(rows)


def shifts_table(table: pd.DataFrame, metric: str, passes: Mapping[str, int]) -> pd.DataFrame:
    """`under_shifts` of one metric as a reader sees it: a row a suite and method, a column a shift. Of `PLAIN` the
    change, of the others what lies above or below that: unshifted, and under the same shift.
    """
    rows: dict[tuple[str, str], dict[str, object]] = {}
    for row in table[table["metric"] == metric].to_dict("records"):
        plain = row["method"] == PLAIN
        first = {"suite": row["suite"], "method": row["method"], "passes": passes.get(row["method"], 1)}
        first["unshifted"] = "–" if plain else seen_points(row["cost"], row["images"])
        shown = rows.setdefault((row["suite"], row["method"]), first)
        found = row["change"] if plain else row["floor"]
        shown[strength(row["setting"], row["value"])] = seen_points(found, row["images"])
    return pd.DataFrame(list(rows.values()))


def conclude_shifts(table: pd.DataFrame, passes: Mapping[str, int]) -> str:
    """Metric by metric, which methods lie higher or lower than WinCLIP under which uniform shifts."""
    said = []
    for (suite, metric), rows in table[table["method"] != PLAIN].groupby(["suite", "metric"], sort=False):
        parts = []
        for method, of in rows.groupby("method", sort=False):
            found = of.to_dict("records")
            signs = {
                words: [f"{strength(r['setting'], r['value'])} ({seen_points(r['floor'], r['images'])})" for r in found
                        if r["floor"].sign == sign]
                for words, sign in (("higher under", 1), ("lower under", -1))
            }  # fmt: skip
            clear = "; ".join(f"{words} {', '.join(shifts)}" for words, shifts in signs.items() if shifts)
            cost = f"{passes.get(str(method), 1)} passes, unshifted "
            cost += seen_points(found[0]["cost"], found[0]["images"])
            parts.append(f"{method} ({cost}) {clear or 'undecided under all'}")
        said.append(
            f"Mean {METRICS[str(metric)]} on {suite}, against WinCLIP under the same shift: {'. '.join(parts)}."
        )
    return " ".join(said) or "These records hold no uniform shifts through a defence."


def floor_rows(table: pd.DataFrame) -> pd.DataFrame:
    """The floor of `worth` as `plot_forest` takes it: a panel a metric."""
    rows = [
        {"row": row["method"], "panel": row["metric"], "estimate": row["floor"].value, "low": row["floor"].low,
         "high": row["floor"].high}
        for row in table.to_dict("records") if row["method"] != PLAIN
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["row", "panel", "estimate", "low", "high"])


def conclude(table: pd.DataFrame, passes: Mapping[str, int]) -> str:
    """Metric by metric: what is left of WinCLIP's mean, which methods raise or lower that, and what they cost."""
    said = []
    for (suite, metric), rows in table.groupby(["suite", "metric"], sort=False):
        found = {row["method"]: row for row in rows.to_dict("records")}
        plain, others = found.pop(PLAIN), found
        drop: Difference = plain["drop"]
        lost, kept = seen_span(-drop.value, -drop.high, -drop.low, plain["images"]), number(plain["worst"])
        fate = f"loses {lost} points; {kept} % remain"
        if metric in WORSE:
            fate = f"has {seen_points(drop, plain['images'])} points more, {kept} % in all"
        said.append(f"Mean {METRICS[str(metric)]} on {suite}: at its worst WinCLIP {fate}.")
        for words, sign in (("Higher", 1), ("Lower", -1)):
            chosen = [
                f"{name} ({seen_points(row['floor'], row['images'])}; {passes.get(name, 1)} passes, unshifted "
                f"{seen_points(row['cost'])})"
                for name, row in others.items()
                if row["floor"].sign == sign
            ]
            said += [f"{words} at the worst, with an interval that excludes 0: {', '.join(chosen)}."] if chosen else []
        undecided = [name for name, row in others.items() if not row["floor"].sign]
        said += [f"Undecided at the worst: {', '.join(undecided)}."] if undecided else []
    return " ".join(said) or "These records hold no worst cases through a defence."
