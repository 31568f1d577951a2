"""What the choices of a search for worst cases change: lower bounds under both, and their paired difference."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from book.tools.absent import say_absent
from book.tools.page import Page
from book.tools.pages.search import options_of
from book.tools.pages.worst import METRICS, SETTING_WORDS, SHORT, WorstCases
from zsad.analysis.differences import Difference, difference, verdict
from zsad.study.shifts import Worst

# What an ablation changes: the option of a `worst` block, and the question in words.
ABLATIONS = {
    "gradient": "gradient through all windows, or of the class token alone",
    "align": "the map turned back, or the mask turned along",
    "criterion": "the kept try by AUROC, or by loss",
    "corners": "empty corners counted, or left out",
}


def ablation_pairs(blocks: Sequence[Worst], option: str) -> list[tuple[Worst, Worst]]:
    """Pairs of blocks that differ in one option alone, the one with the option's default first."""
    if option not in Worst.model_fields:
        return []
    default = Worst.model_fields[option].default
    return [
        (first, second)
        for first in blocks
        for second in blocks
        if getattr(first, option) == default != getattr(second, option)
        and options_of(first, {option}) == options_of(second, {option})
        and (option != "gradient" or first.search == "adam")  # no other search has a gradient
    ]


def show_ablations(page: Page, all_cases: Sequence[WorstCases]) -> None:
    """For each of `ABLATIONS`: the lower bounds under both choices and their paired difference, or that it
    is absent.
    """
    if not all_cases:
        return
    by_name = {cases.block.name: cases for cases in all_cases}
    blocks, suffix = [cases.block for cases in all_cases], all_cases[0].suffix
    rows: list[dict[str, Any]] = []
    absent = []
    for option, question in ABLATIONS.items():
        pairs = ablation_pairs(blocks, option)
        found: dict[str, list[Difference]] = {metric: [] for metric in METRICS}
        for first, second in pairs:
            rows += _ablation_rows(page, by_name[first.name], by_name[second.name], option, found)
        if found[METRICS[0]]:
            verdicts = "; ".join(f"{SHORT[m]}: {verdict(found[m], 'higher', 'lower')}" for m in METRICS)
            choice = rows[-1]["instead"]
            page.say(
                f"**{question[0].upper()}{question[1:]}.** With {choice} the lower bound is: {verdicts} "
                "(a difference counts where its interval is clear of 0)."
            )
            page.number(f"{option}{suffix}", verdicts)
        else:
            absent.append(question)
    if rows:
        page.table(
            pd.DataFrame(rows),
            f"tab-ablations{suffix}",
            "<strong>What a choice changes.</strong> Mean lower bounds in percent over the categories that have both, "
            "and the difference of the second from the first in points, with its 95 % interval, both drawn together.",
            study=all_cases[0].study.name,
        )
    if absent:
        say_absent(page, "; ".join(absent))


def _ablation_rows(
    page: Page, first: WorstCases, second: WorstCases, option: str, found: dict[str, list[Difference]]
) -> list[dict[str, Any]]:
    unit = ["suite", "category", "backbone", "setting"]
    both = first.worst[unit].drop_duplicates().merge(second.worst[unit].drop_duplicates(), on=unit)
    one, two = first.worst.merge(both, on=unit), second.worst.merge(both, on=unit)
    if both.empty:
        return []
    replicates = page.details("replicates", pd.concat([one, two], ignore_index=True))
    rows = []
    for (suite, backbone, setting), group in one.groupby(["suite", "backbone", "setting"], sort=False):
        other = two[(two["suite"] == suite) & (two["backbone"] == backbone) & (two["setting"] == setting)]
        row: dict[str, Any] = {
            "choice": f"{option}: {getattr(first.block, option)}",
            "instead": f"{option}: {getattr(second.block, option)}",
            "search": first.block.search,
            "suite": suite,
            "backbone": backbone,
            "setting": SETTING_WORDS[str(setting)],
            "categories": group["category"].nunique(),
        }
        for metric in METRICS:
            gap = difference([(1, other), (-1, group)], replicates, metric)
            found[metric].append(gap)
            means = [100 * r[r["metric"] == metric]["estimate"].mean() for r in (group, other)]
            row[SHORT[metric]] = f"{means[0]:.1f}, {means[1]:.1f}"
            row[f"{SHORT[metric]} difference"] = f"{gap.value:+.1f} ({gap.low:+.1f} to {gap.high:+.1f})"
        rows.append(row)
    return rows
