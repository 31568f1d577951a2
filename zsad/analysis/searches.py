"""Searches for worst cases held against each other image by image, after as many forward passes; and what twice as many
evaluations find.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from zsad.analysis.falls import compared, doublings, lowest_aurocs, mean_curve, relative_falls, wins
from zsad.analysis.words import number, span
from zsad.analysis.worst import SETTINGS

OURS = "bayes_opt"
CRITERIA = {"auroc": "kept by AUROC", "loss": "kept by loss"}
# A search is good enough as the default that wins on so many percent of the images.
GOAL = 80
# Twice as many evaluations should move a suite's mean by less than so many points.
POINT = 1.0
# Forward passes at which searches are compared, besides the last that both have spent.
_AT = (16, 32, 64, 128)


@dataclass(frozen=True)
class Panel:
    """What the searches for one aim reach on one backbone in one setting: by search, ours first, the `relative_falls`
    of the images that all have seen.
    """

    criterion: str
    backbone: str
    setting: str
    falls: dict[str, pd.DataFrame]

    @property
    def place(self) -> dict[str, str]:
        """The words of its row and column in a figure."""
        return {"row": CRITERIA[self.criterion], "column": f"{SETTINGS[self.setting]}, {self.backbone}"}


def panels(evaluations: pd.DataFrame) -> list[Panel]:
    """Where our search is held against another.

    Args:
        evaluations: the table "tries" of several searches with `forwards` (`falls.with_forwards`), `search` and
            `criterion`. No criterion leads the others' evaluations, so that they count for both aims.
    """
    found = []
    for criterion in CRITERIA:
        aimed = evaluations[(evaluations["search"] != OURS) | (evaluations["criterion"] == criterion)]
        for (backbone, setting), rows in aimed.groupby(["backbone", "setting"], sort=False):
            shares = relative_falls(rows, criterion)
            if len(shares) > 1 and len(shares.get(OURS, ())):
                found.append(Panel(criterion, str(backbone), str(setting), {OURS: shares.pop(OURS), **shares}))
    return found


def fall_curves(found: Iterable[Panel]) -> pd.DataFrame:
    """How far each search has fallen after how many forward passes, mean over images in percent of the furthest fall:
    row, column, search, x, estimate, low, high.
    """
    return pd.concat(
        mean_curve(100 * share, within=(0, 100)).assign(search=search, **panel.place)
        for panel in found
        for search, share in panel.falls.items()
    )


def win_curves(found: Iterable[Panel]) -> pd.DataFrame:
    """On how many percent of the images our search has fallen further than each other: columns as `fall_curves`."""
    return pd.concat(
        mean_curve(100 * wins(panel.falls[OURS], share), within=(0, 100)).assign(search=search, **panel.place)
        for panel in found
        for search, share in panel.falls.items()
        if search != OURS
    )


def comparisons(found: Iterable[Panel]) -> pd.DataFrame:
    """A row an aim, backbone, setting, other search and number of forward passes: `falls.Compared`."""
    rows = []
    for panel in found:
        for other in list(panel.falls)[1:]:
            last = int(min(panel.falls[search].columns[-1] for search in (OURS, other)))
            for at in sorted({at for at in _AT if at < last} | {last}):
                case = {"criterion": panel.criterion, "backbone": panel.backbone, "setting": panel.setting}
                rows.append({**case, **vars(compared(panel.falls, OURS, other, at))})
    return pd.DataFrame(rows)


def comparisons_table(table: pd.DataFrame) -> pd.DataFrame:
    """`comparisons` as a reader sees them."""
    return pd.DataFrame(
        {
            "aim": table["criterion"].map(CRITERIA),
            "backbone": table["backbone"],
            "setting": table["setting"].map(SETTINGS),
            "against": table["other"],
            "forward passes": table["forwards"],
            "images": table["images"],
            "further": table["further"],
            "as far": table["alike"],
            "won [%]": _spans(table, "rate", digits=0),
            "ahead [% of the furthest]": _spans(table, "ahead", sign=True),
        }
    )


def _spans(table: pd.DataFrame, name: str, digits: int = 1, sign: bool = False) -> list[str]:
    ends = zip(table[name], table[f"{name}_low"], table[f"{name}_high"], strict=True)
    return [span(*values, digits=digits, sign=sign).replace(" to ", "\u00a0to\u00a0") for values in ends]


def _last(table: pd.DataFrame) -> pd.DataFrame:
    """The comparison after the most forward passes, of each aim, backbone, setting and other search."""
    case = ["criterion", "backbone", "setting", "other"]
    return table.loc[table.groupby(case, sort=False)["forwards"].idxmax()]


def conclude(table: pd.DataFrame) -> str:
    """A list: for each aim, backbone and setting on how many images our search wins against each other at the end, and
    whether that is the goal.
    """
    lines = []
    for (criterion, backbone, setting), rows in _last(table).groupby(["criterion", "backbone", "setting"], sort=False):
        said = [
            f"{row.other} on {row.rate:.0f} % of {row.images} images ({row.rate_low:.0f} to {row.rate_high:.0f}) after "
            f"{row.forwards} forward passes"
            for row in rows.itertuples()
        ]
        short = rows[rows["rate"] < GOAL]["other"].tolist()
        verdict = f"short of {GOAL} % against {', '.join(short)}" if short else f"at least {GOAL} % against each"
        case = f"{CRITERIA[str(criterion)]}, {SETTINGS[str(setting)]} on {backbone}"
        lines.append(f"- **{case}**: {OURS} wins against {'; against '.join(said)}. That is {verdict}.")
    return "\n".join(lines)


def shortly(table: pd.DataFrame) -> str:
    """One sentence: in how many comparisons our search reaches the goal, and its lowest share."""
    last = _last(table)
    reached, lowest = int((last["rate"] >= GOAL).sum()), last.loc[last["rate"].idxmin()]
    return (
        f"For as many forward passes {OURS} lowers AUROC or loss further on at least {GOAL} % of the images in "
        f"{reached} of {len(last)} comparisons; its lowest share is {lowest['rate']:.0f} % "
        f"({lowest['rate_low']:.0f} to {lowest['rate_high']:.0f}) of {lowest['images']} images "
        f"({CRITERIA[lowest['criterion']]}, against {lowest['other']} after {lowest['forwards']})."
    )


def auroc_curves(evaluations: pd.DataFrame) -> pd.DataFrame:
    """The lowest AUROC so far of single anomalous images, mean over them, against the evaluations of one search: a
    curve a backbone and setting, columns as `fall_curves`.
    """
    return pd.concat(
        mean_curve(lowest_aurocs(rows), within=(0, 100)).assign(search=case, row="", column="")
        for case, rows in _cases(evaluations)
    )


def doubled(evaluations: pd.DataFrame) -> pd.DataFrame:
    """What twice as many evaluations change (`falls.doublings`), with the `case` and the number of `images`."""
    found = [(case, lowest_aurocs(rows)) for case, rows in _cases(evaluations)]
    return pd.concat([doublings(low).assign(case=case, images=len(low)) for case, low in found], ignore_index=True)


def _cases(evaluations: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    groups = evaluations.groupby(["backbone", "setting"], sort=False)
    return [(f"{SETTINGS[str(setting)]}, {backbone}", rows) for (backbone, setting), rows in groups]


def doubled_table(table: pd.DataFrame) -> pd.DataFrame:
    """`doubled` as a reader sees it."""
    changes = table.rename(columns={"low": "change_low", "high": "change_high"})
    return pd.DataFrame(
        {
            "setting": table["case"],
            "images": table["images"],
            "evaluations": table["evaluations"],
            "mean AUROC": table["mean"].map(number),
            "with twice as many": table["doubled"].map(number),
            "lower by [points]": _spans(changes, "change", digits=2),
            "most of a category": [number(value, 2) for value in table["largest"]],
        }
    )


def conclude_doubled(table: pd.DataFrame) -> str:
    """A line a case: from how many evaluations on, twice as many move the mean by less than a point."""
    lines = []
    for case, rows in table.groupby("case", sort=False):
        moved = rows[rows["change"] >= POINT]["evaluations"]
        enough = rows[rows["evaluations"] > (moved.max() if len(moved) else 0)]
        row = enough.iloc[0] if len(enough) else rows.iloc[-1]
        change, low, high = (number(row[name], 2) for name in ("change", "low", "high"))
        said = (
            f"from {row.evaluations} evaluations on, twice as many lower the mean by less than {POINT:g} point "
            f"({change}, {low} to {high})."
            if len(enough)
            else f"no number of evaluations tried is enough: after {row.evaluations}, twice as many lower the mean by "
            f"another {change} points ({low} to {high})."
        )
        lines.append(f"- **{case}**: {said}")
    return "\n".join(lines)
