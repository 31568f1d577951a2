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
# # Worse than chance?
#
# **What to see.** A search tries hundreds of shifts of one picture and keeps the worst, which lies below the picture as
# it is for almost any detector. So beside every search stands its null: as many shifts drawn at random within the same
# bounds, of which the worst is kept too. How much further does the search get?

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
from book.tools.measured import WORST, measured
from book.tools.nulls import bounds_of, criteria_of, image_costs
from book.tools.worst import corners_note
from zsad.analysis import answers, costs, findings, null
from zsad.analysis.unmoved import NOTE, seen_points, seen_span
from zsad.analysis.words import points
from zsad.analysis.worst import SETTINGS

page = notebook.start(globals(), "worst_null")

# %%
found = measured(page, WORST, "worst cases beside random shifts of the same bounds")
bounds = bounds_of(found.study) if found else []
score_bounds = bounds_of(found.study, aim="scores") if found else []
falls, pooled = pd.DataFrame(), pd.DataFrame()
aimed = null.pooled(found.records, found.draws, score_bounds) if score_bounds else pd.DataFrame()
aimed = aimed[aimed["metric"] == "image_auroc"] if len(aimed) else aimed
if bounds:
    samples = page.details("samples", found.records[found.records["shift"] == "worst"])
    images = null.beside_null(samples, bounds)
    falls = null.falls(images) if len(images) else falls
    pooled = null.pooled(found.records, found.draws, bounds)
if found and falls.empty:
    nothing = "Not shown: this study has no search beside random shifts within the same bounds."
    page.say(nothing)
    page.number("conclusion", nothing)
elif found:
    answer = answers.searched(falls)
    page.finding(f"{answer.claim} {null.image_sentence(pooled)}{answer.measured}")

# %% [markdown]
# ## Are damaged products told from good ones?
#
# All images at their worst make a test set. Do good parts at their worst still score below damaged ones at theirs?

# %%
HOW = (
    "Change of means over categories, in points, with its 95 % interval; grey: it holds 0. Random: the worst of as "
    "many random shifts of each image. The threshold of false alarms and misses stays as it was set."
)


def image_figure(of_bounds: list[null.Bound], name: str, what: str) -> pd.DataFrame:
    """Show what searches and their nulls cost at image level."""
    moved = image_costs(found, of_bounds, page.study.titles)
    panels = {metric: words for metric, words in costs.IMAGE.items() if metric in set(moved["panel"])}
    figure = plots.plot_forest(moved, list(dict.fromkeys(moved["row"])), panels, "change [points]")
    page.figure(figure, name, f"<strong>{what}</strong> {HOW}", study=found.study.name)
    return moved


if len(falls):
    moved = image_figure(bounds, "fig-null-image", "Image level: search and chance.")

# %% [markdown]
# The search above wants the damage not to be found where it is; what becomes of the image's score is by the way. A
# search may want that itself: the highest score of a good part, the lowest of a damaged one.

# %%
if len(aimed):
    page.say(null.score_sentences(aimed, page.study.titles))
    image_figure(score_bounds, "fig-null-score", "Search for misleading image scores, and chance.")
elif found:
    page.say("Not shown: no search for misleading image scores beside random shifts is at hand.")

# %% [markdown]
# ## Is the damage found where it is?
#
# The pixel AUROC of single anomalous images, mean over categories: how far the worst case lies below the image as it
# is, for the search, for as many random shifts, and in the mean over random shifts, which is what a user without an
# enemy meets.

# %%
names = {"worst": "search", "random_worst": "worst at random", "random_mean": "mean at random"}
if len(falls):
    full = falls[falls["size"] == falls["size"].max()]
    full = full.assign(
        row=full["detector"].replace(page.study.titles) + ", " + full["backbone"] + ": " + full["setting"].map(SETTINGS)
    )
    for suite_name, of_suite in full.groupby("suite", sort=False):
        parts = [of_suite.assign(panel=name, estimate=of_suite[name], low=of_suite[f"{name}_low"],
                                 high=of_suite[f"{name}_high"]) for name in names]  # fmt: skip
        page.figure(
            plots.plot_forest(pd.concat(parts), of_suite["row"].tolist(), names, "drop [points]"),
            f"fig-null-{suite_name}",
            f"<strong>Search and chance, {suite_name}.</strong> Drop of the pixel AUROC of single anomalous images, in "
            "points. Lines: 95 % interval from a bootstrap over images.",
            study=found.study.name,
        )

    conclusion = findings.null_sentence(falls)
    page.say(f"{conclusion} {corners_note(page)}")
    page.number("beyond", conclusion)

# %% [markdown]
# ## Smaller bounds
#
# The published bounds turn a picture by up to 90 degrees and take any hue. A line sees a tenth of that. The same drops
# over the size of the bounds.

# %%
sized = falls.groupby(null.CASE).filter(lambda rows: len(rows) > 1) if len(falls) else falls
if len(sized):
    sized = sized.assign(panel=sized["suite"] + ", " + sized["detector"] + ", " + sized["setting"])
    parts = [sized.assign(series=words, x=sized["size"], estimate=sized[name], low=sized[f"{name}_low"],
                          high=sized[f"{name}_high"]) for name, words in names.items()]  # fmt: skip
    page.figure(
        plots.plot_curves(
            pd.concat(parts),
            {name: (name, "size of the bounds [published = 1]") for name in dict.fromkeys(sized["panel"])},
            "drop of single images'\npixel AUROC [points]",
        ),
        "fig-bounds",
        "<strong>The wider the bounds, the lower the worst case; and so is the worst of random shifts.</strong> Lines: "
        "95 % interval.",
        study=found.study.name,
    )

# %%
if len(falls):
    columns = {"evaluations": falls["evaluations"].round().astype(int)} | {
        words: [seen_span(*row) for row in falls[[name, f"{name}_low", f"{name}_high"]].to_numpy()]
        for name, words in (
            names | {"beyond_random": "search beyond random", "beyond_mean": "search below the mean"}
        ).items()
    }
    with page.folded("How it was measured, and the drops in numbers"):
        page.say(
            f"{found.who}. Search and null saw the same images. Intervals are from a bootstrap over images within each "
            f"category; the image with its own shift is what is drawn. {NOTE}"
        )
        page.table(
            falls[[*null.CASE, "size", "images"]].assign(**columns),
            "tab-null",
            "<strong>Drops of single images' pixel AUROC</strong> in points; <em>size</em>: bounds as a share of those "
            "published.",
            study=found.study.name,
            csv=falls,
        )

# %%
both = pd.concat([pooled.assign(aim="map"), aimed.assign(aim="score")], ignore_index=True)
if len(both):
    words = {"drop": "search's drop", "null": "random shifts' drop", "beyond": "search beyond random"}
    with page.folded("Whole test sets in numbers"):
        page.table(
            both[[*null.CASE, "aim", "size"]].assign(
                metric=both["metric"].map(null.POOLED),
                clean=both["clean"],
                **{text: both[name].map(seen_points) for name, text in words.items()},
            ),
            "tab-null-pooled",
            "<strong>Metrics of the test sets in which each image is at its worst</strong>: means over categories in "
            "percent, paired differences in points with their 95 % interval. <em>aim</em>: what the search made worse.",
            formats={"clean": "{:.1f}"},
            study=found.study.name,
            csv=null.gaps_as_columns(both),
        )

# %%
criteria = criteria_of(found.study) if found else {}
lowest = (
    null.lowest_criterion(found.records, found.draws, criteria, "lowest pixel AUROC") if len(criteria) > 1 else None
)
if lowest is not None and len(lowest):
    with page.folded("Another criterion of what is kept"):
        page.say("A search keeps one of its evaluations by a criterion. The paper's is one; another may give a lower "
                 "bound, which is then the honest one to report.")  # fmt: skip
        page.table(
            lowest.assign(metric=lowest["metric"].map(null.POOLED), gap=lowest["gap"].map(points)),
            "tab-criterion",
            "<strong>The criterion that gives the lowest mean</strong>, beside this book's first. Gap in points, with "
            "its 95 % interval; the lowest was chosen after looking.",
            formats={"lowest_mean": "{:.1f}", "published_mean": "{:.1f}"},
            study=found.study.name,
            csv=null.gaps_as_columns(lowest, ("gap",)),
        )
