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
# # Three shifts of one picture (Fig. 1)
#
# One damaged product, turned, shifted in hue and shifted in saturation. The damage stays what it was to a person's eye,
# at least while it is not told by its colour. What becomes of it for WinCLIP?

# %% tags=["parameters"]
study = "demo"  # demo, quick, stangl, paper, or a YAML file
suite = None  # another suite than the study's first
category = None  # one category alone
backbone = None  # another backbone
device = None  # "cuda" for a GPU
data_root = None  # the folder that holds the suites
limit = None  # at most so many test images a category
options = None  # of detectors, such as {"temperature": 0.01}

# %%
import math

import pandas as pd

from book.tools import page as notebook
from book.tools import plots
from book.tools.absent import say_absent, say_not_kept
from book.tools.probes.blocks import Measured, costs_by
from book.tools.probes.maps import maps_of_category, maps_under_shifts
from book.tools.swept import cracked, swept_categories
from zsad import perturb
from zsad.analysis import corners, costs, sweeps
from zsad.analysis.words import number
from zsad.study.evaluate import load_study_images, sizes_of

page = notebook.start(globals(), "shifts")

# %%
SHIFTS = {"angle": "rotation", "hue": "hue", "saturation": "saturation"}
suite = next(iter(page.study.suites))
asked = {"suites": [suite], "categories": swept_categories(page.study, suite), **page.first}
records = pd.concat([page.records("uniform", setting, variant="default", **asked) for setting in SHIFTS])
if (records["value"] != 0).any():
    cost = costs_by(Measured(page.study, records), ["suite", "detector", "backbone", "setting"])
    page.finding(sweeps.worst_finding(cost, SHIFTS))
else:
    say = say_not_kept if page.shows_kept else say_absent
    page.number("conclusion", say(page, "sweep of angle, hue or saturation"))

# %% [markdown]
# ## The picture
#
# Five strengths of each shift; the third column is the picture as it is.

# %%
dataset, index = cracked(page.study, suite, lambda name: page.dataset(suite, name, few=24))
shown, damage = dataset.category.replace("_", " "), dataset.defects[index].replace("_", " ")
one = load_study_images(page.study, dataset[index : index + 1])
image, mask = one.images.stacked(), one.image_masks[0].numpy()

# %%
strengths = {
    "angle": [-90.0, -45.0, 0.0, 45.0, 90.0],
    "hue": [-math.pi / 2, -math.pi / 4, 0.0, math.pi / 4, math.pi / 2],
    "saturation": [-0.5, -0.25, 0.0, 0.25, 0.5],
}
words = {
    "angle": lambda v: f"{number(v, 0, sign=True)}°",
    "hue": lambda v: f"{number(v / math.pi, 2, sign=True)} π",
    "saturation": lambda v: number(v, 2, sign=True),
}
shifts = [(setting, value) for setting, values in strengths.items() for value in values]
titles = [words[setting](value) if value else "original" for setting, value in shifts]
labels = ["rotation", "hue", "saturation"]

# %%
shifted = [perturb.semantic(image, **{setting: value}) if value else image for setting, value in shifts]
page.figure(
    plots.picture_row([plots.to_uint8(one[0]) for one in shifted], titles, columns=5, row_labels=labels),
    "fig-shifts",
    f"<strong>Three shifts of one {shown} (Fig. 1 of the paper)</strong> ({suite}, test picture {dataset.ids[index]}; "
    f"damage: {damage}). Rows: rotation, hue shift, saturation shift. Columns: strength; the third is the picture as "
    "it is.",
)

# %% [markdown]
# What WinCLIP makes of each of them, with the map of a turned picture turned back.

# %%
asked = {"detector": page.detector(), "dataset": dataset, "sizes": sizes_of(page.study), "index": index}
how = {"device": page.study.device}
low, high = page.computed(maps_of_category, how=how, **asked)["scale"].tolist()
found = page.computed(maps_under_shifts, how=how, shifts=shifts, **asked)
scored = [f"{title}: {score:.2g}" for title, score in zip(titles, found["score"], strict=True)]

# %%
page.figure(
    plots.picture_row(
        [*found["map"]], scored, columns=5, row_labels=labels, scale=(low, high), outlines=[mask] * len(shifts)
    ),
    "fig-shifts-maps",
    "<strong>WinCLIP's map of each picture above</strong>, turned back where the picture was turned; the number is "
    f"the image score, the outline the true defect. One logarithmic colour scale for all {shown} pictures, from "
    f"{low:.2g} to {high:.2g}: the 1st to 99.9th percentile of its unshifted test maps.",
)

# %% [markdown]
# ## What they cost over the whole test set

# %%
if (records["value"] != 0).any():
    points = costs.levels(cost, "setting", "none").rename(columns={"detector": "series", "setting": "group"})
    groups = {"none": "as it is"} | {name: words for name, words in SHIFTS.items() if name in set(points["group"])}
    for place, (id, metrics) in enumerate((("fig-shifts-image", costs.IMAGE), ("fig-shifts-pixel", costs.PIXEL))):
        labels = {metric: f"{words} [%]" for metric, words in metrics.items() if metric in set(points["metric"])}
        page.figure(
            plots.plot_dots_below(points, [*dict.fromkeys(points["series"])], groups, labels),
            id,
            f"<strong>{('Image', 'Pixel')[place]} level, in the mean over the strengths of each shift.</strong> "
            f"{sweeps.subject(records)}. Lines: 95 % interval. The vertical axes do not start at zero.",
        )
    page.say(f"{corners.ARTEFACT} [By how much](rotation).")
