"""How well the searches search, and what their choices change: curves of loss against tries, and ablations.

Which searches and choices there are is read off the study's `worst` blocks; what no block holds is said to be absent.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from zsad import plots
from zsad.metrics import interval
from zsad.study.contrasts import Difference, difference, verdict
from zsad.study.notebook import Page
from zsad.study.shifts import Block, Worst
from zsad.study.worst_page import METRICS, SETTING_WORDS, SETTINGS, SHORT, WorstCases, computed, kept, say_absent

# What an ablation changes: the option of a `worst` block, and the question in words.
ABLATIONS = {
    "gradient": "gradient through all windows, or of the class token alone",
    "align": "the map turned back, or the mask turned along",
    "criterion": "the kept try by AUROC, or by loss",
    "corners": "empty corners counted, or left out",
}
_UNIT = ["suite", "category", "backbone", "setting"]
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
            f"kept is that with {goal}. The lowest loss after so many tries, averaged over pictures; lower is worse "
            "for WinCLIP, and the first try is the picture as it is. A try of adam also goes backward through the "
            "network, about three times the work of another.",
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
    """The cells that every search of a group has, a grid's lack of 3d aside: suite, category, backbone, setting."""
    units = [cases.worst[_UNIT].drop_duplicates() for cases in group]
    everything = pd.concat(units).drop_duplicates()
    keep = np.ones(len(everything), bool)
    for cases, unit in zip(group, units, strict=True):
        has = everything.merge(unit, on=_UNIT, how="left", indicator=True)["_merge"].eq("both").to_numpy()
        keep &= has | ~everything["setting"].isin(cases.settings).to_numpy()
    return everything[keep]


def mean_curves(page: Page, group: Sequence[WorstCases]) -> tuple[pd.DataFrame, str]:
    """backbone, setting, search, evaluation and the mean loss over the pictures of the cells that all searches share;
    and which cells these are, in words.
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
    return pd.concat(frames, ignore_index=True), who


def show_losses(page: Page, group: Sequence[WorstCases], id: str, key: str) -> None:
    """Each search against the first refine of the group: mean loss, tries, and the difference picture by picture."""
    ours = next((cases for cases in group if cases.block.search == "refine"), group[0])
    common, rows, faster = _common(group), [], []
    samples = {i: page.details("samples", c.worst.merge(common, on=_UNIT)) for i, c in enumerate(group)}
    curves = mean_curves(page, group)[0]
    reference = next(i for i, cases in enumerate(group) if cases is ours)
    for (backbone, setting), _ in samples[reference].groupby(["backbone", "setting"], sort=False):
        for index, cases in enumerate(group):
            found = samples[index]
            found = found[(found["backbone"] == backbone) & (found["setting"] == setting)]
            if found.empty:
                continue
            row: dict[str, Any] = {"backbone": backbone, "setting": SETTING_WORDS[str(setting)]}
            row |= {"search": search_name(cases.block), "tries": float(found["evaluations"].mean())}
            row |= {
                "clean loss": float(found["clean_loss"].mean()),
                "lowest loss": lowest(curves, backbone, setting, row),
            }
            row["kept loss"] = float(found["loss"].mean())
            if index != reference:
                gap = loss_difference(found, samples[reference])
                row[f"kept loss above {search_name(ours.block)}'s"] = f"{gap[0]:+.4f} ({gap[1]:+.4f} to {gap[2]:+.4f})"
                ahead = first_at(curves, search_name(ours.block), backbone, setting, row["lowest loss"])
                row[f"tries {search_name(ours.block)} needs for its lowest"] = (
                    "not reached" if ahead is None else str(ahead)
                )
                faster.append((search_name(cases.block), ahead, row["tries"]))
            rows.append(row)
    conclusion = _conclude(search_name(ours.block), faster)
    page.say(f"**Conclusion.** {conclusion}")
    page.number(f"conclusion_{key}", conclusion)
    page.table(
        pd.DataFrame(rows),
        id,
        "<strong>What each search reaches.</strong> Mean loss over pictures: of the picture as it is, the lowest among "
        "all tries, and that of the try that is kept. Difference picture by picture, with a 95 % interval from a "
        "bootstrap over pictures; positive where the other search leaves more to find.",
        formats={"tries": "{:.0f}", **dict.fromkeys(("clean loss", "lowest loss", "kept loss"), "{:.4f}")},
        study=ours.study.name,
    )


def lowest(curves: pd.DataFrame, backbone: Any, setting: Any, row: dict[str, Any]) -> float:
    """Where a curve ends."""
    chosen = (curves["backbone"] == backbone) & (curves["setting"] == setting) & (curves["search"] == row["search"])
    return float(curves[chosen]["loss"].min())


def first_at(curves: pd.DataFrame, search: str, backbone: Any, setting: Any, loss: float) -> int | None:
    """The first try at which a search's curve is at `loss` or below; None where it never is."""
    chosen = (curves["backbone"] == backbone) & (curves["setting"] == setting) & (curves["search"] == search)
    reached = curves[chosen & (curves["loss"] <= loss)]["evaluation"]
    return int(reached.min()) if len(reached) else None


def loss_difference(other: pd.DataFrame, ours: pd.DataFrame, draws: int = 2000) -> tuple[float, float, float]:
    """Mean over pictures of the other search's loss minus ours, with a 95 % bootstrap interval over pictures."""
    paired = other.merge(ours, on=[*_UNIT, "id"], suffixes=("", "_ours"))
    gaps = (paired["loss"] - paired["loss_ours"]).to_numpy(np.float64)
    drawn = np.random.default_rng(0).choice(gaps, (draws, len(gaps))).mean(1)
    return float(gaps.mean()), *interval(drawn)


def _conclude(ours: str, faster: Sequence[tuple[str, int | None, float]]) -> str:
    said = []
    for other in dict.fromkeys(search for search, *_ in faster):
        found = [(ahead, tries) for search, ahead, tries in faster if search == other]
        reached = [(ahead, tries) for ahead, tries in found if ahead is not None]
        text = f"{ours} gets as low a mean loss as {other} in {len(reached)} of {len(found)} cases"
        if reached:
            most = max(100 * ahead / tries for ahead, tries in reached)
            text += f", there with at most {most:.0f} % of its tries"
        said.append(text)
    return "; ".join(said) + " (a case is a backbone and setting)." if said else ""


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
