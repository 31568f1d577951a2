"""How well the searches search: curves of loss against tries, and what each search reaches.

Which searches there are is read off the study's `worst` blocks; what no block holds is said to be absent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from zsad import plots
from zsad.pages.absent import say_absent
from zsad.pages.search_again import falls_again
from zsad.pages.worst import SETTING_WORDS, SETTINGS, WorstCases, computed, kept
from zsad.study.notebook import Page
from zsad.study.shifts import Block, Worst

_CASE = ["backbone", "setting"]
_UNIT = ["suite", "category", *_CASE]
# Columns of the table of searches.
_FALL, _AGAIN = "fall [% of the furthest]", "again, in 32 bits [%]"
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
        goal = repr(options_of(cases.block, without={"search", "budget", "gradient"}))
        groups.setdefault(goal, []).append(cases)
    return sorted(groups.values(), key=len, reverse=True)


def options_of(block: Worst, without: set[str]) -> dict[str, Any]:
    """What a block searches for and how, apart from the pictures and detectors, and from the options in `without`."""
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


def common_cells(group: Sequence[WorstCases]) -> pd.DataFrame:
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
    common, frames = common_cells(group), []
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
    needs for as much. Where the try of the lowest loss was kept, the kept tries are compared in 32 bits too.
    """
    names = [search_name(cases.block) for cases in group]
    ours = next((name for name, cases in zip(names, group, strict=True) if cases.block.search == "refine"), names[0])
    curves, _ = mean_curves(page, group)
    by_loss = group[0].block.criterion == "loss"
    again = falls_again(page, group, common_cells(group), names) if by_loss else {}
    rows, compared = [], []
    for (backbone, setting), panel in curves.groupby(_CASE, sort=False):
        reference = panel[panel["search"] == ours].sort_values("evaluation")
        for search, curve in panel.groupby("search", sort=False):
            end, case = curve.sort_values("evaluation").iloc[-1], (str(backbone), str(setting), str(search))
            row = {
                "backbone": backbone,
                "setting": SETTING_WORDS[str(setting)],
                "search": search,
                "tries": int(end["evaluation"]),
                "loss at first": float(curve["loss"].max()),
                "loss in the end": float(end["loss"]),
                _FALL: 100 * float(end["share"]),
            }
            if by_loss:
                row[_AGAIN] = 100 * again[case]
            if search != ours:
                close, strict = first_at(reference, float(end["share"]))
                as_far = again[*case[:2], ours] / (again[case] or 1.0) if by_loss else None
                compared.append(Compared(case[2], *case[:2], row["tries"], close, strict, as_far))
                row[f"tries {ours} needs for it"] = "not reached" if close is None else str(close)
            rows.append(row)
    conclusion = conclude_searches(ours, compared)
    page.say(f"**Conclusion.** {conclusion}")
    page.number(f"conclusion_{key}", conclusion)
    in_32_bits = (
        "; the same with the kept tries of all searches evaluated again, side by side and in 32 bits, which tells what "
        "was found from how it was rounded (in 16 bits processors round differently, and cells may come from several)"
    )
    page.table(
        pd.DataFrame(rows),
        id,
        "<strong>What each search reaches.</strong> Loss averaged over pictures, of the pictures as they are and of "
        "the worst tries, and its fall in percent of the furthest fall of any search on that backbone and setting"
        f"{in_32_bits if by_loss else ''}. Last column: after how many tries {ours} has fallen at least "
        f"{100 * (1 - CLOSE):.0f} % as far.",
        formats={
            **dict.fromkeys(("loss at first", "loss in the end"), "{:.3g}"),
            **dict.fromkeys((_FALL, _AGAIN) if by_loss else (_FALL,), "{:.1f}"),
        },
        study=group[0].study.name,
    )


@dataclass(frozen=True)
class Compared:
    """One search against refine on one backbone and setting: its tries, and after how many refine's mean loss has
    fallen as far, to within `CLOSE` and strictly; None where it never has. `again`: how far refine's kept tries fall in
    32 bits, as a share of how far the other's do; None where that was not evaluated.
    """

    search: str
    backbone: str
    setting: str
    tries: int
    close: int | None
    strict: int | None
    again: float | None


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
        text += f", not for {', '.join(missed)}" if missed else ""
        again = [c.again for c in found if c.again is not None]
        if again:
            text += "; with the kept tries of both evaluated again, side by side and in 32 bits, in "
            text += f"{sum(share >= 1 - CLOSE for share in again)} of {len(again)} "
            text += f"(lowest: {100 * min(again):.1f} % as far)"
        said.append(text)
    return "; ".join(said) + ". A case is a backbone and setting." if said else ""
