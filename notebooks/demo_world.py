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
# # The demo world
#
# **What to see.** Rendered products with rendered damage, written to disk in the layouts of MVTec AD
# {cite:p}`bergmann2019mvtec` and VisA {cite:p}`zou2022spot` and read by the same code that reads the real ones. It
# exists so that the whole study runs, from pictures to pages, on any machine without a download or a licence click.
#
# **What it is.** Each picture has lamp, shadow, background, texture and camera noise drawn by chance, from a seed;
# the mask is exact, because the renderer knows what it damaged. Some damage is told by shape (a crack, a hole), some
# by colour alone (rust, a stain), some by pose alone (a part turned or in the wrong place). The model `demo-b` was
# trained on *other* rendered things with and without damage, and on the products below only undamaged: their damage
# is seen for the first time at test.
#
# **What it is not.** It is not a photograph of anything, and `demo-b` is not OpenAI's or LAION's CLIP. A number
# measured here says how a small model of the same kind behaves in a small world. Whether CLIP behaves so must be
# measured with CLIP: see [](rerun.md).

# %% tags=["parameters"]
study = "demo"  # demo, quick, stangl, paper, or a YAML file
suite = None  # another suite than the study's first
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
from book.tools import plots
from book.tools.absent import say_absent, say_not_kept
from book.tools.demo_world import kinds_of, ranked, under_every_shift
from book.tools.probes.prompt_aurocs import prompt_aurocs
from zsad.analysis import defects, unshifted, widths
from zsad.analysis.differences import by_key
from zsad.analysis.domains import SAME
from zsad.clip.prompts import ANOMALOUS, NORMAL, STATES
from zsad.data.demo.specimen import POSE_FAULTS
from zsad.study.evaluate import sizes_of

page = notebook.start(globals(), "demo_world")
drawn = [name for name in page.study.suites if page.study.is_demo(name)]  # this page is about no other
if not drawn:
    say_absent(page, "a suite of the demo world")
    for key in ("swapped", "nonsense"):
        page.number(key, "not in this study")

# %% [markdown]
# ## Gallery
#
# The first test picture of every kind of defect, the undamaged one in front.


# %%
def first_images(dataset):
    for defect in sorted(set(dataset.defects), key=lambda name: (name != "good", name)):
        sample = dataset[dataset.defects.index(defect)]
        image = plots.to_uint8(sample.image)
        if sample.mask is not None and sample.mask.any():
            image = plots.outline(image, sample.mask.numpy())
        yield image, defect.replace("_", " ")


# %%
products = [(suite, category) for suite in drawn for category in page.study.categories_of(suite)]
groups = [
    (f"{suite}: {category.replace('_', ' ')}", [*first_images(page.dataset(suite, category))])
    for suite, category in products
]
if drawn:
    page.figure(
        plots.gallery(groups),
        "fig-gallery",
        "<strong>One test picture of every category and defect.</strong> The first of each row is undamaged; in the "
        "others a light-blue line runs two pixels outside the exact mask.",
    )

# %% [markdown]
# ## WinCLIP without any shift
#
# The published numbers beside the means are WinCLIP's own on the real data sets: a **different world**, shown to say
# how hard this one was made, not to compare models.

# %%
if drawn:
    records = page.records("none", suites=drawn, **page.first)
    records = records[records["metric"].isin(unshifted.SHOWN)]
    if records.empty:
        say_not_kept(page, "unshifted records of WinCLIP")

# %%
printed = unshifted.printed_means(page.published("winclip_per_category"))
if drawn and len(records):
    levels = unshifted.with_means(records)
    page.table(
        unshifted.levels_table(levels, printed).rename(columns=plots.METRIC_NAMES),
        "tab-clean",
        "<strong>WinCLIP without shift</strong>, in percent, with 95 % intervals from a bootstrap over "
        "test images; the mean's interval is about these categories. Rows marked real are published numbers from "
        "another world.",
        formats={"images": "{:.0f}"},
        csv=records.drop(columns="key"),
    )
    for mean in levels[levels["category"] == "mean"].itertuples():
        page.number(f"{mean.suite}_{mean.metric}", mean.estimate, f"{mean.estimate:.1f} %")

# %% [markdown]
# The size and the contrast of the defects were set once, with WinCLIP on `demo-b`, before any other result was
# computed, aiming at the published means; the tables say how near that came. How hard the world is, is therefore a
# choice; how a shift changes it, is not.

# %% [markdown]
# ## Which kinds of damage are seen
#
# Each kind of defect by itself, against the good pictures of its product: a scratch on wood is one kind, a scratch on a
# washer another. A part in the wrong pose is no damage to a surface. Whoever is shown one picture, and words about
# damage, is not told how the part should lie, so that no model of this kind is expected to see it: wrong poses stand
# by themselves. Of a suite's domains the one counts that its good training pictures show.

# %%
kinds = None
if drawn and len(records):
    shown = [name for name in drawn if page.study.suites[name].domain in (None, SAME)]
    one = records[records["suite"].isin(shown) & (records["metric"] == "image_auroc")]
    (title,) = page.titled(records["detector"]).values()
    who, how = (
        f"{title} on {records['backbone'].iloc[0]}",
        {"replicates": page.study.bootstrap, "seed": page.study.seed},
    )
if drawn and len(records) and len(one):
    images = defects.with_kinds(page.details("images", one), kinds_of(page, one))
    kinds = defects.by_kind(images, POSE_FAULTS, **how)
    if kinds.empty:
        page.say(f"Not said here: it takes {defects.LEAST} test images of a kind, and as many good ones.")

# %%
if kinds is not None and len(kinds):
    said = defects.sentence(kinds, defects.without(images, POSE_FAULTS, **how), who)
    page.say(said)
    page.number("kinds", said)
    page.figure(
        plots.plot_ranked(ranked(kinds, shown), "image AUROC [%]", defects.CHANCE),
        "fig-kinds",
        f"<strong>Which kinds of damage are seen.</strong> {who}, no shift: image AUROC of each kind of defect against "
        "the good test pictures of its product, worst first, wrong poses last. Lines: 95 % interval from a bootstrap "
        "over images, each by itself; of forty kinds that are not seen one would lie above by chance. Dotted: chance. "
        "Hollow: not told from it.",
    )

# %% [markdown]
# ## How wide the intervals are
#
# The suites are as large as they are so that the fall of a suite's mean image AUROC under one shift is known to about
# two points to either side. Whether it is, is counted over every dose that is kept.

# %%
halves = None
if drawn and len(records) and not page.overrides:
    every = under_every_shift(page, one)
    every = every[every["metric"] == widths.METRIC]
    halves = widths.half_widths(every, by_key(page.details("replicates", every), widths.METRIC))
    if halves.empty:
        page.say("Not said here: no shift of this study is of a whole suite.")

# %%
if halves is not None and len(halves):
    found = widths.widths(halves)
    page.number("widths", widths.sentence(found))
    with page.folded("Half widths of the intervals, suite by suite"):
        page.say(widths.sentence(found))
        page.table(
            widths.widths_table(found),
            "tab-widths",
            "<strong>Half widths of 95 % intervals</strong> of the mean drop in image AUROC, in points: of whole "
            f"suites under each dose that is kept of each shift, {who}.",
            csv=halves,
        )

# %% [markdown]
# ## Does bfloat16 matter?
#
# The same study again, in the other of the two data types; computed where the page is made with parameters of its
# own, and left out where it shows kept records, all of which are float32. The domains of one suite show the same
# product, which would then count several times: they are left out.

# %%
whole = [name for name in drawn if page.study.suites[name].domain is None] or drawn
both = bool(drawn) and not page.shows_kept
if both:
    other = "bfloat16" if page.study.dtype == "float32" else "float32"
    variant = page.records("none", study=page.study.with_overrides(dtype=other), suites=whole, **page.first)
    plain, short = (records, variant) if other == "bfloat16" else (variant, records)
    changes = unshifted.changes(*(part[part["metric"].isin(unshifted.SHOWN)] for part in (plain, short)))

# %%
if both:
    effect = unshifted.changes_table(changes)
    page.table(
        effect.replace({"metric": plots.METRIC_NAMES}),
        "tab-bfloat16",
        "<strong>bfloat16 minus float32</strong>: the same pictures and weights, the network computed with 8 instead "
        "of 24 significant bits.",
        formats={c: "{:+.2f}" for c in effect.columns[2:]},
    )
    largest = changes["difference"].abs().max()
    page.number("bfloat16", largest, f"{largest:.2f} points")
    page.say(f"The largest change of any category's image AUROC, pixel AUROC or AUPRO is {largest:.2f} points.")

# %% [markdown]
# ## Controls
#
# If the words carry the result, words about nothing must lose it. One set of such words still points somewhere by
# accident, so twenty are drawn at random: their mean should be chance, and the words about damage should lie outside
# the range that they span. Swapping both sides turns every score round, so that the AUROC becomes 100 less what it was:
# that is arithmetic, and would hold of a model that had learned nothing. It shows that the code takes the sides
# from the words.

# %%
NOTHING = """on a Monday, on a Tuesday, on a Friday, on a Sunday, in spring, in autumn, in winter, in Paris, in Rome,
in Oslo, by the sea, by the lake, from above, from the left, of the first kind, of the second kind, at noon, at night,
for two, for ten""".replace("\n", " ").split(", ")
rng = np.random.default_rng(page.study.seed)
damage = {side: [*STATES[side]] for side in (NORMAL, ANOMALOUS)}
words = {unshifted.PUBLISHED: damage, unshifted.SWAPPED: {NORMAL: damage[ANOMALOUS], ANOMALOUS: damage[NORMAL]}}
for draw in range(20):
    phrases = [f"{{}} {when_or_where}" for when_or_where in rng.permutation(NOTHING)[:8]]
    words[f"{unshifted.NONSENSE} {draw}"] = {NORMAL: phrases[:4], ANOMALOUS: phrases[4:]}

# %% [markdown]
# Each set of words ranks the test pictures of a category; its AUROC says how well.

# %%
if drawn:
    asked = {"backbone": page.detector().backbone, "variants": words, "sizes": sizes_of(page.study)}
    found = [
        page.computed(prompt_aurocs, dataset=page.dataset(suite, category, few=24), **asked).assign(
            suite=suite, category=category
        )
        for suite, category in products
        if suite in whole
    ]
    aurocs = pd.concat(found).pivot_table(index=["suite", "category"], columns="prompts", values="auroc")
    controls = unshifted.other_words(100 * aurocs[[*words]])

# %%
if drawn:
    shown = controls.assign(category=controls["category"].str.replace("_", " ")).rename(
        columns={"nonsense": "nonsense, mean of 20", "lowest": "lowest of 20", "highest": "highest of 20"}
    )
    page.table(
        shown,
        "tab-controls",
        "<strong>Image AUROC with other words</strong>, in percent. Swapped: the normal and the anomalous phrases "
        "change sides. Nonsense: phrases that say nothing about damage on both sides, twenty draws. 50 is chance. At "
        "most 24 pictures a category.",
        formats={name: "{:.1f}" for name in shown.columns[2:]},
    )
    for key in (unshifted.NONSENSE, unshifted.SWAPPED):
        page.number(key, controls[key].iloc[-1], f"{controls[key].iloc[-1]:.1f} %")
    page.say(unshifted.other_words_sentence(controls))
