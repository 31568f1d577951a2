"""What worst cases cost: records of test sets in which each image is at its own worst, beside those of the same images
as they are. An image's worst case is the shift that a search found to hurt a detector most on it.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations

import pandas as pd

from zsad.analysis.beside_chance import chance_sentence
from zsad.analysis.costs import cost_sentence, counted
from zsad.analysis.differences import Difference, by_key, difference_of, verdict
from zsad.analysis.means import drops
from zsad.analysis.sweeps import METRICS
from zsad.analysis.words import number, points, span

SETTINGS = {"angle": "rotation", "saturation": "saturation", "hue": "hue", "3d": "3D (all three)"}
BY = ["suite", "backbone", "setting"]


def worst_drops(records: pd.DataFrame, replicates: pd.DataFrame, samples: pd.DataFrame) -> pd.DataFrame:
    """How far the worst cases lower the means over categories (`zsad.analysis.means.drops`): a row a suite, backbone,
    setting and metric in the records' order; and the mean pixel AUROC of single anomalous images, as they are and at
    their worst, in per_image_auroc_clean and per_image_auroc_worst.

    Args:
        records: worst cases, and the unshifted records of the same subjects.
        replicates, samples: their tables of these names (`zsad.study.results.load_table`).
    """
    records = records[records["metric"].isin(METRICS)]
    table = drops(records, replicates, by=(*BY, "metric"))
    single = samples[samples["label"]].groupby([*BY, "category"])[["clean_auroc", "auroc"]].mean().groupby(BY).mean()
    single.columns = pd.Index(["per_image_auroc_clean", "per_image_auroc_worst"])
    return records[BY].drop_duplicates().merge(table, on=BY).merge(single.reset_index(), on=BY)


def points_of(row: pd.Series) -> str:
    """The drop of a row of `worst_drops`, such as "12.3 points (10.1 to 14.2)"."""
    return _span(row).replace(" (", " points (")


def _span(row: pd.Series) -> str:
    return span(100 * row["drop"], 100 * row["drop_low"], 100 * row["drop_high"])


def drops_table(table: pd.DataFrame) -> pd.DataFrame:
    """`worst_drops` as a reader sees them: a row a suite, backbone and setting, in percent and points."""
    rows = []
    for (suite, backbone, setting), found in table.groupby(BY, sort=False):
        row: dict[str, object] = {"suite": suite, "backbone": backbone, "setting": SETTINGS[str(setting)]}
        for metric, values in found.set_index("metric").loc[list(METRICS)].iterrows():
            name = METRICS[str(metric)]
            row[name] = f"{number(100 * values['clean'])} → {number(100 * values['shifted'])}"
            row[f"{name} drop"] = _span(values)
            row[f"{name} drop [%]"] = 100 * values["relative"]
        own = found.iloc[0]
        row["image's own"] = " → ".join(number(100 * own[f"per_image_auroc_{when}"]) for when in ("clean", "worst"))
        rows.append(row)
    return pd.DataFrame(rows)


def categories_table(records: pd.DataFrame) -> pd.DataFrame:
    """A row a category of one backbone: both metrics without shift and at the worst of each setting, in percent."""
    names = {"none": "clean"} | {setting: words.split(" ")[0] for setting, words in SETTINGS.items()}
    columns = [(metric, setting) for metric in METRICS for setting in names if setting in set(records["setting"])]
    rows = []
    for (suite, category), group in records.groupby(["suite", "category"], sort=False):
        values = 100 * group.set_index(["metric", "setting"])["estimate"]
        row = {"suite": suite, "category": str(category).replace("_", " "), "images": group["n_images"].iloc[0]}
        rows.append(row | {f"{METRICS[m]} {names[s]}": values.get((m, s)) for m, s in columns})
    return pd.DataFrame(rows)


_SEARCHED = {
    "angle": "the worst turn",
    "saturation": "the worst saturation",
    "hue": "the worst hue",
    "3d": "the worst turn, hue and saturation together",
}


def best_measured(table: pd.DataFrame, metric: str) -> "pd.Series[float]":
    """Of the drops of a metric in `worst_drops` the one whose interval is the narrowest for its size: the largest drop
    of all may be no more than that of the fewest images.
    """
    rows = table[(table["metric"] == metric) & (table["drop"] > 0)]
    rows = rows if len(rows) else table[table["metric"] == metric]
    best: pd.Series[float] = rows.loc[((rows["drop_high"] - rows["drop_low"]) / rows["drop"].abs()).idxmin()]
    return best


def finding(cost: pd.DataFrame, table: pd.DataFrame, pooled: pd.DataFrame, falls: pd.DataFrame) -> str:
    """What the worst cases cost where that is measured best, at image level and then at pixel level; and how much of
    the latter random shifts cost too.

    Args:
        cost: of `zsad.analysis.costs.costs`, by suite, detector, backbone and setting.
        table: of `worst_drops`.
        pooled, falls: of `zsad.analysis.null`, of these worst cases; without rows where no random shifts are kept.
    """
    best, rows = best_measured(table, "pixel_auroc"), table[table["metric"] == "pixel_auroc"]
    at = (cost["suite"] == best["suite"]) & (cost["backbone"] == best["backbone"])
    of_best = cost[at & (cost["setting"] == best["setting"])]
    return (
        f"With {_SEARCHED[str(best['setting'])]} searched for each image by itself, on {counted(of_best)} of "
        f"{best['suite']}: {cost_sentence(of_best)} Mean pixel AUROC is lower by **{points_of(best)}**, the best "
        f"measured of {len(rows)} drops. {chance_sentence(best, rows, pooled, falls)}"
    )


def conclude(records: pd.DataFrame, replicates: pd.DataFrame, asked: Sequence[str] = ()) -> str:
    """What the records say of colour against rotation, and of a FARE backbone against its origin. `asked`: the
    backbones that the study asks for, of which the records may lack some.
    """
    worst = records[records["shift"] == "worst"]
    said = (_strongest(worst, replicates), _colour(worst, replicates), _fare(records, replicates, asked))
    return " ".join(filter(None, said))


def paired(
    first: pd.DataFrame, second: pd.DataFrame, replicates: pd.DataFrame, by: Sequence[str] = tuple(BY)
) -> pd.DataFrame:
    """Means of two sets of records over the same categories, and the paired difference of the second from the first.

    Returns:
        A row a metric and group of `by` that both have: by, metric, categories; first and second, the means in percent;
        and difference, a `Difference`.
    """
    rows = []
    for metric in METRICS:
        draws = by_key(replicates, metric)
        one, two = (records[records["metric"] == metric].groupby(list(by), sort=False) for records in (first, second))
        for key in (key for key in one.groups if key in two.groups):
            group, other = one.get_group(key), two.get_group(key)
            means = {"first": 100 * group["estimate"].mean(), "second": 100 * other["estimate"].mean()}
            gap = difference_of([(1, other), (-1, group)], draws, metric)
            where = dict(zip(by, key, strict=True))
            rows.append({**where, "metric": metric, "categories": len(group), **means, "difference": gap})
    return pd.DataFrame(rows, columns=[*by, "metric", "categories", "first", "second", "difference"])


def verdicts(pairs: pd.DataFrame, more: str, less: str) -> str:
    """Metric by metric, how many of the differences of `paired` lie above 0, below it, and are undecided."""
    of = {m: [gap for gap in pairs.loc[pairs["metric"] == m, "difference"]] for m in METRICS}
    return "; ".join(f"{METRICS[metric]}: {verdict(gaps, more, less)}" for metric, gaps in of.items())


def pairs_table(pairs: pd.DataFrame, means: Mapping[str, str]) -> pd.DataFrame:
    """`paired` as a reader sees it: a row a suite, backbone and setting; of each metric the difference and, under each
    column of `means`, its text, such as {" uniform": "{first}", " per image": "{second}"}. Columns that `paired` does
    not have come first, and tell rows apart too.
    """
    own = [*BY, "metric", "categories", "first", "second", "difference"]
    rows: dict[tuple[str, ...], dict[str, object]] = {}
    for pair in pairs.to_dict("records"):
        where = {name: value for name, value in pair.items() if name not in own}
        where |= {"suite": pair["suite"], "backbone": pair["backbone"], "setting": SETTINGS[pair["setting"]]}
        row = rows.setdefault(tuple(where.values()), {**where, "categories": pair["categories"]})
        name, shown = METRICS[pair["metric"]], {side: number(pair[side]) for side in ("first", "second")}
        row |= {f"{name}{column}": form.format(**shown) for column, form in means.items()}
        row[f"{name} difference"] = points(pair["difference"])
    return pd.DataFrame(list(rows.values()))


def _between(worst: pd.DataFrame, replicates: pd.DataFrame, one: str, other: str) -> pd.DataFrame:
    """How much more one setting lowers the mean of a suite, backbone and metric than the other."""
    first, second = (worst[worst["setting"] == setting] for setting in (one, other))
    return paired(first, second, replicates, by=("suite", "backbone"))


def _strongest(worst: pd.DataFrame, replicates: pd.DataFrame) -> str:
    single = [setting for setting in SETTINGS if setting != "3d" and setting in set(worst["setting"])]
    if len(single) < 2:
        return ""
    signs = {}
    for one, other in combinations(single, 2):
        found = _between(worst, replicates, one, other).set_index(["suite", "backbone", "metric"])["difference"]
        signs[one, other] = found.map(lambda gap: gap.sign)
        signs[other, one] = -signs[one, other]
    against = {one: [signs[one, other] for other in single if other != one] for one in single}
    leads = pd.DataFrame({one: pd.concat(found, axis=1).gt(0).all(axis=1) for one, found in against.items()})
    counts = leads.sum().sort_values(ascending=False, kind="stable")
    parts = [f"{SETTINGS[str(setting)]} in {count} of {len(leads)}" for setting, count in counts.items() if count]
    undecided = len(leads) - int(counts.sum())
    parts += [f"statistically undecided in {undecided} of {len(leads)}"] if undecided else []
    return (
        "The single setting that lowers a mean more than every other, with a 95 % interval that excludes 0: "
        f"{', '.join(parts)} (a case is a suite, backbone and metric)."
    )


def _colour(worst: pd.DataFrame, replicates: pd.DataFrame) -> str:
    said = []
    for colour in ("hue", "saturation"):
        found = _between(worst, replicates, colour, "angle")["difference"].tolist()
        said += [f"{colour} against rotation: {verdict(found, 'hurts more', 'hurts less')}"] if found else []
    return f"Colour and rotation within their bounds, {'; '.join(said)}." if said else ""


def fare_pairs(backbones: Sequence[str]) -> list[tuple[str, str]]:
    """(fine-tuned, original) for every FARE backbone that stands beside the one it was made from."""
    pairs = [(name, name[: name.lower().find("-fare")]) for name in backbones if "-fare" in name.lower()]
    return [pair for pair in pairs if pair[1] in backbones]


def _fare(records: pd.DataFrame, replicates: pd.DataFrame, asked: Sequence[str]) -> str:
    pairs = fare_pairs(records["backbone"].unique().tolist())
    gaps = {pair: _drops_between(records, replicates, *pair) for pair in pairs}
    said = [
        f"The drops of {tuned} beside those of {original}: {verdict(found, 'larger', 'smaller')} (suites, settings and "
        "metrics)."
        for (tuned, original), found in gaps.items()
        if found
    ]
    lacking = [pair for pair in fare_pairs(asked) if not gaps.get(pair)]
    said += [
        f"{tuned}, a FARE backbone, and {original}, which it was made from, are in this study: worst cases of both are "
        "not among its records."
        for tuned, original in lacking
    ]
    return " ".join(said) or "A FARE backbone beside the one it was made from is not in this study."


def _drops_between(records: pd.DataFrame, replicates: pd.DataFrame, one: str, other: str) -> list[Difference]:
    """How much further one backbone falls than the other, for each suite, setting and metric that both have."""
    found = []
    for metric in METRICS:
        draws = by_key(replicates, metric)
        for _, of_suite in records.groupby("suite", sort=False):
            settings = [set(of_suite.loc[of_suite["backbone"] == backbone, "setting"]) for backbone in (one, other)]
            for setting in (s for s in SETTINGS if all(s in of_backbone for of_backbone in settings)):
                parts = []
                for sign, backbone in ((1, one), (-1, other)):
                    rows = of_suite[of_suite["backbone"] == backbone]
                    parts += [(sign, rows[rows["shift"] == "none"]), (-sign, rows[rows["setting"] == setting])]
                found.append(difference_of(parts, draws, metric))
    return found


def of_the_same_images(first: pd.DataFrame, second: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Of each the records of a setting of which the other has as many images of the same category and backbone."""
    unit = [*BY, "category", "n_images"]
    both = first[unit].drop_duplicates().merge(second[unit].drop_duplicates(), on=unit)
    return first.merge(both, on=unit), second.merge(both, on=unit)


def lowest_of_sweep(records: pd.DataFrame) -> pd.DataFrame:
    """Of uniform sweeps the records at the value with the lowest mean over categories, found for each suite, backbone,
    setting and metric.
    """
    by = [*BY, "metric"]
    means = records.groupby([*by, "value"])["estimate"].mean()
    lowest = means.loc[means.groupby(by).idxmin().tolist()].reset_index()
    return records.merge(lowest[[*by, "value"]], on=[*by, "value"])


def typical_and_largest(samples: pd.DataFrame) -> pd.DataFrame:
    """The rows of four images, with the `rule` that chose each: of the anomalous ones those with the median and the
    largest drop of their own pixel AUROC, of the normal ones those with the median and the largest rise of the mean
    score. Fewer where there are only images of one kind.

    Of an even number the median is the upper one of the middle two; equal ones are taken in the order of their names.
    """
    found = []
    for label, before, after, change in (
        (True, "clean_auroc", "auroc", "drop of AUROC"),
        (False, "clean_loss", "loss", "rise of the mean score"),
    ):
        rows = samples[samples["label"] == label]
        rows = rows.assign(change=rows[before] - rows[after]).dropna(subset=["change"])
        rows = rows.sort_values(["change", "category", "id"]).drop(columns="change")
        if len(rows):
            rules = [f"median {change}", f"largest {change}"]
            found.append(rows.iloc[[len(rows) // 2, -1]].assign(rule=rules))
    return pd.concat(found, ignore_index=True)


def examples_sentence(chosen: pd.DataFrame) -> str:
    """What becomes of the images that `typical_and_largest` chose: a sentence a suite; "" where none is anomalous."""
    said = []
    for suite, rows in chosen[chosen["label"]].groupby("suite", sort=False):
        median, largest = (
            f"from {number(100 * row['clean_auroc'])} to {number(100 * row['auroc'])} % "
            f"({str(row['category']).replace('_', ' ')})"
            for _, row in rows.iterrows()
        )
        said.append(
            f"At its worst the median damaged image of {suite} loses pixel AUROC {median}, and the one that loses most "
            f"{largest}."
        )
    return " ".join(said)
