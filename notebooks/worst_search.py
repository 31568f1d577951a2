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
# # How the worst cases are searched
#
# **What to see.** A lower bound is as good as its search: one that stops early makes a detector look robust. Three
# searches are compared. *adam* is that of the code released with the paper {cite:p}`stangl2024semantic`: five runs of
# gradient descent from different places. *grid* tries evenly spaced values, and says for one parameter how far a
# search is from the true worst case. *refine*, the default, first covers the box evenly, then spends each try where a
# model of what it has seen expects most of it; it needs no gradient.

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
from zsad.pages.absent import say_absent, say_not_kept
from zsad.pages.search import searches_kept, searches_of_study, show_curves
from zsad.pages.worst_choices import show_ablations
from zsad.study import load_study, notebook

page = notebook.start(globals(), "worst_search")

# %% [markdown]
# ## Loss against tries

# %%
found = searches_of_study(page)
if found:
    show_curves(page, found)
else:
    say_absent(page, "worst cases")

# %% [markdown]
# ## What the choices change

# %%
show_ablations(page, found)

# %% [markdown]
# ## The whole demo world
#
# The same from the records kept in `results/demo`.

# %%
if page.overrides:
    page.say("Not shown: this page was made with other parameters than the book's.")
else:
    whole = searches_kept(page, load_study("demo").worst)
    if whole:
        show_curves(page, whole)
        show_ablations(page, whole)
    else:
        page.number("conclusion_search-demo", say_not_kept(page, "worst cases"))
