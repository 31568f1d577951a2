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
# # Reference: the demo pictures and the three shifts
#
# `tests/notebooks/perturbations.ipynb` is this file executed; nbval runs it again and compares what is printed. After a
# change that is meant to change it: `python tests/notebooks/refresh.py`.

# %%
import warnings

warnings.filterwarnings("ignore", message="IProgress not found")  # a plain progress bar will do

import pandas as pd
import torch

from zsad import perturb
from zsad.data import stack
from zsad.study import load_study
from zsad.study.data import read_suite

study = load_study("quick")

# %%
rows = []
for suite in study.suites:
    for category in study.categories_of(suite):
        dataset = read_suite(study, suite, category, None)
        kinds = len(set(dataset.defects)) - ("good" in dataset.defects)
        rows.append((suite, category, len(dataset), sum(dataset.labels), kinds))
print(pd.DataFrame(rows, columns=["suite", "category", "pictures", "damaged", "defects"]).to_string(index=False))

# %%
images, masks, labels = stack(
    list(read_suite(study, "demo-mvtec", "washer", None)[:4]), size=120
)
print(tuple(images.shape), images.dtype, masks.dtype, labels.tolist(), f"mean {images.mean():.3f}")

# %%
for setting, value in [("angle", 0.0), ("angle", 90.0), ("hue", torch.pi), ("saturation", -0.5), ("saturation", 0.5)]:
    shifted = perturb.semantic(images, **{setting: value})
    change = (shifted - images).abs().mean()
    print(f"{setting} {value:+.2f}: mean change {change:.3f}, range {shifted.min():.3f} to {shifted.max():.3f}")
