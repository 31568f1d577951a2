"""Whether who is ahead within a league is as printed: two methods that one source prints side by side, both measured on
the whole suite.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import pandas as pd

from zsad.analysis.differences import difference_of
from zsad.analysis.gaps import METRICS
from zsad.analysis.matrix import METRICS as IN_WORDS
from zsad.analysis.poster import name_in_print
from zsad.analysis.published import DATA_SETS, OTHER, SAME, TIE, UNDECIDED, Comparison, Missing, lacks
from zsad.analysis.words import points

Printed = Mapping[tuple[str, str, str], float]
"""(label, data set, metric as records name it) -> what is printed, in percent."""

POSTER = "the poster"
# Title -> what results/published calls the numbers of a method, in whichever source.
NAMES = {
    "WinCLIP": "WinCLIP (CVPR 2023)",
    "AnomalyCLIP": "AnomalyCLIP (ICLR 2024)",
    "APRIL-GAN": "APRIL-GAN (VAND 2023)",
    "ACR": "ACR (NeurIPS 2023)",
    "MuSc": "MuSc (ICLR 2024)",
    "CLIP": "CLIP (ViT-L/14@336, 518 px)",
    "CLIP-AC": "CLIP-AC (ViT-L/14@336, 518 px)",
}
WORDS = {SAME: "holds", OTHER: "is reversed", UNDECIDED: UNDECIDED, TIE: TIE}


@dataclass(frozen=True)
class Order(Comparison):
    """A comparison in one metric of two methods of a league (`what`), and the source that prints both."""

    metric: str
    source: str


def side_by_side(
    poster: pd.DataFrame, rows: Iterable[pd.DataFrame], titles: Mapping[str, str]
) -> dict[str, dict[tuple[str, str, str], float]]:
    """Source -> what it prints of detectors without a shift (`Printed`), the poster (`zsad.analysis.poster.as_printed`)
    first. Numbers of different sources are never put side by side: backbones, sizes and protocols differ.

    Args:
        rows: tables of results/published. A row with several sources, joined by "and", stands in each; what is only
            recalled in none.
    """
    found: dict[str, dict[tuple[str, str, str], float]] = {POSTER: {}}
    for label in titles:
        name = name_in_print(label, titles)
        for data_set in dict.fromkeys(DATA_SETS.values()) if name else ():
            found[POSTER][label, data_set, "image_auroc"] = float(poster.loc[name, (data_set, "none")])
    every = pd.concat(rows)
    every = every[(every["category"] == "mean") & (every["shift"] == "none") & (every["evidence"] == "source")]
    labels = {NAMES[title]: label for label, title in titles.items() if title in NAMES}
    for row in every[every["method"].isin(labels)].itertuples():
        metric = str(row.metric).replace("pixel_aupro", "aupro")
        for source in str(row.source).split(" and "):
            found.setdefault(source, {})[labels[str(row.method)], str(row.dataset), metric] = float(row.value)
    return found


def orders(
    records: pd.DataFrame,
    draws: Mapping[str, pd.DataFrame],
    leagues: Mapping[str, Mapping[str, str]],
    titles: Mapping[str, str],
    sources: Mapping[str, Printed],
) -> tuple[list[Order], Missing]:
    """Each two methods of one league, in each metric, that one source prints and that were both measured on the whole
    suite; and the methods that lack some of it. Where several sources print both, the first speaks.

    Args:
        draws: those of `zsad.analysis.gaps.changes`.
        leagues: metric -> label -> league: of the image's score and of the map they may differ.
        sources: of `side_by_side`.
    """
    said: list[Order] = []
    missing: dict[tuple[str, str], str] = {}
    for metric, by_label in leagues.items():
        for suite, rows in records[records["metric"] == metric].groupby("suite", sort=False):
            if suite not in DATA_SETS:
                continue
            data_set = DATA_SETS[str(suite)]
            for first, second in combinations(by_label, 2):
                source = _source_of([(label, data_set, metric) for label in (first, second)], sources)
                one, two = (rows[rows["detector"] == label] for label in (first, second))
                if by_label[first] != by_label[second] or source is None or one.empty or two.empty:
                    continue
                few = {(str(suite), titles[label]): why for label, own in ((first, one), (second, two))
                       if (why := lacks(str(suite), own))}  # fmt: skip
                if few:
                    missing |= few
                    continue
                ahead = sources[source][first, data_set, metric] - sources[source][second, data_set, metric]
                measured = difference_of([(1, one), (-1, two)], draws[metric], metric)
                names, where = (titles[first], titles[second]), (str(suite), data_set, by_label[first])
                said.append(Order(*names, *where, round(ahead, 2), measured, metric, source))
    return said, missing


def _source_of(wanted: list[tuple[str, str, str]], sources: Mapping[str, Printed]) -> str | None:
    return next((source for source, printed in sources.items() if all(key in printed for key in wanted)), None)


def order_table(found: Sequence[Order]) -> pd.DataFrame:
    """A row a comparison, as a reader sees it."""
    rows = [
        {
            "metric": METRICS[c.metric],
            "first": c.first,
            "second": c.second,
            "data set": f"{c.suite} ({c.data_set})",
            "products": c.measured.categories,
            "printed": c.printed,
            "printed in": c.source,
            "measured": points(c.measured),
            "printed order": WORDS[c.verdict],
        }
        for c in found
    ]
    return pd.DataFrame(rows)


def orders_in_words(found: Sequence[Order]) -> str:
    """How often the printed order holds, and how often in each metric. Ends without a full stop."""
    by_metric = ", ".join(
        f"{IN_WORDS[metric]} {sum(c.verdict == SAME for c in of)} of {len(of)}"
        for metric in dict.fromkeys(c.metric for c in found)
        if (of := [c for c in found if c.metric == metric])
    )
    count = {verdict: sum(c.verdict == verdict for c in found) for verdict in WORDS}
    tied = f"; in {count[TIE]} a tie is printed" if count[TIE] else ""
    return (
        f"of {len(found)} comparisons the printed order is borne out in {count[SAME]} ({by_metric}), reversed in "
        f"{count[OTHER]}, and statistically undecided in {count[UNDECIDED]}{tied}"
    )
