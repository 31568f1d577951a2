"""What a model was shown before it is tested, and the league that a detector made of such models plays in.

Every model says what it was shown once, beside its weights: a demo model in its card (`shown`), a published one where
its files are named. Everything else, every table included, is computed from that by `league_of`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, cast, get_args

Shown = Literal[
    "pictures",  # alone: no text, no label, no mask
    "captions",  # with their pictures
    "class labels",  # of ordinary pictures, none of them of damage
    "masks of ordinary things",  # products, parts, materials, anything that is not damage
    "masks of damage of other products",  # in whatever training, of the backbone or of a segmenter
    "anomalies of other products",  # by what was trained to detect: prompts, projections, adapters
    "normal images of the product",
    "a few good images of the product",  # so few that whoever tests it picks them by hand
    "test images",  # more than the one that is scored
    "unknown",
]
# Where a detector knows anomalies from. Detectors of different leagues are never ranked unmarked.
League = Literal[
    "text only",
    "no text",
    "was shown masks of other products",
    "auxiliary anomalies",
    "few-shot",
    "normal images of the product",
    "test batch",
    "unknown",
]
# What a detector says of images. Its scores and its maps may come from parts that were shown different things.
Output = Literal["scores", "maps"]
OUTPUTS: tuple[Output, ...] = get_args(Output)
UNKNOWN: tuple[Shown, ...] = ("unknown",)
NOT_RECORDED = "not recorded"  # the league of what was computed before records named it

# What decides a league, the first that some part was shown. Pictures, class labels and masks of ordinary things show no
# anomaly as such, nor do captions, but they name it.
_DECIDES: dict[Shown, League] = {
    "unknown": "unknown",
    "test images": "test batch",
    "normal images of the product": "normal images of the product",
    "a few good images of the product": "few-shot",
    "anomalies of other products": "auxiliary anomalies",
    "masks of damage of other products": "was shown masks of other products",
    "captions": "text only",
}


def league_of(*parts: Iterable[Shown]) -> League:
    """The league of a detector, or of one of its outputs, from what each of the parts that it comes from was shown.

    Raises:
        ValueError: a part that was shown nothing, or something that has no name here.
    """
    seen = {thing for part in parts for thing in check_shown(part, "a part of a detector")}
    for thing, league in _DECIDES.items():
        if thing in seen:
            return league
    return "no text"


def decided_by(league: str) -> Shown | None:
    """What makes a detector one of a league; None of the league "no text", whose detectors know no anomaly."""
    return next((thing for thing, named in _DECIDES.items() if named == league), None)


def never_shown(league: str) -> list[Shown]:
    """What no part of a detector of a league was shown: it would be one of another league."""
    named: list[str] = list(_DECIDES.values())
    above = list(_DECIDES)[: named.index(league)] if league in named else list(_DECIDES)
    return [thing for thing in above if thing != "unknown"]


def output_of(metric: str) -> Output:
    """Which output a metric measures, by its name."""
    return "scores" if metric.startswith("image_") else "maps"


def leagues_of_outputs(detector: Any) -> dict[Output, str]:
    """The league of a detector's scores and of its maps: that of the detector, where it does not say more."""
    return {output: getattr(detector, f"league_of_{output}", detector.league) for output in OUTPUTS}


def in_words(leagues: Mapping[Output, str]) -> str:
    """The league of a detector's outputs: each with its output where they are not one."""
    if len(set(leagues.values())) == 1:
        return next(iter(leagues.values()))
    return ", ".join(f"{league} ({output})" for output, league in leagues.items())


def check_shown(things: Iterable[str], of: str) -> tuple[Shown, ...]:
    """What `of` was shown, each thing once, in the order of `Shown`. Errors as `league_of`."""
    given, known = set(things), get_args(Shown)
    if not given or not given <= set(known):
        wrong = ", ".join(map(repr, sorted(given - set(known)))) or "nothing"
        raise ValueError(f"{of} was shown {wrong}; known: {', '.join(map(repr, known))}")
    return tuple(cast(Shown, thing) for thing in known if thing in given)
