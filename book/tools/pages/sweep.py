"""The figure, table, numbers and conclusion of one sweep: the same for every shift, so that the three pages say the
same things.
"""

import math

import pandas as pd

from book.tools import plots
from book.tools.page import Page
from zsad.analysis.means import drop_sentence, drops, mean_over_categories, worst_drop
from zsad.study import load_records
from zsad.study.config import Study, load_study

METRICS = ("pixel_auroc", "aupro")
_SHORT = {"pixel_auroc": "pAUROC", "aupro": "AUPRO"}


def rotation_invariant(study: Study, suite: str) -> list[str]:
    """The categories a sweep is shown for: those of the suite's group `rotation_invariant` that the study sweeps, or
    all that it sweeps where there are none.

    Raises ValueError where the study sweeps no category of the suite.
    """
    swept = study.covered(study.sweeps, suite)
    if not swept:
        raise ValueError(
            f"study {study.name!r} sweeps no category of {suite!r}; name one with the parameter `category`"
        )
    return [name for name in study.suites[suite].groups.get("rotation_invariant", []) if name in swept] or swept


def kept_sweep(setting: str) -> pd.DataFrame:
    """The records of one sweep over the rotation-invariant objects of demo-mvtec that are kept in `results/demo`, of
    that study's first detector and backbone.
    """
    kept, study = load_records("demo"), load_study("demo", check_models=False)
    of_sweep = (
        (kept["shift"] == "uniform")
        & (kept["setting"] == setting)
        & (kept["suite"] == "demo-mvtec")
        & kept["category"].isin(rotation_invariant(study, "demo-mvtec"))
        & (kept["detector"] == study.detectors[0].label)
        & (kept["backbone"] == study.backbones[0])
    )
    return kept[of_sweep]


def strength(setting: str, value: float) -> str:
    """A shift in words: "-60 degrees", "a hue shift of +0.50 π", "a saturation shift of -0.3"."""
    if setting == "angle":
        return f"{value:+.0f} degrees"
    return f"a hue shift of {value / math.pi:+.2f} π" if setting == "hue" else f"a saturation shift of {value:+.2f}"


def show_sweep(page: Page, records: pd.DataFrame, setting: str, id: str, title: str, suffix: str = "") -> None:
    """Draw, tabulate and conclude from the records of one sweep on one suite (setting and value 0 included).

    `suffix` keeps ids and numbers apart where a page shows two studies. Raises ValueError for more than one detector
    or backbone.
    """
    records = records[records["metric"].isin(METRICS)]
    if len(records[["suite", "detector", "backbone", "dtype"]].drop_duplicates()) != 1:
        raise ValueError(
            "a sweep figure shows one suite, detector, backbone and dtype: choose them with the parameters"
        )
    mean = mean_over_categories(records)
    first = records.iloc[0]
    names = ", ".join(sorted(name.replace("_", " ") for name in records["category"].unique()))
    images = records.drop_duplicates("category")["n_images"].sum()
    who = f"WinCLIP on {first['backbone']} ({first['dtype']}), {first['suite']}: {names}; {images} test images"
    page.figure(
        plots.plot_sweep(records, mean, setting, METRICS),
        f"fig-{id}{suffix}",
        f"<strong>{title}.</strong> {who}. Coloured: one line a category. Heavy: their mean, with a 95 % interval from "
        "a bootstrap over test images. Dotted: the mean without shift. The vertical axes do not start at zero.",
        study=first["study"],
    )
    fallen = drops(records, page.details("replicates", records))
    worst = {metric: worst_drop(fallen, metric) for metric in METRICS}
    conclusion = " ".join(drop_sentence(drop, strength(setting, drop.value)) for drop in worst.values())
    page.say(
        f"**Conclusion ({who}).** {conclusion} The lowest of {worst['aupro'].tried} shifted values was chosen after "
        "looking, which makes a drop look larger than it is. Its interval compares the two measurements on the same "
        "images, drawn together."
    )
    page.number(f"conclusion{suffix}", conclusion)
    page.number(f"who{suffix}", who)
    for metric, drop in worst.items():
        page.number(f"{metric}_drop{suffix}", drop.drop, f"{drop.drop:.1f} points ({drop.low:.1f} to {drop.high:.1f})")
        page.number(f"{metric}_clean{suffix}", drop.clean, f"{drop.clean:.1f} %")
        page.number(f"{metric}_worst{suffix}", drop.worst, f"{drop.worst:.1f} %")
    axis = plots.SETTINGS[setting]
    everything = (
        _wide(records, mean).assign(value=lambda t: t["value"] * axis.scale).rename(columns={"value": axis.label})
    )
    page.table(
        pd.DataFrame(
            {axis.label: everything[axis.label]} | {_SHORT[m]: _with_interval(everything, m) for m in METRICS}
        ),
        f"tab-{id}{suffix}",
        f"<strong>The means of {title.split(':')[0]}</strong>, in percent, with their 95 % interval. The CSV file also "
        "holds every category.",
        formats={axis.label: "{:+.2f}" if setting == "hue" else "{:g}"},
        study=first["study"],
        csv=everything,
    )


def _with_interval(table: pd.DataFrame, metric: str) -> list[str]:
    columns = [f"{_SHORT[metric]} {part}" for part in ("mean", "low", "high")]
    return [f"{mean:.1f} ({low:.1f} to {high:.1f})" for mean, low, high in table[columns].itertuples(index=False)]


def _wide(records: pd.DataFrame, mean: pd.DataFrame) -> pd.DataFrame:
    """A row a value; for each metric the mean, its interval and every category, in percent."""
    columns: dict[str, pd.Series] = {}
    for metric in METRICS:
        short = _SHORT[metric]
        rows = mean[mean["metric"] == metric].set_index("value")
        columns |= {
            f"{short} {name}": rows[key] * 100 for name, key in (("mean", "estimate"), ("low", "low"), ("high", "high"))
        }
        for category, group in records[records["metric"] == metric].groupby("category"):
            columns[f"{short} {str(category).replace('_', ' ')}"] = group.set_index("value")["estimate"] * 100
    return pd.DataFrame(columns).rename_axis("value").reset_index()
