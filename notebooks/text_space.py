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
# # What the words do
#
# **What to see.** Every text the network is trained on is a point on a sphere, and so is every picture it is used on.
# They do not lie in the same place: CLIP keeps texts and pictures apart, which is known as the modality gap
# {cite:p}`liang2022mind`. A network trained on texts alone therefore works only if damage moves pictures in the
# direction in which it moves texts. The figure projects both; the table measures in all dimensions, since a plane shows
# little of them.

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
from book.tools.absent import say_absent
from book.tools.pages.corruption import computed
from book.tools.pages.text_space import show_space

page = notebook.start(globals(), "text_space")

# %%
cases = computed(page)
if cases is None or not any(detector.name == "text_fnn" for detector in page.study.detectors):
    say_absent(page, "corruptions and the detector text_fnn")
else:
    show_space(page, cases.suites[0], cases.records["category"].iloc[0])
