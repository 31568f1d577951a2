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
# # How strong is too strong
#
# **What to see.** Image AUROC of every detector as the corruptions grow from severity 0 (none) to 5. The poster
# {cite:p}`gao_towards` has such a figure for its own method and says that it is robust; its values are not in print.
# A detector whose line starts lower may fall less and still be the worse one, so the conclusion states what each loses
# and not where it ends.

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
from book.tools.pages.corruption import computed, kept
from book.tools.pages.severity import show_severity

page = notebook.start(globals(), "severity")

# %%
cases = computed(page)
if cases is None:
    say_absent(page, "corruptions")
else:
    show_severity(page, cases)

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
        page.number("conclusion-demo", say_not_kept(page, "corruptions"))
    else:
        show_severity(page, whole)
