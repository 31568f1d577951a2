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
# # Four corruptions of one picture
#
# **What to see.** One damaged product under the four corruptions of the protocol for anomaly detection under
# distribution shift {cite:p}`cao2023anomaly`, which takes them from ImageNet-C {cite:p}`hendrycks2019benchmarking`:
# more brightness, less contrast, a lens out of focus, noise. Severity 0 is the picture as it is. A person sees the
# damage in most of these pictures; the pages after this one measure whether the detectors do.
#
# Pictures are corrupted at the size they have on disk, before they are scaled to the size that a detector is given,
# as the protocol's script does: blur and noise are per pixel, so the order matters. The product and its damage are
# what they were; so the truth is too.

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
from book.tools.pages.corruption_gallery import chosen, show_corruptions, show_scores

page = notebook.start(globals(), "corruptions")

# %%
cases = computed(page)
suite = next(iter(page.study.suites)) if cases is None else cases.suites[0]
category = page.study.categories_of(suite)[0] if cases is None else cases.records["category"].iloc[0]
sample = chosen(page, suite, category)
show_corruptions(page, suite, sample)

# %%
if cases is None:
    say_absent(page, "corruptions")
else:
    show_scores(page, cases, suite, sample)
