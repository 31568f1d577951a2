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
# # Three shifts of one picture (Fig. 1)
#
# **What to see.** One damaged product, turned, shifted in hue and shifted in saturation. The third column is the
# picture as it is. The defect stays where it was on the product and stays the same to a person's eye, at least while
# it is not told by its colour. Below, what WinCLIP makes of each of these pictures, with the map of a turned picture
# turned back.

# %% tags=["parameters"]
study = "quick"  # quick, demo, paper, or a YAML file
suite = None  # another suite than the study's first
category = None  # one category alone
backbone = None  # another backbone
device = None  # "cuda" for a GPU
data_root = None  # the folder that holds the suites
limit = None  # at most so many test images a category
options = None  # of detectors, such as {"temperature": 0.01}

# %%
import math

from book.tools import page as notebook
from book.tools import plots
from book.tools.probes.maps import maps_of_category, maps_under_shifts
from book.tools.swept import swept_categories
from zsad import perturb
from zsad.study.evaluate import load_study_images, sizes_of

page = notebook.start(globals(), "shifts")

# %%
suite = next(iter(page.study.suites))
category = swept_categories(page.study, suite)[0]
dataset = page.dataset(suite, category)
index = max((i for i, label in enumerate(dataset.labels) if label), key=lambda i: int(dataset[i].mask.sum()))
one = load_study_images(page.study, dataset[index : index + 1])
images, masks = one.images.stacked(), one.image_masks
shown = category.replace("_", " ")

strengths = {
    "angle": [-90.0, -45.0, 0.0, 45.0, 90.0],
    "hue": [-math.pi / 2, -math.pi / 4, 0.0, math.pi / 4, math.pi / 2],
    "saturation": [-0.5, -0.25, 0.0, 0.25, 0.5],
}
words = {
    "angle": lambda v: f"{v:+.0f}°",
    "hue": lambda v: f"{v / math.pi:+.2f} π",
    "saturation": lambda v: f"{v:+.2f}",
}
titles = [words[s](v) if v else "original" for s, values in strengths.items() for v in values]

# %%
pictures = []
for setting, values in strengths.items():
    for value in values:
        shifted = perturb.semantic(images, **{setting: value}) if value else images
        pictures.append(plots.to_uint8(shifted[0]))
page.figure(
    plots.picture_row(pictures, titles, columns=5, row_labels=["rotation", "hue", "saturation"]),
    "fig-shifts",
    f"<strong>Fig. 1: three shifts of one {shown}</strong> ({suite}, test picture {dataset.ids[index]}). "
    "Rows: rotation, hue shift, saturation shift. Columns: strength; the third is the picture as it is.",
)

# %%
asked = {"detector": page.detector(), "dataset": dataset, "sizes": sizes_of(page.study), "index": index}
how = {"device": page.study.device}
scale = tuple(page.computed(maps_of_category, how=how, **asked)["scale"].tolist())
each = [(setting, value) for setting, values in strengths.items() for value in values]
shown_maps = page.computed(maps_under_shifts, how=how, shifts=each, **asked)
maps, scores = [*shown_maps["map"]], shown_maps["score"].tolist()
page.figure(
    plots.picture_row(
        maps,
        [f"{t}: {s:.2g}" for t, s in zip(titles, scores, strict=True)],
        columns=5,
        row_labels=["rotation", "hue", "saturation"],
        scale=scale,
        outlines=[masks[0].numpy()] * len(maps),
    ),
    "fig-shifts-maps",
    "<strong>WinCLIP's map of each picture above</strong>, turned back where the picture was turned; the number is "
    "the image "
    f"score, the outline the true defect. One logarithmic colour scale for all {shown} pictures, from "
    f"{scale[0]:.2g} to "
    f"{scale[1]:.2g}: the 1st "
    "to 99.9th percentile of its unshifted test maps.",
)
