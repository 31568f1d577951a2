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
# # How the worst cases are searched
#
# **What to see.** A lower bound is as good as its search: one that stops early makes a detector look robust. Does
# *bayes_opt*, the default, get further than the other searches for as many forward passes, and is it given enough?

# %% tags=["parameters"]
study = "demo"  # demo, quick, stangl, paper, or a YAML file
suite = None  # another suite than the study's
category = None  # one category alone
backbone = None  # another backbone
device = None  # "cuda" for a GPU
data_root = None  # the folder that holds the suites
limit = None  # at most so many test images a category
options = None  # of detectors, such as {"temperature": 0.01}

# %%
import pandas as pd

from book.tools import page as notebook
from book.tools import plots
from book.tools.absent import say_absent, say_not_kept
from book.tools.searches import CHOICES, budgets, choices, comparable, evaluations_of, kept_searches, searches_of
from zsad.analysis import falls, searches, worst

page = notebook.start(globals(), "worst_search")

# %%
own = searches_of(page)
compared = kept_searches(page, "search") if page.shows_kept else own
group = comparable(compared)
panels = searches.panels(evaluations_of(group))
if panels:
    table = searches.comparisons(panels)
    page.finding(searches.shortly(table))
    page.number("short_search", searches.shortly(table))
    page.number("conclusion_search", searches.conclude(table))
else:
    nothing = "comparison of searches with the same bounds"
    sentence = say_not_kept(page, nothing, "search") if page.shows_kept else say_absent(page, nothing)
    for key in ("conclusion_search", "short_search"):
        page.number(key, sentence)

# %% [markdown]
# ## How far the searches get
#
# An image counts by how far its value has fallen, as a share of the furthest that any of the searches gets on it: so
# no image that is easily hurt outweighs the others.

# %%
if panels:
    dtype = group[0].worst["dtype"].iloc[0]
    spent = (
        "Along: forward passes of the detector for an image; an evaluation with a gradient (adam) counts "
        f"{falls.FORWARDS_OF_A_GRADIENT[dtype]} in {dtype}. Evaluations at most: {budgets(group)} (adam as released "
        "has 100, in 5 runs of 20). Bands: 95 % bootstrap intervals over the "
        f"{len(panels[0].falls[searches.OURS])} images."
    )
    page.figure(
        plots.plot_search(searches.fall_curves(panels), "forward passes an image", "fall [%]"),
        "fig-search",
        "<strong>How far the searches get.</strong> Height: how far the lowest value so far lies below that of the "
        "image as it is, in percent of the furthest that any search lowers it on that image, mean over images; higher "
        "is worse for the detector. Above, an image is judged by its pixel AUROC (by the loss without a defect), "
        f"below by the loss. {spent}",
        study=group[0].study.name,
    )

# %% [markdown]
# The means could be those of a few images. On how many of them does *bayes_opt* get further?

# %%
if panels:
    page.figure(
        plots.plot_search(
            searches.win_curves(panels), "forward passes an image", "images won [%]",
            colours=plots.PALETTE[1:], reference=searches.GOAL,
        ),
        "fig-search-wins",
        "<strong>On how many images bayes_opt gets further.</strong> Share of images on which bayes_opt has lowered "
        "the value further than the other search for as many forward passes; as far counts half. Dotted: "
        f"{searches.GOAL} %. {spent}",
        study=group[0].study.name,
    )  # fmt: skip

# %%
if panels:
    with page.folded("How it was measured, and the comparisons in numbers"):
        page.say(
            "*bayes_opt* is Bayesian optimisation: it first covers the search space evenly, then evaluates where a "
            "Gaussian process expects the largest improvement; it needs no gradient. It is held against *adam*, the "
            "search of the code released with the paper (gradient descent from the image as it is, then from random "
            "places), against points drawn at *random*, and against the even ones of a *sobol* sequence. The "
            "comparison is a study of its own, `search`, whose records are kept in `results/search`; made with a study"
            " that is not kept, or with other parameters, this page shows the searches of that. Only searches within "
            "the same bounds and of the same aim are held against each other."
        )
        page.say(searches.conclude(table))
        page.table(
            searches.comparisons_table(table),
            "tab-search",
            "<strong>bayes_opt against the other searches, image by image.</strong> After as many forward passes of "
            "both: on how many images bayes_opt has lowered the value further, and as far; the share that it wins (as "
            "far counts half); and by how much its fall is ahead, mean of the paired differences in percent of the "
            "furthest fall on each image. 95 % bootstrap intervals over images.",
            study=group[0].study.name,
            csv=table,
        )

# %% [markdown]
# ## How many evaluations are enough
#
# A search that has tried too little finds more when it goes on. What it finds is never better for the detector than the
# true worst case, which may be worse still.

# %%
going_on = []
evaluations = evaluations_of(compared[:1])
if evaluations["auroc"].notna().any():
    going_on.append((compared[0], evaluations))
elif page.shows_kept:
    page.number("conclusion_doubling", say_not_kept(page, "search that goes on", "search"))
else:
    page.number("conclusion_doubling", say_absent(page, "worst cases with each image's evaluations"))

# %%
for cases, evaluations in going_on:
    page.figure(
        plots.plot_search(searches.auroc_curves(evaluations), "evaluations an image", "mean AUROC [%]"),
        "fig-doubling",
        f"<strong>What more evaluations find, study {cases.study.name}.</strong> Lowest pixel AUROC so far of each "
        f"anomalous image, mean over images, against the evaluations of {cases.block.search}; evaluation 1 is the "
        "image as it is. Bands: 95 % bootstrap intervals over images.",
        study=cases.study.name,
    )

# %%
for cases, evaluations in going_on:
    doubled = searches.doubled(evaluations)
    if len(doubled):
        page.say(searches.conclude_doubled(doubled))
        page.number("conclusion_doubling", searches.conclude_doubled(doubled))
        with page.folded("What twice as many evaluations change, in numbers"):
            page.table(
                searches.doubled_table(doubled),
                "tab-doubling",
                f"<strong>What twice as many evaluations change, study {cases.study.name}.</strong> Mean over "
                "anomalous images of the lowest pixel AUROC, in percent, and by how many points it is lower after "
                "twice as many evaluations, with a 95 % bootstrap interval over images; and the largest change of a "
                "category's mean.",
                study=cases.study.name,
                csv=doubled,
            )

# %% [markdown]
# ## What the choices change
#
# Two lower bounds by searches that differ in one choice alone, on the categories that both have searched.


# %%
def compare_choice(all_cases, option):
    found = []
    for first, second in choices(all_cases, option):
        one, two = worst.of_the_same_images(first.worst, second.worst)
        if len(one):
            pairs = worst.paired(one, two, page.details("replicates", pd.concat([one, two])))
            choice, instead = (f"{option}: {getattr(cases.block, option)}" for cases in (first, second))
            found.append(pairs.assign(choice=choice, instead=instead, search=first.block.search))
    return pd.concat(found) if found else pd.DataFrame()


# %% [markdown]
# In the study of this page.


# %%
def show_choices(all_cases):
    study = all_cases[0].study.name
    compared = {option: compare_choice(all_cases, option) for option in CHOICES}
    there = {option: pairs for option, pairs in compared.items() if len(pairs)}
    for option, pairs in there.items():
        verdicts = worst.verdicts(pairs, "higher", "lower")
        page.say(f"**Study {study}: {CHOICES[option]}.** By the 95 % interval of the paired difference, the bound "
                 f"with {pairs['instead'].iloc[0]} is {verdicts}.")  # fmt: skip
        page.number(option, verdicts)
    if there:
        page.table(
            worst.pairs_table(pd.concat(there.values()), {"": "{first}, {second}"}),
            "tab-ablations",
            f"<strong>What a choice changes, study {study}.</strong> Mean lower bounds in percent over the categories "
            "that have both, and the difference of the second from the first in points, with its 95 % interval, both "
            "drawn together.",
            study=study,
        )
    return "; ".join(question for option, question in CHOICES.items() if option not in there)


if own and (absent := show_choices(own)):
    say_absent(page, absent)
