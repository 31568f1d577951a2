"""How well the searches search: how far each lowers every image's AUROC or loss, for as many forward passes.

Which searches there are is read off the study's `worst` blocks; what no block holds is said to be absent.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from book.tools import plots
from book.tools.page import Page
from book.tools.pages.worst import SETTING_WORDS, SETTINGS, WorstCases, computed, kept
from book.tools.plots.style import PALETTE
from zsad.analysis import falls
from zsad.analysis.falls import FORWARDS_OF_A_GRADIENT, Compared, compared, mean_curve, relative_falls, wins
from zsad.study.results import load_sidecars
from zsad.study.shifts import Block, Worst

CRITERIA = {"auroc": "kept by AUROC", "loss": "kept by loss"}
# A search is good enough as the default that wins on so many percent of the images.
GOAL = 80
# Twice as many evaluations should move a suite's mean by less than so many points.
POINT = 1.0
_TRIES = [*falls.IMAGE, "backbone", "setting", "search", "criterion", "evaluation", "forwards", "loss", "auroc"]
_NAMES = set(Block.model_fields) | {"name", "settings"}
_WAYS = {"search", "budget", "gradient", "criterion"}
_SPENT = "forward passes"
# Forward passes at which searches are compared, besides the last that both have spent.
_AT = (16, 32, 64, 128)


def searches_of_study(page: Page) -> list[WorstCases]:
    """Every `worst` block of the page's study."""
    found = [computed(page, block) for block in page.study.worst]
    return [cases for cases in found if cases is not None]


def searches_kept(page: Page, study: str, blocks: Sequence[Worst]) -> list[WorstCases]:
    """Those of some blocks that are kept in `results/<study>`."""
    found = [kept(page, block.name, study) for block in blocks]
    return [cases for cases in found if cases is not None]


def options_of(block: Worst, without: set[str]) -> dict[str, Any]:
    """What a block searches for and how, apart from the pictures and detectors, and from the options in `without`."""
    return block.model_dump(exclude=_NAMES | without)


def search_name(block: Worst) -> str:
    """A search in words, such as "adam (class token)"."""
    return block.search + (" (class token)" if block.search == "adam" and block.gradient == "class_token" else "")


def comparable(all_cases: Sequence[WorstCases]) -> list[WorstCases]:
    """Of the blocks that search within the same bounds and turn and count alike the most, so that only the way differs;
    none where there is but one search among them.
    """
    groups: dict[str, list[WorstCases]] = {}
    for cases in all_cases:
        groups.setdefault(repr(options_of(cases.block, without=_WAYS)), []).append(cases)
    largest = max(groups.values(), key=lambda group: len({search_name(c.block) for c in group}), default=[])
    return largest if len({search_name(cases.block) for cases in largest}) > 1 else []


def tries_of(page: Page, all_cases: Sequence[WorstCases]) -> pd.DataFrame:
    """The tables "tries" of some blocks, with `forwards`, and the block's `search` and `criterion`; empty where the
    records are of an earlier version that kept none.
    """
    found = [
        falls.with_forwards(page.details("tries", cases.worst)).assign(
            search=search_name(cases.block), criterion=cases.block.criterion
        )
        for cases in all_cases
        if _has_tries(page, cases)
    ]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=_TRIES)


def _has_tries(page: Page, cases: WorstCases) -> bool:
    return all("tries" in sidecar["tables"] for sidecar in load_sidecars(cases.worst, page.study).values())


def _by_aim(tries: pd.DataFrame, criterion: str) -> pd.DataFrame:
    """The tries of searches for one aim: refine's own, and those of the others, whose tries no criterion leads."""
    return tries[(tries["search"] != "refine") | (tries["criterion"] == criterion)]


def _panels(tries: pd.DataFrame) -> Iterator[tuple[str, str, str, dict[str, pd.DataFrame]]]:
    """criterion, backbone, setting and the relative falls of the searches, refine first."""
    for criterion in CRITERIA:
        aimed = _by_aim(tries, criterion)
        for (backbone, setting), rows in aimed.groupby(["backbone", "setting"], sort=False):
            found = relative_falls(rows, criterion)
            if "refine" in found and len(found) > 1 and len(found["refine"]):
                yield criterion, str(backbone), str(setting), {"refine": found.pop("refine"), **found}


def show_searches(page: Page, all_cases: Sequence[WorstCases], suffix: str = "") -> bool:
    """Two figures, a table and conclusions for the comparable searches among some blocks; whether there are any."""
    group = comparable(all_cases)
    panels = list(_panels(tries_of(page, group))) if group else []
    if not panels:
        return False
    study, backbones = group[0].study.name, list(dict.fromkeys(backbone for _, backbone, _, _ in panels))
    curves, won, found = [], [], list[dict[str, Any]]()
    for criterion, backbone, setting, shares in panels:
        where = {"row": criterion, "column": f"{setting} {backbone}"}
        for search, share in shares.items():
            curves.append(mean_curve(100 * share).assign(search=search, **where))
            if search != "refine":
                won.append(mean_curve(100 * wins(shares["refine"], share)).assign(search=search, **where))
                found += [{"criterion": criterion, "backbone": backbone, "setting": setting, **vars(each)}
                          for each in _at_several(shares, search)]  # fmt: skip
    rows = {name: words for name, words in CRITERIA.items() if any(p[0] == name for p in panels)}
    columns = {
        f"{setting} {backbone}": SETTING_WORDS[setting] + (f", {backbone}" if len(backbones) > 1 else "")
        for setting in SETTINGS
        for backbone in backbones
        if any(p[1:3] == (backbone, setting) for p in panels)
    }
    images = max(len(shares["refine"]) for *_, shares in panels)
    spent = (
        f"Along: forward passes of the detector for an image; an evaluation with a gradient (adam) counts "
        f"{FORWARDS_OF_A_GRADIENT}. Bands: 95 % bootstrap intervals over the {images} images."
    )
    spent += f" Evaluations at most: {'; '.join(_evaluations(group))} (adam as released has 100, in 5 runs of 20)."
    page.figure(
        plots.plot_search(pd.concat(curves), rows, columns, f"{_SPENT} an image", "fall [%]"),
        f"fig-search{suffix}",
        "<strong>How far the searches get.</strong> Height: how far the lowest value so far lies below that of the "
        "image as it is, in percent of the furthest that any search lowers it on that image, mean over images; higher "
        f"is worse for the detector. Above, an image is judged by its pixel AUROC (by the loss without a defect), "
        f"below by the loss. {spent}",
        study=study,
    )
    page.figure(
        plots.plot_search(
            pd.concat(won), rows, columns, f"{_SPENT} an image", "images won [%]", colours=PALETTE[1:], reference=GOAL
        ),
        f"fig-search-wins{suffix}",
        "<strong>On how many images refine gets further.</strong> Share of images on which refine has lowered the "
        f"value further than the other search for as many forward passes; as far counts half. Dotted: {GOAL} %. "
        f"{spent}",
        study=study,
    )
    table = pd.DataFrame(found)
    _show_table(page, table, f"tab-search{suffix}", study)
    for text, key in ((conclude(table), "conclusion_search"), (shortly(table), "short_search")):
        page.number(f"{key}{suffix}", text)
    page.say(conclude(table))
    return True


def _evaluations(group: Sequence[WorstCases]) -> list[str]:
    most: dict[str, int] = {}
    for cases in group:
        name = search_name(cases.block)
        most[name] = max(most.get(name, 0), *(budget or 0 for budget in cases.budgets))
    return [f"{name} {count or 'by default'}" for name, count in most.items()]


def _at_several(shares: dict[str, pd.DataFrame], other: str) -> list[Compared]:
    last = min(shares["refine"].columns[-1], shares[other].columns[-1])
    return [compared(shares, "refine", other, at) for at in sorted({at for at in _AT if at < last} | {int(last)})]


def _show_table(page: Page, table: pd.DataFrame, id: str, study: str) -> None:
    shown = pd.DataFrame(
        {
            "aim": table["criterion"].map(CRITERIA),
            "backbone": table["backbone"],
            "setting": table["setting"].map(SETTING_WORDS),
            "against": table["other"],
            _SPENT: table["forwards"],
            "images": table["images"],
            "further": table["further"],
            "as far": table["alike"],
            "won [%]": _spans(table, "rate", "{:.0f} ({:.0f}\u00a0to\u00a0{:.0f})"),
            "ahead [% of the furthest]": _spans(table, "ahead", "{:+.1f} ({:+.1f}\u00a0to\u00a0{:+.1f})"),
        }
    )
    page.table(
        shown,
        id,
        "<strong>refine against the other searches, image by image.</strong> After as many forward passes of both: on "
        "how many images refine has lowered the value further, and as far; the share that it wins (as far counts "
        "half); and by how much its fall is ahead, mean of the paired differences in percent of the furthest fall on "
        "each image. 95 % bootstrap intervals over images.",
        study=study,
        csv=table,
    )


def _spans(table: pd.DataFrame, name: str, form: str) -> list[str]:
    ends = zip(table[name], table[f"{name}_low"], table[f"{name}_high"], strict=True)
    return [form.format(*values) for values in ends]


def _last(table: pd.DataFrame) -> pd.DataFrame:
    """The comparison after the most forward passes, of each aim, backbone, setting and other search."""
    case = ["criterion", "backbone", "setting", "other"]
    return table.loc[table.groupby(case, sort=False)["forwards"].idxmax()]


def conclude(table: pd.DataFrame) -> str:
    """A list: for each aim and setting how often refine wins against each other search at the end, and whether that is
    the goal.
    """
    lines = []
    for (criterion, backbone, setting), rows in _last(table).groupby(["criterion", "backbone", "setting"], sort=False):
        said = [
            f"{row.other} on {row.rate:.0f} % of {row.images} images ({row.rate_low:.0f} to {row.rate_high:.0f}) after "
            f"{row.forwards} forward passes"
            for row in rows.itertuples()
        ]
        short = rows[rows["rate"] < GOAL]["other"].tolist()
        verdict = f"short of {GOAL} % against {', '.join(short)}" if short else f"at least {GOAL} % against each"
        case = f"{CRITERIA[str(criterion)]}, {SETTING_WORDS[str(setting)]} on {backbone}"
        lines.append(f"- **{case}**: refine wins against {'; against '.join(said)}. That is {verdict}.")
    return "\n".join(lines)


def shortly(table: pd.DataFrame) -> str:
    """One sentence: in how many comparisons refine reaches the goal, and its lowest share."""
    last = _last(table)
    reached, lowest = int((last["rate"] >= GOAL).sum()), last.loc[last["rate"].idxmin()]
    return (
        f"For as many forward passes refine lowers AUROC or loss further on at least {GOAL} % of the images in "
        f"{reached} of {len(last)} comparisons; its lowest share is {lowest['rate']:.0f} % "
        f"({CRITERIA[lowest['criterion']]}, against {lowest['other']} after {lowest['forwards']})."
    )


def show_doublings(page: Page, cases: WorstCases, suffix: str = "") -> bool:
    """The mean AUROC of anomalous images against the number of evaluations, and what doubling them changes; whether the
    records hold it.
    """
    tries = tries_of(page, [cases])
    if tries.empty or not tries["auroc"].notna().any():
        return False
    curves, tables = [], []
    for (backbone, setting), rows in tries.groupby(["backbone", "setting"], sort=False):
        lowest = falls.lowest_aurocs(rows)
        name = SETTING_WORDS[str(setting)] + (f", {backbone}" if len(cases.backbones) > 1 else "")
        curves.append(mean_curve(lowest).assign(search=name, row="", column=""))
        tables.append(falls.doublings(lowest).assign(case=name, images=len(lowest)))
    table = pd.concat(tables, ignore_index=True)
    page.figure(
        plots.plot_search(pd.concat(curves), {"": ""}, {"": ""}, "evaluations an image", "mean AUROC [%]"),
        f"fig-doubling{suffix}",
        "<strong>What more evaluations find.</strong> Lowest pixel AUROC so far of each anomalous image, mean over "
        f"images, against the evaluations of {cases.block.search}; evaluation 1 is the image as it is. Bands: 95 % "
        "bootstrap intervals over images.",
        study=cases.study.name,
    )
    if len(table):
        _show_doubled(page, table, suffix, cases.study.name)
    return True


def _show_doubled(page: Page, table: pd.DataFrame, suffix: str, study: str) -> None:
    shown = pd.DataFrame(
        {
            "setting": table["case"],
            "images": table["images"],
            "evaluations": table["evaluations"],
            "mean AUROC": table["mean"].map("{:.1f}".format),
            "with twice as many": table["doubled"].map("{:.1f}".format),
            "lower by [points]": _spans(table.rename(columns={"low": "change_low", "high": "change_high"}), "change",
                                        "{:.2f} ({:.2f} to {:.2f})"),
            "most of a category": table["largest"].map("{:.2f}".format),
        }
    )  # fmt: skip
    page.table(
        shown,
        f"tab-doubling{suffix}",
        "<strong>What twice as many evaluations change.</strong> Mean over anomalous images of the lowest pixel AUROC, "
        "in percent, and by how many points it is lower after twice as many evaluations, with a 95 % bootstrap "
        "interval over images; and the largest such change of a category's mean.",
        study=study,
        csv=table,
    )
    text = conclude_doublings(table)
    page.say(text)
    page.number(f"conclusion_doubling{suffix}", text)


def conclude_doublings(table: pd.DataFrame) -> str:
    """A line a setting: from how many evaluations on, twice as many move the mean by less than a point."""
    lines = []
    for case, rows in table.groupby("case", sort=False):
        moved = rows[rows["change"] >= POINT]
        enough = rows[rows["evaluations"] > moved["evaluations"].max()] if len(moved) else rows
        last = rows.iloc[-1]
        if len(enough):
            first = enough.iloc[0]
            lines.append(
                f"- **{case}**: from {first.evaluations} evaluations on, twice as many lower the mean by less than "
                f"{POINT:g} point ({first.change:.2f}, {first.low:.2f} to {first.high:.2f})."
            )
        else:
            lines.append(
                f"- **{case}**: no number of evaluations tried is enough: after {last.evaluations}, twice as many "
                f"lower the mean by another {last.change:.2f} points ({last.low:.2f} to {last.high:.2f})."
            )
    return "\n".join(lines)
