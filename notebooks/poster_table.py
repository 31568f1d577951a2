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
# # The table under four corruptions
#
# **What to see.** A poster {cite:p}`gao_towards` trains a small network on text vectors alone, made diverse by
# learned words, and prints a table of eight methods on three data sets under four corruptions. Here are its table as it
# is printed, the methods of it that this project has, measured, and for each pair whether who is ahead is the same in
# both. The worlds differ, so that only orders and differences may be compared.
#
# **What the poster leaves open.** It does not state the severity of its corruptions, its metric, its backbone, or most
# of its method. The severity here is 3, the constant of the script it says it follows {cite:p}`cao2023anomaly`; the
# metric is image AUROC, which fits the columns without corruption of the published methods. Every open choice of the
# method is an option of the detector `text_fnn`, and [the ablations](text_ablation) vary the ones that matter.

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
from book.tools.pages.aebad import computed_domains, kept_domains
from book.tools.pages.corruption import computed, kept
from book.tools.pages.poster import labels_of, show_measured, show_published, with_seeds

page = notebook.start(globals(), "poster_table")

# %%
show_published(page)

# %% [markdown]
# ## Measured
#
# AeBAD (in the demo world, `demo-aebad`) is evaluated without corruption: its shift is its own domains, which
# [have a page](aebad).

# %%
cases = with_seeds(computed(page), computed(page, "ablation"))
if cases is None:
    say_absent(page, "corruptions")
else:
    show_measured(page, cases, computed_domains(page, labels_of(page.study)))

# %% [markdown]
# ## The whole demo world
#
# The same from every test image, from the records kept in `results/demo`.

# %%
if page.overrides:
    page.say("Not shown: this page was made with other parameters than the book's.")
else:
    whole = with_seeds(kept(page), kept(page, "ablation"))
    if whole is None:
        page.number("conclusion-demo", say_not_kept(page, "corruptions"))
    else:
        show_measured(page, whole, kept_domains(page, labels_of(whole.study)))
