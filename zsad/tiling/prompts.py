"""Stage 8, prompts: WinCLIP's states and the report's (its Fig. 2), and its prompts for places."""

from __future__ import annotations

from collections.abc import Sequence

from zsad.clip.prompts import ANOMALOUS, NORMAL, STATES

EXTRA_STATES = {
    NORMAL: (
        "good {}",
        "normal {}",
        "amazing {}",
        "pristine {}",
        "undamaged {}",
        "{} in good condition",
        "unbroken {}",
        "{} without any imperfections",
        "{} without any scratches",
        "{} without any marks",
        "complete {}",
        "new {}",
    ),
    ANOMALOUS: (
        "broken {}",
        "bad {}",
        "flawed {}",
        "defective {}",
        "{} in poor condition",
        "worn {}",
        "{} with scratches",
        "{} with marks",
        "{} with imperfections",
        "cracked {}",
        "faulty {}",
        "incomplete {}",
        "bent {}",
        "snapped {}",
        "scratched {}",
        "shattered {}",
        "fractured {}",
        "burst {}",
        "{} in pieces",
    ),
}
SAMPLE_STATES = {side: (*STATES[side], *EXTRA_STATES[side]) for side in (NORMAL, ANOMALOUS)}

# As printed, with "an error" twice: in a mean over prompts it has twice the weight.
LOCALISING = (
    "a tear",
    "a rip",
    "some damage",
    "a fault",
    "a break",
    "an abnormality",
    "a defect",
    "a crack",
    "an anomaly",
    "a missing component",
    "an error",
    "a mark",
    "a cut",
    "a dent",
    "a scratch",
    "an imperfection",
    "a blemish",
    "a mistake",
    "an error",
)


def distinct(prompts: Sequence[str]) -> tuple[str, ...]:
    """Each prompt once, in order."""
    return tuple(dict.fromkeys(prompts))
