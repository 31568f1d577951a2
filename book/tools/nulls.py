"""Which blocks of a study are searches, which are their nulls, and which differ in what they keep alone."""

from zsad.analysis.null import Bound
from zsad.study.config import Study
from zsad.study.shifts import Worst

_APART = {"name", "over", "limit", "detectors", "backbones", "settings", "search", "budget", "starts"}


def bounds_of(study: Study) -> list[Bound]:
    """Each search beside a block of random shifts that keeps by the same criterion within the same bounds and covers
    what it covers; sizes are shares of the widest angle that the study searches.
    """
    randoms = [block for block in study.worst if block.search == "random"]
    widest = max((block.bounds.angle for block in study.worst), default=0.0)
    return [
        Bound(block.name, random.name, block.bounds.angle / widest if widest else 1.0)
        for block in study.worst
        for random in randoms
        if block.search != "random" and _alike(block, random) and _covers(block, random)
    ]


def criteria_of(study: Study) -> dict[str, str]:
    """What is kept, in words -> the block that keeps it: the study's first search, and what differs in that alone."""
    found: dict[str, str] = {}
    words = {"auroc": "lowest pixel AUROC", "loss": "lowest loss"}
    first = next((block for block in study.worst if block.search != "random"), None)
    for block in study.worst:
        if first is None:
            break
        same = block.model_dump(exclude=_APART | {"criterion"}) == first.model_dump(exclude=_APART | {"criterion"})
        if same and (block.search, block.budget, block.limit) == (first.search, first.budget, first.limit):
            found.setdefault(words[block.criterion], block.name)
    return found


def _alike(block: Worst, random: Worst) -> bool:
    same: bool = block.model_dump(exclude=_APART) == random.model_dump(exclude=_APART)
    return same and block.limit == random.limit


def _covers(block: Worst, random: Worst) -> bool:
    """Whether both name a detector in common."""
    if block.detectors == "all" or random.detectors == "all":
        return True
    return bool(set(block.detectors) & set(random.detectors))
