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
# # What the worst cases cost (Fig. 4)
#
# **What to see.** For each picture by itself, the rotation, saturation or hue is searched that hurts WinCLIP most on
# that picture, or all three at once. All pictures at their worst make a test set, and how well WinCLIP does on it is
# what the paper {cite:p}`stangl2024semantic` calls a lower bound; a better search could only push it further down. A
# bar is what is lost against the pictures as they are. The bounds are those of the code released with the paper: ±90
# degrees, any hue, saturation up to 0.5 up or down.
#
# A search keeps the try with the lowest pixel AUROC of the picture, and on a normal picture that with the highest mean
# score; the pooled pixel AUROC and AUPRO shown here follow from that, and are not what was searched for. The map of a
# turned picture is turned back, and its empty corners score 0.

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
from book.tools.pages.bounds import show_bounds, show_uniform
from book.tools.pages.worst import computed, kept, uniform_of

page = notebook.start(globals(), "worst_cases")

# %%
cases = computed(page)
if cases is None:
    say_absent(page, "worst cases")
else:
    show_bounds(page, cases, "Fig. 4: what is lost when each picture is at its worst")

# %% [markdown]
# ## One value for all, or one for each
#
# A uniform shift, as on the pages before, changes every picture alike. Worst cases of single pictures can only be lower
# where the sweep tries no value that the search misses, and where a picture's own AUROC and the pooled metric agree.

# %%
if cases is not None:
    show_uniform(page, cases, uniform_of(page, cases))

# %% [markdown]
# ## The whole demo world
#
# The same from the records kept in `results/demo`, over more products and on more backbones. Searching is costly: of
# some products every test image was searched, of the others a part, chosen as everywhere by kind of defect alone.

# %%
if page.overrides:
    page.say("Not shown: this page was made with other parameters than the book's.")
else:
    whole = kept(page)
    if whole is None:
        page.number("conclusion-demo", say_not_kept(page, "worst cases"))
    else:
        show_bounds(page, whole, "Fig. 4, the demo study: what is lost when each picture is at its worst")
        show_uniform(page, whole, uniform_of(page, whole))
