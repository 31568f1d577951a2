"""The book's first screen: three findings, each a claim in plain words and one number with its interval. What is said
follows from the numbers, whichever way they fall.
"""

from dataclasses import dataclass

import pandas as pd

from zsad.analysis.alike import alike_sentence, groups, one_of_each
from zsad.analysis.decisions import TRAINING
from zsad.analysis.matrix import EXTREME, PLAUSIBLE, SHIFTS, SUBJECT, chosen, dose_in_words
from zsad.analysis.null import foremost
from zsad.analysis.unmoved import seen_span
from zsad.analysis.words import number, span

UNSEEN = 2.0
"""Points of AUROC that a reader of a table would take for no change."""
_CALLED = {"winclip": "WinCLIP"}


@dataclass(frozen=True)
class Answer:
    """A finding: what is claimed, what was measured, and the number that it rests on, with its interval; and what else
    there is to say of it, for who has more than half a minute.
    """

    claim: str
    measured: str
    number: str
    further: str = ""


def plausible(
    means: pd.DataFrame, anew: pd.DataFrame | None = None, correlations: pd.DataFrame | None = None
) -> Answer:
    """What a plausible shift does to false alarms at a threshold that stays, beside what it does to image AUROC.

    Args:
        means: of `zsad.analysis.matrix.over_shifts`; its first suite and detector are spoken of, and how many of the
            other detectors of that suite do likewise.
        anew: of `zsad.analysis.anew.side_by_side`: what a threshold that is set anew would give.
        correlations: of `zsad.analysis.alike.rank_correlations`: detectors that share one ranking of the images are
            counted once, and not beside the first where they share its own.
    """
    alarm, auroc = _first(means, PLAUSIBLE, "false_alarms", TRAINING), _first(means, PLAUSIBLE, "image_auroc")
    way, moved = _way(alarm), span(auroc["change"], auroc["change_low"], auroc["change_high"], sign=True)
    unseen = max(abs(auroc["change_low"]), abs(auroc["change_high"])) < UNSEEN
    claim = {
        1: "Everyday shifts raise false alarms" + (", and AUROC hardly shows it" if unseen else ""),
        0: "Everyday shifts do not clearly change false alarms",
        -1: "Everyday shifts lower false alarms",
    }[way] + "."
    others, alike = _apart(_others(means, PLAUSIBLE, "false_alarms", TRAINING), alarm, correlations)
    share = _share([_way(row) == way for row in others], counted_once=bool(alike))
    alike = f"{share} {_DOES[way]} too. {alike}" if others else alike
    change = span(alarm["change"], alarm["change_low"], alarm["change_high"], sign=True)
    return Answer(
        claim,
        f"At a threshold that stays, plausible shifts take {_called(alarm)}'s false alarms from "
        f"{number(alarm['before'], 0)} to {number(alarm['after'], 0)} % of good parts: **{change} points**. Image "
        f"AUROC, how well scores put damaged parts above good ones, moves by {moved}.{_set_anew(anew, PLAUSIBLE)}",
        change,
        f"{alike}{_elsewhere(means, alarm, 'points of false alarms')}Means are over {alarm['shifts']:.0f} kinds of "
        "shift.",
    )


def _set_anew(table: pd.DataFrame | None, level: str) -> str:
    """What becomes of the first suite and detector under shifts of a level where the threshold is set anew."""
    rows = table[table["level"] == level] if table is not None else pd.DataFrame()
    if rows.empty:
        return ""
    first = rows[(rows[SUBJECT] == rows[SUBJECT].iloc[0]).all(axis=1)].set_index("metric")
    alarm, miss = first.loc["false_alarms"], first.loc["misses"]
    unshifted = f" ({number(miss['unshifted_anew'], 0)} % unshifted)" if level == PLAUSIBLE else ""
    return (
        f" Set anew {_SUCH[level]} stops {number(alarm['anew'], 0)} % of good and misses "
        f"{number(miss['anew'], 0)} % of damaged parts{unshifted}."
    )


def extreme(
    means: pd.DataFrame,
    table: pd.DataFrame,
    anew: pd.DataFrame | None = None,
    correlations: pd.DataFrame | None = None,
) -> Answer:
    """What an extreme shift costs: image AUROC, and false alarms at the threshold that stays.

    Args:
        means, anew, correlations: as above.
        table: of `zsad.analysis.matrix.matrix`.
    """
    auroc, alarm = _first(means, EXTREME, "image_auroc"), _first(means, EXTREME, "false_alarms", TRAINING)
    way, change = _way(auroc), span(auroc["change"], auroc["change_low"], auroc["change_high"], sign=True)
    stops = way < 0 and _stops_most(alarm)
    stopped = _stopped(means, alarm, correlations) if stops else ""
    claim = {
        1: "Extreme shifts help to tell good from damaged",
        0: "Even extreme shifts do not clearly change how well good and damaged parts are told apart",
        -1: "Extreme shifts blur good and damaged"
        + (f", and make {_called(alarm)} stop most good parts" if stops else ""),
    }[way] + "."
    same = (table[["suite", "detector", "backbone"]] == auroc[["suite", "detector", "backbone"]]).all(axis=1)
    rows = chosen(table[same], "image_auroc", EXTREME)
    worst = rows.loc[rows["change"].idxmin()]
    dose = dose_in_words(str(worst["setting"]), float(worst["dose"]), bool(worst["both_ways"]))
    most = (
        f"Of all kinds of shift {SHIFTS[str(worst['setting'])]} ({dose}) lowers image AUROC most, by the estimates: "
        f"{span(worst['change'], worst['change_low'], worst['change_high'], sign=True)} points."
        if worst["change"] < 0
        else "No kind of shift lowers image AUROC, by the estimates."
    )
    return Answer(
        claim,
        f"{_called(auroc)}'s image AUROC goes from {number(auroc['before'], 0)} to {number(auroc['after'], 0)} %: "
        f"**{change} points**. At the threshold that stays {number(alarm['after'], 0)} % of good parts raise an alarm."
        f"{_set_anew(anew, EXTREME)}",
        change,
        f"{stopped}{most} {_elsewhere(means, auroc, 'points of image AUROC')}".rstrip(),
    )


def searched(falls: pd.DataFrame) -> Answer:
    """How much of a worst case is more than the luck of many tries.

    Args:
        falls: of `zsad.analysis.null.falls`; that which is `zsad.analysis.null.foremost` is spoken of.
    """
    row = foremost(falls)
    value, low, high = (row[f"beyond_random{end}"] for end in ("", "_low", "_high"))
    beyond = seen_span(value, low, high) if value >= 0 else seen_span(-value, -high, -low)
    if high < 0:
        claim = "A search for the worst shift finds less than chance does."
    elif low <= 0:
        claim = "What a search for the worst shift finds is not told from chance."
    elif row["beyond_random"] < row["random_worst"]:
        claim = "Most of what a worst case costs is the luck of many tries; some of it is not."
    else:
        claim = "A search for the worst shift finds far more than chance would."
    tried, random = (round(row[name]) for name in ("evaluations", "random_evaluations"))
    drawn = "as many" if tried == random else str(random)
    return Answer(
        claim,
        f"The worst of {row['evaluations']:.0f} turns and colours that a search tries on a damaged part takes "
        f"{number(row['worst'])} points of pixel AUROC (is the damage found within the image?), the worst of {drawn} "
        f"at random {number(row['random_worst'])}: the search finds **{beyond} points** "
        f"{'more' if value >= 0 else 'less'}, on {row['images']:.0f} images of {row['categories']:.0f} products.",
        beyond,
    )


def who(means: pd.DataFrame) -> str:
    """The images and products that the first two findings are about."""
    row = _first(means, PLAUSIBLE, "image_auroc")
    rendered = "rendered " if str(row["suite"]).startswith("demo-") else ""
    products = "product" if row["categories"] == 1 else "products"
    return f"{row['images']:,.0f} {rendered}test images of {row['categories']:.0f} {products}"


_SUCH = {PLAUSIBLE: "on good parts under the shift, the threshold", EXTREME: "under such a shift, it"}
_DOES = {1: "raise more alarms", 0: "do not clearly raise more or fewer", -1: "raise fewer"}


def _of(means: pd.DataFrame, level: str, metric: str, rule: str) -> pd.DataFrame:
    rows = chosen(means, metric, level, rule)
    return rows[rows["suite"] == rows["suite"].iloc[0]]


def _first(means: pd.DataFrame, level: str, metric: str, rule: str = "") -> "pd.Series[float]":
    """The row of the first suite and detector."""
    first: pd.Series[float] = _of(means, level, metric, rule).iloc[0]
    return first


def _others(means: pd.DataFrame, level: str, metric: str, rule: str) -> "list[pd.Series[float]]":
    return [row for _, row in _of(means, level, metric, rule).iloc[1:].iterrows()]


def _apart(
    others: "list[pd.Series[float]]", first: "pd.Series[float]", correlations: pd.DataFrame | None
) -> "tuple[list[pd.Series[float]], str]":
    """One of each of the others that share a ranking, without those that share the first's; and which do, in a sentence
    that ends in a space, "" where none does.
    """
    if correlations is None:
        return others, ""
    apart = one_of_each([str(row["detector"]) for row in (first, *others)], groups(correlations))
    same = alike_sentence(correlations, str(first["suite"]), _CALLED)
    return [row for row in others if row["detector"] in apart], f"{same} " if same else ""


def _elsewhere(means: pd.DataFrame, first: "pd.Series[float]", what: str) -> str:
    """What the row of the first suite says, on the others; empty where there are none."""
    alike = ["detector", "backbone", "level", "metric", "rule"]
    others = means[(means[alike] == first[alike]).all(axis=1) & (means["suite"] != first["suite"])]
    said = [f"{span(r.change, r.change_low, r.change_high, sign=True)} on {r.suite}" for r in others.itertuples()]
    return f"On other suites, {what}: {'; '.join(said)}. " if said else ""


def _stops_most(alarm: "pd.Series[float]") -> bool:
    """Whether more than half of good parts raise an alarm, with the whole interval."""
    return bool(alarm["after_low"] > 50)


def _stopped(means: pd.DataFrame, first: "pd.Series[float]", correlations: pd.DataFrame | None) -> str:
    """How many other detectors stop most good parts under extreme shifts as the first does, and on how many other
    suites it does; empty where there are neither.
    """
    others, alike = _apart(_others(means, EXTREME, "false_alarms", TRAINING), first, correlations)
    share = _share([_stops_most(row) for row in others], counted_once=bool(alike))
    rows = chosen(means, "false_alarms", EXTREME, TRAINING)
    same = (rows[["detector", "backbone"]] == first[["detector", "backbone"]]).all(axis=1)
    suites = [row for _, row in rows[same & (rows["suite"] != first["suite"])].iterrows()]
    shares = [f"{span(row['after'], row['after_low'], row['after_high'])} % on {row['suite']}" for row in suites]
    most = sum(_stops_most(row) for row in suites)
    return (f"{share} stop most good parts too. " if others else "") + (
        f"{_called(first)} does so on {most} of {len(suites)} other suites: {'; '.join(shares)}. " if suites else ""
    )


def _called(row: "pd.Series[float]") -> str:
    return _CALLED.get(str(row["detector"]), str(row["detector"]))


def _way(row: "pd.Series[float]") -> int:
    """1 where a change is clear and a rise, -1 where it is clear and a fall, else 0."""
    if not row["clear"]:
        return 0
    return 1 if row["change"] > 0 else -1


def _share(alike: list[bool], counted_once: bool = False) -> str:
    ranking = " that rank the images otherwise (those that rank alike counted once)" if counted_once else ""
    return f"{sum(alike)} of {len(alike)} other detectors{ranking}"
