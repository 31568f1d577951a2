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
# # Four corruptions of one picture
#
# More brightness, less contrast, a lens out of focus, noise: the corruptions of the protocol for anomaly detection
# under distribution shift {cite:p}`cao2023anomaly`, which takes them from ImageNet-C
# {cite:p}`hendrycks2019benchmarking`. A person sees the damage in most of these pictures. Does a detector?

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
from book.tools import corruption, plots
from book.tools import page as notebook
from book.tools.probes.blocks import costs_by
from zsad.analysis import costs
from zsad.analysis.corruption import KIND_WORDS, kind_finding, ranks_of
from zsad.perturb.corruptions import BRIGHTNESS, CONTRAST, DEFOCUS, NOISE
from zsad.robustness.corruption import Corruption, corrupted
from zsad.study.shifts import MAX_SEVERITY

page = notebook.start(globals(), "corruptions")

# %%
cases = next(iter(corruption.shown(page)), None)  # what is absent is said
if cases is not None:
    cost = costs_by(cases.measured, ["suite", "detector", "backbone", "setting", "value"])
    page.finding(kind_finding(cost))

# %% [markdown]
# ## The picture
#
# Rows are corruptions, columns severities. Where do you lose sight of the damage?

# %%
suite = next(iter(page.study.suites)) if cases is None else cases.suites[0]
category = page.study.categories_of(suite)[0] if cases is None else cases.records["category"].iloc[0]
anomalous = [sample for sample in page.dataset(suite, category, few=24) if sample.label]
anomalous.sort(key=lambda sample: 0 if sample.mask is None else int(sample.mask.sum()))
sample = anomalous[len(anomalous) // 2]

# %%
strengths = {
    "brightness": [f"+{value:g}" for value in BRIGHTNESS],
    "contrast": [f"× {value:g}" for value in CONTRAST],
    "defocus_blur": [f"{radius} px" for radius, _ in DEFOCUS],
    "gaussian_noise": [f"± {value:g}" for value in NOISE],
}

# %%
severities = range(MAX_SEVERITY + 1)
images = [
    plots.to_uint8(corrupted(sample, Corruption(kind, severity, seed=page.study.seed)).image)
    for kind in KIND_WORDS
    for severity in severities
]
titles = [title for kind in KIND_WORDS for title in ("as it is", *strengths[kind])]
height, width = sample.image.shape[-2:]
page.figure(
    plots.picture_row(images, titles, columns=len(severities), row_labels=[*KIND_WORDS.values()]),
    "fig-corruptions",
    f"<strong>Four corruptions at severities 0 to {MAX_SEVERITY}</strong> (columns) of one "
    f"{category.replace('_', ' ')} ({suite}, test picture {sample.id}, {width} × {height} pixels; of the anomalous "
    "ones that with the median size of damage). Above each: what is added to brightness, the contrast that is kept, "
    "the radius of the blur in pixels, the standard deviation of the noise; values from 0 to 1.",
)

# %% [markdown]
# ## Are damaged products told from good ones?

# %%
if cases is not None:
    strongest = cost[(cost["value"] == cost["value"].max()) & (cost["suite"] == cost["suite"].iloc[0])]
    points = costs.levels(strongest, "setting", "none").rename(columns={"detector": "series", "setting": "group"})
    groups = {"none": "as it is"} | {kind: words for kind, words in KIND_WORDS.items() if kind in set(points["group"])}
    about = f"at severity {strongest['value'].iloc[0]:g}, {strongest['suite'].iloc[0]}."
    labels = {metric: f"{words} [%]" for metric, words in costs.IMAGE.items() if metric in set(points["metric"])}
    page.figure(
        plots.plot_dots_below(points, cases.detectors, groups, labels),
        "fig-corruptions-image",
        f"<strong>Image level under each corruption</strong> {about} {cases.who}. From left to right: "
        f"{', '.join(cases.detectors)}; lines: 95 % interval. The vertical axes do not start at zero.",
        study=cases.study.name,
    )

# %% [markdown]
# ## Is the damage found where it is?

# %%
if cases is not None:
    labels = {metric: f"{words} [%]" for metric, words in costs.PIXEL.items() if metric in set(points["metric"])}
    if labels:
        page.figure(
            plots.plot_dots_below(points, cases.detectors, groups, labels),
            "fig-corruptions-pixel",
            f"<strong>Pixel level under each corruption</strong> {about} The same images, of detectors that say where "
            "the damage is. The vertical axes do not start at zero.",
            study=cases.study.name,
        )

# %%
with page.folded("How it was measured"):
    page.say(
        "Pictures are corrupted at the size they have on disk, before they are scaled to the size that a detector is "
        "given, as the protocol's script does: blur and noise are per pixel, so the order matters. The picture shown "
        "is of the first category that the study corrupts, and of its damaged test pictures the one with the median "
        f"size of damage. {costs.HOW} The corruption that costs most was chosen after looking."
    )

# %%
if cases is not None:
    here = (cases.records["suite"] == suite) & (cases.records["category"] == category)
    ranks = ranks_of(page.details("images", cases.records[here]), sample.id)
    with page.folded("Is the damage of this one picture still seen?"):
        page.table(
            ranks,
            "tab-corruption-scores",
            "<strong>Is the damage of this picture still seen?</strong> Share of the normal pictures of the category, "
            "under the same corruption, that score lower than this damaged one; 100 where it stands out from all of "
            "them.",
            formats=dict.fromkeys(ranks.columns[2:], "{:.0f}"),
        )
