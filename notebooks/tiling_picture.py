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
# # The tiling pipeline, stage by stage
#
# **What to see.** A detector that scales every picture down to its input loses small damage. The pipeline of
# {cite:t}`baugh2023zero` first looks for the product: a network for dichotomous segmentation {cite:p}`qin2022dis`
# marks the foreground, SAM {cite:p}`kirillov2023segment` its parts, and each connected piece is cut out as a tile of
# its own. CLIP scores the tile; CLIPSeg {cite:p}`luddecke2022clipseg` maps it, once for each of 19 prompts such as "a
# scratch". The numbers of the panels are those of the stages.

# %% tags=["parameters"]
study = "quick"  # quick, demo, paper, or a YAML file
suite = None  # another suite than the study's
category = None  # one category alone
backbone = None  # another backbone
device = None  # "cuda" for a GPU
data_root = None  # the folder that holds the suites
limit = None  # at most so many test images a category
options = None  # of detectors, such as {"temperature": 0.01}

# %%
from book.tools import page as notebook
from book.tools.absent import say_absent
from book.tools.pages.tiled import suite_of
from book.tools.pages.tiling_picture import pipeline, show_counts, show_prompts, show_stages

page = notebook.start(globals(), "tiling_picture")

# %%
suite = suite_of(page.study)
if suite is None:
    say_absent(page, "the tiling pipeline")
else:
    categories = page.study.categories_of(suite)  # missing data are told of before weights are fetched
    detector = pipeline(page)
    show_stages(page, detector, suite, categories[0], "fig-tiling-stages")

# %% [markdown]
# Not every product falls into pieces. The next one is a single component, and its tile is as large as the product.

# %%
if suite is not None and len(categories) > 1:
    show_stages(page, detector, suite, categories[-1], "fig-tiling-single")

# %% [markdown]
# ## What segmentation finds

# %%
if suite is not None:
    show_counts(page, detector, suite)

# %% [markdown]
# ## From scores to one number
#
# With unit text embeddings $t_i$ of a side and the unit embedding $v$ of a tile, the pipeline averages cosines where
# WinCLIP takes the cosine with the average text. The two differ by one factor for each side, the length of that text:
#
# $$
# s = \frac{1}{n} \sum_i \langle t_i, v \rangle = \langle m, v \rangle, \qquad
# m = \frac{1}{n} \sum_i t_i, \qquad s_\text{WinCLIP} = \frac{\langle m, v \rangle}{\lVert m \rVert}
# $$
#
# A tile's score is $a_t = \operatorname{softmax}([s_\text{normal}, s_\text{anomalous}] / \tau)_\text{anomalous}$.
# Its map $H_t$ is the harmonic mean over the $K$ prompts, and a pixel gets the mean over the tiles that cover it:
#
# $$
# H_t(x) = \frac{K}{\sum_k 1 / (p_k(x) + \varepsilon)}, \qquad
# A(x) = \frac{1}{\lvert \{t \ni x\} \rvert} \sum_{t \ni x} a_t H_t(x)
# $$
#
# The score of the picture is the mean of the highest quarter of the component scores, each the mean over its tiles.
#
# ## The prompts

# %%
if suite is not None:
    show_prompts(page, detector)
