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
study = "demo"  # demo, quick, stangl, paper, or a YAML file
suite = None  # another suite than the study's
category = None  # one category alone
backbone = None  # another backbone
device = None  # "cuda" for a GPU
data_root = None  # the folder that holds the suites
limit = None  # at most so many test images a category
options = None  # of detectors, such as {"temperature": 0.01}

# %%
import numpy as np
import pandas as pd

from book.tools import page as notebook
from book.tools import plots, tiled
from book.tools.absent import say_absent
from book.tools.probes.tiling_stages import counts_of, stages_of
from zsad.clip.prompts import ANOMALOUS, NORMAL, STATES
from zsad.study.evaluate import sizes_of
from zsad.study.run import load_study_detector
from zsad.tiling.prompts import EXTRA_STATES, LOCALISING
from zsad.tiling.tiles import Tile

page = notebook.start(globals(), "tiling_picture")

# %%
suite = tiled.pipeline_suite(page.study)
if suite is None:
    categories = []
    say_absent(page, "the tiling pipeline")
else:
    categories = page.study.categories_of(suite)  # missing data are told of before weights are fetched
    config = tiled.pipeline_config(page.study)
    sizes = sizes_of(page.study, config)
    detector = load_study_detector(page.study, config, page.study.backbones[0])

# %% [markdown]
# One damaged picture, from the middle of the damaged ones, goes through all stages. Segmentation finds masks, which are
# drawn over the picture in colours; whatever has a score is a heat map.


# %%
def one_image(category):
    dataset = page.dataset(suite, category)
    damaged = [index for index, label in enumerate(dataset.labels) if label]
    chosen = damaged[len(damaged) // 2]
    found = page.computed(stages_of, detector=detector, dataset=dataset, sizes=sizes, index=chosen)
    return dataset.ids[chosen], found


def panels_of(found):
    photo, soft = plots.to_uint8(found["image"]), np.rint(255 * found["soft"]).astype(np.uint8)
    parts, kept, components = ([*found[name]] for name in ("parts", "kept", "components"))
    return {
        "picture and truth": photo,
        "1: soft foreground": np.repeat(soft[..., None], 3, axis=2),
        f"2: SAM's parts ({len(parts)})": plots.with_masks(photo, parts),
        f"3: those kept ({len(kept)})": plots.with_masks(photo, kept),
        f"4, 5: components ({len(components)})": plots.with_masks(photo, components),
        "6–9: tiles and scores": photo,
        "10: pixel map": found["unscaled"],
        "11: scaled, pasted": found["map"],
    }


# %%
def show_stages(category, id):
    name, found = one_image(category)
    panels, truth, (low, high) = panels_of(found), found["mask"], found["scale"].tolist()
    outlines = [truth, *[None] * 5, truth, truth]
    figure = plots.picture_row([*panels.values()], [*panels], columns=4, scale=(low, high), outlines=outlines)
    tiles = [Tile(*map(int, place)) for place in found["tiles"]]
    plots.draw_boxes(figure.axes[5], tiles, [f"{score:.2f}" for score in found["tile_scores"]])
    page.figure(
        figure,
        id,
        f"<strong>The pipeline on a picture of {category.replace('_', ' ')}</strong> ({suite}, test picture {name}). "
        "The true defect is outlined in light blue. A network gives every pixel a degree of foreground (1); SAM finds "
        f"parts (2), of which those are kept that the foreground covers to {100 * detector.options['coverage']:.0f} % "
        "(3); their union falls into components (4, 5). A square around each is a tile (6), whose score (9) is in its "
        "corner. CLIPSeg maps each tile (10), and the map is multiplied by the tile's score and pasted back (11). One "
        f"logarithmic colour scale, from {low:.2g} to {high:.2g}. Image score (12): {float(found['score'][0]):.2f}.",
    )


for category in categories[:1]:
    show_stages(category, "fig-tiling-stages")

# %% [markdown]
# Not every product falls into pieces. The next one is a single component, and its tile is as large as the product.

# %%
for category in categories[1:][-1:]:
    show_stages(category, "fig-tiling-single")

# %% [markdown]
# ## What segmentation finds
#
# The same first stages on a few test pictures, in the mean over the pictures of a category.

# %%
counts = [
    page.computed(counts_of, detector=detector, dataset=page.dataset(suite, category, few=6), sizes=sizes)
    for category in categories
]
if categories:
    names = [category.replace("_", " ") for category in categories]
    counted = pd.concat(counts, keys=names, names=["category"]).reset_index("category").reset_index(drop=True)
    page.table(
        counted,
        "tab-tiling-counts",
        f"<strong>What the first seven stages find</strong> on {suite}: means over at most six pictures; last, "
        "how many pictures have no foreground and are taken whole, and how many have a component that the rule for "
        f"long parts applies to (more than {detector.options['elongated_aspect']:g} times as long as wide, more than "
        f"{detector.options['elongated_parts']} parts).",
        formats=dict.fromkeys(["parts a picture", "kept", "components", "tiles"], "{:.1f}")
        | {"foreground [% of picture]": "{:.0f}"},
    )

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
#
# WinCLIP's states with those that the report adds, and the prompts that say where damage is.

# %%
sources = {"WinCLIP": STATES, "the report (Fig. 2)": EXTRA_STATES}
prompts = [
    {"side": words, "from": source, "states": states[side]}
    for side, words in ((NORMAL, "normal"), (ANOMALOUS, "anomalous"))
    for source, states in sources.items()
]
prompts = pd.DataFrame([*prompts, {"side": "localising", "from": "the report (Fig. 2)", "states": LOCALISING}])
prompts["number"] = prompts["states"].map(len)

# %%
if categories:
    templates = detector.options["templates"]
    page.table(
        prompts.assign(states=["; ".join(states).replace("{}", "[o]") for states in prompts["states"]]),
        "tab-tiling-prompts",
        "<strong>The prompts</strong> (the report's Fig. 2, beside WinCLIP's). [o] stands for the object; each state "
        f"is put into {len(templates)} templates such as “{templates[0]}”. Localising prompts are given to CLIPSeg as "
        "they are, “an error” twice, as printed.",
    )

# %% [markdown]
# The demo models were taught few words. A word that they never saw says nothing to them.

# %%
known = set(getattr(detector.backbone.tokenizer, "vocabulary", ())) if categories else set()
if known:
    words = sorted(
        {word for states in prompts["states"] for state in states for word in state.replace("{}", "").split()}
    )
    unknown = [word for word in words if word not in known]
    page.say(
        f"Of the {len(words)} different words in these prompts, {len(unknown)} never occurred in the training of "
        f"`{detector.backbone.name}`, which spells them letter by letter: {', '.join(unknown)}. A CLIP trained on "
        "the web knows them all; here the report's longer lists can help less than they might there."
    )
    page.number("unknown-words", len(unknown), f"{len(unknown)} of {len(words)}")
