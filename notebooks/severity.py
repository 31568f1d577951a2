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
# **What to see.** Image AUROC of every detector as the corruptions grow from severity 0 (none) to 5. The poster
# {cite:p}`gao_towards` has such a figure for its own method and says that it is robust; its values are not in print.
# A detector whose line starts lower may fall less and still be the worse one, so the conclusion states what each loses
# and not where it ends.

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
from zsad.analysis.corruption import KIND_WORDS, severity_curves, severity_sentence
from zsad.analysis.words import wide_percents

page = notebook.start(globals(), "severity")

# %% [markdown]
# ## Severity by severity
#
# A record says how well one detector ranks the images of one category under one corruption.
#
# A curve is the mean over categories. All detectors see the same images, and the bootstrap draws those images again.

# %%
shown = [(cases, severity_curves(cases)) for cases in corruption.shown(page)]
lines = "Lines: 95 % interval from a bootstrap over test images. The vertical axes do not start at zero."

# %% [markdown]
# The mean over the four corruptions. Look at how steep a line is, not only at how high it lies.

# %%
for cases, curves in shown:
    mean = curves[curves["corruption"] == "mean"]
    page.figure(
        plots.plot_severity(mean, {"mean": "mean"}, height=2.7),
        "fig-severity",
        f"<strong>Image AUROC over the severity, mean of the four corruptions.</strong> {cases.who}. Severity 0: no "
        f"corruption. {lines}",
        study=cases.study.name,
    )

# %% [markdown]
# Each corruption by itself: which of them is it that hurts?

# %%
for cases, curves in shown:
    page.figure(
        plots.plot_severity(curves, {kind: KIND_WORDS[kind] for kind in cases.kinds}, height=2.3),
        "fig-severity-kinds",
        f"<strong>Image AUROC over the severity of each corruption.</strong> The same images and detectors. {lines}",
        study=cases.study.name,
    )

# %% [markdown]
# The means in numbers.

# %%
for cases, curves in shown:
    mean = curves[curves["corruption"] == "mean"]
    mean = mean.assign(column="severity " + mean["severity"].astype(str))
    page.table(
        wide_percents(mean, ["suite", "detector"], "column"),
        "tab-severity",
        "<strong>Mean of the four corruptions at each severity</strong>: image AUROC in percent, with its 95 % "
        "interval. The CSV file also holds each corruption.",
        study=cases.study.name,
        csv=curves,
    )

# %% [markdown]
# What the strongest severity costs: the mean without corruption minus that under it, both from the same images.

# %%
for cases, _ in shown:
    conclusion = severity_sentence(cases)
    page.say(f"**Conclusion ({cases.who}).** {conclusion}")
    page.number("conclusion", conclusion)
