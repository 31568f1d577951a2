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
# # What closes the gap
#
# **What to see.** A defence shows WinCLIP other pictures than the one it is given: several copies, turned or in other
# hues, whose answers are averaged; or one copy without colour, or with the colour of its light taken out. Another way
# is another pre-training. A defence pays where the mean *at the worst* lies higher than without it (to the right of the
# line), and where it costs little without a shift, and few passes. The worst cases are searched through the defence:
# the search knows it, and finds what it leaves open.

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
from book.tools import defences as loading
from book.tools import page as notebook
from book.tools import plots
from zsad.analysis import defences

page = notebook.start(globals(), "defences")

# %% [markdown]
# Any detector that scores a picture by itself takes one of these as its option `defence`; a study lists them under
# labels of their own.

# %%
shown = loading.shown(page)

# %% [markdown]
# ## What it costs
#
# Without a shift, over all test images of every category that was seen through a defence.

# %%
for found in shown:
    page.table(
        defences.costs_table(found.costs, found.passes),
        "tab-defences-costs",
        f"<strong>What defences cost without a shift, study {found.study.name}.</strong> Change of means over "
        "categories against WinCLIP, in points with their 95 % interval; passes: forward passes an image.",
        study=found.study.name,
    )
    conclusion = defences.conclude_costs(found.costs)
    page.say(f"**Conclusion without a shift ({found.study.name}).** {conclusion}")
    page.number("costs", conclusion)

# %% [markdown]
# ## At the worst, and without a shift
#
# Rotation, hue and saturation are searched together for each picture, within the bounds of the paper
# {cite:p}`stangl2024semantic`. Beside the defences stand siblings of the model that saw changed colours or turned
# pictures in pre-training (`demo-b-colour`, `demo-b-turned`), and a larger one whose picture tower was made robust to
# small changes of pixels (`demo-l-fare2`). WinCLIP's own search, and that on `demo-l-fare2`, starts from what searches
# of single parameters have found; those of the others do not, so that they may find a little less.

# %%
for found in shown:
    by_metric = found.worth.groupby(["suite", "metric"], sort=False) if len(found.worth) else ()
    for (name, metric), table in by_metric:
        rows = [method for method in table["method"] if method != defences.PLAIN]
        panels = {"cost": "without a shift", "floor": "at the worst"}
        page.figure(
            plots.plot_forest(defences.floor_rows(table), rows, panels, "against WinCLIP without defence [points]"),
            f"fig-defences-{name}-{metric}",
            f"<strong>What a defence is worth in {defences.METRICS[metric]}, {name}, study {found.study.name}."
            f"</strong> {found.who}. Difference of means over categories in points, without a shift over all test "
            "images and at each image's own worst; lines: 95 % interval, from a paired bootstrap over images.",
            study=found.study.name,
        )

# %% [markdown]
# The same in numbers, with what is left of each method's own drop.

# %%
for found in (found for found in shown if len(found.worth)):
    page.table(
        defences.worth_table(found.worth, found.passes),
        "tab-defences",
        f"<strong>Defences and other pre-training, study {found.study.name}.</strong> {found.who}. Passes: forward "
        "passes an image. Unshifted and worst: means in percent. In points with their 95 % interval: cost, the "
        "unshifted change against WinCLIP; drop, from the same images unshifted to their worst; floor, the worst "
        "against WinCLIP's worst.",
        formats={"unshifted": "{:.1f}", "worst": "{:.1f}"},
        study=found.study.name,
    )

# %% [markdown]
# Intervals are those of single comparisons: of twenty without any difference, one would exclude 0.

# %%
for found in (found for found in shown if len(found.worth)):
    conclusion = defences.conclude(found.worth, found.passes)
    page.say(f"**Conclusion ({found.who}).** {conclusion}")
    page.number("conclusion", conclusion)

# %% [markdown]
# ## Under one shift for all
#
# Each shift by itself at its extreme dose, the same for every picture. Hue copies leave nothing of a hue shift by a
# half turn, which only changes their order.

# %%
for found in (found for found in shown if len(found.shifts)):
    for metric in ("image_auroc", "pixel_auroc"):
        page.table(
            defences.shifts_table(found.shifts, metric, found.passes),
            f"tab-defences-shifts-{metric}",
            f"<strong>{defences.METRICS[metric]} under uniform shifts, study {found.study.name}.</strong> {found.who}. "
            "Means over categories, in points with their 95 % interval: of WinCLIP the change by the shift; of the "
            "others how far they lie above WinCLIP, unshifted and under the same shift.",
            study=found.study.name,
        )
    conclusion = defences.conclude_shifts(found.shifts, found.passes)
    page.say(f"**Conclusion for uniform shifts ({found.who}).** {conclusion}")
    page.number("shifts", conclusion)
