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
# # Hue (Fig. 3)
#
# **What to see.** The same angle is added to the hue of every pixel of every test picture, modulo a full turn. Hue is
# a circle: −π and +π are the same picture. A colour that the product never had may look like damage, and damage told
# by its colour (rust, discolouration) may be hidden by it.

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

page = notebook.start(globals(), "hue")

# %%
suite = next(iter(page.study.suites))
categories = rotation_invariant(page.study, suite)
records = page.records("uniform", "hue", suites=[suite], categories=categories, **page.first)
show_sweep(page, records, "hue", "hue", "Fig. 3: one hue shift for the whole test set")

# %% [markdown]
# ## The whole demo world
#
# The same sweep over every test image and with finer steps, from the records kept in `results/demo`. A reader who
# doubts them computes them again with the parameter `study = "demo"`.

# %%
if page.overrides:
    page.say("Not shown: this page was made with other parameters than the book's.")
else:
    title = "Fig. 3 on every test image: one hue shift for the whole test set"
    show_sweep(page, page.uses(kept_sweep("hue")), "hue", "hue", title, "-demo")
