"""Parts of a study of about equal cost, for machines that work side by side.

The cost of a result is what it takes one H100, in milliseconds, as the kept records of the demo study show and as the
size of a tower says; only proportions matter. Neither data nor weights are opened, so that every machine that is given
"part 3 of 40" finds the same results in it.
"""

import json
from collections.abc import Iterable, Sequence
from functools import cache

from zsad.data.counts import TEST_COUNTS
from zsad.detectors.defence import passes
from zsad.robustness import Bounds
from zsad.robustness.search_space import PARAMETERS, search_space
from zsad.robustness.worst_case import default_budget
from zsad.study.cells import Request
from zsad.study.config import Study
from zsad.study.shifts import Shift

BACKWARD = 3  # a pass with a gradient costs about three without
IMAGES = 100  # of a category whose number of test images is not known beforehand
LEARNING = {"rwda": 8000.0, "text_fnn": 9000.0}  # of a category, by detectors that learn from its texts

_LAUNCH = 0.5  # of a pass, however small the tower
_A_GIGA = 0.01  # of 10^9 multiplications of a pass
_METRICS = 25.0  # of an image: maps back to the mask's frame, metrics, intervals
_SEARCHED = {"bayes_opt": 2.0}  # of an evaluation: the search's own work


def part_of(study: Study, asked: Sequence[Request], number: int, of: int) -> list[Request]:
    """One of `split_in`, the first being 1. Raises ValueError for a part that there is not."""
    if not 1 <= number <= of:
        raise ValueError(f"part {number} of {of}: the parts are 1 to {of}")
    return split_in(study, asked, of)[number - 1]


def split_in(study: Study, asked: Sequence[Request], of: int) -> list[list[Request]]:
    """So many parts of some requests, each result in one; some are empty where there are fewer results.

    Results of the same images stay beside each other, and a search with those that it starts from. It is cut where the
    cost so far passes a multiple of what a part should cost.
    """
    priced = _priced(study, asked)
    share = sum(cost for _, cost in priced) / of
    parts: list[list[Request]] = [[] for _ in range(of)]
    before = 0.0
    for unit, cost in priced:
        middle = before + cost / 2
        parts[min(of - 1, int(middle / share))] += unit
        before += cost
    return parts


def cost_of_all(study: Study, asked: Sequence[Request]) -> float:
    """Of some requests together, each result and what a detector learns counted once."""
    return sum(cost for _, cost in _priced(study, asked))


@cache
def evaluations(shift: Shift) -> int:
    """Of each image: of a worst case those of its search, else one."""
    if shift.kind != "worst":
        return 1
    how = json.loads(shift.how)
    if how["budget"] is not None:
        return int(how["budget"])
    bounds = Bounds(**{**dict.fromkeys(PARAMETERS, 0.0), **how["bounds"]})
    return default_budget(how["search"], search_space(shift.setting, bounds))


def images_of(study: Study, request: Request) -> int:
    """The test images of a request, as far as they are known without its data: those of the published data sets."""
    suite = study.suites[request.suite]
    published = TEST_COUNTS.get(suite.reader, {}).get(request.category)
    count = sum(published) if published and not study.is_demo(request.suite) else IMAGES
    return count if request.limit is None else min(count, request.limit)


def passes_of(study: Study, request: Request) -> int:
    """Images through the detector, each copy of a defence counted; one with a gradient counts as `BACKWARD`."""
    backward = BACKWARD if _search(request.shift) == "adam" else 1
    copies = passes(request.detector.options.get("defence"))
    training = study.training or 0 if request.shift.is_none else 0
    return (images_of(study, request) * evaluations(request.shift) * backward + training) * copies


def cost_of(study: Study, request: Request) -> float:
    """Milliseconds, about, of one H100."""
    search = _SEARCHED.get(_search(request.shift), 0.0)
    images = images_of(study, request)
    through = passes_of(study, request) * (_LAUNCH + _A_GIGA * _giga(request.backbone))
    return through + images * (_METRICS + search * (evaluations(request.shift) - 1))


@cache
def _search(shift: Shift) -> str:
    """The search of a worst case; empty of other shifts."""
    found: str = json.loads(shift.how).get("search", "")
    return found


def once(asked: Iterable[Request]) -> list[Request]:
    """Without those that ask for a result that another asks for: strength 0 of every sweep is the unshifted one."""
    return list({_asked(request): request for request in asked}.values())


def _asked(request: Request) -> tuple[object, ...]:
    shift = Shift() if request.shift.is_none else request.shift
    return (request.suite, request.category, request.detector.label, request.backbone, shift, request.limit)


def _priced(study: Study, asked: Sequence[Request]) -> list[tuple[list[Request], float]]:
    """What cannot be cut, and its cost: one result, or the worst cases of a block that start from each other."""
    units: dict[object, list[Request]] = {}
    for place, request in enumerate(once(asked)):
        linked = _search(request.shift) == "bayes_opt"
        units.setdefault((*_asked(request)[:4], request.variant) if linked else place, []).append(request)
    learnt: set[tuple[str, str, str, str]] = set()
    priced = []
    for unit in units.values():
        cost = sum(cost_of(study, request) for request in unit)
        who = (unit[0].suite, unit[0].category, unit[0].detector.label, unit[0].backbone)
        if who not in learnt:
            cost += LEARNING.get(unit[0].detector.name, 0.0)
        learnt.add(who)
        priced.append((unit, cost))
    return priced


@cache
def _giga(backbone: str) -> float:
    """10^9 multiplications of a pass, attention left out: 12 a layer, token and square of the width."""
    layers, width, tokens = _tower(backbone)
    return 12 * layers * width**2 * tokens / 1e9


def _tower(backbone: str) -> tuple[int, int, int]:
    """Layers, width and tokens of an image tower."""
    import open_clip

    from zsad.clip.released import RELEASED
    from zsad.clip.zoo import WEIGHTS
    from zsad.mae.zoo import RELEASED as AUTOENCODERS

    if backbone in AUTOENCODERS:
        mae = AUTOENCODERS[backbone]
        return mae.layers, mae.width, (224 // mae.patch) ** 2
    card = WEIGHTS / f"{backbone}.json"
    if backbone in RELEASED:
        released = RELEASED[backbone]
        tower = open_clip.get_model_config(released.architecture)["vision_cfg"]
        size = released.image_size or tower["image_size"]
    elif card.is_file():
        config = json.loads(card.read_text())["model_cfg"]
        tower = config.get("vision_cfg") or {
            "layers": config["num_hidden_layers"], "width": config["hidden_size"], "patch_size": config["patch_size"]
        }  # fmt: skip
        size = 240
    else:  # one of its user's own, about as large as WinCLIP's
        return _tower("ViT-B-16-plus-240")
    return tower["layers"], tower["width"], (size // tower["patch_size"]) ** 2 + 1
