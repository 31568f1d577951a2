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
# # How strong is too strong
#
# The corruptions grow from severity 0 (none) upwards. The poster {cite:p}`gao_towards` has such a figure for its own
# method and says that it is robust; its values are not in print. How much does each detector lose?

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
from book.tools import corruption, plots
from book.tools import page as notebook
from book.tools.measured import rank_correlations_of
from book.tools.probes.blocks import costs_by
from zsad.analysis import costs
from zsad.analysis.alike import alike_sentence
from zsad.analysis.corruption import KIND_WORDS, severity_curves, severity_sentence, strongest_finding
from zsad.analysis.words import wide_percents

page = notebook.start(globals(), "severity")

# %%
shown = []
for cases in corruption.shown(page):
    cost = costs_by(cases.measured, ["suite", "detector", "backbone", "value"])
    correlations = rank_correlations_of(page, cases.records)
    page.finding(f"{strongest_finding(cost)} {alike_sentence(correlations, cases.suites[0])}".rstrip())
    shown.append((cases, costs.levels(cost, "value").rename(columns={"value": "severity"})))

# %% [markdown]
# ## Are damaged products told from good ones?
#
# Look at how steep a line is, not only at how high it lies: a detector that starts lower may lose less and still be the
# worse one.

# %%
lines = "Means over categories and the kinds of corruption; lines: 95 % interval. The vertical axes differ."
for cases, points in shown:
    there = {metric: words for metric, words in costs.IMAGE.items() if metric in set(points["metric"])}
    page.figure(
        plots.plot_severity(points, there, height=2.7, label="mean [%]", column="metric"),
        "fig-severity",
        f"<strong>Image level over the severity.</strong> {cases.who}. Severity 0: no corruption. {lines}",
        study=cases.study.name,
    )

# %% [markdown]
# ## Is the damage found where it is?

# %%
for cases, points in shown:
    there = {metric: words for metric, words in costs.PIXEL.items() if metric in set(points["metric"])}
    if not there:
        page.say("No detector of this block says where the damage is.")
        continue
    page.figure(
        plots.plot_severity(points, there, height=2.7, label="mean [%]", column="metric"),
        "fig-severity-pixel",
        f"<strong>Pixel level over the severity</strong>, of detectors that say where the damage is. {lines}",
        study=cases.study.name,
    )

# %%
for cases, _ in shown:
    with page.folded("How it was measured"):
        page.say(
            f"All detectors see the same images, and the bootstrap draws those images again. {costs.HOW} What a "
            "severity costs is measured on the same images before and under it. Which detector loses most was seen "
            f"afterwards. {severity_sentence(cases)}"
        )
    page.number("each", severity_sentence(cases))

# %%
for cases, _ in shown:
    curves = severity_curves(cases)
    with page.folded("Each corruption by itself"):
        page.figure(
            plots.plot_severity(curves, {kind: KIND_WORDS[kind] for kind in cases.kinds}, height=2.3),
            "fig-severity-kinds",
            "<strong>Image AUROC over the severity of each corruption.</strong> The same images and detectors. Lines: "
            "95 % interval. The vertical axes do not start at zero.",
            study=cases.study.name,
        )
    mean = curves[curves["corruption"] == "mean"]
    mean = mean.assign(column="severity " + mean["severity"].astype(str))
    with page.folded("The means in numbers"):
        page.table(
            wide_percents(mean, ["suite", "detector"], "column"),
            "tab-severity",
            "<strong>Mean of the four corruptions at each severity</strong>: image AUROC in percent, with its 95 % "
            "interval. The CSV file also holds each corruption.",
            study=cases.study.name,
            csv=curves,
        )
