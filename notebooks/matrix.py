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
# Does a detector still tell good parts from bad when the picture is turned, recoloured, brighter, blurred or noisy, as
# a line may see on any day (plausible doses) or as none should (extreme ones)?

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
from book.tools.measured import batch_note, measured, rank_correlations_by_suite
from book.tools.probes.blocks import whole_matrix
from zsad.analysis import findings, matrix, undecided
from zsad.analysis.words import span

page = notebook.start(globals(), "matrix")

# %%
found = measured(page, ["matrix"], "shifts of every detector at two doses (blocks named `matrix`)")
table = None
if found:
    table = page.computed(whole_matrix, study=found.study, found=found)
    alike = rank_correlations_by_suite(page, found.records)
    page.finding(f"{findings.matrix_finding(table, alike)} {found.who}.")

# %% [markdown]
# ## Can good and bad still be told apart?
#
# A square is one detector under one shift: by how many points its image AUROC changes against the same images as they
# are. Orange is worse; a number in brackets is not clear. What becomes of false alarms and misses under the same shifts
# is on [the next page](decisions.ipynb).

# %%
if found:
    shifts = {name: words for name, words in matrix.SHIFTS.items() if name in set(table["setting"])}

    def squares_of(metric):
        rows = matrix.chosen(table, metric)
        squares = rows.assign(row=rows["detector"], column=rows["setting"], panel=rows["level"], value=rows["change"],
                              worse=-rows["change"])  # fmt: skip
        return squares.groupby("suite", sort=False)

    for suite_name, of_suite in squares_of("image_auroc"):
        levels = {level: f"{level} doses: change of image AUROC [points]" for level in ("plausible", "extreme")}
        page.figure(
            plots.plot_heat(of_suite, page.titled(of_suite["detector"]), shifts, levels, most=30),
            f"fig-matrix-{suite_name}",
            f"<strong>Every detector under every shift, {suite_name}.</strong> Change of the mean image AUROC in "
            "points; in brackets what is not clear when the whole matrix is judged together. Full colour: 30 points. "
            f"{found.who_on(suite_name)}. {matrix.turned_in_words(of_suite)}".rstrip(),
            study=found.study.name,
        )

# %% [markdown]
# ## Is the damage found where it is?

# %%
if found:
    for suite_name, of_suite in squares_of("pixel_auroc"):
        levels = {level: f"{level} doses: change of pixel AUROC [points]" for level in ("plausible", "extreme")}
        page.figure(
            plots.plot_heat(of_suite, page.titled(of_suite["detector"]), shifts, levels, most=30),
            f"fig-matrix-pixel-{suite_name}",
            f"<strong>The same at pixel level, {suite_name}</strong>, of detectors that say where the damage is: "
            "change of the mean pixel AUROC in points. AUPRO is in the CSV file below.",
            study=found.study.name,
        )

# %%
if found:
    with page.folded("What falls furthest, and how it was measured"):
        page.say(findings.matrix_sentence(table, alike))
        if note := batch_note(page, found.records):
            page.say(note)
        page.say(matrix.doses_in_words(table))
        page.say(
            "Each mean is over the categories of one suite, on as many test images as stand below its figure. Its "
            "interval comes from a bootstrap that draws the same images before and under the shift. Where the "
            "study has a dose both ways, their mean counts, told with a ±; others went one way, which their sign says. "
            "Thousands of effects are tested at once, and one rule judges all of them together (Benjamini and "
            "Yekutieli's false-discovery rate, whatever depends on what): of those called clear, one in twenty is "
            "expected to be none."
        )
        page.say(undecided.sentence(table, alike))

# %%
if found:
    aurocs = matrix.chosen(table, "image_auroc")
    words = aurocs.assign(
        shift=aurocs["setting"].map(matrix.SHIFTS),
        cell=[span(r.change, r.change_low, r.change_high, sign=True) for r in aurocs.itertuples()],
    )
    rows = ["suite", "detector", "level"]
    order = words[rows].drop_duplicates().itertuples(index=False, name=None)  # as in the figures
    wide = words.pivot(index=rows, columns="shift", values="cell").loc[[*order]]
    with page.folded("The whole matrix in numbers"):
        page.table(
            wide.reindex(columns=[w for w in matrix.SHIFTS.values() if w in wide])
            .reset_index()
            .replace({"detector": page.study.titles}),
            "tab-matrix",
            "<strong>Change of the mean image AUROC</strong> in points, with its 95 % interval by itself, uncorrected. "
            "The CSV file holds every metric, image and pixel AUROC, AUPRO, false alarms and misses at two thresholds, "
            "before and under the shift, with p and q.",
            study=found.study.name,
            csv=matrix.for_humans(table),
        )
