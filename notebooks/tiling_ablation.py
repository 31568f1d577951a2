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
# # Which stages of the tiling pipeline earn their place
#
# **What to see.** The report of {cite:t}`baugh2023zero` says why each stage is there and shows no ablation. Here one
# thing at a time is changed, and everything else stays: what falls left of the line was worth having. The last table
# says what each stage costs.

# %% tags=["parameters"]
study = "quick"  # quick, demo, paper, or a YAML file
suite = None  # another suite than the study's
category = None  # one category alone
backbone = None  # another backbone
device = None  # "cuda" for a GPU
data_root = None  # the folder that holds the suites
limit = None  # at most so many test images a category
options = None  # of detectors, such as {"temperature": 0.01}

# %%
from book.tools import page as notebook
from book.tools.absent import say_absent, say_not_kept
from book.tools.pages.tiled import computed, kept
from book.tools.pages.tiling_ablation import show_ablations, show_times

page = notebook.start(globals(), "tiling_ablation")

# %%
cases = computed(page)
if cases is None:
    page.number("conclusion", say_absent(page, "the tiling pipeline"))
else:
    show_ablations(page, cases)
    show_times(page, cases)

# %% [markdown]
# ## The whole demo world
#
# The same from every test image, from the records kept in `results/demo`.

# %%
if page.overrides:
    page.say("Not shown: this page was made with other parameters than the book's.")
else:
    whole = kept(page)
    if whole is None:
        page.number("conclusion-demo", say_not_kept(page, "tiling pipeline"))
    else:
        show_ablations(page, whole)
        show_times(page, whole)
