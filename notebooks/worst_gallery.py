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
# # Pictures at their worst
#
# **What to see.** A picture, the rotation, hue and saturation that hurt WinCLIP most on it, and both maps. The product
# is the same, and so is its defect. Which pictures are shown is not a matter of taste: of each suite the anomalous
# picture with the median drop of its own pixel AUROC and that with the largest, and the same of normal pictures, whose
# mean score the search raises.

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
from book.tools.pages.worst_gallery import show_gallery

page = notebook.start(globals(), "worst_gallery")

# %%
cases = computed(page)
if cases is None:
    say_absent(page, "worst cases")
else:
    show_gallery(page, cases)

# %% [markdown]
# ## The whole demo world
#
# Chosen by the same rule among the pictures whose worst cases are kept in `results/demo`.

# %%
if page.overrides:
    page.say("Not shown: this page was made with other parameters than the book's.")
else:
    whole = kept(page)
    if whole is None:
        say_not_kept(page, "worst cases")
    else:
        show_gallery(page, whole)
