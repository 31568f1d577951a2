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
# # Saturation
#
# **What to see.** The same amount is added to the saturation of every pixel of every test picture, and clipped to
# what a pixel can hold. At −0.5 pale colours become grey; at +0.5 most become garish. The paper
# {cite:p}`stangl2024semantic` searches this range for the worst value of each picture; here one value is used for the
# whole test set, as in its Figs. 2 and 3.

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

page = notebook.start(globals(), "saturation")

# %%
suite = next(iter(page.study.suites))
categories = rotation_invariant(page.study, suite)
records = page.records("uniform", "saturation", suites=[suite], categories=categories, **page.first)
show_sweep(page, records, "saturation", "saturation", "Saturation sweep: one saturation shift for the whole test set")

# %% [markdown]
# ## The whole demo world
#
# The same sweep over every test image and with finer steps, from the records kept in `results/demo`. A reader who
# doubts them computes them again with the parameter `study = "demo"`.

# %%
if page.overrides:
    page.say("Not shown: this page was made with other parameters than the book's.")
else:
    title = "Saturation sweep on every test image: one saturation shift for the whole test set"
    show_sweep(page, page.uses(kept_sweep("saturation")), "saturation", "saturation", title, "-demo")
