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
# # What the test batch is worth
#
# **What to see.** MuSc {cite:p}`li2024musc` and ACR {cite:p}`li2023acr` have no text and no training picture of the
# product: they compare the test pictures with each other. What all of these share, such as one lamp that dims, should
# cancel out. On a line the lamp dims between one part and the next: here half of the pictures are shifted,
# and the others are not.

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
from book.tools import page as notebook
from book.tools import plots
from book.tools.measured import BATCH, measured
from zsad.analysis import batches
from zsad.analysis.costs import counted
from zsad.study.results import leagues_of

page = notebook.start(globals(), "batches")
shown = measured(page, [batches.ALIKE, batches.HALF], "mixed batches")
found = None if shown is None else batches.changes(shown.records, shown.draws)

# %%
if found is not None:
    titles = page.titled(list(dict.fromkeys(found["detector"])))
    leagues = leagues_of(shown.records, page.study, "scores")
    compare = {label for label, league in leagues.items() if league == BATCH}
    page.finding(f"{batches.sentence(found, titles, compare)} On {counted(found)} a suite at most.")

# %% [markdown]
# ## Are damaged products told from good ones?

# %%
if found is not None:
    rows = batches.forest(found, titles)
    page.figure(
        plots.plot_forest(rows, list(dict.fromkeys(rows["row"])), batches.PARTS, "change of image AUROC [points]"),
        "fig-batches",
        "<strong>What a shift of the whole batch changes, and one of half of it</strong>: image AUROC against the same "
        "test pictures as they are, the mean over all shifts of the tables below, with the 95 % interval of the paired "
        "difference; on the right the second less the first. Blue: the interval excludes 0. Which half is shifted is "
        "drawn once, whatever the detector and the shift.",
    )

# %%
if found is not None:
    by_shift = batches.changes(shown.records, shown.draws, by_shift=True)
    with page.folded("Every shift, in numbers"):
        for metric in (metric for metric in batches.METRICS if metric in set(by_shift["metric"])):
            page.table(
                batches.table(by_shift, titles, metric),
                f"tab-batches-{metric}",
                f"<strong>Each shift of a whole batch and of half of it, {batches.METRICS[metric]}.</strong> "
                "Unshifted: percent. All, half: change against the unshifted in points; half against all: the "
                "second less the first; with 95 % intervals of paired differences, each by itself.",
            )
