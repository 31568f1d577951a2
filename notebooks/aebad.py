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
# # Another background, lamp or view
#
# AeBAD {cite:p}`zhang2023industrial` shows aeroengine blades under the conditions of its training pictures (“same”) and
# under three others, one thing changed in each; in the demo world `demo-aebad` renders one blade in the same four
# domains. What does such a change cost a detector that has seen none of them?

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
import pandas as pd

from book.tools import corruption, plots
from book.tools import page as notebook
from book.tools.measured import rank_correlations_of
from zsad.analysis import costs, domains
from zsad.analysis.alike import alike_sentence
from zsad.analysis.words import wide_percents

page = notebook.start(globals(), "aebad")

# %%
shown = []
for cases in corruption.shown_domains(page):
    images, found = page.details("images", cases.records), cases.measured
    training = found.training if found.training is not None else images[:0]
    at, draws = domains.decided(cases.records, images, training, seed=cases.study.seed)
    every = pd.concat([found.records, at], ignore_index=True)
    cost = domains.domain_costs(every, {**found.draws, **draws})
    shown.append((cases, domains.domain_table(cases, images, cases.study.seed), cost))
    alike = rank_correlations_of(page, cases.records[cases.records["domain"] == domains.SAME])
    same = corruption.domains_of(cases.study.suites).get(domains.SAME, cases.suites[0])
    titles = page.titled(cases.detectors)
    page.finding(f"{domains.finding(cost, titles)} {alike_sentence(alike, same, titles)}".rstrip())

# %% [markdown]
# ## Are damaged blades told from good ones?

# %%
for cases, _, cost in shown:
    points = domains.domain_points(cost).replace({"series": titles})
    groups = {domain: domain for domain in domains.domains_of(cases)}
    there = {metric: f"{words} [%]" for metric, words in costs.IMAGE.items() if metric in set(points["metric"])}
    if there:
        page.figure(
            plots.plot_dots_below(points, [*titles.values()], groups, there),
            "fig-aebad",
            f"<strong>Image level in each domain of {cases.suites[0]}.</strong> {cases.who}{cases.how}. From left to "
            f"right: {', '.join(titles.values())}; lines: 95 % interval. The vertical axes do not start at zero.",
            study=cases.study.name,
        )

# %% [markdown]
# ## Is the damage found where it is?

# %%
for cases, _, cost in shown:
    points = domains.domain_points(cost).replace({"series": titles})
    there = {metric: f"{words} [%]" for metric, words in costs.PIXEL.items() if metric in set(points["metric"])}
    if there:
        page.figure(
            plots.plot_dots_below(points, [*titles.values()], groups, there),
            "fig-aebad-pixel",
            f"<strong>Pixel level in each domain of {cases.suites[0]}</strong>, of detectors that say where the damage "
            "is. The same images. The vertical axes do not start at zero.",
            study=cases.study.name,
        )

# %%
for cases, table, _ in shown:
    with page.folded("How it was measured"):
        page.say(
            "The domains show other images, so that differences between them are not paired, and their intervals wider "
            f"than elsewhere. {costs.HOW} It is that of the domain “same”. No detector is trained on any picture of "
            f"this suite. {domains.domain_sentence(domains.domain_drops(cases), titles)}"
        )
    page.number("each", domains.domain_sentence(domains.domain_drops(cases), titles))
    with page.folded("Each domain in numbers"):
        page.table(
            wide_percents(table.replace({"detector": titles}), ["detector"], "column"),
            "tab-aebad",
            f"<strong>Image AUROC in each domain of {cases.suites[0]}</strong>, in percent, with its 95 % "
            f"interval{cases.how}. Means: unweighted over domains; shifted: all but “same”. Pooled: one AUROC "
            "over the images of all domains. Which of these the poster's single number is, it does not say; the mean "
            "over all is the likeliest.",
            study=cases.study.name,
            csv=table,
        )
