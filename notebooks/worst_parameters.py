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
# # Where the worst cases lie (Fig. 5)
#
# **What to see.** The angle, hue shift or saturation shift that the search kept for each picture. If one value were bad
# for all, the bars would stand in one place. The paper {cite:p}`stangl2024semantic` finds a slight peak around an angle
# of 0, and puts it down to a search that is misled by the empty corners of a turned map, which score 0 and so look
# normal. Whether there is such a peak here is computed below.

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
from book.tools.pages.worst import computed, kept
from book.tools.pages.worst_parameters import show_histograms

page = notebook.start(globals(), "worst_parameters")

# %%
cases = computed(page)
if cases is None:
    say_absent(page, "worst cases")
else:
    show_histograms(page, cases)

# %% [markdown]
# ## The whole demo world
#
# The same from every test image of both suites, from the records kept in `results/demo`.

# %%
if page.overrides:
    page.say("Not shown: this page was made with other parameters than the book's.")
else:
    whole = kept(page)
    if whole is None:
        page.number("conclusion-demo", say_not_kept(page, "worst cases"))
    else:
        show_histograms(page, whole)
