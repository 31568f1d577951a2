"""How far the luck of training moves a detector's numbers, and how the training of its control ended beside its own."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from zsad.analysis.gaps import METRICS
from zsad.analysis.words import number
from zsad.study.config import DetectorConfig, Study

AUTHORS = "authors' checkpoint"
COLUMNS = ["suite", "label", "of", "metric", "trainings", "mean", "sd", "low", "high"]


def trainings_of(study: Study, label: str, suite: str) -> list[str]:
    """The labels of our trainings of a detector: of those that on a suite differ from it in the seed of their training
    alone, itself first; it alone where there are no others, or where it is not evaluated there.

    The seed is an option or, of what was trained before, the number at the end of the training's name. A name without
    one stands for our first training, seed 0; unless another has that number, for then it is the authors' checkpoint
    and none of ours.
    """
    there = {detector.label: detector for detector in study.detectors_on(suite)}
    plain = there.pop(label, None)
    if plain is None:
        return [label]
    same = [other for other in there.values() if other.name == plain.name and _is_another(other, plain)]
    authors = any(_trained_on(other) == f"{_trained_on(plain)}-0" for other in same)
    return [*([] if authors else [label]), *(other.label for other in same)]


def compared_with(study: Study, label: str, variant: str, suite: str) -> str:
    """The label of what a variant of a detector is measured against on a suite: of our trainings of that detector the
    one with the variant's seed, where there is another such, or else the first. So no variant is measured against
    weights of the authors, from which every training of ours differs.
    """
    own, there = trainings_of(study, label, suite), {d.label: d for d in study.detectors_on(suite)}
    if variant not in there:
        return own[0]
    same = [one for one in own if one in there and _training(there[one]) == _training(there[variant])]
    return next((one for one in same if one != variant), own[0])


def _is_another(other: DetectorConfig, plain: DetectorConfig) -> bool:
    """Whether a detector is another training of what `plain` is."""
    one, two = (
        {name: value for name, value in detector.options.items() if name not in ("seed", "trained_on")}
        for detector in (plain, other)
    )
    trained, again = _trained_on(plain), _trained_on(other)
    return one == two and (trained == again or re.fullmatch(re.escape(trained) + r"-\d+", again) is not None)


def _trained_on(detector: DetectorConfig) -> str:
    return str(detector.options.get("trained_on", ""))


def _training(detector: DetectorConfig) -> tuple[str, Any]:
    """What tells trainings apart, as far as a detector's options say it."""
    return _trained_on(detector), detector.options.get("seed")


def spread(records: pd.DataFrame, study: Study, labels: Iterable[str]) -> pd.DataFrame:
    """Of each detector that we trained several times on a suite, a row a metric: over the means of these trainings over
    categories their mean, standard deviation, lowest and highest; percent. Only on the categories that all were
    measured on; a suite on which fewer than two trainings were measured has no row.

    `of` is "" in these rows. Where the detector itself is the authors' checkpoint, a row of its own, with `AUTHORS` as
    `of`, has its mean over the same categories.
    """
    rows = []
    for suite, of_suite in records.groupby("suite", sort=False):
        for label in labels:
            own = trainings_of(study, label, str(suite))
            chosen = of_suite[of_suite["detector"].isin([label, *own])]
            for metric in (metric for metric in METRICS if metric in set(chosen["metric"])):
                of_metric = chosen[chosen["metric"] == metric]
                means = 100 * of_metric.pivot(index="category", columns="detector", values="estimate").dropna().mean()
                ours = means[means.index.isin(own)]
                if own[0] in ours and len(ours) > 1 and ours.notna().all():
                    said = (ours.mean(), ours.std(ddof=1), ours.min(), ours.max())
                    rows.append((str(suite), label, "", metric, len(ours), *said))
                    if label in means and label not in own:
                        mean = means[label]
                        rows.append((str(suite), label, AUTHORS, metric, 1, mean, float("nan"), mean, mean))
    return pd.DataFrame(rows, columns=COLUMNS)


def spread_table(found: pd.DataFrame, titles: Mapping[str, str]) -> pd.DataFrame:
    """`spread` as a reader sees it: a row a detector and suite; mean ± standard deviation, and lowest to highest. A
    checkpoint of the authors has a row behind it, with its mean.
    """
    theirs = set(found.loc[found["of"] == AUTHORS, "label"])
    rows: dict[tuple[str, str, str], dict[str, object]] = {}
    for r in found.itertuples():
        which = r.of or ("trained here" if r.label in theirs else "")
        method = f"{titles[str(r.label)]}, {which}" if which else titles[str(r.label)]
        of = {"suite": r.suite, "method": method, "trainings": r.trainings}
        said = number(r.mean) if r.of else f"{number(r.mean)} ± {number(r.sd)} ({number(r.low)} to {number(r.high)})"
        rows.setdefault((str(r.suite), str(r.label), str(r.of)), of)[METRICS[str(r.metric)]] = said
    return pd.DataFrame(list(rows.values())).fillna("–")


def seeds_in_words(found: pd.DataFrame, metrics: Sequence[str], titles: Mapping[str, str]) -> str:
    """What a caption says of training seeds: that intervals leave them out, and how far they move the means of these
    metrics, of each detector the most; "" where nothing was trained several times.
    """
    theirs = set(found.loc[found["of"] == AUTHORS, "label"])
    moved = found[found["metric"].isin(tuple(metrics)) & (found["of"] == "")]
    said = []
    for label, rows in moved.assign(reach=moved["high"] - moved["low"]).groupby("label", sort=False):
        most = rows.loc[rows["reach"].idxmax()]
        but = f", of which the {AUTHORS} is none" if label in theirs else ""
        said.append(
            f"{titles[str(label)]} lies up to {number(most['reach'])} points apart over {most['trainings']} trainings"
            f"{but} ({METRICS[most['metric']]} on {most['suite']})"
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
