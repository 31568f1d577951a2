# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What the worst cases cost (Fig. 4)
#
# **What to see.** For each picture by itself, the rotation, saturation or hue is searched that hurts WinCLIP most on
# that picture, or all three at once. What is left when all pictures are at their worst?

# %% tags=["parameters"]
study = "demo"  # demo, quick, stangl, paper, or a YAML file
suite = None  # another suite than the study's
category = None  # one category alone
backbone = None  # another backbone
device = None  # "cuda" for a GPU
data_root = None  # the folder that holds the suites
limit = None  # at most so many test images a category
options = None  # of detectors, such as {"temperature": 0.01}

# %%
import pandas as pd

from book.tools import page as notebook
from book.tools import plots
from book.tools.probes.blocks import Measured, costs_by
from book.tools.worst import beside_chance, corners_note, shown, sweeps_beside
from zsad.analysis import costs, worst
from zsad.analysis.decisions import RULES, TRAINING
from zsad.analysis.sweeps import METRICS

page = notebook.start(globals(), "worst_cases")

# %%
studies = shown(page)
drops = [worst.worst_drops(cases.records, cases.replicates, cases.samples) for cases in studies]
costly = [costs_by(Measured(cases.study, cases.records), [*worst.BY, "detector"]) for cases in studies]
for cases, table, cost in zip(studies, drops, costly, strict=True):
    page.finding(worst.finding(cost, table, *beside_chance(page, cases)))
    page.number("who", cases.who)
    for metric in METRICS:
        best = worst.best_measured(table, metric)
        page.number(f"{metric}_drop", 100 * best["drop"], worst.points_of(best))

# %% [markdown]
# How much of a worst case is the luck of many tries, of other detectors and within smaller bounds too, is on
# {doc}`worst_null`.

# %% [markdown]
# ## Are damaged products told from good ones?

# %%
for cases, cost in zip(studies, costly, strict=True):
    several = cost["backbone"].nunique() > 1
    rows = cost["suite"] + ": " + cost["setting"].map(worst.SETTINGS) + (", " + cost["backbone"] if several else "")
    moved = cost.assign(row=rows, panel=cost["metric"], estimate=cost["change"], low=cost["change_low"],
                        high=cost["change_high"])  # fmt: skip
    panels = {metric: words for metric, words in costs.IMAGE.items() if metric in set(cost["metric"])}
    page.figure(
        plots.plot_forest(moved, list(dict.fromkeys(rows)), panels, "change against the images as they are [points]"),
        "fig-worst-image",
        "<strong>Image level: every image at its worst.</strong> Change of means over categories, in points, with its "
        "95 % interval; grey: it holds 0. The search does not aim at the score of an image, so worse may be possible. "
        "The threshold of false alarms and misses stays as it was set.",
        study=cases.study.name,
    )

# %% [markdown]
# ## Is the damage found where it is?

# %%
for cases, table in zip(studies, drops, strict=True):
    settings = {setting: worst.SETTINGS[setting] for setting in cases.settings}
    page.figure(
        plots.plot_drops(table, METRICS, settings, cases.suites, cases.backbones),
        "fig-worst-cases",
        "<strong>Pixel level: what is lost with each image at its worst (Fig. 4 of the paper), study "
        f"{cases.study.name}.</strong> Height: the mean over categories without shift minus that of the test set in "
        "which each image is at its own worst, in points. Lines: 95 % interval of the paired difference. Bars of few "
        "images have wide ones.",
        study=cases.study.name,
    )
    conclusion = worst.conclude(cases.records, cases.replicates, cases.asked)
    page.say(f"{conclusion} {corners_note(page)}")
    page.number("compared", conclusion)

# %%
for cases in studies:
    with page.folded("How it was measured"):
        page.say(
            f"{cases.who}. A lower bound, as the paper calls it: a better search could only push it further down. Its "
            "bounds are those of the code released with the paper: ±90 degrees, any hue, saturation up to 0.5 up or "
            "down. The search keeps the evaluation with the lowest pixel AUROC of the picture, and on a normal picture "
            "that with the highest mean score; all other numbers follow from that, and are not what was searched for. "
            "The map of a turned picture is turned back, and its empty corners score 0. The threshold: "
            f"{RULES[TRAINING]}."
        )

# %%
for cases, table in zip(studies, drops, strict=True):
    with page.folded("The drops in numbers"):
        page.table(
            worst.drops_table(table),
            "tab-worst-cases",
            f"<strong>Clean results against the lower bound, study {cases.study.name}.</strong> Means over categories "
            "in percent; drops in points with their 95 % interval, and in percent of the clean value. Last: the mean "
            "pixel AUROC of single anomalous images, which the search looks at, and which falls furthest.",
            formats={f"{name} drop [%]": "{:.1f}" for name in METRICS.values()},
            study=cases.study.name,
            csv=table,
        )

# %%
for cases in studies:
    with page.folded("Every category: some products lose far more than others"):
        for backbone, records in cases.records.groupby("backbone", sort=False):
            table = worst.categories_table(records)
            page.table(
                table,
                f"tab-worst-categories-{backbone}",
                f"<strong>Every category on {backbone}, study {cases.study.name}</strong>, in percent: without shift, "
                "and each image at its worst in one setting or all three.",
                formats=dict.fromkeys(table.columns[3:], "{:.1f}"),
                study=cases.study.name,
            )

# %% [markdown]
# ## One value for all, or one for each
#
# A uniform shift, as on the pages before, changes every image alike. Worst cases of single images can only be lower
# where the sweep has no value that the search misses, and where an image's own AUROC and the pooled metric agree.
# Both are compared on the categories that both have, of as many images.

# %%
compared = []
for cases in studies:
    swept, bound = worst.of_the_same_images(sweeps_beside(page, cases), cases.worst)
    if len(swept):
        replicates = page.details("replicates", pd.concat([bound, swept]))
        compared.append((cases, worst.paired(bound, worst.lowest_of_sweep(swept), replicates)))
    else:
        page.say(f"Not in study {cases.study.name}: a uniform sweep and worst cases of the same categories.")

# %%
for cases, pairs in compared:
    verdicts = worst.verdicts(pairs, "lower", "higher")
    page.say(
        f"The mean at the worst values of single images, beside that at the lowest value of the sweep: {verdicts}."
    )
    page.number("uniform", verdicts)
    with page.folded("Both in numbers"):
        page.table(
            worst.pairs_table(pairs, {" uniform": "{second}", " per image": "{first}"}),
            "tab-uniform-worst",
            "<strong>The lowest uniform value against the worst value of each image</strong>, study "
            f"{cases.study.name}: means in percent, and their paired difference in points with its 95 % interval. The "
            "lowest value was chosen for each metric by itself and after looking, so it looks lower than it is.",
            study=cases.study.name,
        )
