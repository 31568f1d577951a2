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
# # Where the worst cases lie (Fig. 5)
#
# **What to see.** The angle, hue shift or saturation shift that the search kept for each picture. If one value were bad
# for all, the bars would stand in one place. Is there a peak near 0, as the paper {cite:p}`stangl2024semantic` finds?

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
from book.tools.worst import shown
from zsad.analysis import parameters

page = notebook.start(globals(), "worst_parameters")

# %%
studies = shown(page)
counts = [parameters.count_parameters(cases.samples, cases.bounds) for cases in studies]
for cases, table in zip(studies, counts, strict=True):
    if table.empty:
        nothing = "Not in this study: worst cases of a single setting; all three at once have no histogram here."
        page.say(nothing)
        page.number("conclusion", nothing)
    else:
        page.finding(parameters.finding(cases.samples, cases.bounds))
        page.number("counted", parameters.conclude(cases.samples, cases.bounds))

# %% [markdown]
# ## Angles
#
# As in the paper, of objects without an upright pose alone.

# %%
COUNTED = (
    "Number of test images (in brackets: all of a panel) by the value that the search kept, anomalous and normal ones "
    "stacked; dotted: no shift, in the middle of its bin."
)
for cases in studies:
    samples = cases.rotation_invariant()
    angles = samples[samples["setting"] == "angle"]
    if len(angles):
        page.figure(
            plots.plot_histograms(angles, "angle", cases.bounds["angle"]),
            "fig-worst-angles",
            "<strong>The worst angle of each image, objects without an upright pose (Fig. 5 of the paper), study "
            f"{cases.study.name}.</strong> {parameters.names(angles)}. {COUNTED}",
            study=cases.study.name,
        )

# %% [markdown]
# ## Every category, and the colours
#
# The worst angle, hue shift and saturation shift of every image searched, each found by a search of its own.

# %%
for cases in studies:
    for setting, samples in cases.samples.groupby("setting", sort=False):
        if setting in parameters.NOUNS:
            page.figure(
                plots.plot_histograms(samples, setting, cases.bounds[setting]),
                f"fig-worst-{setting}",
                f"<strong>The worst {parameters.NOUNS[setting]} of each image, every category searched, study "
                f"{cases.study.name}.</strong> {parameters.names(samples)}. {COUNTED}",
                study=cases.study.name,
            )

# %%
for cases, table in zip(studies, counts, strict=True):
    if table.empty:
        continue
    with page.folded("How it was measured, and the shares in numbers"):
        page.say(
            f"{cases.who}. Each parameter was searched by itself. Whether a histogram has a peak is decided by "
            "counting: how many images lie near 0, against an even spread. The paper puts its peak down to a search "
            "that is misled by the empty corners of a turned map, which score 0 and so look normal. "
            f"{parameters.conclude(cases.samples, cases.bounds)}"
        )
        page.table(
            table,
            "tab-worst-parameters",
            f"<strong>Where the worst cases lie, study {cases.study.name}</strong>, in percent of the images. At 0: "
            "the image as it is, no evaluation was worse. Near 0: within "
            f"{parameters.NEAR:.0%} of the half-width of what was searched, 0 itself included. At the bound: within "
            "the outermost 1 % of it; a hue that may go all the way round has no bound.",
            formats=dict.fromkeys(("at 0 [%]", "near 0 [%]", "at the bound [%]"), "{:.1f}"),
            study=cases.study.name,
        )
