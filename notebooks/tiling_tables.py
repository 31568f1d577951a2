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
# # The tiling pipeline's two tables
#
# **What to see.** The report of {cite:t}`baugh2023zero` measures F1-max, the best F1 over all thresholds, because few
# pixels are damaged: for samples (its Table 1) and for pixels (its Table 2). Is its pipeline ahead of WinCLIP?

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
from book.tools import plots, tiled
from zsad.analysis import leagues, tiling
from zsad.data.counts import TEST_COUNTS

page = notebook.start(globals(), "tiling_tables")

# %%
printed, in_print = page.published("vvv_tables"), page.published("leagues")
studies = tiled.shown(page, variants=False)
by_chance = [tiling.chance(page.details("images", cases.pipeline), cases.study.seed) for cases in studies]
leads = [tiling.leads(cases.records, cases.draws, printed) for cases in studies]
for cases, lead, chance in zip(studies, leads, by_chance, strict=True):
    unskilled = tiling.without_skill(cases.records, chance)
    measured, untested = tiling.measured_leads(cases.records, cases.draws), tiling.not_tested(cases.records)
    said = tiling.conclusion([*cases.pipeline["category"]], lead, unskilled, measured, untested)
    page.finding(f"{said} {cases.who}.")

# %% [markdown]
# ## Are damaged products told from good ones?

# %%
samples = [
    pd.concat(
        [
            tiling.levels(cases.records, cases.draws, "image_f1max"),
            tiling.without_interval(tiling.FLOOR, tiling.floors(cases.records)),
            tiling.without_interval(tiling.CHANCE, chance),
        ]
    )
    for cases, chance in zip(studies, by_chance, strict=True)
]
if not studies:
    page.say("Nothing is kept of it: see what is printed, below.")
for cases, levels in zip(studies, samples, strict=True):
    groups = {name: name.replace("_", " ") for name in levels["group"].unique()}
    page.figure(
        plots.plot_dots(levels, [*levels["series"].unique()], groups, "sample F1-max [%]"),
        "fig-tiling-image",
        f"<strong>Image level: sample F1-max per category</strong>, {cases.who}; lines: 95 % intervals over test "
        f"images. “{tiling.FLOOR.capitalize()}” is the floor, which needs no skill; “{tiling.CHANCE}” is what 95 % of "
        f"{tiling.SHUFFLES} random orders of the same pictures stay below.",
        study=cases.study.name,
    )

# %% [markdown]
# ## Is the damage found where it is?

# %%
pixels = [tiling.levels(cases.records, cases.draws, "pixel_f1max") for cases in studies]
if not studies:
    page.say("Nothing is kept of it: see what is printed, below.")
for cases, levels in zip(studies, pixels, strict=True):
    groups = {name: name.replace("_", " ") for name in levels["group"].unique()}
    page.figure(
        plots.plot_dots(levels, [*levels["series"].unique()], groups, "pixel F1-max [%]"),
        "fig-tiling-pixel",
        f"<strong>Pixel level: F1-max per category</strong>, {cases.who}; lines: 95 % intervals over test images. The "
        "share of pixels found at the best threshold of the test set, which no one knows beforehand.",
        study=cases.study.name,
    )

# %%
if studies:
    with page.folded("How it was measured"):
        page.say(
            "F1-max picks its threshold on the test set, so chance lies above the floor. What random orders of the "
            "pictures reach says what a category's number must exceed to mean anything. Both methods saw the same "
            "pictures, so what counts is the interval of their paired difference, not those of the two."
        )

# %%
for kind, number, words, found in (("image", 1, "sample", samples), ("pixel", 2, "pixel", pixels)):
    for cases, levels in zip(studies, found, strict=True):
        league = cases.leagues(f"{kind}_f1max")
        with page.folded(f"The report's Table {number}, measured"):
            page.table(
                leagues.with_leagues(tiling.levels_table(levels), league),
                f"tab-tiling-{kind}",
                f"<strong>The report's Table {number}, measured</strong>: {words} F1-max in percent, with its 95 % "
                f"interval over test images. {cases.who}. {leagues.in_words(league)}",
                study=cases.study.name,
                csv=levels.assign(league=levels["series"].map(league)),
            )

# %%
for cases, lead in zip(studies, leads, strict=True):
    if tiling.measured_leads(cases.records, cases.draws):
        report = "Report: the difference of its printed means on VisA." if lead else tiling.not_tested(cases.records)
        with page.folded("Who is ahead, in numbers"):
            page.table(
                tiling.leads_table(cases.records, cases.draws, lead),
                "tab-tiling-lead",
                "<strong>How far the pipeline is ahead of WinCLIP</strong> (behind, where negative), in points, with "
                f"the 95 % interval of the difference on the same pictures. {report} Undecided: the interval holds 0.",
                formats={"report": "{:+.1f}"} if lead else {},
                study=cases.study.name,
            )

# %% [markdown]
# ## As printed
#
# Where only the report's own numbers exist (APRIL-GAN {cite:p}`chen2023aprilgan`), they are shown as published. For
# samples there is a floor that needs no skill: calling every picture anomalous finds all that are, and has an F1 that
# only depends on how many there are. VisA's published test split says how many. For pixels there is no such floor.

# %%
table = tiling.printed_table(printed, "image_f1max", leagues.of_printed(in_print, "image"))
floors = tiling.printed_floors(TEST_COUNTS["visa"])
on_floor = sum(abs(table[name].iloc[-1] - floor) <= 1 for name, floor in floors.items() if name != "mean")
table.loc[len(table)] = {"method": tiling.FLOOR, "league": leagues.NONE, **floors}
page.table(
    table,
    "tab-tiling-published-image",
    "<strong>The report's Table 1, as printed</strong>: sample F1-max on VisA, real data, percent. League: of image "
    "scores. Last row: what is reached by calling every picture anomalous, from the number of pictures; "
    f"of 12 categories, the pipeline's printed value lies within a point of it in {on_floor}.",
    formats=dict.fromkeys(table.columns[2:], "{:.1f}"),
    study=notebook.PUBLISHED,
)

# %%
table = tiling.printed_table(printed, "pixel_f1max", leagues.of_printed(in_print, "pixel"))
page.table(
    table,
    "tab-tiling-published-pixel",
    "<strong>The report's Table 2, as printed</strong>: pixel F1-max on VisA, real data, percent. League: of the maps. "
    f"{leagues.told_apart(dict(zip(table['method'], table['league'], strict=True)))} The printed mean of "
    f"the pipeline is 24.2; that of the printed categories is {table.iloc[-1, 2:].drop('mean').mean():.2f}.",
    formats=dict.fromkeys(table.columns[2:], "{:.1f}"),
    study=notebook.PUBLISHED,
)
