"""How far the luck of training moves a detector's numbers, and how the training of its control ended beside its own."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from zsad.analysis.gaps import METRICS
from zsad.analysis.words import number
from zsad.study.config import DetectorConfig, Study

COLUMNS = ["suite", "label", "metric", "trainings", "mean", "sd", "low", "high"]


def trainings_of(study: Study, label: str, suite: str) -> list[str]:
    """The labels of a detector and of those that on a suite differ from it in the seed of their training alone, itself
    first; it alone where there are no others, or where it is not evaluated there.

    The seed is an option or, of what was trained before, the number at the end of the training's name.
    """
    there = {detector.label: detector for detector in study.detectors_on(suite)}
    plain = there.pop(label, None)
    if plain is None:
        return [label]
    same = [other.label for other in there.values() if other.name == plain.name and _is_another(other, plain)]
    return [label, *same]


def _is_another(other: DetectorConfig, plain: DetectorConfig) -> bool:
    """Whether a detector is another training of what `plain` is."""
    one, two = (dict(detector.options) for detector in (plain, other))
    for options in (one, two):
        options.pop("seed", None)
    trained, again = (str(options.pop("trained_on", "")) for options in (one, two))
    return one == two and (trained == again or re.fullmatch(re.escape(trained) + r"-\d+", again) is not None)


def spread(records: pd.DataFrame, study: Study, labels: Iterable[str]) -> pd.DataFrame:
    """Of each detector with several trainings on a suite, a row a metric: over the means of its trainings over
    categories their mean, standard deviation, lowest and highest; percent. Only on the categories that all were
    measured on; a suite on which fewer than two trainings were measured has no row.
    """
    rows = []
    for suite, of_suite in records.groupby("suite", sort=False):
        for label in labels:
            chosen = of_suite[of_suite["detector"].isin(trainings_of(study, label, str(suite)))]
            for metric in (metric for metric in METRICS if metric in set(chosen["metric"])):
                of_metric = chosen[chosen["metric"] == metric]
                means = 100 * of_metric.pivot(index="category", columns="detector", values="estimate").dropna().mean()
                if label in means and len(means) > 1 and means.notna().all():
                    said = (means.mean(), means.std(ddof=1), means.min(), means.max())
                    rows.append((str(suite), label, metric, len(means), *said))
    return pd.DataFrame(rows, columns=COLUMNS)


def spread_table(found: pd.DataFrame, titles: Mapping[str, str]) -> pd.DataFrame:
    """`spread` as a reader sees it: a row a detector and suite; mean ± standard deviation, and lowest to highest."""
    rows: dict[tuple[str, str], dict[str, object]] = {}
    for r in found.itertuples():
        of = {"suite": r.suite, "method": titles[str(r.label)], "trainings": r.trainings}
        said = f"{number(r.mean)} ± {number(r.sd)} ({number(r.low)} to {number(r.high)})"
        rows.setdefault((str(r.suite), str(r.label)), of)[METRICS[str(r.metric)]] = said
    return pd.DataFrame(list(rows.values())).fillna("–")


def seeds_in_words(found: pd.DataFrame, metrics: Sequence[str], titles: Mapping[str, str]) -> str:
    """What a caption says of training seeds: that intervals leave them out, and how far they move the means of these
    metrics, of each detector the most; "" where nothing was trained several times.
    """
    moved = found[found["metric"].isin(tuple(metrics))]
    said = []
    for label, rows in moved.assign(reach=moved["high"] - moved["low"]).groupby("label", sort=False):
        most = rows.loc[rows["reach"].idxmax()]
        said.append(
            f"{titles[str(label)]} lies up to {number(most['reach'])} points apart over {most['trainings']} trainings "
            f"({METRICS[most['metric']]} on {most['suite']})"
        )
    return f"Intervals are of one training each and leave its seed out: {'; '.join(said)}." if said else ""


class Trained(NamedTuple):
    """A control and its detector, of the cards of what both trained on one data set: the mean loss of each epoch."""

    trained_on: str
    control: Sequence[float]
    plain: Sequence[float]


def trained(control: Mapping[str, Any], plain: Mapping[str, Any]) -> Trained:
    """From two cards."""
    return Trained(str(control["trained_on"]), control["losses"], plain["losses"])


def losses_in_words(found: Sequence[Trained], name: str, base: str) -> str:
    """Where the trainings of a control and of its detector ended, and whether the control's loss fell to the last; ""
    where no card says.
    """
    said, stuck = [], []
    for one in found:
        *before, last = one.control
        fell = not before or last < before[-1]
        stuck += [] if fell else [one.trained_on]
        at_last = "still falls in its last epoch" if fell else "does not fall in its last epoch"
        from_ = f", from {before[-1]:.4f}" if before else ""
        said.append(
            f"On {one.trained_on} the loss of {name} ends at {last:.4f} and that of {base} at {one.plain[-1]:.4f}; "
            f"that of {name} {at_last}{from_}."
        )
    if not said:
        return ""
    if stuck:
        said.append(
            f"What {name} measures behind the training on {' and '.join(stuck)} may be a training that is stuck."
        )
    return f"How their trainings ended. {' '.join(said)}"
