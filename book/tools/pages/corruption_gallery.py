"""One picture under every corruption at every severity, and what each detector makes of it."""

import pandas as pd

from book.tools import plots
from book.tools.page import Page
from book.tools.pages.corruption import KIND_WORDS, KINDS, Corrupted
from zsad.data import Sample
from zsad.perturb.corruptions import BRIGHTNESS, CONTRAST, DEFOCUS, NOISE
from zsad.robustness.corruption import Corruption, corrupted
from zsad.study.shifts import MAX_SEVERITY

# The strength of each severity in words; what it means is in `zsad.perturb.corrupt`.
STRENGTHS = {
    "brightness": [f"+{value:g}" for value in BRIGHTNESS],
    "contrast": [f"× {value:g}" for value in CONTRAST],
    "defocus_blur": [f"{radius} px" for radius, _ in DEFOCUS],
    "gaussian_noise": [f"± {value:g}" for value in NOISE],
}


def chosen(page: Page, suite: str, category: str) -> Sample:
    """The anomalous test picture with the median size of damage; of an even number, the upper one of the middle two."""
    anomalous: list[Sample] = [sample for sample in page.dataset(suite, category) if sample.label]
    anomalous.sort(key=lambda sample: 0 if sample.mask is None else int(sample.mask.sum()))
    return anomalous[len(anomalous) // 2]


def show_corruptions(page: Page, suite: str, sample: Sample) -> None:
    """A row a corruption, a column a severity."""
    severities = range(MAX_SEVERITY + 1)
    pictures = [
        plots.to_uint8(corrupted(sample, Corruption(kind, severity, seed=page.study.seed)).image)
        for kind in KINDS
        for severity in severities
    ]
    titles = [title for kind in KINDS for title in ("as it is", *STRENGTHS[kind])]
    height, width = sample.image.shape[-2:]
    page.figure(
        plots.picture_row(pictures, titles, columns=len(severities), row_labels=[KIND_WORDS[kind] for kind in KINDS]),
        "fig-corruptions",
        f"<strong>Four corruptions at severities 0 to {MAX_SEVERITY}</strong> (columns) of one "
        f"{sample.category.replace('_', ' ')} ({suite}, test picture {sample.id}, {width} × {height} pixels; of the "
        "anomalous ones that with the median size of damage). Above each: what is added to brightness, the contrast "
        "that is kept, the radius of the blur in pixels, the standard deviation of the noise; values from 0 to 1.",
    )


def show_scores(page: Page, cases: Corrupted, suite: str, sample: Sample) -> None:
    """The rank that each detector gives the picture among the normal ones, under each corruption of the study."""
    records = cases.records[(cases.records["suite"] == suite) & (cases.records["category"] == sample.category)]
    scores = page.details("images", records)
    rows = []
    for (detector, kind), group in scores.groupby(["detector", "setting"], sort=False):
        row: dict[str, object] = {"detector": detector, "corruption": KIND_WORDS[str(kind)]}
        for severity, pictures in group.groupby("value"):
            row[f"severity {int(severity)}"] = below(pictures, sample.id)
        rows.append(row)
    frame = pd.DataFrame(rows)
    page.table(
        frame,
        "tab-corruption-scores",
        "<strong>Is the damage of this picture still seen?</strong> Share of the normal pictures of the category, "
        "under the same corruption, that score lower than this damaged one; 100 where it stands out from all of them.",
        formats=dict.fromkeys(frame.columns[2:], "{:.0f}"),
    )


def below(pictures: pd.DataFrame, id: str) -> float:
    """Percent of the normal pictures that score lower than picture `id`; ties count half."""
    own = float(pictures.loc[pictures["id"] == id, "score"].iloc[0])
    normal = pictures.loc[~pictures["label"], "score"]
    return 100 * float((normal < own).mean() + (normal == own).mean() / 2)
