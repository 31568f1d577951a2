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
# # Leagues
#
# **What to see.** Methods differ in where they know anomalies from, and those of different leagues are not to be ranked
# with each other. A league is computed from what each part of a detector declares that it was shown. Here is what each
# league is, its methods without a shift, whether who is ahead within a league is as printed, and what variants change.

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
from book.tools import page as notebook
from book.tools import plots
from zsad.analysis import league_tables, poster
from zsad.analysis.means import unshifted
from zsad.analysis.published import counted
from zsad.study.results import leagues_of

page = notebook.start(globals(), "leagues")

# %%
records = unshifted(page.records("none"))
first = page.study.first_backbones(records["detector"].unique())
records = records[records["backbone"] == records["detector"].map(first)]
methods = [d.label for d in page.study.detectors if d.label == d.name and d.label in set(records["detector"])]
titles, shown = page.study.titles, records[records["detector"].isin(methods)]
of_scores, of_maps = (
    {label: league for label, league in leagues_of(shown, page.study, output).items()} for output in ("scores", "maps")
)

# %% [markdown]
# ## What each league is

# %%
rules = league_tables.rules([*of_scores.values(), *of_maps.values()])
page.figure(
    plots.league_picture(rules["league"].tolist()),
    "fig-leagues",
    "<strong>What each league was shown.</strong> Filled: what makes it this league. Crossed: never shown to any part "
    "of its methods. Empty: may have been shown to some.",
)
page.table(
    rules,
    "tab-leagues",
    "<strong>Leagues of this study's methods</strong>, as computed from what their parts declare.",
)

# %% [markdown]
# ## The methods of each league
#
# Image scores first. A method's scores and maps may be of different leagues: each table goes by what it measures.

# %%
printed = poster.as_printed(page.published("poster_table"))
page.table(
    league_tables.methods_by_league(shown, of_scores, titles, ["image_auroc"], printed),
    "tab-leagues-image",
    "<strong>Image AUROC by league</strong>, no shift, percent, mean over categories with its 95 % interval. Printed: "
    "the poster's column without corruption, of real data and real CLIPs: another world, of "
    "which only the order may be compared.",
)
page.table(
    league_tables.methods_by_league(shown, of_maps, titles, ["pixel_auroc", "aupro"]),
    "tab-leagues-pixel",
    "<strong>Maps by league</strong>: pixel AUROC and AUPRO, no shift, percent, mean over categories with its 95 % "
    "interval.",
)

# %% [markdown]
# Who is ahead within a league? Both methods see the same images in every bootstrap draw.

# %%
replicates = page.details("replicates", records)
compared = league_tables.order(shown, replicates, of_scores, titles, printed)
for league in dict.fromkeys(c.what for c in compared):
    within = [c for c in compared if c.what == league]
    page.table(
        league_tables.order_table(within),
        f"tab-order-{league.replace(' ', '-')}",
        f"<strong>Order within the league “{league}”</strong>: the first minus the second, points of image AUROC, "
        "printed and measured with the 95 % interval of the paired difference.",
        formats={"poster": "{:+.1f}"},
    )
conclusion = f"Of {len(compared)} comparisons within a league the printed order is {counted(compared)}"
page.say(f"**Conclusion.** {conclusion}")
page.number("order", conclusion)

# %% [markdown]
# ## Variants of methods that know more than text, or no text
#
# Seeds, controls and ablations: each against the method as it is, on the same images. Learned vectors: the same
# training of APRIL-GAN's layers with two learned vectors a tap in the place of text. Those of WinCLIP are among the
# [reproduction gaps](reproduction_gaps), those of the text FNN have [a page](text_ablation).

# %%
for base in [label for label in methods if of_maps[label] != "text only"]:
    found = league_tables.variants(page.study, records, replicates, base)
    if found.empty:
        continue
    page.table(
        league_tables.variants_table(found),
        f"tab-variants-{base}",
        f"<strong>Variants of {titles[base]}</strong>, no shift: change in points with its 95 % interval.",
    )
    conclusion = league_tables.variants_sentence(found, titles[base])
    page.say(f"**Conclusion ({titles[base]}).** {conclusion}")
    page.number(f"variants-{base}", conclusion)
