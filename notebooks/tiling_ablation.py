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
# # Which stages of the tiling pipeline earn their place
#
# **What to see.** The report of {cite:t}`baugh2023zero` says why each stage is there and shows no ablation. Here one
# thing at a time is changed, and everything else stays: what falls left of the line was worth having.

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
from book.tools import plots, tiled
from zsad.analysis import stages, tiling
from zsad.study.results import load_sidecars

page = notebook.start(globals(), "tiling_ablation")

# %%
studies = tiled.shown(page)
changes = [stages.changes(cases.records, cases.draws) for cases in studies]
for cases, found in zip(studies, changes, strict=True):
    page.finding(f"{stages.conclusion(found)} {cases.who}.")

# %%
for cases, found in zip(studies, changes, strict=True):
    variants = list(dict.fromkeys(change.variant for change in found))
    if variants:
        page.figure(
            plots.plot_forest(stages.change_rows(found), variants, tiling.METRICS, "variant − pipeline [points]"),
            "fig-tiling-ablation",
            f"<strong>The pipeline with one thing changed</strong>, image level beside pixel level, {cases.who}. Left "
            "of the line, the change costs: the stage earns its place. Lines: 95 % intervals of the difference on the "
            "same pictures; grey where they hold 0.",
            study=cases.study.name,
        )

# %%
for cases, found in zip(studies, changes, strict=True):
    with page.folded("How it was measured, and the changes in numbers"):
        page.say(
            "Each variant and the pipeline saw the same pictures: their difference is a paired one. A stage has earned "
            "its place where the whole interval lies on one side of 0."
        )
        page.table(
            stages.change_table(cases.records, cases.draws, found),
            "tab-tiling-ablation",
            f"<strong>The pipeline with one thing changed.</strong> {cases.who}. F1-max in percent, mean over "
            "categories, with its 95 % interval over test images; Δ: variant − pipeline in points, with "
            "the 95 % interval of the difference on the same pictures; same: equal in every draw.",
            study=cases.study.name,
        )

# %%
for cases in studies:
    sidecars = load_sidecars(cases.pipeline, page.study)
    times, machine = stages.times(cases.pipeline, sidecars), next(iter(sidecars.values()))["machine"]
    if times.empty:
        page.say("The records of this study do not say how long each stage took.")
        continue
    with page.folded("What each stage costs"):
        page.table(
            times,
            "tab-tiling-time",
            "<strong>Time per stage</strong>: milliseconds a picture, as it was spent when the records were computed "
            f"({machine.get('gpu', machine['processor'])}, {machine.get('threads', '?')} thread(s), other work beside "
            "it: compare stages, not machines). A segmenter costs next to nothing where its masks were kept from an "
            "earlier run.",
            formats=dict.fromkeys(times.columns[1:], "{:.1f}"),
            study=cases.study.name,
        )
