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
# # WinCLIP in one picture
#
# **What to see.** WinCLIP {cite:p}`jeong2023winclip` needs no picture of the product beforehand, good or damaged. It
# compares a picture with two sets of sentences, such as "a photo of a flawless washer" and "a photo of a damaged
# washer", and asks which is nearer. For the whole picture that is the image score. For the map it asks the same of
# every window of 2×2 and 3×3 patches, each sent through the network on its own, and merges the answers.

# %% tags=["parameters"]
study = "demo"  # demo, quick, stangl, paper, or a YAML file
suite = None  # another suite than the study's first
category = None  # one category alone
backbone = None  # another backbone
device = None  # "cuda" for a GPU
data_root = None  # the folder that holds the suites
limit = None  # at most so many test images a category
options = None  # of detectors, such as {"temperature": 0.01}
picture = None  # which damaged test picture, counted from 0; None: the one with the largest defect

# %%
import matplotlib.patches as shapes
import numpy as np
import pandas as pd
from scipy import ndimage

from book.tools import page as notebook
from book.tools import plots
from book.tools.probes.maps import maps_of_category, maps_under_shifts
from book.tools.swept import shown_category
from zsad.study.evaluate import load_study_images, sizes_of

page = notebook.start(globals(), "winclip_picture")

# %% [markdown]
# One damaged picture of 24: the one with the largest defect, unless another was asked for.

# %%
suite = next(iter(page.study.suites))
category = shown_category(page.study, suite)
shown = category.replace("_", " ")
dataset = page.dataset(suite, category, few=24)
test_set = load_study_images(page.study, dataset)
images, masks = test_set.images, test_set.image_masks
damaged = [i for i, label in enumerate(dataset.labels) if label]
index = max(damaged, key=lambda i: int(masks[i].sum())) if picture is None else damaged[picture]
truth = masks[index].numpy()

# %% [markdown]
# WinCLIP as it is, and once with each of its three scales alone: their harmonic mean is its map.

# %%
asked = {"dataset": dataset, "sizes": sizes_of(page.study), "index": index, "how": {"device": page.study.device}}
whole = page.detector()
clean = page.computed(maps_of_category, detector=whole, **asked)
scale, score = tuple(clean["scale"].tolist()), float(clean["score"][index])
scales = {
    "2×2 windows": page.detector(scales=[2], image_scale=False),
    "3×3 windows": page.detector(scales=[3], image_scale=False),
    "whole picture": page.detector(scales=[], image_scale=True),
}
maps = {
    name: page.computed(maps_under_shifts, detector=part, shifts=[("none", 0.0)], **asked)["map"][0]
    for name, part in scales.items()
}
maps["harmonic mean"] = clean["map"]

# %% [markdown]
# The picture with one window of either size about the largest piece of the defect, the true defect, and the four maps.


# %%
pieces, _ = ndimage.label(truth)
largest = pieces == np.bincount(pieces[truth]).argmax()


def window_at_defect(size, patch):
    """Left, top and side in pixels of the window of size x size patches about the largest piece of the defect."""
    places = []
    for centre, length in zip((axis.mean() for axis in largest.nonzero()), truth.shape, strict=True):
        places.append(min(max(round(centre / patch - size / 2), 0), int(length / patch) - size) * patch)
    return places[::-1], size * patch, size * patch


# %%
photo = plots.to_uint8(images[index])
rows, columns = whole.backbone.grid
titles = ["picture, two windows", f"truth: {dataset.defects[index].replace('_', ' ')}", *maps]
outlines = [None, truth, *[truth] * len(maps)]
figure = plots.picture_row([photo, photo, *maps.values()], titles, columns=3, scale=scale, outlines=outlines)
for size, colour in ((3, plots.PALETTE[1]), (2, plots.PALETTE[5])):
    place = window_at_defect(size, min(photo.shape[:2]) / rows)
    figure.axes[0].add_patch(shapes.Rectangle(*place, fill=False, edgecolor=colour, lw=2))
page.figure(
    figure,
    "fig-winclip",
    f"<strong>WinCLIP on one {shown}</strong> ({suite}, test picture {dataset.ids[index]}, the one with the largest "
    f"defect unless another was asked for; {rows}×{columns} patches). First: the picture with one window of 3×3 "
    "patches (orange) and one of 2×2 (light blue). Then the true defect, outlined; the anomaly score of each scale, "
    "spread over its windows; and their harmonic mean, which is WinCLIP's map. The whole-picture scale is one number, "
    f"the image score {score:.2g}. One logarithmic colour scale for all {shown} pictures, from {scale[0]:.2g} to "
    f"{scale[1]:.2g}.",
)

# %% [markdown]
# A harmonic mean is near the smallest of what it averages: a place is called damaged only where all scales say so.
# For window scores $s_u$, a patch takes from each scale the harmonic mean over the windows that cover it, and the map
# is the harmonic mean of the scales:
#
# $$
# M_k(i, j) = \frac{n_{ij}}{\sum_{u \ni (i, j)} 1 / s_u}, \qquad
# M(i, j) = \frac{3}{1 / M_{2 \times 2}(i, j) + 1 / M_{3 \times 3}(i, j) + 1 / s_\text{picture}}
# $$

# %%
values = [
    {"map": name, "mean on the defect": heat[truth].mean(), "mean elsewhere": heat[~truth].mean()}
    for name, heat in maps.items()
]
table = pd.DataFrame(values)
table["difference"] = table["mean on the defect"] - table["mean elsewhere"]
page.table(
    table,
    "tab-winclip",
    "<strong>What each scale says of this picture</strong>: mean anomaly score, from 0 to 1, on the true defect and "
    "elsewhere. One picture: an illustration, not a measurement.",
    formats={c: "{:.2g}" for c in table.columns[1:]},
)
rank = int((clean["score"] > score).sum()) + 1
page.say(
    f"The image score of this picture, {score:.2g}, is number {rank} of the {len(dataset)} {shown} pictures used here, "
    f"{len(damaged)} of which are damaged."
)
