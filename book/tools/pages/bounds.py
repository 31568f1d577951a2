"""What the worst cases cost: bars, tables and the conclusions, each only as far as its interval carries it."""

from collections.abc import Sequence

import pandas as pd

from book.tools import plots
from book.tools.page import Page
from book.tools.pages.worst import METRICS, SETTING_WORDS, SHORT, WorstCases, narrowed
from zsad.analysis.differences import Difference, difference, verdict
from zsad.analysis.means import drops

BY = ("suite", "backbone", "setting", "metric")


def show_bounds(page: Page, cases: WorstCases, title: str) -> None:
    """Fig. 4, the tables of clean results against lower bounds, and the conclusion."""
    suffix, study = cases.suffix, cases.study.name
    records = cases.records[cases.records["metric"].isin(METRICS)]
    replicates = page.details("replicates", records)
    table = drops(records, replicates, by=BY)
    page.figure(
        plots.plot_drops(
            table, dict(SHORT), {s: SETTING_WORDS[s] for s in cases.settings}, cases.suites, cases.backbones
        ),
        f"fig-worst-cases{suffix}",
        f"<strong>{title}.</strong> {cases.who}. Height: the mean over categories without shift minus that of the test "
        "set in which each picture is at its own worst, in points. Lines: 95 % interval of the difference, from a "
        "bootstrap over test images that draws both together.",
        study=study,
    )
    conclusion = conclude(cases, table, replicates)
    page.say(f"**Conclusion ({cases.who}).** {conclusion}")
    page.number(f"conclusion{suffix}", conclusion)
    page.number(f"who{suffix}", cases.who)
    for metric in METRICS:
        top = table[table["metric"] == metric].nlargest(1, "drop").iloc[0]
        page.number(f"{metric}_drop{suffix}", 100 * top["drop"], _points(top))
    show_means(page, cases, table)
    for backbone in cases.backbones:
        show_categories(page, narrowed(cases, backbone=backbone), backbone)


def conclude(cases: WorstCases, table: pd.DataFrame, replicates: pd.DataFrame) -> str:
    """What the records say of the drops, of colour against rotation, and of a FARE backbone against its origin."""
    return " ".join(
        [_largest(table), _which_setting(cases, replicates), _colour(cases, replicates), _fare(cases, replicates)]
    )


def _largest(table: pd.DataFrame) -> str:
    said = []
    for metric in METRICS:
        rows = table[table["metric"] == metric]
        top, sure = rows.loc[rows["drop"].idxmax()], int((rows["drop_low"] > 0).sum())
        said.append(
            f"mean {SHORT[metric]} falls by up to {_points(top)}, {100 * top['relative']:.0f} % of its value "
            f"({SETTING_WORDS[top['setting']]}, {top['backbone']}, {top['suite']}), and {sure} of {len(rows)} drops "
            "are clear of 0"
        )
    return f"With a shift searched for each picture, {'; '.join(said)}."


def _points(row: pd.Series) -> str:
    return f"{100 * row['drop']:.1f} points ({100 * row['drop_low']:.1f} to {100 * row['drop_high']:.1f})"


def setting_difference(
    cases: WorstCases, replicates: pd.DataFrame, metric: str, suite: str, backbone: str, settings: tuple[str, str]
) -> Difference:
    """How much more the first setting lowers the mean than the second."""
    worst = narrowed(cases, suite=suite, backbone=backbone).worst
    first, second = (worst[worst["setting"] == setting] for setting in settings)
    return difference([(1, second), (-1, first)], replicates, metric)


def _which_setting(cases: WorstCases, replicates: pd.DataFrame) -> str:
    single = [s for s in cases.settings if s != "3d"]
    if len(single) < 2:
        return ""
    leaders: dict[str, int] = {}
    undecided = 0
    for suite, backbone, metric in _panels(cases):
        worst = narrowed(cases, suite=suite, backbone=backbone).worst
        means = worst[worst["metric"] == metric].groupby("setting")["estimate"].mean()
        first = str(means[single].idxmin())
        rest = [
            setting_difference(cases, replicates, metric, suite, backbone, (first, s)) for s in single if s != first
        ]
        if all(d.sign > 0 for d in rest):
            leaders[first] = leaders.get(first, 0) + 1
        else:
            undecided += 1
    total = undecided + sum(leaders.values())
    parts = [f"{SETTING_WORDS[s]} in {n} of {total}" for s, n in sorted(leaders.items(), key=lambda x: -x[1])]
    parts += [f"none for certain in {undecided} of {total}"] if undecided else []
    return (
        f"Of the single settings, the one that lowers a mean more than every other, with an interval clear of 0, is "
        f"{', '.join(parts)} (a case is a suite, backbone and metric)."
    )


def _colour(cases: WorstCases, replicates: pd.DataFrame) -> str:
    said = []
    for colour in ("hue", "saturation"):
        if not {colour, "angle"} <= set(cases.settings):
            continue
        found = [
            setting_difference(cases, replicates, metric, suite, backbone, (colour, "angle"))
            for suite, backbone, metric in _panels(cases)
        ]
        said.append(f"{colour} against rotation: {verdict(found, 'hurts more', 'hurts less')}")
    return f"Colour and rotation within their bounds, {'; '.join(said)}." if said else ""


def _panels(cases: WorstCases) -> list[tuple[str, str, str]]:
    pairs = cases.worst[["suite", "backbone"]].drop_duplicates().itertuples(index=False, name=None)
    return [(suite, backbone, metric) for suite, backbone in pairs for metric in METRICS]


def fare_pairs(backbones: Sequence[str]) -> list[tuple[str, str]]:
    """(fine-tuned, original) for every FARE backbone that stands beside the one it was made from."""
    pairs = [(name, name[: name.lower().find("-fare")]) for name in backbones if "-fare" in name.lower()]
    return [pair for pair in pairs if pair[1] in backbones]


def backbone_difference(
    cases: WorstCases, replicates: pd.DataFrame, metric: str, suite: str, setting: str, backbones: tuple[str, str]
) -> Difference:
    """How much further the first backbone falls than the second."""
    parts = []
    for sign, backbone in zip((1, -1), backbones, strict=True):
        chosen = narrowed(cases, suite=suite, backbone=backbone)
        parts += [(sign, chosen.clean), (-sign, chosen.worst[chosen.worst["setting"] == setting])]
    return difference(parts, replicates, metric)


def _fare(cases: WorstCases, replicates: pd.DataFrame) -> str:
    pairs = fare_pairs(cases.backbones)
    if not pairs:
        return "A FARE backbone beside the one it was made from is not in this study."
    said = []
    for pair in pairs:
        found = [
            backbone_difference(cases, replicates, metric, suite, setting, pair)
            for suite in cases.suites
            for setting in cases.settings
            for metric in METRICS
        ]
        said.append(
            f"The drops of {pair[0]} beside those of {pair[1]}: {verdict(found, 'larger', 'smaller')} (suites, "
            "settings and metrics)."
        )
    return " ".join(said)


def show_means(page: Page, cases: WorstCases, table: pd.DataFrame) -> None:
    """A row a suite, backbone and setting: clean, lower bound and drop of both metrics, in points and in percent."""
    pictures = picture_auroc(page, cases)
    rows, everything = [], []
    for suite in cases.suites:
        for backbone in cases.backbones:
            for setting in cases.settings:
                chosen = (table["suite"] == suite) & (table["backbone"] == backbone) & (table["setting"] == setting)
                found = table[chosen].set_index("metric")
                if found.empty:
                    continue
                row: dict[str, object] = {"suite": suite, "backbone": backbone, "setting": SETTING_WORDS[setting]}
                for metric in METRICS:
                    values = found.loc[metric]
                    row[SHORT[metric]] = f"{100 * values['clean']:.1f} → {100 * values['shifted']:.1f}"
                    row[f"{SHORT[metric]} drop"] = f"{_points(values)}".replace(" points", "")
                    row[f"{SHORT[metric]} drop [%]"] = 100 * values["relative"]
                clean, worst = pictures.loc[(suite, backbone, setting)]
                row["picture's own"] = f"{100 * clean:.1f} → {100 * worst:.1f}"
                rows.append(row)
                everything.append(found.assign(picture_auroc_clean=clean, picture_auroc_worst=worst))
    percent = {name: "{:.1f}" for name in rows[0] if str(name).endswith("[%]")}
    page.table(
        pd.DataFrame(rows),
        f"tab-worst-cases{cases.suffix}",
        "<strong>Clean results against the lower bound.</strong> Means over categories in percent; drops in points "
        "with their 95 % interval, and in percent of the clean value. Last: the mean pixel AUROC of single anomalous "
        "pictures, which is another number than the pooled one.",
        formats=percent,
        study=cases.study.name,
        csv=pd.concat(everything).reset_index(),
    )


def picture_auroc(page: Page, cases: WorstCases) -> pd.DataFrame:
    """Mean over categories of the mean pixel AUROC of single anomalous pictures, clean and at their worst, by suite,
    backbone and setting.
    """
    samples = page.details("samples", cases.worst)
    by = ["suite", "backbone", "setting"]
    a_category = samples[samples["label"]].groupby([*by, "category"])[["clean_auroc", "auroc"]].mean()
    return a_category.groupby(by).mean()


def show_categories(page: Page, cases: WorstCases, backbone: str) -> None:
    """A row a category of one backbone: both metrics without shift, and at the worst of each setting."""
    rows = []
    for (suite, category), group in cases.records.groupby(["suite", "category"], sort=False):
        row: dict[str, object] = {"suite": suite, "category": str(category).replace("_", " ")}
        row["images"] = group["n_images"].iloc[0]
        for metric in METRICS:
            of_metric = group[group["metric"] == metric].set_index("setting")["estimate"] * 100
            for setting in ("none", *cases.settings):
                word = "clean" if setting == "none" else SETTING_WORDS[setting].split(" ")[0]
                row[f"{SHORT[metric]} {word}"] = of_metric.get(setting)
        rows.append(row)
    frame = pd.DataFrame(rows)
    page.table(
        frame,
        f"tab-worst-categories-{backbone}{cases.suffix}",
        f"<strong>Every category on {backbone}</strong>, in percent: without shift, and each picture at its worst in "
        "one setting or all three.",
        formats=dict.fromkeys(frame.columns[3:], "{:.1f}"),
        study=cases.study.name,
    )


def show_uniform(page: Page, cases: WorstCases, uniform: pd.DataFrame) -> None:
    """The lowest value of a uniform sweep against worst cases of single pictures, on the categories that have both, of
    as many pictures.

    `uniform`: records of sweeps by the same detector (value 0 included); empty where there are none.
    """
    subject = ["suite", "category", "backbone", "setting", "n_images"]
    both = uniform[subject].drop_duplicates().merge(cases.worst[subject].drop_duplicates(), on=subject)
    if both.empty:
        page.say("Not in this study: a uniform sweep and worst cases of the same categories.")
        return
    worst, swept = cases.worst.merge(both, on=subject), uniform.merge(both, on=subject)
    replicates = page.details("replicates", pd.concat([worst, swept], ignore_index=True))
    rows: list[dict[str, object]] = []
    found: dict[str, list[Difference]] = {metric: [] for metric in METRICS}
    for (suite, backbone, setting), bound in worst.groupby(["suite", "backbone", "setting"], sort=False):
        chosen = (swept["suite"] == suite) & (swept["backbone"] == backbone) & (swept["setting"] == setting)
        row: dict[str, object] = {"suite": suite, "backbone": backbone, "setting": SETTING_WORDS[str(setting)]}
        row["categories"] = bound["category"].nunique()
        for metric in METRICS:
            of_metric = swept[chosen & (swept["metric"] == metric)]
            means = of_metric.groupby("value")["estimate"].mean()
            lowest = of_metric[of_metric["value"] == means.idxmin()]
            gap = difference([(1, lowest), (-1, bound)], replicates, metric)
            found[metric].append(gap)
            row[f"{SHORT[metric]} uniform"] = f"{100 * means.min():.1f}"
            row[f"{SHORT[metric]} per picture"] = f"{100 * bound[bound['metric'] == metric]['estimate'].mean():.1f}"
            row[f"{SHORT[metric]} difference"] = f"{gap.value:+.1f} ({gap.low:+.1f} to {gap.high:+.1f})"
        rows.append(row)
    verdicts = "; ".join(f"{SHORT[m]}: {verdict(found[m], 'lower', 'higher')}" for m in METRICS)
    page.say(
        "**The worst of one value for all pictures against one for each.** The mean at the worst values of single "
        f"pictures, beside that at the lowest value of the sweep, is, with intervals clear of 0, {verdicts}."
    )
    page.number(f"uniform{cases.suffix}", verdicts)
    page.table(
        pd.DataFrame(rows),
        f"tab-uniform-worst{cases.suffix}",
        "<strong>The lowest uniform value against the worst value of each picture</strong>: means in percent over the "
        "categories that have both, difference in points with its 95 % interval, both drawn together. The lowest value "
        "of a sweep was chosen after looking, separately for each metric.",
        study=cases.study.name,
    )
