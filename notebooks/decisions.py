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
# # Decisions at a threshold
#
# On a line nobody reads an AUROC: a part is stopped where its score reaches a threshold that was set once, on pictures
# as they were then. What becomes of false alarms and misses when the picture shifts and the threshold stays?

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

from book.tools import page as notebook
from book.tools import plots
from book.tools.measured import batch_note, measured, rank_correlations_by_suite
from book.tools.probes.blocks import matrix_anew, moved_scores, whole_matrix, with_threshold_anew
from zsad.analysis import anew, decisions, expect, findings, matrix
from zsad.analysis.alike import alike_sentence
from zsad.analysis.unmoved import NOTE, seen_span

page = notebook.start(globals(), "decisions")

# %%
found = measured(page, ["matrix"], "shifts of every detector at two doses (blocks named `matrix`)")
table = None
if found:
    table = page.computed(whole_matrix, study=found.study, found=found)
    rules = [rule for rule in decisions.RULES if rule in set(table["rule"])]
    rule = rules[0]
    alike = rank_correlations_by_suite(page, found.records)
    said = findings.take_home(table, alike, rule)
    page.finding(" ".join(said[:2]))
    for place, sentence in enumerate(said, start=1):
        page.number(f"take_home_{place}", sentence)

# %% [markdown]
# ## False alarms and misses under every shift
#
# A square is one detector under one shift: the percentage of good parts that raise an alarm, and of damaged parts that
# raise none. The first column is what the same threshold does on the images as they are. In brackets: not clearly
# another percentage than as they are, with the whole matrix judged together. Rotations are of the products without an
# upright pose alone, where a suite says which these are, and are held against these: the second column.


# %%
def squares_of(rows):
    """The matrix's rows as squares, with first columns for the images as they are, of all products and of those that
    were turned.
    """
    plain = rows.drop_duplicates(["detector", "products"]).assign(after=rows["before"], clear=True)
    plain["setting"] = "none, " + plain["products"]
    both = [plain, rows] if len(plain) else [rows]
    return [part.assign(row=part["detector"], column=part["setting"], value=part["after"]) for part in both]


# %%
if found:
    unshifted = {"all": "as they are", "rotation-invariant": "those turned"}
    names = {s: w for s, w in matrix.SHIFTS.items() if s in set(table["setting"])}
    panels = [(metric, level) for level in ("plausible", "extreme") for metric in decisions.METRICS]
    titles = {f"{metric} {level}": f"{decisions.METRICS[metric]} [%], {level} doses" for metric, level in panels}
    for suite_name, of_suite in table.groupby("suite", sort=False):
        parts = [
            part.assign(panel=f"{metric} {level}")
            for metric, level in panels
            for part in squares_of(matrix.chosen(of_suite, metric, level, rule))
        ]
        first = {f"none, {of}": words for of, words in unshifted.items() if of in set(of_suite["products"])}
        page.figure(
            plots.plot_heat(pd.concat(parts), page.titled(of_suite["detector"]), first | names, titles, most=100),
            f"fig-decisions-{suite_name}",
            f"<strong>False alarms and misses at a threshold that stays, {suite_name}.</strong> Means over categories, "
            f"in percent of the good and of the damaged parts. Threshold: {decisions.RULES[rule]}. "
            f"{found.who_on(suite_name)}.",
            study=found.study.name,
        )

# %%
if found and (note := batch_note(page, found.records)):
    page.say(note)
if found:
    first_suite = found.records["suite"].iloc[0]
    page.say(alike_sentence(alike[first_suite], first_suite, page.study.titles))

# %% [markdown]
# One detector with its intervals: false alarms of the first one under each shift. The dotted line is its share on the
# images as they are, of all products.

# %%
if found:
    alarms = matrix.chosen(table, "false_alarms", rule=rule)
    first = alarms[(alarms["suite"] == alarms["suite"].iloc[0]) & (alarms["detector"] == alarms["detector"].iloc[0])]
    dots = first.assign(series=first["level"], group=first["setting"], estimate=first["after"],
                        low=first["after_low"], high=first["after_high"])  # fmt: skip
    groups = {shift: words.replace(" ", "\n") for shift, words in names.items() if shift in set(first["setting"])}
    (name,) = page.titled(first["detector"]).values()
    page.figure(
        plots.plot_dots(
            dots,
            ["plausible", "extreme"],
            groups,
            "false alarms [%]",
            chance=first.sort_values("products")["before"].iloc[0],
        ),
        "fig-false-alarms",
        f"<strong>False alarms of {name}, {first['suite'].iloc[0]}.</strong> Lines: 95 % interval "
        "from a bootstrap over test images and the training images that set the threshold. "
        f"{decisions.unshifted_sentence(first)}",
        study=found.study.name,
    )

# %%
if found:
    shown = table[table["rule"] == rule].assign(shift=lambda t: t["setting"].map(matrix.SHIFTS))
    shown["cell"] = [seen_span(r.after, r.after_low, r.after_high, r.images) for r in shown.itertuples()]
    shown["metric"] = shown["metric"].map(decisions.METRICS)
    wide = shown.pivot(index=["suite", "detector", "metric", "level"], columns="shift", values="cell")
    with page.folded("How it was measured, and all numbers"):
        page.say(
            f"Threshold: {decisions.RULES[rule]}. {' '.join(said[2:])} The other rule that papers use, the best F1 on "
            "the test set itself, takes labels that nobody has: it is in the CSV file, and optimistic. Intervals hold "
            "the training pictures' luck too: each draw of the bootstrap sets its threshold on training pictures drawn "
            f"anew. {NOTE} {matrix.turned_in_words(table)}".rstrip()
        )
        page.table(
            wide.reindex(columns=[w for w in matrix.SHIFTS.values() if w in wide]).reset_index(),
            "tab-decisions",
            "<strong>False alarms and misses</strong> in percent with their 95 % interval. The CSV file also holds the "
            "threshold by best F1, the changes, and how sure they are.",
            study=found.study.name,
            csv=matrix.for_humans(table[table["rule"] != ""]),
        )

# %% [markdown]
# ## If the threshold is set anew
#
# Whoever notices that the picture has changed can set the threshold again, on good parts as they now look. Half of the
# good test images set it here, so that at most one in twenty of them raises an alarm; the rest are judged, and the
# halves change places. What is missed beyond what was missed before is then what the shift has cost.

# %%
if found:
    renewed = page.computed(with_threshold_anew, study=found.study, found=found)
    conclusion = anew.sentence(renewed, page.study.titles)
    page.say(conclusion)
    page.number("anew", conclusion)
    panels = {metric: f"{words} [%]" for metric, words in decisions.METRICS.items()}
    for suite_name, of_suite in renewed.groupby("suite", sort=False):
        page.figure(
            plots.plot_heat(anew.squares(of_suite), page.titled(of_suite["detector"]), anew.COLUMNS, panels, most=100),
            f"fig-anew-{suite_name}",
            f"<strong>A threshold that stays and one that is set anew, {suite_name}.</strong> Percent of good parts "
            "that raise an alarm, and of damaged parts that raise none, in the mean over all kinds of shift at that "
            "level.",
            study=found.study.name,
        )
if found and len(renewed):
    with page.folded("The same in numbers"):
        page.table(
            anew.for_readers(renewed).replace({"detector": page.study.titles}),
            "tab-anew",
            "<strong>A threshold that stays and one that is set anew.</strong> Means over categories and kinds of "
            "shift, in percent, with their 95 % interval.",
            study=found.study.name,
            csv=renewed,
        )

# %% [markdown]
# ## One change at a time: what to expect
#
# For whoever knows which change to expect: what it does to the ranking, to decisions at the threshold that stays, and
# at one that is set anew. What can be put before the detector against a change is on {doc}`defences`.

# %%
if found:
    changes = expect.expected(table, page.computed(matrix_anew, study=found.study, found=found))
    page.say(expect.sentence(changes, page.study.titles))
    if len(changes):
        first = expect.of_first(changes)
        (name,) = page.titled(first["detector"]).values()
        page.table(
            expect.for_readers(first),
            "tab-each-change",
            f"<strong>What to expect of each change, {name} on {first['suite'].iloc[0]}.</strong> Change of image "
            "AUROC in points; false alarms in percent of the good parts, misses in percent of the damaged ones; 95 % "
            f"interval. As they are: {expect.as_they_are(first)}. The CSV file holds every detector.",
            study=found.study.name,
            csv=changes,
        )

# %% [markdown]
# ## How far good parts move
#
# Why false alarms rise: the scores of good parts move. In units of the width of the middle half of these scores, as
# they are: at 1 the typical good part has moved as far as half of all good parts lie apart.

# %%
if found:
    moved = page.computed(moved_scores, study=found.study, found=found).assign(clear=True)
    squares = moved.rename(columns={"detector": "row", "setting": "column", "level": "panel", "moved": "value"})
    levels = {name: f"{name} doses: median move of good parts [interquartile ranges]" for name in
              ("plausible", "extreme")}  # fmt: skip
    for suite_name, of_suite in squares.groupby("suite", sort=False):
        page.figure(
            plots.plot_heat(
                of_suite,
                page.titled(of_suite["row"]),
                names,
                levels,
                most=3,
            ),
            f"fig-moved-{suite_name}",
            f"<strong>How far the scores of good parts move, {suite_name}.</strong> Mean over categories of the median "
            "over good images; every category, rotations too. Full colour: 3. Empty: in some category half of the good "
            "parts score the same as they are, or the shift was not measured.",
            study=found.study.name,
        )
