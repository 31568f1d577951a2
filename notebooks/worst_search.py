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
# **What to see.** A lower bound is as good as its search: one that stops early makes a detector look robust. *refine*,
# the default, first covers the box evenly, then spends each try where a model of what it has seen expects most of it;
# it needs no gradient. It is held against *adam*, the search of the code released with the paper
# {cite:p}`stangl2024semantic` (gradient descent from the image as it is, then from random places), against points drawn
# at *random*, and against the even ones of a *sobol* sequence: image by image, for as many forward passes, by both of
# the aims that a search can have.

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
from book.tools.pages.search import searches_kept, searches_of_study, show_doublings, show_searches
from book.tools.pages.worst_choices import show_ablations
from zsad.study import load_study

page = notebook.start(globals(), "worst_search")

# %% [markdown]
# ## How far the searches get
#
# From the records of the study `search`, which are kept in `results/search`.

# %%
compared = searches_kept(page, "search", load_study("search").worst)
if not show_searches(page, compared):
    missing = say_not_kept(page, "comparison of searches", "search")
    page.number("conclusion_search", missing)
    page.number("short_search", missing)

# %% [markdown]
# ## How many evaluations are enough
#
# A search that has tried too little finds more when it goes on. What it finds is never better for the detector than the
# true worst case, which may be worse still.

# %%
if not (compared and show_doublings(page, compared[0])):
    page.number("conclusion_doubling", say_not_kept(page, "search that goes on", "search"))

# %% [markdown]
# ## The searches of this study

# %%
found = searches_of_study(page)
if not show_searches(page, found, "-here"):
    say_absent(page, "another search beside refine with the same bounds")
if not (found and show_doublings(page, found[0], "-here")):
    say_absent(page, "worst cases with each image's tries")

# %% [markdown]
# ## What the choices change

# %%
show_ablations(page, found)

# %% [markdown]
# ## What the choices change in the whole demo world
#
# The same from the records kept in `results/demo`.

# %%
if page.overrides:
    page.say("Not shown: this page was made with other parameters than the book's.")
else:
    whole = searches_kept(page, "demo", load_study("demo").worst)
    if whole:
        show_ablations(page, whole)
    else:
        say_not_kept(page, "worst cases")
