"""What is left of WinCLIP's image AUROC when its words change sides, or say nothing about damage."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from book.tools.page import Page
from book.tools.probes.prompt_aurocs import prompt_aurocs
from zsad.clip.prompts import ANOMALOUS, NORMAL, STATES
from zsad.study.evaluate import sizes_of

DRAWS = 20
PUBLISHED, SWAPPED = "as published", "swapped"
WORDS = """on a Monday, on a Tuesday, on a Friday, on a Sunday, in spring, in autumn, in winter, in Paris, in Rome,
in Oslo, by the sea, by the lake, from above, from the left, of the first kind, of the second kind, at noon, at night,
for two, for ten""".replace("\n", " ").split(", ")


def words_of(seed: int) -> dict[str, dict[str, list[str]]]:
    """The published phrases, the same on changed sides, and `DRAWS` draws of phrases that say nothing about damage."""
    rng = np.random.default_rng(seed)
    drawn = [rng.permutation(WORDS)[:8] for _ in range(DRAWS)]
    sides = [{NORMAL: [f"{{}} {w}" for w in d[:4]], ANOMALOUS: [f"{{}} {w}" for w in d[4:]]} for d in drawn]
    published = {side: [*STATES[side]] for side in (NORMAL, ANOMALOUS)}
    return {
        PUBLISHED: published,
        SWAPPED: {NORMAL: published[ANOMALOUS], ANOMALOUS: published[NORMAL]},
        **{f"nonsense {k}": side for k, side in enumerate(sides)},
    }


def controls(page: Page, suites: Sequence[str]) -> pd.DataFrame:
    """Image AUROC in percent, a row a category (suite, category) and a column for each of `words_of`."""
    backbone, words, sizes = page.detector().backbone, words_of(page.study.seed), sizes_of(page.study)
    found = [
        page.computed(
            prompt_aurocs, backbone=backbone, dataset=page.dataset(suite, category), variants=words, sizes=sizes
        ).assign(suite=suite, category=category)
        for suite in suites
        for category in page.study.categories_of(suite)
    ]
    table = pd.concat(found).pivot_table(index=["suite", "category"], columns="prompts", values="auroc")
    return 100 * table[[*words]]


def show_controls(page: Page, suites: Sequence[str]) -> None:
    """The table of all categories, their means, and what these say."""
    found = controls(page, suites)
    nonsense = found[[name for name in found if name.startswith("nonsense")]]
    shown = found[[PUBLISHED, SWAPPED]].assign(nonsense=nonsense.mean(axis=1))
    shown = shown.assign(lowest=nonsense.min(axis=1), highest=nonsense.max(axis=1))
    draws = nonsense.mean(axis=0)  # one mean over the categories for each draw of words
    means = shown[[PUBLISHED, SWAPPED, "nonsense"]].mean()
    mirror = (shown[PUBLISHED] + shown[SWAPPED] - 100).abs().max()
    shown.loc[("all", "mean"), :] = [*means, draws.min(), draws.max()]
    columns = {
        "nonsense": f"nonsense, mean of {DRAWS}",
        "lowest": f"lowest of {DRAWS}",
        "highest": f"highest of {DRAWS}",
    }
    table = shown.rename(columns=columns).reset_index()
    table["category"] = table["category"].str.replace("_", " ")
    page.table(
        table,
        "tab-controls",
        "<strong>Image AUROC with other words</strong>, in percent. Swapped: the normal and the anomalous phrases "
        "change sides. Nonsense: phrases that say nothing about damage on both sides, twenty draws. 50 is chance.",
        formats={name: "{:.1f}" for name in table.columns[2:]},
    )
    page.number("nonsense", means["nonsense"], f"{means['nonsense']:.1f} %")
    page.number("swapped", means[SWAPPED], f"{means[SWAPPED]:.1f} %")
    page.say(
        f"With the prompts swapped, the two AUROCs of a category add up to 100 within {mirror:.1f} points. Nonsense "
        f"prompts give {means['nonsense']:.1f} on average over twenty draws; the mean over the categories lies between "
        f"{draws.min():.1f} and {draws.max():.1f} for a single draw, against {means[PUBLISHED]:.1f} for the words "
        "about damage."
    )
