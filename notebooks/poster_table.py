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
# # The table under four corruptions
#
# **What to see.** A poster {cite:p}`gao_towards` trains a small network on text vectors alone, made diverse by
# learned words, and prints a table of eight methods on three data sets under four corruptions. Here are its table as it
# is printed, the methods of it that this project has, measured, and for each pair whether who is ahead is the same in
# both. The worlds differ, so that only orders and differences may be compared.
#
# **What the poster leaves open.** It does not state the severity of its corruptions, its metric, its backbone, or
# most of its method. The script it says it follows {cite:p}`cao2023anomaly` has severity 3; the severity here is in
# the caption. The metric is image AUROC, which fits the columns without corruption of the published methods. Every
# open choice of the method is an option of the detector `text_fnn`, and [the ablations](text_ablation) vary the ones
# that matter.

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
from book.tools.origin import PUBLISHED
from zsad.analysis import leagues, poster
from zsad.analysis.published import comparison_table
from zsad.analysis.words import wide_percents

page = notebook.start(globals(), "poster_table")

# %% [markdown]
# ## In print

# %%
printed = poster.as_printed(page.published("poster_table"))
table = poster.printed_table(printed, leagues.of_printed(page.published("leagues"), "image"))
theirs = dict(zip(table["method"], table["league"], strict=True))
page.table(
    table,
    "tab-poster-published",
    "<strong>The poster's table, as printed</strong>: real data, percent; that it is image AUROC is inferred from its "
    f"columns without corruption. Mean: of the four corruptions. {leagues.told_apart(theirs)}",
    formats={name: "{:.1f}" for name in table.columns[2:]},
    study=PUBLISHED,
)

# %% [markdown]
# ## Measured
#
# AeBAD (in the demo world, `demo-aebad`) is evaluated without corruption: its shift is its own domains, which
# [have a page](aebad).
#
# The text FNN is trained, and its seed is luck. Where a study has several seeds of it, their mean stands in its place.

# %%
shown = []
for cases in corruption.shown(page, beside="ablation", labels=corruption.of_table):
    domains = corruption.domains(page, cases.study, corruption.of_table(cases.study))
    seeds = [label for label in corruption.seeds_of(cases.study, poster.TRAINED) if label in cases.detectors]
    mean_of_seeds = [None if found is None else corruption.averaged(found, seeds) for found in (cases, domains)]
    shown.append((*mean_of_seeds, seeds))

# %% [markdown]
# The same table, measured: a mean over categories in every cell.

# %%
for cases, domains, seeds in shown:
    titles = {label: title for label, title in cases.study.titles.items() if label not in seeds[1:]}
    table = poster.measured_table(cases, domains, titles)
    league = {poster.title_of(label, titles): cases.leagues[label] for label in cases.detectors}
    absent = poster.absent_from(cases.detectors, titles)
    world, blades = ("", "") if domains is None else (f"; {domains.suites[0]}: of its domains", f"; {domains.who}")
    page.table(
        leagues.with_leagues(wide_percents(table, ["method"], "column"), league),
        "tab-poster",
        f"<strong>The poster's table, measured</strong>: image AUROC in percent at severity {cases.severity}, with "
        f"its 95 % interval from a bootstrap over test images. {cases.who}{blades}. Mean: of the four "
        f"corruptions{world}. {leagues.told_apart(league)} CLIP and CLIP-AC are as in the AnomalyCLIP paper; "
        "RWDA, text FNN and MAEDAY are re-implemented from incomplete descriptions. "
        f"{poster.seeds_in_words(len(seeds))}"
        f"{' Not there: ' + '; '.join(absent) + '.' if absent else ''}",
        study=cases.study.name,
        csv=table.assign(league=table["method"].map(league)),
    )

# %% [markdown]
# Who is ahead? Each difference is a paired one: both methods see the same images in every bootstrap draw.

# %%
for cases, domains, _ in shown:
    found = poster.comparisons(cases, domains, printed, cases.study.titles)
    if found:
        page.table(
            comparison_table(found, "poster"),
            "tab-poster-order",
            "<strong>How far the text FNN is ahead</strong> (behind, where negative), in points of image AUROC: in the "
            "poster's table, and measured, with the 95 % interval of the paired difference. Undecided: the interval "
            "holds 0. As large: whether it also holds the printed difference.",
            formats={"poster": "{:+.1f}"},
            study=cases.study.name,
        )
    conclusion = poster.poster_sentence(found, poster.partly(cases, domains, cases.study.titles))
    page.say(f"**Conclusion ({cases.who}).** {conclusion}")
    page.number("conclusion", conclusion)
    page.number("who", cases.who)
