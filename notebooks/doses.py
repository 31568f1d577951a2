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
# # How much is too much
#
# At which angle, how many stops of exposure, does it begin to matter? And what would a line notice first?

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
from book.tools import page as notebook
from book.tools import plots
from book.tools.measured import measured, rank_correlations_by_suite
from book.tools.probes.blocks import all_doses
from zsad.analysis import doses, findings, matrix

page = notebook.start(globals(), "doses")

# %%
found = measured(page, ["doses"], "sweeps in fine doses (a block named `doses`)")
table = None
if found:
    table = page.computed(all_doses, study=found.study, found=found)
    thresholds = doses.thresholds(table)
    alike = rank_correlations_by_suite(page, found.records)
    page.finding(f"{findings.doses_finding(thresholds, alike)} {found.who}; intervals of 95 %.")
    shown = [name for name in plots.SETTINGS if name in set(table["setting"])]
    panels = {name: (matrix.SHIFTS[name].capitalize(), plots.SETTINGS[name].label) for name in shown}
    scale = table["setting"].map({name: plots.SETTINGS[name].scale for name in shown})
    points = table.assign(panel=table["setting"], series=table["detector"],
                          x=table["size"] * scale * (1 - 2 * (table["way"] == "−")))  # fmt: skip


# %%
def curves_of(metric, suite_name):
    """The points of one metric as curves: the change in points, with its interval."""
    rows = points[(points["metric"] == metric) & (points["suite"] == suite_name)].sort_values("x")
    return rows.assign(estimate=rows["change"], low=rows["change_low"], high=rows["change_high"])


# %% [markdown]
# ## From which dose on detectors lose
#
# Each curve is one detector. Each interval stands by itself; which doses are clear when all of them are judged together
# is in the finding and in the table below.

# %%
if found:
    for suite_name in table["suite"].drop_duplicates():
        page.figure(
            plots.plot_curves(
                curves_of("image_auroc", suite_name), panels, "change of\nimage AUROC [points]", zero=True
            ),
            f"fig-doses-{suite_name}",
            f"<strong>What each dose costs, {suite_name}.</strong> Mean image AUROC over categories minus that of the "
            f"same images as they are, in points. Lines: 95 % interval from a paired bootstrap. "
            f"{found.who_on(suite_name)}. {matrix.turned_in_words(table[table['suite'] == suite_name])}".rstrip(),
            study=found.study.name,
        )

# %% [markdown]
# ## From which dose on a line is stopped for nothing

# %%
if found:
    for suite_name in table["suite"].drop_duplicates():
        curves = curves_of("false_alarms", suite_name)
        if curves.empty:
            page.say(f"Not shown for {suite_name}: no scores of good training pictures, which set the threshold.")
            continue
        page.figure(
            plots.plot_curves(curves, panels, "more\nfalse alarms [points]", zero=True),
            f"fig-doses-alarms-{suite_name}",
            f"<strong>How many more false alarms each dose raises, {suite_name}.</strong> At the threshold that 5 % of "
            "the good training images reach: percentage of good parts that raise an alarm, minus that of the same "
            "images as they are, mean over categories. Lines: 95 % interval from a paired bootstrap.",
            study=found.study.name,
        )

# %%
if found:
    with page.folded("How it was measured"):
        page.say(
            "A dose counts from which on, at every larger one tried too, the fall is clear. One rule judges all "
            f"{table['q'].notna().sum()} tests together: whether image AUROC changes, and whether false alarms differ "
            "from twice those without shift, at each dose of each curve (Benjamini and Yekutieli's false-discovery "
            "rate). Of those called clear, one in twenty is expected to be none. The first dose at which the fall is "
            "clear, whatever comes after it, stands beside; so does the first at which the estimate doubles, which may "
            "be chance. Angles and hues count the same whichever way they go: where both "
            "ways were tried, their mean is shown, and told with a ±."
        )
        page.say(findings.doses_sentence(thresholds, alike))
        page.number("each", findings.doses_sentence(thresholds, alike))

# %%
if found and len(compared := doses.compared(thresholds)):
    with page.folded("The doses that matter"):
        page.table(
            doses.thresholds_table(compared),
            "tab-doses",
            "<strong>Smallest doses</strong> from which on image AUROC clearly falls, and false alarms are clearly "
            "more than twice those without shift; and the first at which either is so by itself.",
            study=found.study.name,
            csv=compared,
        )
