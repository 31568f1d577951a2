"""Searches and their nulls: which blocks of a study they are, which differ in what they keep alone, and what they cost
at image level.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Literal

import pandas as pd

from book.tools.probes.blocks import Measured, costs_by
from zsad.analysis import costs, null
from zsad.analysis.null import Bound
from zsad.analysis.worst import SETTINGS
from zsad.study.config import Study
from zsad.study.shifts import Worst

_APART = {"name", "over", "limit", "detectors", "backbones", "settings", "search", "budget", "starts"}


Aim = Literal["maps", "scores"]
"""What searches make worse: the pixel AUROC or loss of an image's map, or its score."""


def bounds_of(
    study: Study,
    detectors: Collection[str] | None = None,
    backbones: Collection[str] | None = None,
    aim: Aim = "maps",
) -> list[Bound]:
    """Each search beside a block of random shifts that keeps by the same criterion within the same bounds and covers
    what it covers, of those with one aim, or of those the ones that cover some of these detectors and backbones; sizes
    are shares of the widest angle that the study searches.
    """
    aimed = [block for block in study.worst if (block.criterion == "score") == (aim == "scores")]
    made = [b for b in aimed if _some(b.detectors, detectors) and _some(b.backbones, backbones)]
    randoms = [block for block in made if block.search == "random"]
    widest = max((block.bounds.angle for block in study.worst), default=0.0)
    return [
        Bound(block.name, random.name, block.bounds.angle / widest if widest else 1.0)
        for block in made
        for random in randoms
        if block.search != "random" and _alike(block, random) and _covers(block, random)
    ]


def criteria_of(study: Study) -> dict[str, str]:
    """What is kept, in words -> the block that keeps it: the study's first search, and what differs in that alone."""
    found: dict[str, str] = {}
    words = {"auroc": "lowest pixel AUROC", "loss": "lowest loss", "score": "most misleading score"}
    first = next((block for block in study.worst if block.search != "random"), None)
    for block in study.worst:
        if first is None:
            break
        same = block.model_dump(exclude=_APART | {"criterion"}) == first.model_dump(exclude=_APART | {"criterion"})
        if same and (block.search, block.budget, block.limit) == (first.search, first.budget, first.limit):
            found.setdefault(words[block.criterion], block.name)
    return found


def image_costs(found: Measured, bounds: list[Bound], titles: Mapping[str, str]) -> pd.DataFrame:
    """What searches and random shifts of the widest bounds cost at image level, as `plots.plot_forest` takes it: a row
    a case, side and metric of `costs.IMAGE`, of the categories that both have.

    Args:
        titles: detector -> what it is called.
    """
    widest = [bound for bound in bounds if bound.size == max(bound.size for bound in bounds)]
    sides = {b.search: "search" for b in widest} | {b.random: "random" for b in widest}
    cost = costs_by(replace(found, records=null.in_both(found.records, widest)), [*null.CASE, "variant"])
    cost = cost[cost["metric"].isin(costs.IMAGE) & cost["variant"].isin(sides)]
    cases = null.rows_of(cost.replace({"detector": dict(titles), "setting": SETTINGS}))
    side = cost["variant"].map(sides)
    cost = cost.assign(panel=cost["metric"], row=cases + ": " + side, estimate=cost["change"],
                       low=cost["change_low"], high=cost["change_high"])  # fmt: skip
    first = {case: place for place, case in enumerate(dict.fromkeys(cases))}
    together = pd.DataFrame({"case": cases.map(first), "random": side == "random"}).sort_values(["case", "random"])
    return cost.loc[together.index]


def _alike(block: Worst, random: Worst) -> bool:
    same: bool = block.model_dump(exclude=_APART) == random.model_dump(exclude=_APART)
    return same and block.limit == random.limit


def _covers(block: Worst, random: Worst) -> bool:
    """Whether both name a detector in common."""
    return _some(block.detectors, None if random.detectors == "all" else random.detectors)


def _some(named: Collection[str], wanted: Collection[str] | None) -> bool:
    """Whether a block that names these, or "all", has some of those that are wanted, or any where None are named."""
    return wanted is None or named == "all" or bool(set(named) & set(wanted))
