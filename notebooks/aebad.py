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
# # Another background, lamp or view
#
# **What to see.** AeBAD {cite:p}`zhang2023industrial` shows aeroengine blades under the conditions of its training
# pictures (“same”) and under three others, one thing changed in each: the background, the illumination, the view. No
# detector of this page is trained on any picture of it; the domain “same” is only what the others are measured from.
# In the demo world, `demo-aebad` renders one blade in the same four domains.

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
from book.tools.pages.aebad import computed_domains, kept_domains, show_domains

page = notebook.start(globals(), "aebad")

# %%
cases = computed_domains(page)
if cases is None:
    say_absent(page, "domains of AeBAD, or of demo-aebad")
else:
    show_domains(page, cases)

# %% [markdown]
# ## The whole demo world
#
# The same from every test image, from the records kept in `results/demo`.

# %%
if page.overrides:
    page.say("Not shown: this page was made with other parameters than the book's.")
else:
    whole = kept_domains(page)
    if whole is None:
        page.number("conclusion-demo", say_not_kept(page, "domains of demo-aebad"))
    else:
        show_domains(page, whole)
