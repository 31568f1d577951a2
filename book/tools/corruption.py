"""The records that pages of corruptions and of AeBAD's domains show: those of the page's study."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from book.tools.absent import say_absent, say_not_kept
from book.tools.page import Page
from book.tools.probes.blocks import Measured
from zsad.analysis.ablation import RANDOM, WHOLE, WORDS
from zsad.analysis.corruption import KIND_WORDS, METRIC, Sampled, in_order, severity_of_tables
from zsad.analysis.differences import by_key
from zsad.analysis.poster import TRAINED, VARIANTS
from zsad.analysis.seeds import mean_over_seeds
from zsad.leagues import output_of
from zsad.study.config import DetectorConfig, Study
from zsad.study.results import leagues_of, load_sidecars
from zsad.study.schema import SUBJECT_COLUMNS
from zsad.study.shifts import Corruptions
from zsad.study.suites import DOMAINS


@dataclass(frozen=True)
class Cases(Sampled):
    """What a page shows of one study.

    `who` says in words which backbone and images these are, `how` which counts the study sets of the detectors;
    `leagues` are those of the detectors, by label; `absent` are detectors without records yet. `measured` are the same
    records with those of other metrics.
    """

    study: Study
    who: str
    how: str
    leagues: dict[str, str]
    measured: Measured
    absent: tuple[str, ...] = ()


def shown(
    page: Page, what: str = "corruptions", block: str = "default", beside: str = "", labels: Any = ()
) -> list[Cases]:
    """The corruptions of the page's study, one or none; what is absent is said, and is the page's conclusion. See
    `corrupted`."""
    return _or_said(page, what, corrupted(page, page.study, block, beside, labels))


def shown_domains(page: Page) -> list[Cases]:
    """The domains of AeBAD, or of demo-aebad, as `shown`."""
    return _or_said(page, "domains of AeBAD, or of demo-aebad", domains(page, page.study, compared(page.study)))


def _or_said(page: Page, what: str, cases: Cases | None) -> list[Cases]:
    if cases is None:
        say = say_not_kept if page.shows_kept else say_absent
        page.number("conclusion", say(page, what))
    return [] if cases is None else [cases]


def corrupted(
    page: Page,
    study: Study,
    block: str = "default",
    beside: str = "",
    labels: Callable[[Study], Collection[str]] | Collection[str] = (),
) -> Cases | None:
    """The corruptions of a study's block, and of those of another block `beside` it the detectors `labels`, on the same
    suites at the same severities, where that of tables is among them; None where there are none.

    Each detector is shown on the first backbone of the block. Of a study that is kept, the severities that are there
    for all categories and kinds are shown.
    """
    config = next((b for b in study.corruptions if b.name == block), None)
    records = None if config is None else _of_block(page, study, config)
    if config is None or records is None:
        return None
    second = next((b for b in study.corruptions if b.name == beside), None)
    others = set(labels(study) if callable(labels) else labels) - set(records["detector"])
    more = None if second is None else _of_block(page, study, second, others)
    if more is not None:
        at = more[more["value"] == severity_of_tables(records["value"])]
        wanted = more["suite"].isin(records["suite"]) & more["detector"].isin(at["detector"])
        wanted &= more["value"].isin(records["value"])
        records = pd.concat([records, more[wanted]], ignore_index=True)
    orders = {"suite": list(study.suites), "detector": [d.label for d in study.detectors], "setting": list(KIND_WORDS)}
    records = _ordered(records, orders)
    page.uses(records)
    detectors = in_order(records["detector"])
    absent = tuple(label for label in _asked(study, config) if label not in detectors)
    size = "their native size" if config.at == "native" else "the detector's size"
    how = counts_set(study, detectors)
    return _cases(page, study, records, f"{_images(records)}; images corrupted at {size}{how}", how, absent)


def _cases(page: Page, study: Study, records: pd.DataFrame, who: str, how: str, absent: tuple[str, ...] = ()) -> Cases:
    measured, records = Measured(study, records), records[records["metric"] == METRIC].reset_index(drop=True)
    draws = by_key(page.details("replicates", records), METRIC)
    leagues = leagues_of(records, page.study, output_of(METRIC))
    return Cases(records, draws, study, who, how, leagues, measured, absent)


def averaged(cases: Cases, seeds: Sequence[str]) -> Cases:
    """With the mean over some seeds in place of the first, and draws of images and seeds."""
    records, draws = mean_over_seeds(cases.records, cases.draws, seeds, cases.study.seed)
    return replace(cases, records=records, draws=draws)


def _of_block(
    page: Page, study: Study, block: Corruptions, labels: Collection[str] | None = None
) -> pd.DataFrame | None:
    """Of all its detectors, or those among `labels`. The unshifted cell stands for severity 0 of every kind, whether
    the block lists that or not."""
    pairs = [(s, c) for s in study.suites for c in study.covered(block, s)]
    detectors = [label for label in _asked(study, block) if labels is None or label in labels]
    if not pairs or not detectors:
        return None
    where: dict[str, Any] = {
        "detectors": detectors,
        "suites": in_order(suite for suite, _ in pairs),
        "categories": in_order(category for _, category in pairs),
    }
    first = study.first_backbones(where["detectors"], block.backbones)
    where["backbones"] = in_order(first.values())
    corrupted, clean = (
        _on_first(page.records(shift, variant=variant, **where), first)
        for shift, variant in (("corruption", block.name), ("none", None))
    )
    corrupted = corrupted[corrupted["value"] != 0]
    if page.shows_kept:
        corrupted = _whole(corrupted)
    if corrupted.empty:
        return None
    clean = clean.merge(corrupted[SUBJECT_COLUMNS].drop_duplicates(), on=SUBJECT_COLUMNS)
    none = [clean.assign(shift="corruption", setting=kind, value=0.0) for kind in in_order(corrupted["setting"])]
    return pd.concat([corrupted, *none], ignore_index=True)


def _whole(records: pd.DataFrame) -> pd.DataFrame:
    """Of what is kept of a block, the severities that are kept of every category and kind, for all detectors that any
    such severity is kept of: means of others would compare other things.
    """
    by = ["suite", "detector", "backbone", "value"]
    counted = records.drop_duplicates("key").groupby(by).size().rename("count").reset_index()
    most = counted.groupby("suite")["count"].transform("max")
    whole = counted[counted["count"] == most]
    subjects = whole[by[:-1]].drop_duplicates()
    everyone = whole.groupby("value").size() == len(subjects)
    there = whole[whole["value"].isin(everyone[everyone].index)]
    return records.merge(there[by], on=by)


def _on_first(records: pd.DataFrame, first: Mapping[str, str]) -> pd.DataFrame:
    """Of each detector the records on its first backbone."""
    return records[records["backbone"] == records["detector"].map(first)]


def _ordered(records: pd.DataFrame, orders: dict[str, list[str]]) -> pd.DataFrame:
    """Sorted by some columns in the order given; otherwise as they come."""
    ranks = {column: {name: rank for rank, name in enumerate(names)} for column, names in orders.items()}
    return records.sort_values(list(orders), key=lambda c: c.map(ranks[str(c.name)]), kind="stable", ignore_index=True)


def _asked(study: Study, block: Corruptions) -> list[str]:
    return [d.label for d in study.detectors if block.detectors == "all" or d.label in block.detectors]


def _images(records: pd.DataFrame) -> str:
    """Backbones and images in words."""
    once = records.drop_duplicates(["suite", "category"])
    counted = "; ".join(
        f"{suite}: {len(rows)} {'category' if len(rows) == 1 else 'categories'}, {rows['n_images'].sum()} images"
        for suite, rows in once.groupby("suite", sort=False)
    )
    return f"{', '.join(in_order(records['backbone']))} ({records.iloc[0]['dtype']}), {counted}"


def domains_of(suites: Iterable[str]) -> dict[str, str]:
    """Domain -> the suite that shows it, of the suites that are AeBAD's, in the order of the domains."""
    names = list(suites)
    found = {domain: next((n for n in names if n.endswith(f"aebad-{domain}")), None) for domain in DOMAINS}
    return {domain: suite for domain, suite in found.items() if suite}


def domains(page: Page, study: Study, labels: list[str]) -> Cases | None:
    """The domains of AeBAD seen by some detectors, as `zsad.analysis.domains` takes them; None where there are
    none.
    """
    suites = domains_of(study.suites)
    if not suites:
        return None
    on = study.first_backbones(labels)
    backbones = in_order(on.values())
    records = page.records("none", suites=[*suites.values()], detectors=labels, backbones=backbones)
    records = _on_first(records, on)
    if records.empty:
        return None
    named = records.assign(domain=records["suite"].map({s: d for d, s in suites.items()}), suite=world_of(study))
    named = _ordered(named, {"domain": list(suites), "detector": [d.label for d in study.detectors]})
    first, once = named.iloc[0], named.drop_duplicates("domain")
    counted = ", ".join(f"{r.domain} {r.n_images}" for r in once.itertuples())
    on_all = f"{', '.join(in_order(named['backbone']))} ({first['dtype']})"
    seen = f"{str(first['category']).replace('_', ' ')} on {on_all}, images: {counted}"
    return _cases(page, study, named, seen, counts_set(study, labels))


def world_of(study: Study) -> str:
    """What the domains are of: AeBAD itself, or the demo world's suite in its layout."""
    return "demo-aebad" if all(study.is_demo(suite) for suite in domains_of(study.suites).values()) else "AeBAD"


def compared(study: Study) -> list[str]:
    """The detectors that a study compares: those of its first block of corruptions, or all."""
    return _asked(study, study.corruptions[0]) if study.corruptions else [d.label for d in study.detectors]


def of_table(study: Study) -> list[str]:
    """The detectors of the poster's table: those that the study compares, their further seeds, and their variants."""
    compares = compared(study)
    seeds = seeds_of(study, TRAINED) if TRAINED in compares else []
    return in_order([*compares, *seeds, *(d.label for d in study.detectors if d.label in VARIANTS)])


def seeds_of(study: Study, label: str) -> list[str]:
    """The labels of a detector and of those that differ from it in their seed alone, itself first;
    none where the study lacks it."""
    same = next((labels for labels in but_for_seeds(study.detectors) if label in labels), [])
    return sorted(same, key=lambda other: other != label)


def but_for_seeds(detectors: Iterable[DetectorConfig]) -> list[list[str]]:
    """Labels of detectors, those that differ in their seed alone together."""
    groups: dict[str, list[str]] = {}
    for config in detectors:
        options = {name: value for name, value in config.options.items() if name != "seed"}
        groups.setdefault(json.dumps([config.name, options], sort_keys=True), []).append(config.label)
    return list(groups.values())


def variants(cases: Cases) -> dict[str, list[str]]:
    """The variants of the text FNN among some detectors, in the order of `WORDS`: name -> labels, a seed each."""
    known = [c for c in cases.study.detectors if c.label in cases.detectors and c.label.rstrip(" 0123456789") in WORDS]
    return {labels[0]: labels for labels in sorted(but_for_seeds(known), key=lambda labels: [*WORDS].index(labels[0]))}


def guided(cases: Cases) -> str:
    """A word on records that were made before guidance acted on full texts, or on both kinds of words."""
    rows = cases.records[cases.records["detector"] == WHOLE]
    if rows.empty:
        return ""
    (sidecar,) = load_sidecars(rows[:1], cases.study).values()
    options = sidecar["spec"]["options"]
    if "guided_words" in options:
        return ""
    if "guidance_of" in options:
        return " In these records guidance acts on distribution words alone."
    return " In these records guidance acts on distribution words by themselves, in 16 bits and without a temperature."


def with_own_words(study: Study, seeds: bool) -> list[DetectorConfig]:
    """The text FNNs of a study whose words differ: of those that share their words, only the plain one.

    Without `seeds` only the method and random words, with the first seed of each.
    """
    found: dict[str, DetectorConfig] = {}
    for config in study.detectors:
        options = {k: v for k, v in config.options.items() if k != "head"}
        wanted = config.name == WHOLE and options.get("known_name", True) and (seeds or not options.get("seed"))
        if wanted and (seeds or config.label in (WHOLE, RANDOM)):
            found.setdefault(json.dumps(options, sort_keys=True), config)
    return list(found.values())


def counts_set(study: Study, labels: Collection[str]) -> str:
    """`; text_fnn with diversity words 20`: the counts that a study sets of some detectors, from their options; of a
    seed, which is none, nothing, and of those that differ in it alone the first.
    """
    said, shown = [], [config for config in study.detectors if config.label in labels]
    firsts = [group[0] for group in but_for_seeds(shown)]
    for config in shown:
        counts = [
            f"{name.replace('_', ' ')} {value}"
            for name, value in config.options.items()
            if isinstance(value, int) and not isinstance(value, bool) and name != "seed"
        ]
        if counts and config.label in firsts:
            said.append(f"{config.label} with {', '.join(counts)}")
    return "".join(f"; {part}" for part in said)
