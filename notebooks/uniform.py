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
# Every picture of the test set is shifted by the same amount before WinCLIP sees it: turned, or changed in hue or
# saturation, as the parameter `setting` says. Does it still find the damage?

# %% tags=["parameters"]
study = "demo"  # demo, quick, stangl, paper, or a YAML file
suite = None  # another suite than the study's first
category = None  # one category alone
backbone = None  # another backbone
device = None  # "cuda" for a GPU
data_root = None  # the folder that holds the suites
limit = None  # at most so many test images a category
options = None  # of detectors, such as {"temperature": 0.01}
setting = "angle"  # what is shifted: angle, hue, saturation, exposure or white_balance

# %%
import pandas as pd

from book.tools import page as notebook
from book.tools import plots
from book.tools.absent import say_absent, say_not_kept
from book.tools.probes.blocks import Measured, costs_by
from book.tools.swept import LEFT_OUT, swept_categories
from zsad.analysis import corners, costs, sweeps
from zsad.analysis.decisions import TRAINING
from zsad.analysis.means import mean_over_categories
from zsad.analysis.words import number
from zsad.study.suites import check_known

PAGES = {
    "angle": ("rotation", "Fig. 2 of the paper", "rotation angle"),
    "hue": ("hue", "Fig. 3 of the paper", "hue shift"),
}
check_known("setting", setting, list(plots.SETTINGS))
name, title, shift = PAGES.get(setting, (setting, f"{setting.capitalize()} sweep", f"{setting} shift"))
page = notebook.start(globals(), name)

# %%
suite = next(iter(page.study.suites))
asked = {"suites": [suite], "categories": swept_categories(page.study, suite), **page.first}
records = page.records("uniform", setting, variant="default", **asked)
if records.empty:
    say = say_not_kept if page.shows_kept else say_absent
    page.number("conclusion", say(page, f"sweep of {setting}"))
else:
    found = Measured(page.study, records)
    cost = costs_by(found, ["suite", "detector", "backbone", "setting"])
    page.finding(sweeps.finding(cost, records, setting))
    page.number("who", sweeps.subject(records))

# %% [markdown]
# ## Are damaged products told from good ones?
#
# What a line would notice: how well the scores of pictures rank, and what becomes of the decisions at a threshold that
# was set before.

# %%
if len(records):
    decided = found.decisions.records
    both = pd.concat([records, decided[decided["rule"] == TRAINING]], ignore_index=True)
    mean = mean_over_categories(both)
    drawn = "Coloured: one line a category. Heavy: their mean, with its 95 % interval. Dotted: the mean without shift."
    page.figure(
        plots.plot_sweep(both, mean, setting, tuple(metric for metric in costs.IMAGE if metric in set(both["metric"]))),
        f"fig-{name}-image",
        f"<strong>Image level: one {shift} for the whole test set.</strong> {sweeps.subject(records)}. {drawn} The "
        "vertical axes differ.",
    )

# %% [markdown]
# ## Is the damage found where it is?

# %%
located = records["metric"].isin(sweeps.METRICS).any()
if len(records) and not located:
    page.say("No masks are there for these test images, so that nothing is known of places.")
if located:
    page.figure(
        plots.plot_sweep(records, mean, setting, (*sweeps.METRICS,)),
        f"fig-{name}",
        f"<strong>Pixel level: one {shift} for the whole test set ({title}).</strong> The same images. {drawn} The "
        "vertical axes do not start at zero.",
    )
    worst = sweeps.worst_drops(records, page.details("replicates", records))
    page.say(sweeps.conclusion(worst, setting))
    page.number("pixel", sweeps.conclusion(worst, setting))
    for metric, drop in worst.items():
        points = f"{number(drop.drop)} points ({number(drop.low)} to {number(drop.high)})"
        page.number(f"{metric}_drop", drop.drop, points)
        page.number(f"{metric}_clean", drop.clean, f"{number(drop.clean)} %")
        page.number(f"{metric}_worst", drop.worst, f"{number(drop.worst)} %")

# %%
if len(records):
    with page.folded("How it was measured"):
        page.say(
            "The products shown are those without an upright pose, where the suite says which these are. "
            f"{costs.HOW} A change is measured on the same images before and under the shift, drawn together in the "
            "bootstrap, so its interval is that of a paired difference."
        )
        if located:
            page.say(
                f"The lowest of {worst['aupro'].tried} shifted values of a pixel metric was chosen after looking, "
                "which makes a drop look larger than it is."
            )

# %%
beside = setting == "angle" and any(block.variant == LEFT_OUT for block in page.study.sweeps)
left_out = page.records("uniform", setting, variant=LEFT_OUT, **asked) if beside else records[:0]
if located and len(left_out):
    curves = corners.corner_curves(records, left_out, page.details("replicates", pd.concat([records, left_out])))
    panels = {metric: (words, plots.SETTINGS[setting].label) for metric, words in sweeps.METRICS.items()}
    shown = curves.assign(panel=curves["metric"], series="corners " + curves["corners"], x=curves["value"])
    with page.folded("Empty corners, counted and left out"):
        page.say(f"A turned map has empty corners, which count as normal, as in the paper; most are. "
                 f"{corners.corners_sentence(curves)}")  # fmt: skip
        page.figure(
            plots.plot_curves(shown, panels, "mean over categories [%]"),
            "fig-corners",
            f"<strong>Empty corners counted and left out.</strong> {sweeps.subject(records)}. Lines: 95 % interval.",
        )
    page.number("corners", corners.corners_sentence(curves))
elif beside and (located or records.empty):
    page.number("corners", say_not_kept(page, "rotations whose empty corners are left out"))

# %%
axis = plots.SETTINGS[setting]
if len(records):
    table = sweeps.percents(both, mean)
    table.insert(0, axis.label, table.pop("value") * axis.scale)
    with page.folded("All means in numbers"):
        page.table(
            pd.DataFrame({axis.label: table[axis.label], **sweeps.with_intervals(table)}),
            f"tab-{name}",
            f"<strong>The means at each {shift}</strong>, in percent, with their 95 % interval. The CSV file also "
            "holds every category.",
            formats={axis.label: "{:+.2f}" if setting == "hue" else "{:g}"},
            csv=table,
        )
