"""What `Study.with_overrides` does to a study's fields: narrows them, and frees what was named from restrictions.

An override never makes a study invalid by what the caller did not name. Everything here works on the plain fields.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import yaml

from zsad.study.shifts import StudyError
from zsad.study.suites import KNOWN_SUITES, SuiteConfig, demo_categories

Fields = dict[str, Any]


def name_given(kind: str, value: Any, known: Callable[[], Sequence[str]]) -> str:
    """A name as text: papermill and YAML read names such as 01, 1e5 and yes as numbers and truth values.

    A number that is written like one of the `known` names is taken for it. Raises StudyError for any other.
    """
    if isinstance(value, str):
        return value
    if not isinstance(value, bool) and str(value) in known():
        return str(value)
    raise StudyError(
        f"{kind}: a name is needed, not the {type(value).__name__} {value!r}. papermill reads 01 as the number 1, and "
        f"true as no text: give the name raw, as in `papermill -r {kind} 01`"
    )


def chosen_suite(suites: Fields, suite: str) -> Fields:
    """That suite alone, which may be a known one that the study does not list."""
    if suite not in suites and suite not in KNOWN_SUITES:
        known = ", ".join(dict.fromkeys([*suites, *KNOWN_SUITES]))
        raise StudyError(f"unknown suite {suite!r}; known: {known}")
    return {suite: suites.get(suite) or dict(KNOWN_SUITES[suite])}


def with_category(suites: Fields, category: str) -> Fields:
    """The suites that have the category, each cut to it: those that list it, or else those that may have it.

    Raises StudyError where no suite can have it, or where it cannot be known which one of several has it.
    """
    if category == "all":
        return {name: {**config, "categories": "all"} for name, config in suites.items()}
    listed = {name: SuiteConfig.model_validate(config).listed for name, config in suites.items()}
    demo = {name: demo_categories(config["root"]) for name, config in suites.items()}
    having = [name for name, names in listed.items() if names is not None and category in names]
    having = having or [name for name, names in demo.items() if names is not None and category in names]
    open_ = [name for name, names in demo.items() if names is None]
    # Which categories a folder of real data holds is not known here: one suite, or several that list none.
    if not having and (len(suites) == 1 or all(listed[name] is None for name in open_)):
        having = open_
    if not having:
        choices = "; ".join(f"{name}: {', '.join(demo[name] or listed[name] or ['?'])}" for name in suites)
        raise StudyError(f"unknown category {category!r}; known: {choices}")
    return {name: {**suites[name], "categories": [category]} for name in having}


def chosen_detectors(detectors: list[Fields], name: str | None) -> list[Any]:
    """The detectors that a name or label stands for; None takes all."""
    return [d for d in detectors if name in (None, d["label"], d["name"])] or [name]


def freed_detector(detector: Any, suites: Sequence[str], named: Sequence[str]) -> Any:
    """A detector without restrictions to what is no longer in the study; those in the fields `named` are lifted."""
    if not isinstance(detector, dict):
        return detector
    kept = {**detector, **dict.fromkeys(named, "all")}
    kept["suite_options"] = {name: own for name, own in detector.get("suite_options", {}).items() if name in suites}
    if kept["suites"] != "all":
        kept["suites"] = [suite for suite in kept["suites"] if suite in suites] or "all"
    return kept


def freed_block(block: Any, freed: Mapping[str, str], suites: Sequence[SuiteConfig]) -> Any:
    """A block without restrictions that an override has lifted, or that name a group which no suite has any more; of a
    list of categories those are left that some suite may have.
    """
    if not isinstance(block, dict):
        return block
    over = block.get("over", "all")
    if isinstance(over, str):
        over = over if any(over in suite.groups for suite in suites) else "all"
    elif isinstance(over, list):
        known = [suite.listed for suite in suites]
        over = [name for name in over if any(names is None or name in names for names in known)]
    return {**block, "over": over, **freed}


def with_options(detectors: Sequence[Fields], options: Any) -> list[Fields]:
    """Detectors with some options set: each in every detector that has it, or, under a detector's name or label, there;
    on every suite.

    Args:
        options: a mapping, or text that is one in YAML (as papermill's command line gives it).

    Raises:
        StudyError: no mapping, an option that none of the detectors has, or a value that one of them does not take.
    """
    from zsad.detectors import check_options, option_names

    given = _mapping(options)
    names = {name for d in detectors for name in (d["name"], d["label"])}
    has = {d["label"]: option_names(d["name"]) for d in detectors}
    unknown = [name for name in given if name not in names and not any(name in known for known in has.values())]
    if unknown:
        known = "; ".join(f"{d['name']}: {', '.join(has[d['label']])}" for d in _distinct(detectors))
        raise StudyError(f"options: no detector of this study has {', '.join(map(repr, unknown))}; known: {known}")
    changed = []
    for d in detectors:
        common = {name: value for name, value in given.items() if name in has[d["label"]] and name not in names}
        own = [_mapping(given[name], name) for name in dict.fromkeys([d["name"], d["label"]]) if name in given]
        added = {name: value for part in [common, *own] for name, value in part.items()}
        try:
            check_options(d["name"], {**d["options"], **added})
        except ValueError as error:
            raise StudyError(
                f"options: {d['label']}: {error} (for one detector alone: options = {{{d['label']}: ...}})"
            ) from None
        left = {s: {n: v for n, v in own.items() if n not in added} for s, own in d["suite_options"].items()}
        changed.append({**d, "options": {**d["options"], **added}, "suite_options": left})
    return changed


def _mapping(options: Any, place: str = "") -> Fields:
    if isinstance(options, str):
        try:
            options = yaml.safe_load(options)
        except yaml.YAMLError as error:
            raise StudyError(f"options: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(options, dict):
        inside = f" under {place}" if place else ""
        raise StudyError(f"options{inside}: a mapping is needed, such as {{temperature: 0.01}}, not {options!r}")
    return options


def _distinct(detectors: Sequence[Fields]) -> list[Fields]:
    return list({d["name"]: d for d in detectors}.values())
