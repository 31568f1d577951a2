"""Where the worst cases lie: histograms of angles, hues and saturations, how many are at the bound and at 0."""

import math

import pandas as pd
from scipy.stats import binomtest

from book.tools import plots
from book.tools.page import Page
from book.tools.pages.worst import SETTING_WORDS, WorstCases

SINGLE = ("angle", "hue", "saturation")
NEAR = 0.05
"""Share of the half-width that counts as near 0, and 1 less which counts as near the bound."""


def show_histograms(page: Page, cases: WorstCases) -> None:
    """Fig. 5, the same for hue and saturation over every category, the table of counts and the conclusion."""
    samples = page.details("samples", cases.worst)
    for setting in (s for s in SINGLE if s in cases.settings):
        chosen = samples[samples["setting"] == setting]
        if setting == "angle":
            turned = rotation_invariant_only(cases, chosen)
            if len(turned):
                _histogram(page, cases, turned, setting, "fig-worst-angles", "Fig. 5: the worst angle of each picture, "
                           "objects without an upright pose")  # fmt: skip
        _histogram(page, cases, chosen, setting, f"fig-worst-{setting}", f"The worst {_noun(setting)} of each picture, "
                   "every category searched")  # fmt: skip
    counts = pd.DataFrame(
        [
            row
            for suite in cases.suites
            for backbone in cases.backbones
            for setting in SINGLE
            for row in counted(cases, samples, suite, backbone, setting)
        ]
    )
    if counts.empty:
        page.say("Not in this study: worst cases of a single setting; all three at once have no histogram here.")
        return
    conclusion = conclude(cases, samples)
    page.say(f"**Conclusion ({cases.who}).** {conclusion}")
    page.number(f"conclusion{cases.suffix}", conclusion)
    page.table(
        counts,
        f"tab-worst-parameters{cases.suffix}",
        "<strong>Where the worst cases lie</strong>, in percent of the pictures. At 0: the picture as it is, no try "
        f"was worse. Near 0: within {NEAR:.0%} of the half-width of what was searched, 0 itself included. At the "
        "bound: within the outermost 1 % of it; a hue that may go all the way round has no bound.",
        formats=dict.fromkeys(("at 0 [%]", "near 0 [%]", "at the bound [%]"), "{:.1f}"),
        study=cases.study.name,
    )


def rotation_invariant_only(cases: WorstCases, samples: pd.DataFrame) -> pd.DataFrame:
    """The pictures of the group `rotation_invariant`, of the suites that have one."""
    groups = {suite: cases.study.suites[suite].groups.get("rotation_invariant", []) for suite in cases.suites}
    inside = [category in groups[suite] for suite, category in zip(samples["suite"], samples["category"], strict=True)]
    return samples[inside]


def bound_of(cases: WorstCases, setting: str) -> float:
    """Half-width of what was searched, in the setting's unit."""
    return float(getattr(cases.block.bounds, setting))


def _noun(setting: str) -> str:
    return {"angle": "angle", "hue": "hue shift", "saturation": "saturation shift"}[setting]


def _histogram(page: Page, cases: WorstCases, samples: pd.DataFrame, setting: str, id: str, title: str) -> None:
    suites = [s for s in cases.suites if s in set(samples["suite"])]
    names = ", ".join(sorted(str(c).replace("_", " ") for c in samples["category"].unique()))
    page.figure(
        plots.plot_histograms(samples, setting, bound_of(cases, setting), suites, cases.backbones),
        f"{id}{cases.suffix}",
        f"<strong>{title}.</strong> {names}. Number of test pictures (in brackets: all of a panel) by the "
        f"{_noun(setting)} that the search kept, anomalous and normal ones stacked; dotted: no shift, in the middle of "
        "its bin.",
        study=cases.study.name,
    )


def counted(
    cases: WorstCases, samples: pd.DataFrame, suite: str, backbone: str, setting: str
) -> list[dict[str, object]]:
    """A row for the anomalous and one for the normal pictures; none where nothing was searched."""
    chosen = (samples["suite"] == suite) & (samples["backbone"] == backbone) & (samples["setting"] == setting)
    rows = []
    for kind, label in (("anomalous", True), ("normal", False)):
        values = samples[chosen & (samples["label"] == label)][setting].abs() / (bound_of(cases, setting) or 1.0)
        if len(values):
            rows.append(
                {
                    "suite": suite,
                    "backbone": backbone,
                    "setting": SETTING_WORDS[setting],
                    "pictures": kind,
                    "number": len(values),
                    "at 0 [%]": 100 * (values == 0).mean(),
                    "near 0 [%]": 100 * (values <= NEAR).mean(),
                    "at the bound [%]": None if _circle(cases, setting) else 100 * (values >= 0.99).mean(),
                }
            )
    return rows


def _circle(cases: WorstCases, setting: str) -> bool:
    return setting == "hue" and bound_of(cases, "hue") >= math.pi - 1e-6


def conclude(cases: WorstCases, samples: pd.DataFrame) -> str:
    """For each setting over all pictures: the share near 0 and at the bound, beside what an even spread would give."""
    said = []
    for setting in (s for s in SINGLE if s in cases.settings):
        values = samples[samples["setting"] == setting][setting].abs() / bound_of(cases, setting)
        near, at_zero = int((values <= NEAR).sum()), int((values == 0).sum())
        text = (
            f"Of {len(values)} worst {_noun(setting)}s {_share(near, len(values))} lie near 0, where an even spread "
            f"would put {100 * NEAR:.0f} %: {_beside(near, len(values), NEAR)}; {at_zero} are 0 itself"
        )
        if not _circle(cases, setting):
            edge = int((values >= 0.99).sum())
            text += f", and {_share(edge, len(values))} lie at the bound"
        said.append(f"{text}.")
    return " ".join(said)


def _share(count: int, total: int) -> str:
    low, high = _interval(count, total)
    return f"{100 * count / total:.1f} % (95 % interval {100 * low:.1f} to {100 * high:.1f})"


def _interval(count: int, total: int) -> tuple[float, float]:
    found = binomtest(count, total).proportion_ci(method="wilson")
    return found.low, found.high


def _beside(count: int, total: int, expected: float) -> str:
    low, high = _interval(count, total)
    if low > expected:
        return "a peak"
    return "a gap" if high < expected else "no clear peak"
