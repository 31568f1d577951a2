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
# # One shift of the whole test set
#
# **What to see.** Every picture of the test set is shifted by the same amount before WinCLIP sees it: turned, or
# changed in hue or saturation, as the parameter `setting` says. If WinCLIP saw what a defect is, both lines would be
# flat.

# %% tags=["parameters"]
study = "demo"  # demo, quick, stangl, paper, or a YAML file
suite = None  # another suite than the study's first
category = None  # one category alone
backbone = None  # another backbone
device = None  # "cuda" for a GPU
data_root = None  # the folder that holds the suites
limit = None  # at most so many test images a category
options = None  # of detectors, such as {"temperature": 0.01}
setting = "angle"  # what is shifted: angle, hue or saturation

# %%
import pandas as pd

from book.tools import page as notebook
from book.tools import plots
from book.tools.absent import say_not_kept
from book.tools.swept import LEFT_OUT, swept_categories
from zsad.analysis import corners, sweeps
from zsad.analysis.means import mean_over_categories
from zsad.analysis.words import number

PAGES = {
    "angle": ("rotation", "Fig. 2 of the paper", "rotation angle"),
    "hue": ("hue", "Fig. 3 of the paper", "hue shift"),
}
name, title, shift = PAGES.get(setting, (setting, f"{setting.capitalize()} sweep", f"{setting} shift"))
page = notebook.start(globals(), name)

# %% [markdown]
# The products shown are those without an upright pose, where the suite says which these are.

# %%
suite = next(iter(page.study.suites))
categories = swept_categories(page.study, suite)
asked = {"suites": [suite], "categories": categories, **page.first}
records = page.records("uniform", setting, variant="default", **asked)
if records.empty:
    page.number("conclusion", say_not_kept(page, f"sweep of {setting}"))

# %% [markdown]
# The mean over the categories, and each of them alone, against the strength of the shift.

# %%
if len(records):
    page.figure(
        plots.plot_sweep(records, mean_over_categories(records), setting, (*sweeps.METRICS,)),
        f"fig-{name}",
        f"<strong>{title}: one {shift} for the whole test set.</strong> {sweeps.subject(records)}. Coloured: one line "
        "a category. Heavy: their mean, with a 95 % interval from a bootstrap over test images. Dotted: the mean "
        "without shift. The vertical axes do not start at zero.",
    )

# %% [markdown]
# A rotation leaves corners empty, which a map that is turned back finds normal, as most of them are. What rises with
# the angle may rise for that alone: so both curves are drawn, with these corners counted and left out.

# %%
beside = setting == "angle" and any(block.variant == LEFT_OUT for block in page.study.sweeps)
left_out = page.records("uniform", setting, variant=LEFT_OUT, **asked) if beside else records[:0]
if len(records) and len(left_out):
    curves = corners.corner_curves(records, left_out, page.details("replicates", pd.concat([records, left_out])))
    panels = {metric: (words, plots.SETTINGS[setting].label) for metric, words in sweeps.METRICS.items()}
    shown = curves.assign(panel=curves["metric"], series="corners " + curves["corners"], x=curves["value"])
    page.figure(
        plots.plot_curves(shown, panels, "mean over categories [%]"),
        "fig-corners",
        f"<strong>Empty corners counted and left out.</strong> {sweeps.subject(records)}. Lines: 95 % interval.",
    )
    page.say(f"**Empty corners.** {corners.corners_sentence(curves)}")
    page.number("corners", corners.corners_sentence(curves))
elif beside:
    page.number("corners", say_not_kept(page, "rotations whose empty corners are left out"))

# %% [markdown]
# How far the lowest of these means lies below the one without shift. Both are measured on the same images, and in each
# draw of the bootstrap on the same images drawn, so the interval is that of a paired difference.

# %%
if len(records):
    worst = sweeps.worst_drops(records, page.details("replicates", records))
    conclusion, who = sweeps.conclusion(worst, setting), sweeps.subject(records)
    page.say(
        f"**Conclusion ({who}).** {conclusion} The lowest of {worst['aupro'].tried} shifted values was chosen after "
        "looking, which makes a drop look larger than it is. Its interval compares the two measurements on the same "
        "images, drawn together."
    )
    page.number("conclusion", conclusion)
    page.number("who", who)
    for metric, drop in worst.items():
        points = f"{number(drop.drop)} points ({number(drop.low)} to {number(drop.high)})"
        page.number(f"{metric}_drop", drop.drop, points)
        page.number(f"{metric}_clean", drop.clean, f"{number(drop.clean)} %")
        page.number(f"{metric}_worst", drop.worst, f"{number(drop.worst)} %")

# %% [markdown]
# The same as numbers.

# %%
axis = plots.SETTINGS[setting]
if len(records):
    table = sweeps.percents(records, mean_over_categories(records))
    table.insert(0, axis.label, table.pop("value") * axis.scale)
    page.table(
        pd.DataFrame({axis.label: table[axis.label], **sweeps.with_intervals(table)}),
        f"tab-{name}",
        f"<strong>The means of {title}</strong>, in percent, with their 95 % interval. The CSV file also holds every "
        "category.",
        formats={axis.label: "{:+.2f}" if setting == "hue" else "{:g}"},
        csv=table,
    )
