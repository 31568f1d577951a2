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
# with each other. How far do the methods of each league get without a shift, and is who is ahead as printed?

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
from book.tools.leagues import by_league, measured, pictured
from zsad.analysis import costs, decisions, league_tables, orders, poster, trainings
from zsad.analysis.published import DATA_SETS, not_compared

page = notebook.start(globals(), "leagues")
found, titles = measured(page), page.study.titles

# %%
if found:
    printed = poster.as_printed(page.published("poster_table"))
    judged, draws = found.judged
    papers = [page.published(name) for name in ("side_by_side", "fields_best", "baselines")]
    leagues = {"image_auroc": found.of_scores, "pixel_auroc": found.of_maps, "aupro": found.of_maps}
    sources = orders.side_by_side(printed, papers, page.titled(found.methods))
    compared, missing = orders.orders(found.records, draws, leagues, titles, sources)
    scores = league_tables.levels(judged, found.of_scores, titles, list(costs.IMAGE))
    maps = league_tables.levels(found.records, found.of_maps, titles, ["pixel_auroc", "aupro"])
    suites = [suite for suite in scores["suite"].unique() if suite in DATA_SETS] or list(scores["suite"].unique())
    page.finding(league_tables.finding(compared, scores, missing))

# %% [markdown]
# ## Good or damaged: the image's score

# %%
if found:
    for suite in suites:
        of_suite = scores[scores["suite"] == suite]
        there = [metric for metric in costs.IMAGE if metric in set(of_suite["metric"])]
        page.figure(
            plots.league_levels(of_suite, {(suite, metric): f"{costs.IMAGE[metric]} [%]" for metric in there}),
            f"fig-leagues-image-{suite}",
            f"<strong>Image level by league, {suite}, no shift.</strong> Colour: league of the image scores. Mean over "
            "categories with its 95 % interval; hollow: not measured on all categories. False alarms and misses are at "
            f"each method's own threshold: {decisions.RULES[decisions.TRAINING]}. "
            f"{league_tables.partly_measured(of_suite[of_suite['metric'] == 'image_auroc'])}".rstrip(),
        )

# %% [markdown]
# ## Where the damage is: the map

# %%
if found and len(maps):
    of_maps = {(suites[0], metric): f"{suites[0]}: {words} [%]"
               for metric, words in (("pixel_auroc", "pixel AUROC"), ("aupro", "AUPRO"))}  # fmt: skip
    page.figure(
        plots.league_levels(maps, of_maps),
        "fig-leagues-pixel",
        "<strong>Maps by league, no shift.</strong> Colour: league of the maps, which may be another than that of the "
        "scores. Mean over categories with its 95 % interval; hollow: not measured on all categories.",
    )

# %% [markdown]
# ## What each league is
#
# A league is computed from what each part of a detector declares that it was shown.

# %%
if found:
    rules = league_tables.rules([*found.of_scores.values(), *found.of_maps.values()], found.never_shown)
    page.figure(
        plots.league_picture(rules["league"].tolist(), found.never_shown),
        "fig-leagues",
        "<strong>What each league was shown.</strong> Filled: what makes it this league. Crossed: never shown to any "
        "part of its methods. Empty: may have been shown to some.",
    )

# %% [markdown]
# ## Each method in a picture
#
# By the league of its maps: what a method sees, what was learned for it, and what it was never shown. All maps are of
# one image, each on the scale of that method's maps of sixteen test images of the product; methods that compare test
# images were given these.

# %%
if found and found.maps:
    image, mask, methods = pictured(found)
    suite, category = found.place
    for league, labels in by_league(found.methods, found.of_maps, rules["league"].tolist()).items():
        page.figure(
            plots.method_rows([methods[label] for label in labels], image, mask),
            f"fig-methods-{league.replace(' ', '-')}",
            f"<strong>Methods whose maps are of the league “{league}”.</strong> One test image of "
            f"{category.replace('_', ' ')} ({suite}), its true defect outlined.",
        )

# %%
if found:
    in_print = league_tables.in_print(printed, papers[1], titles)
    shown = judged[judged["suite"].isin(suites)]
    with page.folded("How it was measured, and the image level in numbers"):
        images = league_tables.images_in_words(scores[scores["suite"].isin(suites)])
        page.say(
            f"On each detector's first backbone; {images}. A method's scores and maps may be of different leagues: "
            "each table goes by what it measures. Beside print, which is of whole data sets, stand means of whole "
            "suites alone. Print is of real data and real CLIPs; a demo suite is another world, of which only the "
            "order may be compared. The domains of AeBAD and of demo-aebad have [a page](aebad)."
        )
        page.table(rules, "tab-leagues", "<strong>Leagues of this study's methods</strong>, as computed from what "
                   "their parts declare.")  # fmt: skip
        page.table(
            league_tables.methods_by_league(shown, found.of_scores, titles, ["image_auroc"], in_print),
            "tab-leagues-image",
            "<strong>Image AUROC by league</strong>, no shift, percent, mean over categories with its 95 % interval. "
            "Printed: the poster's column without corruption; of methods that it lacks, their own paper's number. "
            f"{trainings.seeds_in_words(found.spread, ['image_auroc'], titles)}".rstrip(),
        )

# %%
if found and set(scores["metric"]) > {"image_auroc"}:
    with page.folded("False alarms and misses in numbers"):
        page.table(
            league_tables.methods_by_league(shown, found.of_scores, titles, list(decisions.METRICS), in_print),
            "tab-leagues-decisions",
            "<strong>False alarms and misses by league</strong>, no shift, percent of the good and of the damaged "
            "products, mean over categories with its 95 % interval. Threshold, of each method by itself: "
            f"{decisions.RULES[decisions.TRAINING]}. "
            f"{trainings.seeds_in_words(found.spread, list(decisions.METRICS), titles)}".rstrip(),
        )

# %%
if found and len(maps):
    with page.folded("Maps in numbers"):
        for suite in suites:
            of_suite = found.spread[found.spread["suite"] == suite]
            page.table(
                league_tables.methods_by_league(
                    shown[shown["suite"] == suite], found.of_maps, titles, ["pixel_auroc", "aupro"], in_print
                ),
                f"tab-leagues-pixel-{suite}",
                f"<strong>Maps by league, {suite}</strong>: pixel AUROC and AUPRO, no shift, percent, mean over "
                "categories with its 95 % interval. Printed: each method's own paper. "
                f"{trainings.seeds_in_words(of_suite, ['pixel_auroc', 'aupro'], titles)}".rstrip(),
            )

# %%
if found and len(found.spread):
    theirs = ""
    if trainings.AUTHORS in set(found.spread["of"]):
        theirs = f" An {trainings.AUTHORS} is none of these trainings: its mean has a row of its own."
    with page.folded("How far training seeds move a method"):
        page.table(
            trainings.spread_table(found.spread, titles),
            "tab-leagues-seeds",
            "<strong>Training seeds</strong>, no shift, percent: of each method that was trained several times with "
            "different seeds, the mean of these trainings ± their standard deviation (lowest to highest), each a mean "
            f"over categories.{theirs}",
        )

# %%
if found and compared:
    conclusion = f"Who is ahead within a league: {orders.orders_in_words(compared)}. {not_compared(missing)}".rstrip()
    page.number("order", conclusion)
    with page.folded("Who is ahead within a league, and is it as printed?"):
        page.say(
            f"{conclusion} Both methods see the same images in every bootstrap draw. Two are compared where one source "
            "prints both; numbers of different sources are not, for their backbones and sizes differ."
        )
        for league in dict.fromkeys(c.what for c in compared):
            page.table(
                orders.order_table([c for c in compared if c.what == league]),
                f"tab-order-{league.replace(' ', '-')}",
                f"<strong>Order within the league “{league}”</strong>: the first minus the second, points, printed and "
                "measured with the 95 % interval of the paired difference, over all products of the suite. "
                "The printed order holds or is reversed where the interval excludes 0, else it is undecided.",
                formats={"printed": "{:+.1f}"},
            )

# %% [markdown]
# ## Variants of methods that know more than text, or no text
#
# Seeds, controls and ablations: each against the method as it is, on the same images; where that is a checkpoint of its
# authors and the study trained it too, against the study's own training with the same seed, or else the first. Learned
# vectors: the same training of APRIL-GAN's layers with two learned vectors a tap in the place of text. Those of WinCLIP
# are among the [reproduction gaps](reproduction_gaps), those of the text FNN have [a page](text_ablation).

# %%
for base in [label for label in found.methods if found.of_maps[label] != "text only"] if found else ():
    changed = league_tables.variants(page.study, *found.with_variants(base), base)
    if changed.empty:
        continue
    conclusion = league_tables.variants_sentence(changed, titles[base])
    for label, ended in found.control_losses(base):
        conclusion += f" {trainings.losses_in_words(ended, label, titles[base])}".rstrip()
    page.number(f"variants-{found.name(base)}", conclusion)
    with page.folded(f"Variants of {titles[base]}"):
        page.say(conclusion)
        page.table(
            league_tables.variants_table(changed),
            f"tab-variants-{found.name(base)}",
            f"<strong>Variants of {titles[base]}</strong>, no shift: change in points with its 95 % interval.",
        )
