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
# # Published numbers
#
# **What to see.** What the papers report, on real data with real CLIPs, gathered in one place; and, beside it where
# the same quantity was measured here, the number of the demo world. The two columns are **different worlds**: a demo
# number close to a published one shows that the world was made about as hard, and nothing more.

# %% tags=["parameters"]
study = "demo"  # demo, quick, stangl, paper, or a YAML file
suite = None  # another suite than the study's first
category = None  # one category alone
backbone = None  # another backbone
device = None  # "cuda" for a GPU
data_root = None  # the folder that holds the suites
limit = None  # at most so many test images a category
options = None  # of detectors, such as {"temperature": 0.01}

# %%
from book.tools import page as notebook
from book.tools import plots
from zsad.analysis import beside_print, unshifted

page = notebook.start(globals(), "published")
NAMES = {**plots.METRIC_NAMES, "pixel_aupro": plots.METRIC_NAMES["aupro"]}

# %% [markdown]
# ## WinCLIP: means
#
# Beside each printed mean that of the suite that is, or stands for, the same data set; only where all its categories
# and all its test pictures were measured: a mean of some is another quantity.

# %%
winclip = page.published("winclip_per_category")
records = page.records("none", **page.first)
means = beside_print.means_beside_print(unshifted.printed_means(winclip), records)
page.table(
    means.replace({"metric": NAMES}),
    "tab-published-means",
    "<strong>WinCLIP's published means</strong> and those of this build, in percent. Measured on a demo suite, the "
    "difference is between two worlds and no error of either. In brackets the 95 % interval of the measurement; print "
    "has none. Checked: whether a source at hand states the number.",
    formats={"published": "{:.1f}"},
)

# %% [markdown]
# ## WinCLIP: per category
#
# A category of a real data set stands beside its own printed numbers.

# %%
found = beside_print.categories_beside_print(winclip[winclip["method"] == "WinCLIP"], records)
if len(found):
    page.say(f"**Beside print.** {beside_print.sentence(found)}")
    page.table(
        beside_print.in_words(found[found["metric"].isin(unshifted.SHOWN)], NAMES),
        "tab-published-beside",
        "<strong>Category by category</strong>: published, measured, and their difference with the 95 % interval of "
        "the measurement. Images: how many of the test pictures were measured. The CSV file has all metrics.",
        csv=found,
    )
else:
    page.say("**Beside print.** No category of the published table was measured in this study.")

# %% [markdown]
# All that is in print. Some numbers could only be recalled, not checked against the paper; their columns are marked.

# %%
single = winclip[(winclip["method"] == "WinCLIP") & (winclip["category"] != "mean")]
wide = unshifted.printed_wide(single, ["dataset", "category"], NAMES)
wide["category"] = wide["category"].str.replace("_", " ")
page.table(
    wide,
    "tab-published-categories",
    "<strong>WinCLIP's published numbers per category</strong>, real data, in percent. † Some numbers of the column "
    "could not be checked against the paper.",
    formats={c: "{:.1f}" for c in wide.columns[2:]},
    study=notebook.PUBLISHED,
    csv=single,
)

# %% [markdown]
# ## Semantic robustness
#
# The released demo of the paper's authors attacks one category with all three shifts at once, searched for each
# picture. [](worst_cases) does that here; the uniform sweeps of [](rotation), [](hue) and [](saturation) are a milder
# test.

# %%
robust = page.published("semantic_robustness")
shown = robust.assign(metric=robust["metric"].map(lambda m: NAMES.get(m, m.replace("_", " "))))
shown = shown.rename(columns={"value": "value [%]"})[["method", "dataset", "category", "shift", "metric", "value [%]"]]
page.table(
    shown,
    "tab-published-robustness",
    "<strong>Published numbers on semantic robustness.</strong> The two largest drops are from the abstract, which "
    "does not say whether they are points or relative.",
    formats={"value [%]": "{:.1f}"},
    study=notebook.PUBLISHED,
)

# %% [markdown]
# ## Public reimplementations of WinCLIP
#
# What their makers report, without the few-shot variants.

# %%
ports = page.published("reimplementations")
ports = ports[(ports["category"] == "mean") & ports["method"].str.contains("winclip", case=False)]
ports = ports[~ports["method"].str.contains("few-shot")]
wide = unshifted.printed_wide(ports, ["method", "dataset"], NAMES)
page.table(
    wide,
    "tab-published-ports",
    "<strong>What public code reports for itself</strong>, real data, means in percent. They differ from the paper "
    "and from each other: the yardstick for a rerun of this study on real data.",
    formats={c: "{:.1f}" for c in wide.columns[2:]},
    study=notebook.PUBLISHED,
)
