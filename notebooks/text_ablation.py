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
# # Which part of the text FNN matters
#
# **What to see.** The method trains a network on vectors of texts, `[diversity words] [distribution words] metal nut.`
# for normal and `… broken metal nut.` for damaged ones. The words are learned: unlike each other, so that the texts are
# many, and guided, so that the texts keep their meaning. Here one part at a time is taken away. Its parent PromptStyler
# {cite:p}`cho2023promptstyler` found that words drawn at random and left untrained are a strong rival already, so that
# is the comparison to look at first.

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
from book.tools.pages.ablation import show_ablations, show_cosines, with_winclip
from book.tools.pages.corruption import computed, kept
from zsad.study import load_study

page = notebook.start(globals(), "text_ablation")

# %%
cases = with_winclip(computed(page, "ablation"), computed(page))
if cases is None:
    say_absent(page, "variants of the text FNN under corruptions")
else:
    show_ablations(page, cases)
    show_cosines(page, page.study, cases.records["category"].iloc[0])

# %% [markdown]
# ## The whole demo world
#
# The same from every test image, from the records kept in `results/demo`.

# %%
if page.overrides:
    page.say("Not shown: this page was made with other parameters than the book's.")
else:
    whole = kept(page, "ablation")
    if whole is None:
        page.number("conclusion-demo", say_not_kept(page, "variants of the text FNN"))
    else:
        whole = with_winclip(whole, kept(page))
        show_ablations(page, whole)
        show_cosines(page, load_study("demo"), whole.records["category"].iloc[0], "-demo", seeds=False)
