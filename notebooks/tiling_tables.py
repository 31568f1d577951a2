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
# # The tiling pipeline's two tables
#
# **What to see.** The report of {cite:t}`baugh2023zero` measures F1-max, the best F1 over all thresholds, because few
# pixels are damaged: for samples (its Table 1) and for pixels (its Table 2). For samples there is a floor that needs no
# skill, and some printed numbers lie on it. The tables are measured here on the suite in VisA's layout, beside WinCLIP
# and beside CLIPSeg without tiles. Where only the report's own numbers exist (APRIL-GAN {cite:p}`chen2023aprilgan`),
# they are shown as published.

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
from book.tools.pages.tiled import METRICS, computed, kept
from book.tools.pages.tiling_tables import show_measured, show_published

page = notebook.start(globals(), "tiling_tables")

# %% [markdown]
# ## As printed

# %%
for metric in METRICS:
    show_published(page, metric)

# %% [markdown]
# ## Measured

# %%
cases = computed(page)
if cases is None:
    page.number("conclusion", say_absent(page, "the tiling pipeline"))
else:
    show_measured(page, cases)

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
        show_measured(page, whole)
