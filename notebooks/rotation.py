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
# # Rotation (Fig. 2)
#
# **What to see.** Every picture of the test set is turned by the same angle before WinCLIP sees it, and the heat map
# is turned back before it is compared with the mask. The products shown here have no upright pose: a turned washer is
# as good a washer. If WinCLIP saw what a defect is, both lines would be flat.
#
# The corners that a turned map leaves empty score zero, which is "normal": most corners are, so this makes large angles
# look a little better than they are. The paper {cite:p}`stangl2024semantic` fills them in the same way.

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
from book.tools import page as notebook
from book.tools.pages.sweep import kept_sweep, rotation_invariant, show_sweep

page = notebook.start(globals(), "rotation")

# %%
suite = next(iter(page.study.suites))
categories = rotation_invariant(page.study, suite)
records = page.records("uniform", "angle", suites=[suite], categories=categories, **page.first)
show_sweep(page, records, "angle", "rotation", "Fig. 2: one rotation angle for the whole test set")

# %% [markdown]
# ## The whole demo world
#
# The same sweep over every test image and with finer steps, from the records kept in `results/demo`. A reader who
# doubts them computes them again with the parameter `study = "demo"`.

# %%
if page.overrides:
    page.say("Not shown: this page was made with other parameters than the book's.")
else:
    title = "Fig. 2 on every test image: one rotation angle for the whole test set"
    show_sweep(page, page.uses(kept_sweep("angle")), "angle", "rotation", title, "-demo")
