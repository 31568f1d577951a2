"""What matters in the text FNN: variants of it, each a mean over training seeds, against the method as it is.

A variant is a list of detectors that differ in their seed
alone, and is called by the first.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from zsad.analysis.corruption import Sampled
from zsad.analysis.differences import Difference, Parts, minus
from zsad.analysis.words import percent, points

WHOLE, RANDOM = "text_fnn", "random words"
WORDS = {
    WHOLE: "the method: both losses, a network, the object's name",
    RANDOM: "words as they are drawn: neither loss",
    "diversity only": "words made unlike each other, without guidance",
    "guidance only": "words guided, without diversity",
    "knowledge guidance": "guided to stay close to the bare prompt, not by the contrast of the sides",
    "shorter guided": "guidance of distribution words by themselves, and no temperature in it",
    "linear": "one linear layer in place of the network",
    "prototype": "no network: the mean text of each side",
    "bare prompts": "no words and no network: the mean prompt of each side",
    "unknown name": "texts say “object” in place of its name",
    "rwda": "for comparison: random words of letters, nothing learned but the network",
    "rwda tokens": "RWDA with random tokens in place of letters",
    "rwda unknown": "RWDA with texts that say “object”",
    "winclip": "for comparison",
}
# Other methods, which are no change of this one.
OTHERS = ("rwda", "rwda tokens", "rwda unknown", "winclip")


def over_seeds(found: Sampled, suite: str, labels: Sequence[str], severity: float) -> Parts:
    """The mean over seeds and kinds of corruption at a severity, as parts of a `difference`."""
    return [part for label in labels for part in found.mean_at(suite, label, severity, 1 / len(labels))]


def deviation(found: Sampled, suite: str, labels: Sequence[str], severity: float) -> float | None:
    """The standard deviation over seeds, in points; None of one seed."""
    alone = [found.level(found.mean_at(suite, label, severity)).value for label in labels]
    return float(np.std(alone, ddof=1)) if len(alone) > 1 else None


def gaps(found: Sampled, variants: Mapping[str, Sequence[str]]) -> dict[tuple[str, str], Difference]:
    """(suite, variant) -> its mean under corruption minus that of the method as it is; empty without the latter."""
    if WHOLE not in variants:
        return {}

    def mean(suite: str, name: str) -> Parts:
        return over_seeds(found, suite, variants[name], found.severity)

    return {
        (suite, name): found.level(mean(suite, name) + minus(mean(suite, WHOLE)))
        for suite in found.suites
        for name in variants
        if name != WHOLE
    }


def ablation_table(
    found: Sampled, variants: Mapping[str, Sequence[str]], against: Mapping[tuple[str, str], Difference]
) -> pd.DataFrame:
    """A row a suite and variant: its means with their intervals in words, and the deviation over seeds in points.

    Args:
        against: `gaps`.
    """
    rows = []
    for suite in found.suites:
        for name, labels in variants.items():
            row: dict[str, object] = {"suite": suite, "variant": name, "what": WORDS[name], "seeds": len(labels)}
            for column, severity in (("clean", 0), ("corrupted", found.severity)):
                row[column] = percent(found.level(over_seeds(found, suite, labels, severity)))
                row[f"sd {column}"] = deviation(found, suite, labels, severity)
            gap = against.get((suite, name))
            rows.append({**row, "against the method": None if gap is None else points(gap)})
    return pd.DataFrame(rows)


def ablation_sentence(against: Mapping[tuple[str, str], Difference]) -> str:
    """Whether trained words help against words as they are drawn, and which other changes matter; from `gaps`."""
    said = []
    for (suite, name), gap in against.items():
        if name == RANDOM:
            helps = Difference(-gap.value, -gap.high, -gap.low, gap.categories)
            verdict = {1: "help", -1: "hurt", 0: "make a difference that is statistically undecided"}[helps.sign]
            said.append(
                f"On {suite}, trained words {verdict} under corruption: {points(helps)} points of mean image AUROC "
                "against words as they are drawn."
            )
    changes = {place: gap for place, gap in against.items() if place[1] not in (RANDOM, *OTHERS)}
    if changes:
        sure = [f"{name} on {suite} {points(gap)}" for (suite, name), gap in changes.items() if gap.sign]
        said.append(f"Other changes whose 95 % interval excludes 0: {'; '.join(sure) or 'none'}.")
    return " ".join(said) or "The study holds no variant to compare the method with."


def words_table(rows: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """How unlike the words of some detectors are: `variant` and `seed` first, and shares of texts in percent.

    Args:
        rows: a frame with one row each, with the mean |cosine| of all pairs of a kind of words, and as fractions
            "moved right" and "nearer own side".
    """
    frame = pd.concat(rows, ignore_index=True)
    shares = ["moved right", "nearer own side"]
    frame[shares] = 100 * frame[shares]
    return frame[["variant", "seed", *(name for name in frame if name not in ("variant", "seed"))]]


def learned_against_drawn(table: pd.DataFrame) -> str:
    """The mean |cosine| of diversity words over seeds, "" where one of the two is not there; from `words_table`."""
    families = table["variant"].str.rstrip(" 0123456789")
    mean = table["diversity words"].groupby(families).mean()
    return f"{mean[WHOLE]:.3f} against {mean[RANDOM]:.3f}" if {WHOLE, RANDOM} <= set(mean.index) else ""
