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
# # Defences: what they cost and give
#
# **What to see.** A defence shows WinCLIP other pictures than the one it is given: several copies, turned or in other
# hues, whose answers are averaged; or one copy without colour. What does it cost where nothing has changed, and does it
# pay where something has? What a threshold that is set anew is worth stands on [another page](decisions.ipynb).

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
from book.tools import defences as loading
from book.tools import page as notebook
from zsad.analysis import costs, defences
from zsad.analysis.corners import ARTEFACT
from zsad.analysis.unmoved import NOTE

page = notebook.start(globals(), "defences")

# %%
shown = loading.shown(page)
for found in shown:
    page.finding(defences.finding(found.costs, found.worth, found.shifts, found.unshifted))

# %% [markdown]
# ## Are damaged products told from good ones?

# %%
for found in shown:
    loading.draw(page, found, "image", costs.IMAGE)

# %% [markdown]
# ## Is the damage found where it is?

# %%
for found in shown:
    loading.draw(page, found, "pixel", costs.PIXEL)

# %%
if shown:
    with page.folded("How it was measured"):
        page.say(
            "Any detector that scores a picture by itself takes a defence as its option `defence`; a study lists them "
            "under labels of their own. The worst cases are searched through the defence, all parameters together and "
            "within the bounds of the paper: the search knows it, and finds what it leaves open. WinCLIP's own search "
            "starts from what searches of single parameters have found; those of the others do not, so that they may "
            "find a little less. Beside the defences stand siblings of the model that saw changed colours or turned "
            "pictures in pre-training (`demo-b-colour`, `demo-b-turned`), and a larger one whose picture tower was "
            "made robust to small changes of pixels (`demo-l-fare2`). Without a shift all test images are counted. "
            "Intervals are those of single comparisons: of twenty without any difference, one would exclude 0. "
            f"{NOTE} {ARTEFACT}"
        )

# %%
for found in shown:
    page.number("costs", defences.conclude_costs(found.costs))
    with page.folded("What defences cost without a shift, in numbers"):
        page.table(
            defences.costs_table(found.costs, found.passes),
            "tab-defences-costs",
            f"<strong>What defences cost without a shift, study {found.study.name}.</strong> Change of means over "
            "categories against WinCLIP, in points with their 95 % interval; passes: forward passes an image.",
            study=found.study.name,
        )

# %%
for found in (found for found in shown if len(found.worth)):
    conclusion = defences.conclude(found.worth, found.passes)
    page.number("worth", conclusion)
    with page.folded("At the worst, in numbers"):
        page.say(conclusion)
        page.table(
            defences.worth_table(found.worth, found.passes),
            "tab-defences",
            f"<strong>Defences and other pre-training, study {found.study.name}.</strong> {found.who}. Passes: forward "
            "passes an image. Unshifted and worst: means in percent. In points with their 95 % interval: cost, the "
            "unshifted change against WinCLIP; drop, from the same images unshifted to their worst; floor, the worst "
            "against WinCLIP's worst.",
            formats={"unshifted": "{:.1f}", "worst": "{:.1f}"},
            study=found.study.name,
        )

# %%
for found in (found for found in shown if len(found.shifts)):
    conclusion = defences.conclude_shifts(found.shifts, found.passes)
    page.number("shifts", conclusion)
    with page.folded("Under one shift for all, in numbers"):
        page.say("Each shift by itself at its extreme dose, the same for every picture. Hue copies leave nothing of a "
                 f"hue shift by a half turn, which only changes their order. {conclusion}")  # fmt: skip
        for metric in (metric for metric in (*costs.IMAGE, "pixel_auroc") if metric in set(found.shifts["metric"])):
            words = defences.METRICS[metric]
            page.table(
                defences.shifts_table(found.shifts, metric, found.passes),
                f"tab-defences-shifts-{metric}",
                f"<strong>{words[0].upper()}{words[1:]} under uniform shifts, study {found.study.name}.</strong> "
                f"{found.who}. Means over categories, in points with their 95 % interval: of WinCLIP the change by the "
                "shift; of the others how far they lie above WinCLIP, unshifted and under the same shift.",
                study=found.study.name,
            )
