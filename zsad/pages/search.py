"""How well the searches search, and what their choices change: curves of loss against tries, and ablations.

Which searches and choices there are is read off the study's `worst` blocks; what no block holds is said to be absent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from zsad import plots
from zsad.pages.absent import say_absent
from zsad.pages.worst import METRICS, SETTING_WORDS, SETTINGS, SHORT, WorstCases, computed, kept
from zsad.study.contrasts import Difference, difference, verdict
from zsad.study.notebook import Page
from zsad.study.shifts import Block, Worst

# What an ablation changes: the option of a `worst` block, and the question in words.
ABLATIONS = {
    "gradient": "gradient through all windows, or of the class token alone",
    "align": "the map turned back, or the mask turned along",
    "criterion": "the kept try by AUROC, or by loss",
    "corners": "empty corners counted, or left out",
}
_CASE = ["backbone", "setting"]
_UNIT = ["suite", "category", *_CASE]
# A search is as good as another whose mean loss falls no more than this share further.
CLOSE = 0.01
_NAMES = set(Block.model_fields) | {"name", "settings"}


def searches_of_study(page: Page) -> list[WorstCases]:
    """Every `worst` block of the page's study."""
    found = [computed(page, block) for block in page.study.worst]
    return [cases for cases in found if cases is not None]


def searches_kept(page: Page, blocks: Sequence[Worst]) -> list[WorstCases]:
    """Those of some blocks that are kept in `results/demo`."""
    found = [kept(page, block.name) for block in blocks]
    return [cases for cases in found if cases is not None]


def comparable(all_cases: Sequence[WorstCases]) -> list[list[WorstCases]]:
    """Groups of blocks that search for the same thing, so that only the way differs; the largest group first."""
    groups: dict[str, list[WorstCases]] = {}
    for cases in all_cases:
        goal = repr(_options(cases.block, without={"search", "budget", "gradient"}))
        groups.setdefault(goal, []).append(cases)
    return sorted(groups.values(), key=len, reverse=True)


def _options(block: Worst, without: set[str]) -> dict[str, Any]:
    return block.model_dump(exclude=_NAMES | without)


def search_name(block: Worst) -> str:
    """A search in words, such as "adam (class token)"."""
    return block.search + (" (class token)" if block.search == "adam" and block.gradient == "class_token" else "")


def show_curves(page: Page, all_cases: Sequence[WorstCases]) -> None:
    """A figure, a table and a conclusion for every group of comparable searches."""
    suffix, study = all_cases[0].suffix, all_cases[0].study.name
    for number, group in enumerate(comparable(all_cases)):
        if number and len(group) == 1:
            continue  # nothing to compare it with
        id = f"-{number + 1}{suffix}" if number else suffix
        curves, who = mean_curves(page, group)
        goal = "the lowest AUROC" if group[0].block.criterion == "auroc" else "the lowest loss"
        settings = {s: SETTING_WORDS[s].split(" ")[0] for s in SETTINGS if s in set(curves["setting"])}
        backbones = [b for b in group[0].study.backbones if b in set(curves["backbone"])]
        page.figure(
            plots.plot_search(curves, settings, backbones),
            f"fig-search{id}",
            f"<strong>How fast the searches find worst cases</strong> ({'; '.join(variants(group))}). {who}; the try "
            f"kept is that with {goal}. Height: how far the lowest loss so far, averaged over pictures, has fallen "
            "below that of the pictures as they are (the first try), in percent of the furthest fall of any search in "
            "the panel; higher is worse for WinCLIP. A try of adam also goes backward through the network, several "
            "times the work of another.",
            study=study,
        )
        missing = [s for s in ("refine", "adam", "grid") if s not in {cases.block.search for cases in group}]
        if missing and number == 0:
            say_absent(page, f"the search {' and the search '.join(missing)} with the same aim and bounds")
        if len(group) > 1:
            show_losses(page, group, f"tab-search{id}", f"search{id}")


def variants(group: Sequence[WorstCases]) -> list[str]:
    return [f"{search_name(cases.block)}: {_tries(cases.block)}" for cases in group]


def _tries(block: Worst) -> str:
    return "default tries" if block.budget is None else f"{block.budget} tries"


def _common(group: Sequence[WorstCases]) -> pd.DataFrame:
    """The cells that every search of a group has, apart from settings and backbones that one lacks altogether, as a
    grid lacks 3d: suite, category, backbone, setting.
    """
    units = [cases.worst[_UNIT].drop_duplicates() for cases in group]
    everything = pd.concat(units).drop_duplicates()
    keep = np.ones(len(everything), bool)
    for cases, unit in zip(group, units, strict=True):
        has = everything.merge(unit, on=_UNIT, how="left", indicator=True)["_merge"].eq("both").to_numpy()
        lacks = ~(everything["setting"].isin(cases.settings) & everything["backbone"].isin(cases.backbones))
        keep &= has | lacks.to_numpy()
    return everything[keep]


def mean_curves(page: Page, group: Sequence[WorstCases]) -> tuple[pd.DataFrame, str]:
    """backbone, setting, search, evaluation, the mean loss over the pictures of the cells that all searches share, and
    `share`: its fall below the first try, as a share of the furthest fall of a search on that backbone and setting; and
    which cells these are, in words.

    Falls are compared and not losses: in 16 bits a detector with a gradient gives a picture another loss, by a percent
    or two, than the same detector without.
    """
    common, frames = _common(group), []
    for cases in group:
        records = cases.worst.merge(common, on=_UNIT)
        curve = page.details("curve", records).merge(
            records[["key", "n_images"]].drop_duplicates(), on="key", how="left"
        )
        length = curve.groupby("key")["evaluation"].transform("max")
        longest = curve.groupby(["backbone", "setting"])["evaluation"].transform("max")
        if (length != longest).any():
            raise ValueError(f"curves of {cases.block.name!r} differ in length within a setting: their budgets differ")
        curve["weighted"] = curve["loss"].astype(float) * curve["n_images"]
        sums = curve.groupby(["backbone", "setting", "evaluation"])[["weighted", "n_images"]].sum()
        loss = (sums["weighted"] / sums["n_images"]).rename("loss").reset_index()
        frames.append(loss.assign(search=search_name(cases.block)))
    categories = common[["suite", "category"]].drop_duplicates()
    who = "; ".join(
        f"{suite}: {', '.join(sorted(rows['category'].str.replace('_', ' ')))}"
        for suite, rows in categories.groupby("suite", sort=False)
    )
    curves = pd.concat(frames, ignore_index=True)
    first = curves[curves["evaluation"] == 1].set_index([*_CASE, "search"])["loss"]
    fall = curves.join(first.rename("first"), on=[*_CASE, "search"])["first"] - curves["loss"]
    furthest = fall.groupby([curves[name] for name in _CASE]).transform("max")
    return curves.assign(share=(fall / furthest.where(furthest > 0)).fillna(0.0)), who


def show_losses(page: Page, group: Sequence[WorstCases], id: str, key: str) -> None:
    """Each search against the first refine of the group: tries, how far the mean loss falls, and how many tries refine
    needs for as much.
    """
    ours = search_name(next((cases for cases in group if cases.block.search == "refine"), group[0]).block)
    curves, _ = mean_curves(page, group)
    rows, compared = [], []
    for (backbone, setting), panel in curves.groupby(_CASE, sort=False):
        reference = panel[panel["search"] == ours].sort_values("evaluation")
        for search, curve in panel.groupby("search", sort=False):
            end = curve.sort_values("evaluation").iloc[-1]
            row = {
                "backbone": backbone,
                "setting": SETTING_WORDS[str(setting)],
                "search": search,
                "tries": int(end["evaluation"]),
                "loss at first": float(curve["loss"].max()),
                "loss in the end": float(end["loss"]),
                "fall [% of the furthest]": 100 * float(end["share"]),
            }
            if search != ours:
                close, strict = first_at(reference, float(end["share"]))
                compared.append(Compared(str(search), str(backbone), str(setting), row["tries"], close, strict))
                row[f"tries {ours} needs for it"] = "not reached" if close is None else str(close)
            rows.append(row)
    conclusion = conclude_searches(ours, compared)
    page.say(f"**Conclusion.** {conclusion}")
    page.number(f"conclusion_{key}", conclusion)
    page.table(
        pd.DataFrame(rows),
        id,
        "<strong>What each search reaches.</strong> Loss averaged over pictures, of the pictures as they are and of "
        "the worst tries, and its fall in percent of the furthest fall of any search on that backbone and setting. "
        f"Last column: after how many tries {ours} has fallen at least {100 * (1 - CLOSE):.0f} % as far.",
        formats={
            **dict.fromkeys(("loss at first", "loss in the end"), "{:.3g}"),
            "fall [% of the furthest]": "{:.1f}",
        },
        study=group[0].study.name,
    )


@dataclass(frozen=True)
class Compared:
    """One search against refine on one backbone and setting: its tries, and after how many refine's mean loss has
    fallen as far, to within `CLOSE` and strictly; None where it never has.
    """

    search: str
    backbone: str
    setting: str
    tries: int
    close: int | None
    strict: int | None


def first_at(curve: pd.DataFrame, share: float) -> tuple[int | None, int | None]:
    """The first tries after which a curve has fallen by `share`, to within `CLOSE` and strictly."""
    found = []
    for goal in (share * (1 - CLOSE), share):
        reached = curve[curve["share"] >= goal - 1e-12]["evaluation"]
        found.append(int(reached.min()) if len(reached) else None)
    return found[0], found[1]


def conclude_searches(ours: str, compared: Sequence[Compared]) -> str:
    """How often, and how soon, our search gets as far as the others, and where it does not."""
    said = []
    for other in dict.fromkeys(c.search for c in compared):
        found = [c for c in compared if c.search == other]
        reached = [c for c in found if c.close is not None]
        strictly = sum(c.strict is not None for c in found)
        text = f"{ours} lowers the mean loss as far as {other}, to within {100 * CLOSE:.0f} %, in "
        text += f"{len(reached)} of {len(found)} cases (as far or further in {strictly})"
        if reached:
            text += f", there with at most {max(100 * (c.close or 0) / c.tries for c in reached):.0f} % of its tries"
        missed = [f"{SETTING_WORDS[c.setting]} on {c.backbone}" for c in found if c.close is None]
        said.append(text + (f"; not for {', '.join(missed)}" if missed else ""))
    return "; ".join(said) + ". A case is a backbone and setting." if said else ""


def ablation_pairs(blocks: Sequence[Worst], option: str) -> list[tuple[Worst, Worst]]:
    """Pairs of blocks that differ in one option alone, the one with the option's default first."""
    if option not in Worst.model_fields:
        return []
    default = Worst.model_fields[option].default
    return [
        (first, second)
        for first in blocks
        for second in blocks
        if getattr(first, option) == default != getattr(second, option)
        and _options(first, {option}) == _options(second, {option})
        and (option != "gradient" or first.search == "adam")  # no other search has a gradient
    ]


def show_ablations(page: Page, all_cases: Sequence[WorstCases]) -> None:
    """For each of `ABLATIONS`: the lower bounds under both choices and their paired difference, or that it
    is absent.
    """
    if not all_cases:
        return
    by_name = {cases.block.name: cases for cases in all_cases}
    blocks, suffix = [cases.block for cases in all_cases], all_cases[0].suffix
    rows: list[dict[str, Any]] = []
    absent = []
    for option, question in ABLATIONS.items():
        pairs = ablation_pairs(blocks, option)
        found: dict[str, list[Difference]] = {metric: [] for metric in METRICS}
        for first, second in pairs:
            rows += _ablation_rows(page, by_name[first.name], by_name[second.name], option, found)
        if found[METRICS[0]]:
            verdicts = "; ".join(f"{SHORT[m]}: {verdict(found[m], 'higher', 'lower')}" for m in METRICS)
            choice = rows[-1]["instead"]
            page.say(
                f"**{question[0].upper()}{question[1:]}.** With {choice} the lower bound is: {verdicts} "
                "(a difference counts where its interval is clear of 0)."
            )
            page.number(f"{option}{suffix}", verdicts)
        else:
            absent.append(question)
    if rows:
        page.table(
            pd.DataFrame(rows),
            f"tab-ablations{suffix}",
            "<strong>What a choice changes.</strong> Mean lower bounds in percent over the categories that have both, "
            "and the difference of the second from the first in points, with its 95 % interval, both drawn together.",
            study=all_cases[0].study.name,
        )
    if absent:
        say_absent(page, "; ".join(absent))


def _ablation_rows(
    page: Page, first: WorstCases, second: WorstCases, option: str, found: dict[str, list[Difference]]
) -> list[dict[str, Any]]:
    unit = ["suite", "category", "backbone", "setting"]
    both = first.worst[unit].drop_duplicates().merge(second.worst[unit].drop_duplicates(), on=unit)
    one, two = first.worst.merge(both, on=unit), second.worst.merge(both, on=unit)
    if both.empty:
        return []
    replicates = page.details("replicates", pd.concat([one, two], ignore_index=True))
    rows = []
    for (suite, backbone, setting), group in one.groupby(["suite", "backbone", "setting"], sort=False):
        other = two[(two["suite"] == suite) & (two["backbone"] == backbone) & (two["setting"] == setting)]
        row: dict[str, Any] = {
            "choice": f"{option}: {getattr(first.block, option)}",
            "instead": f"{option}: {getattr(second.block, option)}",
            "search": first.block.search,
            "suite": suite,
            "backbone": backbone,
            "setting": SETTING_WORDS[str(setting)],
            "categories": group["category"].nunique(),
        }
        for metric in METRICS:
            gap = difference([(1, other), (-1, group)], replicates, metric)
            found[metric].append(gap)
            means = [100 * r[r["metric"] == metric]["estimate"].mean() for r in (group, other)]
            row[SHORT[metric]] = f"{means[0]:.1f}, {means[1]:.1f}"
            row[f"{SHORT[metric]} difference"] = f"{gap.value:+.1f} ({gap.low:+.1f} to {gap.high:+.1f})"
        rows.append(row)
    return rows
