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
# # Which part of the text FNN matters
#
# **What to see.** The method trains a network on vectors of texts, `[diversity words] [distribution words] metal nut.`
# for normal and `… broken metal nut.` for damaged ones. The words are learned: unlike each other, so that the texts are
# many, and guided, so that the texts keep their meaning. Here one part at a time is taken away. Its parent PromptStyler
# {cite:p}`cho2023promptstyler` found that words drawn at random and left untrained are a strong rival already, so that
# is the comparison to look at first.

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
from book.tools import corruption
from book.tools import page as notebook
from book.tools.probes.embedded import unlikeness
from zsad.analysis.ablation import ablation_sentence, ablation_table, gaps, learned_against_drawn, words_table
from zsad.study.run import load_study_detector

page = notebook.start(globals(), "text_ablation")

# %% [markdown]
# ## One part at a time
#
# Each variant is a detector of its own, trained with one or several seeds; RWDA and WinCLIP stand beside them where the
# same severity was measured.

# %%
others = ("rwda", "winclip")
shown = corruption.shown(page, "variants of the text FNN", block="ablation", beside="default", labels=others)

# %%
for cases in shown:
    variants = corruption.variants(cases)
    against = gaps(cases, variants)
    page.finding(f"{ablation_sentence(against)} {cases.who.removesuffix(cases.how)}.")
    absent = f" Not computed yet: {', '.join(cases.absent)}." if cases.absent else ""
    page.table(
        ablation_table(cases, variants, against),
        "tab-text-ablation",
        f"<strong>The text FNN with one thing changed.</strong> {cases.who}. Image AUROC in percent, mean over seeds, "
        "with its 95 % interval over test images; sd: standard deviation over seeds, in points. "
        f"Corrupted: mean of the four corruptions at severity {cases.severity}. Last: difference of the corrupted "
        "means with its 95 % interval; a variant and the method see the same images in every bootstrap draw."
        f"{absent}{corruption.guided(cases)}",
        formats={"sd clean": "{:.2f}", "sd corrupted": "{:.2f}"},
        study=cases.study.name,
    )

# %% [markdown]
# ## How unlike the words are
#
# The words are learned from text alone, so no image is needed: train each text FNN whose words differ and measure the
# angles between their text features. Where the page shows kept records, only the method and random words, one seed
# each. Learned words should be less alike than words as they are drawn, and the texts should keep their meaning.

# %%
unlike = []
for cases in shown:
    category, towers, rows = cases.records["category"].iloc[0], {}, []
    for config in corruption.with_own_words(cases.study, seeds=not page.shows_kept):
        detector = load_study_detector(cases.study, config, cases.study.backbones[0], towers)
        row = page.computed(unlikeness, cases.study, detector=detector, category=category)
        rows.append(row.assign(variant=config.label, seed=detector.options["seed"]))
    if rows:
        unlike.append((cases, category.replace("_", " "), words_table(rows)))

# %%
if not unlike:
    page.say("Not measured here: no variants of the text FNN are there.")
for cases, category, table in unlike:
    page.table(
        table,
        "tab-word-cosines",
        "<strong>How unlike the words are</strong>: mean |cosine| of the text features of all pairs of words; 0 where "
        "all are orthogonal, 1 where all are one. Diversity words are the same for every object; distribution words "
        f"are those for “{category}”. Of the training texts, in percent: moved right, the share that “broken” or "
        "“damaged” moves towards the anomalous side; nearer own side, that of texts nearer to their own side's bare "
        "prompts. Exact values of these words: there is nothing to sample.",
        formats={name: "{:.3f}" for name in ("diversity words", "distribution words")}
        | {"moved right": "{:.1f}", "nearer own side": "{:.1f}"},
        study=cases.study.name,
    )
    if text := learned_against_drawn(table):
        page.say(f"Mean |cosine| of diversity words, learned against as they are drawn: {text}.")
        page.number("cosines", text)
