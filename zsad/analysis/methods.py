"""Methods in a few words, for a picture of each: what it sees of an image, and what was learned for it beforehand.

A detector's class may say both itself, as `sees` and `learned`; one that says neither and has no words here is shown by
its title, with a dash for each. What it was never shown follows from what its parts declare that they were shown: its
league alone says what decided it, and of a test batch not what the model behind it knows.
"""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from zsad.leagues import UNKNOWN, Shown, decided_by, never_shown


class InWords(NamedTuple):
    """What a detector looks at, and what was learned to detect beyond its backbone."""

    sees: str
    learned: str


# By a detector's name in `zsad.detectors.DETECTORS`, of those whose class does not say it.
METHODS: Mapping[str, InWords] = {
    "winclip": InWords("one image: windows of two sizes and the whole, beside sentences", "nothing"),
    "clip": InWords("one image as a whole, beside two sentences", "nothing"),
    "clip_ac": InWords("one image as a whole, beside 80 templates a side", "nothing"),
    "rwda": InWords("one image as a whole", "a network, on sentences with random words"),
    "text_fnn": InWords("one image as a whole", "words and a network, on text vectors"),
    "tiling": InWords("one image: tiles of its foreground, beside sentences", "nothing; its segmenters were"),
    "anomalyclip": InWords(
        "one image and its patches, beside two prompts", "the prompts, on anomalies of other products"
    ),
    "april_gan": InWords(
        "one image and its patches at several depths, beside sentences",
        "for its maps a linear layer a depth, on anomalies of other products",
    ),
    "maeday": InWords("one image, three quarters hidden at a time", "to paint what is hidden, on undamaged products"),
    "acr": InWords("all test images of a product together", "a head, on undamaged images of other products"),
    "musc": InWords("all test images of a product together", "nothing"),
    "winclip_plus": InWords("one image, beside sentences and a few good images of the product", "nothing"),
}

# What decides a league, as a box has room for it.
SHORT: dict[Shown, str] = {
    "test images": "other test images",
    "normal images of the product": "good training images",
    "a few good images of the product": "a few good images",
    "anomalies of other products": "other anomalies",
    "masks of damage of other products": "masks of damage",
    "captions": "text",
}
# Who was shown the one was shown the other: what learned from anomalies did so with their masks.
_INCLUDES: Mapping[Shown, Shown] = {
    "normal images of the product": "a few good images of the product",
    "anomalies of other products": "masks of damage of other products",
}
_NAMES_DAMAGE: Mapping[Shown, str] = {"captions": "captions, which name damage"}


def in_words(name: str, league: str, told: InWords | None = None, detector: Any = None) -> tuple[str, str, str]:
    """What a detector sees, what was learned for it, and what no part of it was shown; a dash for what is said nowhere,
    or where nothing is ruled out.

    Args:
        league: of its maps.
        told: what its class says of it, where that says both.
        detector: itself, whose parts say what they were shown; without it the league alone does.
    """
    sees, learned = told or METHODS.get(name) or InWords("–", "–")
    if getattr(detector, "options", {}).get("head", "") is None:  # the control, of a detector that learns only a head
        learned = "nothing"
    never = ruled_out(league, shown_to(detector, league))
    return sees + _through(detector), learned, ", ".join(SHORT[thing] for thing in never) or "–"


def shown_to(detector: Any, league: str) -> set[Shown] | None:
    """What the parts of a detector were shown that an output of this league comes from; None where no part says so.

    Parts are what it holds and what declares `shown`; of a backbone behind an extractor the extractor alone counts. A
    league rules out what was shown to a part that only its other output comes from.
    """
    held = dict(getattr(detector, "__dict__", {}))
    if "_extractor" in held:
        held.pop("backbone", None)
    parts = [part.shown for part in held.values() if hasattr(part, "shown")]
    if not parts:
        return None
    decides = decided_by(league)
    found = {thing for part in [*parts, held.get("_shown", ()), [decides] if decides else []] for thing in part}
    return found - set(never_shown(league))


def ruled_out(league: str, shown: Collection[Shown] | None) -> list[Shown]:
    """What decides leagues and was never shown to what was shown this; by the league alone, where that is not known."""
    if shown is None:
        return never_shown(league)
    seen = {*shown, *(_INCLUDES[thing] for thing in shown if thing in _INCLUDES)}
    return [] if seen & set(UNKNOWN) else [thing for thing in SHORT if thing not in seen]


def _through(detector: Any) -> str:
    """Of a detector that looks through an extractor of its own choice: which that is, and what it was shown."""
    extractor = getattr(detector, "__dict__", {}).get("_extractor")
    if extractor is None:
        return ""
    chosen = detector.options["extractor"]
    name = f"{detector.backbone.name}'s tower" if chosen == "tower" else chosen
    return f", through {name}: shown {', '.join(_NAMES_DAMAGE.get(thing, thing) for thing in extractor.shown)}"
