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
# # What the words do
#
# **What to see.** Every text the network is trained on is a point on a sphere, and so is every picture it is used on.
# They do not lie in the same place: CLIP keeps texts and pictures apart, which is known as the modality gap
# {cite:p}`liang2022mind`. A network trained on texts alone therefore works only if damage moves pictures in the
# direction in which it moves texts. The figure projects both; the table measures in all dimensions, since a plane shows
# little of them.

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

from book.tools import corruption, plots
from book.tools import page as notebook
from book.tools.absent import say_absent
from book.tools.probes.embedded import images_and_corrupted, training_texts, winclip_prompts
from zsad.analysis.corruption import KIND_WORDS, SEVERITY
from zsad.analysis.embeddings import Sides, distances, evenly, in_words, learning_sentence, principal_plane
from zsad.study.config import DetectorConfig
from zsad.study.evaluate import sizes_of
from zsad.study.run import load_study_detector

page = notebook.start(globals(), "text_space")

# %% [markdown]
# ## Three kinds of texts, and the images
#
# The study's text FNN is trained twice, with words as they are drawn and with learned words, here of 20 words that are
# learned in 20 steps. Its training texts are embedded, and beside them WinCLIP's prompts.

# %%
FEWER = {"diversity_words": 20, "word_steps": 20}  # than by default: a picture of texts needs no more
study, texts = page.study, {}
cases = corruption.corrupted(page, study)
config = next((detector for detector in study.detectors if detector.name == "text_fnn"), None)
ready = cases is not None and config is not None
if ready:
    towers = {}
    suite, category = cases.suites[0], cases.records["category"].iloc[0]
    for name, options in (("words as drawn", {"diversity": None, "guidance": None}), ("learned words", {})):
        changed = DetectorConfig(name=config.name, options={**config.options, **FEWER, **options})
        detector = load_study_detector(study, changed, study.backbones[0], towers)
        texts[name] = Sides(**page.computed(training_texts, detector=detector, category=category))
    backbone = towers[study.backbones[0]]
    prompts = Sides(**page.computed(winclip_prompts, backbone=backbone, category=category))
    texts["WinCLIP's prompts"] = prompts
else:
    say_absent(page, "corruptions and the detector text_fnn")

# %% [markdown]
# At most 32 test images of one category, as a detector is given them, and the same under each of the four corruptions.

# %%
if ready:
    found = page.computed(
        images_and_corrupted,
        backbone=backbone,
        dataset=page.dataset(suite, category, few=32),
        sizes=sizes_of(study),
        kinds=[*KIND_WORDS],
        severity=SEVERITY,
        seed=study.seed,
    )
    corrupted = found.pop("corrupted")
    images = Sides(**found)

# %% [markdown]
# ## A plane through them
#
# The plane of the largest variance of texts and images in equal number, so that neither decides alone.


# %%
def clouds(plane, texts, shown=240):
    """What is drawn: at most so many texts a side."""
    side = {anomalous: plane(evenly(texts.of(anomalous), shown)) for anomalous in (False, True)}
    crosses = plane(np.stack([prompts.mean(False), prompts.mean(True)]))
    return [
        plots.Cloud("texts, normal", side[False], 2, "o", 5),
        plots.Cloud("texts, anomalous", side[True], 4, "o", 5),
        plots.Cloud("images, corrupted", plane(corrupted), 7, "s", 5),
        plots.Cloud("images, normal", plane(images.of(False)), 0, "^", 16),
        plots.Cloud("images, anomalous", plane(images.of(True)), 1, "v", 16),
        plots.Cloud("WinCLIP's prompts", crosses, 3, "x", 45),
    ]


# %% [markdown]
# Look for the distance between texts and images, and whether green and red lie apart in the direction in which blue and
# orange do.

# %%
if ready:
    half = len(images.features) // 2
    shown = [evenly(texts[name].features, half) for name in ("words as drawn", "learned words")]
    plane = principal_plane(np.concatenate([*shown, images.features]))
    first, second = (f"{share:.0%}" for share in plane.shares)
    words = category.replace("_", " ")
    page.figure(
        plots.plot_clouds(
            {name: clouds(plane, texts[name]) for name in ("words as drawn", "learned words")},
            (f"first component ({first} of the variance)", f"second ({second})"),
        ),
        "fig-text-space",
        f"<strong>Texts and images in one space: {words}, {suite}.</strong> Unit embeddings on the first two principal "
        "components of texts and images in equal number. Left: the network's training texts with words as drawn; "
        "right: with learned words (at most 240 a side). Corrupted: the same images, each corruption at severity "
        f"{SEVERITY}. Crosses: the mean of WinCLIP's prompts on each side.",
    )

# %% [markdown]
# ## In all dimensions
#
# Images are drawn again, texts are not: every text that the network was trained on is there.

# %%
if ready:
    table = distances(texts, images, study.seed)
    page.table(
        in_words(table),
        "tab-text-space",
        "<strong>Distances between unit embeddings</strong>, which are at most 2, and a cosine. Gap: between the means "
        "of all texts and of all uncorrupted images. Spread: mean distance of a text from its side's mean. Sides: "
        "between the means of both sides. Direction: cosine of (anomalous minus normal) in texts and in images; 1 "
        "where texts say which way damage moves an image. In brackets: 95 % interval over images, where they count.",
        csv=table.rename_axis("texts").reset_index(),
    )

# %% [markdown]
# How far the gap is beside what tells the sides apart, and what learning the words changed.

# %%
if ready:
    conclusion = learning_sentence(table, images, "words as drawn", "learned words")
    page.say(f"**Conclusion ({words}, {suite}).** {conclusion}")
    page.number("conclusion", conclusion)
