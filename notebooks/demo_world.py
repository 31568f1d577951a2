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
study = "quick"  # quick, demo, paper, or a YAML file
suite = None  # another suite than the study's first
category = None  # one category alone
backbone = None  # another backbone
device = None  # "cuda" for a GPU
data_root = None  # the folder that holds the suites
limit = None  # at most so many test images a category
options = None  # of detectors, such as {"temperature": 0.01}

# %%
import pandas as pd

from book.tools import page as notebook
from book.tools import plots
from book.tools.absent import say_absent
from book.tools.pages.controls import show_controls
from zsad.analysis.means import mean_over_categories
from zsad.study import load_records, load_study

page = notebook.start(globals(), "demo_world")
drawn = [name for name in page.study.suites if page.study.is_demo(name)]  # this page is about no other
if not drawn:
    say_absent(page, "a suite of the demo world")
    for key in ("swapped", "nonsense"):
        page.number(key, "not in this study")

# %% [markdown]
# ## Gallery

# %%
groups = []
for suite in drawn:
    for category in page.study.categories_of(suite):
        dataset = page.dataset(suite, category)
        first = {}
        for index, defect in enumerate(dataset.defects):
            first.setdefault(defect, index)
        pictures = []
        for defect in sorted(first, key=lambda name: (name != "good", name)):
            sample = dataset[first[defect]]
            picture = plots.to_uint8(sample.image)
            if sample.mask is not None and sample.mask.any():
                picture = plots.outline(picture, sample.mask.numpy())
            pictures.append((picture, defect.replace("_", " ")))
        groups.append((f"{suite}: {category.replace('_', ' ')}", pictures))
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
SHOWN = ["image_auroc", "pixel_auroc", "aupro"]
published = page.published("winclip_per_category")
published = published[(published["method"] == "WinCLIP") & (published["category"] == "mean")]
published["metric"] = published["metric"].replace({"pixel_aupro": "aupro", "pro": "aupro"})
REAL = {"demo-mvtec": "MVTec AD", "demo-visa": "VisA"}


def with_interval(row):
    return f"{100 * row.estimate:.1f} ({100 * row.low:.1f} to {100 * row.high:.1f})".replace(" ", "\u00a0")


def clean_table(records, id, suffix=""):
    rows = []
    for suite, of_suite in records.groupby("suite"):
        for category, group in of_suite.groupby("category", sort=False):
            cells = {plots.METRIC_NAMES[r.metric]: with_interval(r) for r in group.itertuples()}
            count = group["n_images"].iloc[0]
            rows.append({"suite": suite, "category": category.replace("_", " "), "images": count, **cells})
        mean = mean_over_categories(of_suite, by=("metric",))
        cells = {plots.METRIC_NAMES[r.metric]: with_interval(r) for r in mean.itertuples()}
        count = of_suite.drop_duplicates("category")["n_images"].sum()
        rows.append({"suite": suite, "category": "mean", "images": count, **cells})
        for r in mean.itertuples():
            page.number(f"{suite}_{r.metric}{suffix}", 100 * r.estimate, f"{100 * r.estimate:.1f} %")
        real = published[published["dataset"] == REAL.get(suite)].set_index("metric")["value"]
        if len(real):
            cells = {plots.METRIC_NAMES[m]: f"{real[m]:.1f}" for m in SHOWN if m in real}
            rows.append({"suite": f"{REAL[suite]} (real)", "category": "published mean", "images": None, **cells})
    study = records["study"].iloc[0]
    page.table(
        pd.DataFrame(rows),
        id,
        f"<strong>WinCLIP without shift, study {study}</strong>, in percent, with 95 % intervals from a bootstrap "
        "over test "
        "images; the mean's interval is about these categories. Rows marked real are published numbers from "
        "another world.",
        formats={"images": "{:.0f}"},
        study=study,
        csv=records.drop(columns="key"),
    )


if not page.overrides:
    kept = load_records("demo")
    first = load_study("demo", check_models=False)
    kept = kept[(kept["detector"] == first.detectors[0].label) & (kept["backbone"] == first.backbones[0])]
    kept = kept[(kept["shift"] == "none") & (kept["variant"] == "default")]
    clean_table(page.uses(kept[kept["metric"].isin(SHOWN)]), "tab-clean-demo", "-demo")
if drawn:
    records = page.records("none", suites=drawn, **page.first)
    records = records[records["metric"].isin(SHOWN)]
    clean_table(records, "tab-clean")

# %% [markdown]
# The size and the contrast of the defects were set once, with WinCLIP on `demo-b`, before any other result was
# computed, aiming at the published means; the tables say how near that came. How hard the world is, is therefore a
# choice; how a shift changes it, is not.

# %% [markdown]
# ## Does bfloat16 matter?

# %%
if drawn:
    other = "bfloat16" if page.study.dtype == "float32" else "float32"
    # The domains of one suite show the same product: they would count several times.
    whole = [name for name in drawn if page.study.suites[name].domain is None] or drawn
    variant = page.records("none", study=page.study.with_overrides(dtype=other), suites=whole, **page.first)
    both = records.merge(variant, on=["suite", "category", "metric"], suffixes=("_a", "_b"))
    both["difference"] = 100 * (both["estimate_b"] - both["estimate_a"]) * (1 if other == "bfloat16" else -1)
    effect = both.groupby(["suite", "metric"])["difference"].agg(["mean", lambda d: d.abs().max()]).reset_index()
    effect.columns = ["suite", "metric", "mean change [points]", "largest change of a category [points]"]
    effect["metric"] = effect["metric"].map(plots.METRIC_NAMES)
    page.table(
        effect,
        "tab-bfloat16",
        "<strong>bfloat16 minus float32</strong>: the same pictures and weights, the network computed with 8 instead "
        "of 24 significant bits.",
        formats={c: "{:+.2f}" for c in effect.columns[2:]},
    )
    largest = both["difference"].abs().max()
    page.number("bfloat16", largest, f"{largest:.2f} points")
    page.say(f"The largest change of any category's image AUROC, pixel AUROC or AUPRO is {largest:.2f} points.")

# %% [markdown]
# ## Controls
#
# If the words carry the result, swapping them must turn it round, and words about nothing must lose it. One set of such
# words still points somewhere by accident, so twenty are drawn at random: their mean should be chance, and the words
# about damage should lie outside the range that they span.

# %%
if drawn:
    show_controls(page, whole)
