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
# **What to see.** One damaged product under the four corruptions of the protocol for anomaly detection under
# distribution shift {cite:p}`cao2023anomaly`, which takes them from ImageNet-C {cite:p}`hendrycks2019benchmarking`:
# more brightness, less contrast, a lens out of focus, noise. Severity 0 is the picture as it is. A person sees the
# damage in most of these pictures; the pages after this one measure whether the detectors do.
#
# Pictures are corrupted at the size they have on disk, before they are scaled to the size that a detector is given,
# as the protocol's script does: blur and noise are per pixel, so the order matters. The product and its damage are
# what they were; so the truth is too.

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
from book.tools.absent import say_absent
from zsad.analysis.corruption import KIND_WORDS, ranks_of
from zsad.perturb.corruptions import BRIGHTNESS, CONTRAST, DEFOCUS, NOISE
from zsad.robustness.corruption import Corruption, corrupted
from zsad.study.shifts import MAX_SEVERITY

page = notebook.start(globals(), "corruptions")

# %% [markdown]
# ## The picture
#
# The first category that the study corrupts, and of its damaged test pictures the one with the median size of damage:
# neither the plainest nor the hardest.

# %%
cases = corruption.corrupted(page, page.study)
suite = next(iter(page.study.suites)) if cases is None else cases.suites[0]
category = page.study.categories_of(suite)[0] if cases is None else cases.records["category"].iloc[0]
anomalous = [sample for sample in page.dataset(suite, category, few=24) if sample.label]
anomalous.sort(key=lambda sample: 0 if sample.mask is None else int(sample.mask.sum()))
sample = anomalous[len(anomalous) // 2]

# %% [markdown]
# The strength of each severity, 1 to 5, in the corruption's own unit. It stands above the pictures below.

# %%
strengths = {
    "brightness": [f"+{value:g}" for value in BRIGHTNESS],
    "contrast": [f"× {value:g}" for value in CONTRAST],
    "defocus_blur": [f"{radius} px" for radius, _ in DEFOCUS],
    "gaussian_noise": [f"± {value:g}" for value in NOISE],
}

# %% [markdown]
# The picture under each corruption (rows) at each severity (columns). Where do you lose sight of the damage?

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
# ## What detectors make of it
#
# Each detector scores every picture of the category. What counts is how many normal ones score lower.

# %%
if cases is None:
    say_absent(page, "corruptions")
else:
    here = (cases.records["suite"] == suite) & (cases.records["category"] == category)
    ranks = ranks_of(page.details("images", cases.records[here]), sample.id)
    page.table(
        ranks,
        "tab-corruption-scores",
        "<strong>Is the damage of this picture still seen?</strong> Share of the normal pictures of the category, "
        "under the same corruption, that score lower than this damaged one; 100 where it stands out from all of them.",
        formats=dict.fromkeys(ranks.columns[2:], "{:.0f}"),
    )
