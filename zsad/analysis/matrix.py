"""Every detector under every shift at a plausible and at an extreme dose, with one rule for the whole matrix.

A dose has the sign of the way it goes. Where a study has both ways of one size, their mean counts, told with "±".
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from zsad.analysis.corruption import KIND_WORDS
from zsad.analysis.decisions import Decisions
from zsad.analysis.effects import beside_unshifted, effects, with_false_discovery_rate
from zsad.analysis.sweeps import strength

SHIFTS = {
    "angle": "rotation",
    "hue": "hue",
    "saturation": "saturation",
    "exposure": "exposure",
    "white_balance": "white balance",
} | KIND_WORDS
METRICS = {
    "image_auroc": "image AUROC",
    "pixel_auroc": "pixel AUROC",
    "aupro": "AUPRO",
    "false_alarms": "false alarms",
    "misses": "misses",
}
PLAUSIBLE, EXTREME = "plausible", "extreme"
SEVERITIES = {PLAUSIBLE: 1.0, EXTREME: 4.0}
"""Of corruptions, whose five severities are not doses of one unit."""
LARGE = {"angle": 45.0, "hue": np.pi / 2, "saturation": 0.25, "exposure": 1.0, "white_balance": 30.0}
"""From which size on a dose that stands alone is extreme: degrees, radians, the [-1, 1] scale, stops, mired."""
SUBJECT = ["suite", "detector", "backbone"]
BY = [*SUBJECT, "setting", "level", "dose", "both_ways", "products", "rule"]


def with_levels(records: pd.DataFrame) -> pd.DataFrame:
    """The unshifted records, and of the shifted ones those at the smallest dose of each setting, which is the plausible
    one, and at the largest, the extreme one: with `level` and `dose`, its size. A dose that stands alone is extreme
    from `LARGE` on. Of corruptions those of `SEVERITIES`; a kind that has neither, the smallest of up to 2 and the
    largest of 3 or more.
    """
    records = records.assign(dose=records["value"].abs(), level="")
    corrupted, plain = records["shift"] == "corruption", records["dose"] == 0
    for is_corruption, of_kind in ((True, corrupted), (False, ~corrupted)):
        for setting, doses in records.loc[of_kind & ~plain].groupby("setting")["dose"]:
            chosen_of = _severities(doses) if is_corruption else _doses(str(setting), doses)
            for level, dose in chosen_of.items():
                records.loc[doses.index[doses == dose], "level"] = level
    return records[plain | (records["level"] != "")]


def _doses(setting: str, doses: "pd.Series[float]") -> dict[str, float]:
    """Level -> dose, of what was tried of one setting."""
    least, most = float(doses.min()), float(doses.max())
    if least == most:
        return {EXTREME if most >= LARGE[setting] else PLAUSIBLE: most}
    return {PLAUSIBLE: least, EXTREME: most}


def _severities(doses: "pd.Series[float]") -> dict[str, float]:
    """Level -> severity, of what was tried of one kind of corruption."""
    tried = set(doses)
    if tried & set(SEVERITIES.values()):
        return {level: severity for level, severity in SEVERITIES.items() if severity in tried}
    mild, strong = [s for s in tried if s < 3], [s for s in tried if s >= 3]
    return {**({PLAUSIBLE: min(mild)} if mild else {}), **({EXTREME: max(strong)} if strong else {})}


def matrix(
    records: pd.DataFrame,
    draws: Mapping[str, pd.DataFrame],
    decisions: Decisions,
    rotation_invariant: Mapping[str, Sequence[str]],
) -> pd.DataFrame:
    """A row a suite, detector, backbone, setting, level, metric and, of decisions, rule.

    Args:
        records: unshifted, and under uniform shifts and corruptions, of `METRICS`; a detector that does not localise
            has no records of pixel metrics.
        draws: metric -> a row a draw, a column a key (`zsad.analysis.differences.by_key`).
        decisions: in the same cells.
        rotation_invariant: suite -> the categories that may lie any way. Turned are these alone: of others a turn takes
            away what is to be judged, which no detector can be blamed for. A suite that names none is turned as a
            whole.

    Returns:
        What `effects` gives, with level, dose and `both_ways` (`with_signs`), `products` ("rotation-invariant" or
        "all"), and `q` and `clear` over the whole matrix (`zsad.analysis.effects.with_false_discovery_rate`).
    """
    paired = _beside(records, decisions, rotation_invariant)
    found = effects(paired, {**draws, **decisions.draws}, BY)
    return with_false_discovery_rate(found)


def over_shifts(
    records: pd.DataFrame,
    draws: Mapping[str, pd.DataFrame],
    decisions: Decisions,
    rotation_invariant: Mapping[str, Sequence[str]],
) -> pd.DataFrame:
    """The matrix with all shifts of a level as one: what a shift does in the mean over those that a product is under,
    with `shifts`, how many settings these are. No shift is chosen after looking. See `matrix`.
    """
    paired = _beside(records, decisions, rotation_invariant)
    by = [*SUBJECT, "level", "rule"]
    found = effects(paired, {**draws, **decisions.draws}, by)
    counts = paired.groupby([*by, "metric"])["setting"].nunique().rename("shifts").reset_index()
    return with_false_discovery_rate(found.merge(counts, on=[*by, "metric"]))


def _beside(
    records: pd.DataFrame, decisions: Decisions, rotation_invariant: Mapping[str, Sequence[str]]
) -> pd.DataFrame:
    """The shifted records and decisions that count, each beside its unshifted one, with level and products."""
    both = pd.concat([records.assign(rule=""), decisions.records], ignore_index=True)
    both = with_levels(both[both["metric"].isin(METRICS)])
    return with_signs(beside_unshifted(of_products(both, rotation_invariant), by=["rule"]), [*SUBJECT, "setting"])


def of_products(records: pd.DataFrame, rotation_invariant: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """The records that count, with `products`: of rotations "rotation-invariant", where the suite names products that
    may lie any way, and of those alone; else "all".
    """
    of_suite = records["suite"].map(lambda suite: bool(rotation_invariant.get(suite))).astype(bool)
    chosen = (records["setting"] == "angle") & of_suite
    pairs = zip(records["suite"], records["category"], strict=True)
    fits = np.array([category in rotation_invariant.get(suite, ()) for suite, category in pairs], dtype=bool)
    return records.assign(products=np.where(chosen, "rotation-invariant", "all"))[~chosen | fits]


def turned_in_words(table: pd.DataFrame) -> str:
    """Which products of each suite were turned, and what that means for false alarms; "" where none was."""
    turned = table[table["setting"] == "angle"].drop_duplicates("suite")
    some, whole = (turned[turned["products"] == products] for products in ("rotation-invariant", "all"))
    said = [
        f"On {row['suite']} only products that may lie any way are turned ({row['categories']}, {row['images']} test "
        "images)."
        for _, row in some.iterrows()
    ]
    if len(whole):
        names = " and ".join(whole["suite"])
        said.append(
            f"Of {names} it is not said which products may lie any way: all are turned, those with an upright pose "
            "too. Such a product does not lie as it should, so that a rise of false alarms under rotation is partly "
            "right there."
        )
    return " ".join(said)


def with_signs(records: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Shifted records with `dose`: their value, where a group of `by` was shifted by that size in one direction; the
    size where it was in both, whose mean is taken, and `both_ways` is true.
    """
    size = records["value"].abs()
    negative = records.assign(size=size, negative=records["value"] < 0).groupby([*by, "size"])["negative"]
    both = negative.transform("nunique") > 1
    return records.assign(dose=records["value"].where(~both, size), both_ways=both)


def with_labels(table: pd.DataFrame) -> pd.DataFrame:
    """The table with detectors called by their backbone too, where one detector stands on several."""
    several = table.groupby("detector")["backbone"].transform("nunique") > 1
    return table.assign(detector=table["detector"].where(~several, table["detector"] + ", " + table["backbone"]))


def mean_moves(moved: pd.DataFrame) -> pd.DataFrame:
    """How far good parts move, in the mean over categories: suite, detector (`with_labels`), setting, level and moved.
    NaN where a category has no such number, or the shift was not measured on one that another detector has: means over
    other categories are not held against each other.

    Args:
        moved: of `zsad.analysis.decisions.Decisions`.
    """
    rows = with_levels(with_labels(moved))
    by = ["suite", "detector", "setting", "level"]
    groups = rows[rows["level"] != ""].groupby(by, sort=False)
    found = groups.agg(moved=("moved", lambda of: of.mean(skipna=False)), seen=("category", "nunique")).reset_index()
    whole = found["seen"] == found.groupby(["suite", "setting", "level"])["seen"].transform("max")
    return found.assign(moved=found["moved"].where(whole)).drop(columns="seen")


def chosen(table: pd.DataFrame, metric: str, level: str | None = None, rule: str = "") -> pd.DataFrame:
    """The rows of a metric, of one level where that is given, and of decisions those of a rule."""
    rows = table[(table["metric"] == metric) & (table["rule"] == rule)]
    return rows if level is None else rows[rows["level"] == level]


def dose_in_words(setting: str, dose: float, both_ways: bool = False) -> str:
    """A dose with its unit, such as "−0.5 stops", "±10 degrees" for the mean of both ways, or "severity 4"."""
    if setting in KIND_WORDS:
        return f"severity {dose:g}"
    return strength(setting, dose).removeprefix(f"a {setting} shift of ").replace("+", "±" if both_ways else "+")


def doses_in_words(table: pd.DataFrame) -> str:
    """What each level is: every shift of the matrix with its dose."""
    doses = table.drop_duplicates(["setting", "level", "dose", "both_ways"])
    said = []
    for level, rows in doses.groupby("level", sort=False):
        named = [
            f"{SHIFTS[str(row['setting'])]} {dose_in_words(row['setting'], row['dose'], row['both_ways'])}"
            for _, row in rows.iterrows()
        ]
        said.append(f"**{str(level).capitalize()} doses:** {', '.join(named)}.")
    return " ".join(said)


def for_humans(table: pd.DataFrame) -> pd.DataFrame:
    """The matrix in plain words and rounded: percent and points to one digit, probabilities to three."""
    numbers = [column for column in table if str(column).startswith(("before", "after", "change"))]
    doses = [dose_in_words(*row) for row in zip(table["setting"], table["dose"], table["both_ways"], strict=True)]
    shown = table.assign(
        shift=table["setting"].map(SHIFTS),
        dose=doses,
        metric=table["metric"].map(METRICS),
        threshold=table["rule"],
        **{str(column): table[column].round(1) + 0.0 for column in numbers},
        p=[float(f"{value:.2e}") for value in table["p"]],
        q=[float(f"{value:.2e}") for value in table["q"]],
    )
    ahead = ["suite", "detector", "backbone", "shift", "level", "dose", "products", "metric", "threshold"]
    return shown[[*ahead, "categories", "images", *numbers, "p", "q", "clear"]]
