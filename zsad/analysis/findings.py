"""What the matrix, the doses and the null say, in sentences that follow from the numbers whichever way they fall."""

from collections.abc import Mapping

import pandas as pd

from zsad.analysis.alike import counted_once, named_once
from zsad.analysis.decisions import TRAINING
from zsad.analysis.doses import compared, left_out, told
from zsad.analysis.effects import CERTAIN
from zsad.analysis.matrix import EXTREME, PLAUSIBLE, SHIFTS, chosen, dose_in_words
from zsad.analysis.words import number, span


def changed(row: "pd.Series[float]") -> str:
    """Before and after, and the change in points with its interval."""
    change = span(row["change"], row["change_low"], row["change_high"], sign=True)
    return f"from {number(row['before'])} to {number(row['after'])} %, {change} points"


def named(row: "pd.Series[float]") -> str:
    """Which shift, detector and suite a row of the matrix is about."""
    dose = dose_in_words(str(row["setting"]), float(row["dose"]), bool(row["both_ways"]))
    return f"{SHIFTS[str(row['setting'])]} ({dose}), {row['detector']} on {row['suite']}"


Correlations = Mapping[str, pd.DataFrame]
"""Suite -> how alike the detectors rank its images (`zsad.analysis.alike.rank_correlations`): of those that share one
ranking the first is counted, since all that is said at image level is one finding."""


def matrix_finding(table: pd.DataFrame, correlations: Correlations) -> str:
    """In how many cases image AUROC clearly falls at each level, what the median case does, what clear is, and which
    detectors are counted once.
    """
    said: list[str] = []
    once = counted_once(table, correlations)
    for level in (PLAUSIBLE, EXTREME):
        rows = chosen(once, "image_auroc", level)
        if len(rows):
            falls = int((rows["clear"] & (rows["change"] < 0)).sum())
            median = number(rows["change"].median(), sign=True)
            case = "" if said else " (a case is one detector under one shift on one suite)"
            said.append(
                f"under {level} shifts in {falls} of {len(rows)} cases{case}, {median} points in the median case"
            )
    return (
        f"Image AUROC falls clearly {'; '.join(said)}. Clear is what one rule for all {len(table):,} effects of the "
        f"matrix calls so: of these no more than {100 * CERTAIN:.0f} % are expected to be none. "
        f"{named_once(correlations)}"
    ).rstrip()


def matrix_sentence(table: pd.DataFrame, correlations: Correlations) -> str:
    """How many effects are clear, and where image AUROC falls furthest at each level, those that rank alike counted
    once.
    """
    clear = int(table["clear"].sum())
    said = [
        f"Of {len(table):,} effects in the whole matrix, {clear:,} are clear, of which no more than "
        f"{100 * CERTAIN:.0f} % are expected to be none."
    ]
    once = counted_once(table, correlations)
    for level in (PLAUSIBLE, EXTREME):
        rows = chosen(once, "image_auroc", level)
        if rows.empty:
            continue
        falls, rises = (int((rows["clear"] & (sign * rows["change"] > 0)).sum()) for sign in (-1, 1))
        said.append(
            f"At {level} doses image AUROC falls clearly in {falls} of {len(rows)} cases and rises clearly in {rises}; "
            f"the median change is {number(rows['change'].median(), sign=True)} points. "
            f"{_furthest(rows, -1, 'Largest fall: ', 'It falls in no case')}."
        )
    return " ".join([*said, *filter(None, [named_once(correlations)])])


def take_home(table: pd.DataFrame, correlations: Correlations, rule: str = TRAINING) -> list[str]:
    """Three sentences for who decides part by part: what plausible shifts do to false alarms, what ranking metrics say
    of the same shifts, and what extreme shifts do to false alarms and misses; detectors that rank alike counted once.
    Of a level that the records do not have none.
    """
    table = counted_once(table, correlations)
    once = " (detectors that rank the images alike counted once)" if named_once(correlations) else ""
    alarms, aurocs = chosen(table, "false_alarms", PLAUSIBLE, rule), chosen(table, "image_auroc", PLAUSIBLE)
    doubled = int((alarms["clear"] & (alarms["after"] > 2 * alarms["before"])).sum())
    same = ["suite", "detector", "backbone", "setting", "level"]
    both = alarms.merge(aurocs[[*same, "change", "clear"]], on=same, suffixes=("", "_auroc"))
    hidden = both[both["clear"] & (both["change"] > 0) & ~both["clear_auroc"]]
    more = int((both["clear"] & (both["change"] > 0)).sum())
    extreme = {metric: chosen(table, metric, EXTREME, rule) for metric in ("false_alarms", "misses")}
    holds = _graded(doubled, len(alarms), ("does not hold", "often does not hold", "mostly holds"))
    said = []
    if len(alarms):
        said = [
            f"A threshold that was set on unshifted images {holds} when they shift plausibly: false alarms, "
            f"{number(alarms['before'].median())} % in the median case, clearly rise and by the estimate more than "
            f"double in {doubled} of {len(alarms)} cases{once}; they "
            f"{_furthest(alarms, 1, 'rise most under ', 'rise in none')}.",
            _shown_by_auroc(len(hidden), more),
        ]
    if all(len(rows) for rows in extreme.values()):
        alarm, miss = extreme["false_alarms"], extreme["misses"]
        lost = alarm.merge(miss, on=same, suffixes=("_alarm", "_miss"))
        of_use = lost[(lost[["before_alarm", "before_miss"]] <= 50).all(axis=1)]
        useless = int((of_use[["after_alarm", "after_miss"]] > 50).any(axis=1).sum())
        make = _graded(
            useless,
            len(of_use),
            (
                "make the same threshold useless one way or the other",
                "make the same threshold useless in some cases",
                "leave the same threshold of use",
            ),
        )
        said.append(
            f"Extreme shifts {make}: of {len(of_use)} cases in which neither exceeds 50 % unshifted, one does in "
            f"{useless}. False alarms exceed 50 % in {int((alarm['after'] > 50).sum())} of {len(alarm)} cases, misses "
            f"in {int((miss['after'] > 50).sum())} of {len(miss)} (unshifted in {int((miss['before'] > 50).sum())}); "
            f"misses {_furthest(miss, 1, 'rise most under ', 'rise in none')}."
        )
    return said


def _shown_by_auroc(hidden: int, more: int) -> str:
    """What image AUROC says of the cases in which a plausible shift clearly raises false alarms."""
    if not more:
        return "No plausible shift clearly raises false alarms."
    shows = _graded(hidden, more, ("mostly does not show it", "does not always show it", "shows it"))
    return (
        f"AUROC {shows}: in {hidden} of the {more} cases in which a plausible shift clearly raises false alarms, "
        "image AUROC does not clearly change."
    )


def _graded(part: int, whole: int, words: tuple[str, str, str]) -> str:
    """Which words fit a part of cases: more than half of them, more than a tenth, or fewer."""
    return words[0] if 2 * part > whole else words[1] if 10 * part > whole else words[2]


def doses_finding(found: pd.DataFrame, correlations: Correlations) -> str:
    """Of `zsad.analysis.doses.thresholds`: in how many of the curves that can be compared a dose is too much, those
    that rank alike counted once, which doses those are for the false alarms of the detector with the most of them, and
    which curves are left out.
    """
    rest, found = left_out(found), counted_once(compared(found), correlations)
    if found.empty:
        return f"From which dose on a shift matters, too few doses were tried to say. {rest}"
    falls, last = int(found["drop"].notna().sum()), " ".join(filter(None, [named_once(correlations), rest]))
    curves = "a detector under one kind of shift, one way"
    known = found[found["alarms"]]
    if known.empty:
        return (
            f"From some dose on image AUROC clearly falls in {falls} of {len(found)} curves ({curves}). False alarms "
            f"are not known: there are no scores of good training pictures, which set the threshold. {last}"
        ).rstrip()
    who = ["suite", "detector", "backbone"]
    most = known.groupby(who, sort=False).size().idxmax()
    own = known.set_index(who).loc[[most]].dropna(subset=["double"])
    doses = [f"{SHIFTS[str(row['setting'])]} {told(row, row['double'])}" for _, row in own.iterrows()]
    said = f"from {', '.join(doses)} on" if doses else "from no dose on that was tried"
    return (
        f"From some dose on false alarms clearly more than double in {known['double'].notna().sum()} of {len(known)} "
        f"curves ({curves}), and image AUROC clearly falls in {falls}{_of_others(len(found), len(known))}. Those of "
        f"{most[1]} on {most[0]} more than double {said}. {last}"
    ).rstrip()


def _of_others(count: int, other: int) -> str:
    """Of how many a number is, where that is another number than what was said before."""
    return "" if count == other else f" of {count}"


def doses_sentence(found: pd.DataFrame, correlations: Correlations) -> str:
    """For each kind of dose, in how many of the curves that can be compared, those that rank alike counted once, image
    AUROC falls from some dose on and false alarms double.
    """
    said, found = [], counted_once(compared(found), correlations)
    for (setting, _), rows in found.groupby(["setting", "way"], sort=False):
        parts = []
        for name, what in (("drop", "image AUROC clearly falls"), ("double", "false alarms clearly more than double")):
            of = rows if name == "drop" else rows[rows["alarms"]]
            at = of.dropna(subset=[name])
            parts += (
                [f"{what} from some dose on in {len(at)} of {len(of)} cases{_first_of(at, name)}"] if len(of) else []
            )
        tried = rows.iloc[0]["tried"]
        largest = f"{told(rows.iloc[0], tried[-1])}, {len(tried)} doses"
        said.append(f"{SHIFTS[str(setting)].capitalize()} up to {largest}: {'; '.join(parts)}.")
    return " ".join(said)


def null_sentence(falls: pd.DataFrame) -> str:
    """Of `zsad.analysis.null.falls`: what random shifts do by themselves, and how much of a search's fall is beyond."""
    largest = falls[falls["size"] == falls["size"].max()]
    beyond, below = largest["beyond_random_low"] > 0, largest["beyond_mean_low"] > 0
    sure, worse = int((falls["random_worst_low"] > 0).sum()), int((largest["beyond_random_high"] < 0).sum())
    little = ": that a worst case does so says little" if 2 * sure > len(falls) else ""
    most = ""
    if beyond.any():
        top = largest.loc[largest.loc[beyond, "beyond_random"].idxmax()]
        furthest = span(top["beyond_random"], top["beyond_random_low"], top["beyond_random_high"])
        where = f"{top['detector']} on {top['backbone']}, {top['suite']}, {top['setting']}"
        most = f", most {furthest} points further ({where})"
    less = f"; it gets less far than they do in {worse}" if worse else ""
    under = largest["beyond_mean"].median()
    median = f"{number(abs(under))} points {'below' if under >= 0 else 'above'} it in the median case"
    return (
        f"The worst of random shifts alone lies below the images as they are, with an interval that excludes 0, in "
        f"{sure} of {len(falls)} cases{little}. Within the widest bounds the search gets further than as many random "
        f"shifts in {int(beyond.sum())} of {len(largest)} cases{most}{less}. Its worst lies below the mean over random "
        f"shifts in {int(below.sum())} of {len(largest)}: {median}, where random shifts in the mean move AUROC by "
        f"{number(-largest['random_mean'].median(), sign=True)} points."
    )


def _furthest(rows: pd.DataFrame, sign: int, most: str, none: str) -> str:
    """Which row rises (`sign` 1) or falls (-1) furthest, behind the words `most`; `none` where no row does so. There is
    some row.
    """
    row = rows.loc[(sign * rows["change"]).idxmax()]
    return f"{most}{named(row)}: {changed(row)}" if sign * row["change"] > 0 else none


def _first_of(rows: pd.DataFrame, name: str) -> str:
    """At which dose and in which case something holds first; "" where there is no case."""
    if rows.empty:
        return ""
    row = rows.loc[rows[name].abs().idxmin()]
    return f", first from {told(row, row[name])} ({row['detector']} on {row['suite']})"
