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
# # Every detector under every shift
#
# **What to see.** Does a detector still tell good parts from bad when the picture is turned, recoloured, brighter,
# blurred or noisy? A square is one detector under one shift: by how many points its image AUROC changes against the
# same images as they are. Orange is worse. Above are doses that a line may see on any day, below extreme ones.
#
# Thousands of effects are tested here at once, and some of them would look sure by chance. One rule judges all of them
# together (Benjamini and Yekutieli's false-discovery rate, whatever depends on what): of those called clear, one in
# twenty is expected to be none. A number in brackets is not clear.

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
from book.tools.measured import measured
from book.tools.probes.blocks import whole_matrix
from zsad.analysis import findings, matrix
from zsad.analysis.words import span

page = notebook.start(globals(), "matrix")

# %% [markdown]
# Each mean is over the categories of one suite, each measured on every test image. Its interval comes from a bootstrap
# that draws the same images before and under the shift. Rotations are judged on the products without an upright pose,
# where a suite says which these are: of others a turn takes away what is to be judged. A dose goes both ways where the
# study has both; their mean counts.

# %%
found = measured(page, ["matrix"], "shifts of every detector at two doses (blocks named `matrix`)")
table = None
if found:
    table = page.computed(whole_matrix, study=found.study, found=found)
    doses = table.drop_duplicates(["setting", "level"]).groupby("level", sort=False)
    said = {level: ", ".join(f"{matrix.SHIFTS[r.setting]} {matrix.dose_in_words(r.setting, r.dose)}"
                             for r in rows.itertuples()) for level, rows in doses}  # fmt: skip
    page.say(" ".join(f"**{level.capitalize()} doses:** {words}." for level, words in said.items()))

# %% [markdown]
# ## Can good and bad still be told apart?

# %%
if found:
    aurocs = matrix.chosen(table, "image_auroc")
    squares = aurocs.assign(row=aurocs["detector"], column=aurocs["setting"], panel=aurocs["level"],
                            value=aurocs["change"], worse=-aurocs["change"])  # fmt: skip
    shifts = {name: words for name, words in matrix.SHIFTS.items() if name in set(aurocs["setting"])}
    levels = {level: f"{level} doses: change of image AUROC [points]" for level in ("plausible", "extreme")}
    for suite_name, of_suite in squares.groupby("suite", sort=False):
        rows = list(dict.fromkeys(of_suite["detector"]))
        page.figure(
            plots.plot_heat(of_suite, rows, shifts, levels, most=30),
            f"fig-matrix-{suite_name}",
            f"<strong>Every detector under every shift, {suite_name}.</strong> Change of the mean image AUROC in "
            "points; in brackets what is not clear when the whole matrix is judged together. Full colour: 30 points. "
            f"{found.who}.",
            study=found.study.name,
        )

# %%
if found:
    conclusion = findings.matrix_sentence(table)
    page.say(f"**Conclusion.** {conclusion}")
    page.number("conclusion", conclusion)

# %% [markdown]
# ## In numbers
#
# The CSV file holds the whole matrix: image and pixel AUROC and AUPRO, where a detector says where the damage is, false
# alarms and misses at two thresholds, each before and under the shift, the change with its interval, its probability
# where there is no effect (p) and that after all tests are counted (q).

# %%
if found:
    words = aurocs.assign(
        shift=aurocs["setting"].map(matrix.SHIFTS),
        cell=[span(r.change, r.change_low, r.change_high, sign=True) for r in aurocs.itertuples()],
    )
    wide = words.pivot(index=["suite", "detector", "level"], columns="shift", values="cell")
    page.table(
        wide.reindex(columns=[w for w in matrix.SHIFTS.values() if w in wide]).reset_index(),
        "tab-matrix",
        "<strong>Change of the mean image AUROC</strong> in points, with its 95 % interval by itself, uncorrected.",
        study=found.study.name,
        csv=matrix.for_humans(table),
    )
