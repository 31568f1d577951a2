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
# # The three findings
#
# **What to see.** What the first page says, and what it rests on. Each finding is one sentence and one number with its
# 95 % interval. The sentences are chosen by the numbers: records that fall otherwise are told otherwise.

# %% tags=["parameters"]
study = "demo"  # quick, demo, stangl, paper, or a YAML file
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
from book.tools.measured import measured, rank_correlations_of
from book.tools.nulls import bounds_of
from book.tools.probes.blocks import mean_over_shifts, whole_matrix, with_threshold_anew
from zsad.analysis import answers, matrix, null
from zsad.analysis.words import span

page = notebook.start(globals(), "answers")

# %%
found = measured(page, ["matrix"], "shifts of every detector at two doses (blocks named `matrix`)")
said = {}
if found:
    table = page.computed(whole_matrix, study=found.study, found=found)
    means = page.computed(mean_over_shifts, study=found.study, found=found)
    renewed = page.computed(with_threshold_anew, study=found.study, found=found)
    alike = rank_correlations_of(page, found.records)
    said = {
        "plausible": answers.plausible(means, renewed, alike),
        "extreme": answers.extreme(means, table, renewed, alike),
    }

# %%
bounds = [bound for bound in bounds_of(page.study, **page.first) if bound.size == 1]
blocks = sorted({name for bound in bounds for name in (bound.search, bound.random)})
cases = [page.records("worst", variant=name, **page.first) for name in blocks]
if any(len(records) for records in cases):
    images = null.beside_null(page.details("samples", pd.concat(cases)), bounds)
    if len(images):
        said["searched"] = answers.searched(null.falls(images))

# %%
absent = answers.Answer("Not measured.", "The records of this study hold nothing to answer this with.", "–")
told = {name: said.get(name, absent) for name in ("plausible", "extreme", "searched")}
page.say("\n\n".join(f"**{answer.claim}** {answer.measured} {answer.further}".rstrip() for answer in told.values()))
for name, answer in told.items():
    page.number(f"{name}_claim", answer.claim)
    page.number(f"{name}_measured", answer.measured.replace("**", ""))

# %%
page.number("who", answers.who(means) if found else "no images")
if found:
    page.say(f"{matrix.doses_in_words(table)} {matrix.turned_in_words(table)}".rstrip())

# %% [markdown]
# ## What each shift costs
#
# A square is one detector under one shift: by how many points its image AUROC changes against the same images as they
# are. Orange is worse. A number in brackets is not clear when all are judged together.

# %%
if found:
    aurocs = matrix.chosen(table, "image_auroc")
    aurocs = aurocs[aurocs["suite"] == aurocs["suite"].iloc[0]]
    squares = aurocs.assign(row=aurocs["detector"], column=aurocs["setting"], panel=aurocs["level"],
                            value=aurocs["change"], worse=-aurocs["change"])  # fmt: skip
    shifts = {name: words for name, words in matrix.SHIFTS.items() if name in set(aurocs["setting"])}
    levels = {level: f"{level} shifts: change of image AUROC [points]" for level in ("plausible", "extreme")}
    page.figure(
        plots.plot_heat(squares, page.titled(aurocs["detector"]), shifts, levels, most=30),
        "fig-answers",
        f"<strong>What each shift costs each detector, {aurocs['suite'].iloc[0]}.</strong> Change of the mean image "
        "AUROC in points; in brackets what is not clear when the whole matrix is judged together.",
        study=found.study.name,
    )

# %% [markdown]
# ## All detectors, in the mean over shifts
#
# The first two findings speak of one detector. Here are all of them, on every suite that was shifted. No shift was
# chosen after looking: each mean is over all kinds of shift at that level.

# %%
if found:
    words = {"image_auroc": "image AUROC", "false_alarms": "false alarms", "misses": "misses"}
    rows = means[means["metric"].isin(words) & means["rule"].isin(["", "training images"])]
    rows = rows.assign(cell=[f"{r.before:.1f} → {r.after:.1f}; {span(r.change, r.change_low, r.change_high, sign=True)}"
                             for r in rows.itertuples()], metric=rows["metric"].map(words))  # fmt: skip
    wide = rows.pivot(index=["suite", "level", "detector"], columns="metric", values="cell")
    with page.folded("Every detector on every suite"):
        page.table(
            wide.reindex(columns=[w for w in words.values() if w in wide])
            .reset_index()
            .replace({"detector": page.study.titles}),
            "tab-answers",
            "<strong>Before and under a shift, in the mean over all kinds of shift</strong>, in percent; the change in "
            "points with its 95 % interval. The threshold of false alarms and misses stays.",
            study=found.study.name,
            csv=means,
        )
