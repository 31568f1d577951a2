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
# **What to see.** AeBAD {cite:p}`zhang2023industrial` shows aeroengine blades under the conditions of its training
# pictures (“same”) and under three others, one thing changed in each: the background, the illumination, the view. No
# detector of this page is trained on any picture of it; the domain “same” is only what the others are measured from.
# In the demo world, `demo-aebad` renders one blade in the same four domains.

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
from zsad.analysis.domains import domain_drops, domain_sentence, domain_table, domains_of
from zsad.analysis.words import wide_percents

page = notebook.start(globals(), "aebad")

# %% [markdown]
# ## Domain by domain
#
# The image AUROC in each domain, their means, and one AUROC over the images of all of them, for which their scores are
# needed.

# %%
shown = []
for cases in corruption.shown_domains(page):
    images = page.details("images", cases.records)
    shown.append((cases, domain_table(cases, images, cases.study.seed)))

# %% [markdown]
# Compare each domain with “same”.

# %%
for cases, table in shown:
    domains = {domain: domain for domain in domains_of(cases)}
    dots = table.rename(columns={"detector": "series", "column": "group"})
    page.figure(
        plots.plot_dots(dots, cases.detectors, domains, "image AUROC [%]", chance=50),
        "fig-aebad",
        f"<strong>Image AUROC in each domain of {cases.suites[0]}.</strong> {cases.who}{cases.how}. Points: "
        f"{', '.join(cases.detectors)}, from left to right; lines: 95 % interval from a bootstrap over test images. "
        "Dotted: chance. The vertical axis does not start at zero.",
        study=cases.study.name,
    )

# %% [markdown]
# The same in numbers, with what could stand for all domains.

# %%
for cases, table in shown:
    page.table(
        wide_percents(table, ["detector"], "column"),
        "tab-aebad",
        f"<strong>Image AUROC in each domain of {cases.suites[0]}</strong>, in percent, with its 95 % "
        f"interval{cases.how}. Means: unweighted over domains; shifted: all but “same”. Pooled: one AUROC over the "
        "images of all domains. Which of these the poster's single number is, it does not say; the mean over all is "
        "the likeliest.",
        study=cases.study.name,
        csv=table,
    )

# %% [markdown]
# What each domain costs against “same”. These are other images, so the intervals are wider than those of pairs.

# %%
for cases, _ in shown:
    conclusion = domain_sentence(domain_drops(cases))
    page.say(f"**Conclusion ({cases.suites[0]}, {cases.who}).** {conclusion}")
    page.number("conclusion", conclusion)
