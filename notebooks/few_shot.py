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
# # A few good pictures
#
# **What to see.** Whoever has a product has good pictures of it. WinCLIP+ {cite:p}`jeong2023winclip` compares the
# windows of a test picture with those of one or a few good ones, and takes the mean of that and of what WinCLIP says
# from text. It is no zero-shot detector any more: its league is “few-shot”, and no other table of this book ranks it.

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
from book.tools import absent, plots
from book.tools import page as notebook
from book.tools.probes.blocks import Measured
from zsad.analysis import costs, decisions, few_shot
from zsad.analysis.means import unshifted
from zsad.study.results import leagues_of

page = notebook.start(globals(), "few_shot")
given = few_shot.counts(page.study)
backbones = [*page.study.first_backbones([few_shot.PLAIN]).values()]
records = found = None
if given:
    everything = unshifted(page.records("none", detectors=[*given], backbones=backbones))
    records = few_shot.on_the_same(everything)

# %%
if not given:
    page.number("conclusion", absent.say_absent(page, "a detector that is given good pictures (`winclip_plus`)"))
elif records.empty:
    page.number("conclusion", absent.say_not_kept(page, "cells of WinCLIP with good pictures"))
else:
    judged, draws = Measured(page.study, records).judged
    found = few_shot.changed(judged, draws, given)
    page.finding(few_shot.sentence(found, records))

# %% [markdown]
# ## Are damaged products told from good ones?

# %%
if found is not None:
    rows = few_shot.forest(found)
    names = list(dict.fromkeys(rows["row"]))
    image = {metric: words for metric, words in costs.IMAGE.items() if metric in set(rows["panel"])}
    page.figure(
        plots.plot_forest(rows, names, image, "change against none [points]"),
        "fig-few-shot",
        "<strong>What good pictures change at image level</strong>, against WinCLIP without any: mean over products in "
        "points, with the 95 % interval of the paired difference, for all see the same test pictures. Blue: the "
        f"interval excludes 0. No shift. Threshold, set anew for each: {decisions.RULES[decisions.TRAINING]}.",
    )

# %% [markdown]
# ## Is the damage found where it is?

# %%
if found is not None:
    page.figure(
        plots.plot_forest(rows, names, costs.PIXEL, "change against none [points]"),
        "fig-few-shot-pixel",
        "<strong>What good pictures change at pixel level</strong>, against WinCLIP without any: mean over products in "
        "points, with the 95 % interval of the paired difference. Blue: the interval excludes 0. No shift.",
    )

# %%
if found is not None:
    leagues, printed = leagues_of(records, page.study), page.published("winclip_per_category")
    with page.folded("In numbers"):
        for kind, metrics in (("image", image), ("pixel", costs.PIXEL)):
            page.table(
                few_shot.table(judged, found, given, leagues, printed, list(metrics)),
                f"tab-few-shot-{kind}",
                f"<strong>WinCLIP with 0, 1 and more good pictures, {kind} level.</strong> Percent, mean over products "
                "with its 95 % interval; change in points, with that of the paired difference. Leagues are not ranked "
                "with each other: the change says what the pictures are worth. Beside the mean of a whole suite stands "
                "the printed one of the real data set.",
            )

# %% [markdown]
# The good pictures are drawn by a seed from the training pictures, fewer among the more; they are never tested, and no
# threshold is made of their scores. What each result was given stands in its record (`reference_images`). With
# your own pictures: `zsad predict parts/ --category "metal nut" --reference good/`.
