"""What of a study is checked beyond the kinds of its fields: its parts fit each other, and its models exist."""

from typing import TYPE_CHECKING

from zsad.study.shifts import Block, StudyError
from zsad.study.suites import check_known, check_name, demo_categories

if TYPE_CHECKING:
    from zsad.study.config import Study


def check_fields(study: "Study") -> None:
    """Raise ValueError, naming the field and the choices that exist, for what does not fit the rest of a study."""
    for name in dict.fromkeys([*study.backbones, *study.own_weights]):
        check_name("backbone", name)
    for name, suite in study.suites.items():
        if suite.reader == "folder" and suite.categories == "all":
            raise ValueError(f"suites.{name}: the folder reader cannot find categories; list one")
        check_name("suite", name)
        listed = suite.members(suite.categories, [])
        if suite.reader == "folder" and len(listed) != 1:
            raise ValueError(
                f"suites.{name}.categories: {', '.join(listed) or 'none'}, but the folder reader takes all of "
                f"{suite.root} as pictures of one product, and would count each once a category: list one, and "
                "give every other product a suite of its own, with the folder of its pictures as root"
            )
        for category in listed:
            check_name(f"category of {name}", category)
        everything = demo_categories(suite.root)
        for category in suite.members(suite.categories, everything or []):
            check_known(f"category of {name}", category, everything or [category])
    for detector in study.detectors:
        if study.aspect == "squashed" and study.resolution_of(detector) == "native":
            raise ValueError(
                f"detectors.{detector.label}.resolution: aspect 'squashed' makes squares, which need a side in "
                "pixels, and this is 'native'; set it to a number, or aspect to 'own'"
            )
    _check_blocks(study)


def check_models(study: "Study") -> None:
    """Raise StudyError, naming the known choices, for a detector, an option or a backbone that does not exist.

    Apart from the validation of the other fields, because it imports every model's code.
    """
    from zsad.detectors import DETECTORS, check_options, known_to

    known = list(dict.fromkeys(backbone for name in DETECTORS for backbone in known_to(name)))
    _check_own(study, known)
    named = [d.name for d in study.detectors if ":" not in d.name]
    for field, kind, names, choices in (
        ("detectors", "detector", named, sorted(DETECTORS)),
        ("backbones", "backbone", [b for b in study.backbones if b not in study.own_weights], known),
    ):
        for name in names:
            try:
                check_known(kind, name, choices)
            except ValueError as error:
                raise StudyError(f"{field}: {error}") from None
    for detector in study.detectors:
        fields = {"options": detector.options}
        fields |= {f"suite_options.{s}": detector.on(s).options for s in detector.suite_options}
        for field, options in fields.items():
            try:
                check_options(detector.name, options)
            except ValueError as error:
                raise StudyError(f"detectors.{detector.label}.{field}: {error}") from None
    _check_references(study)


def _check_references(study: "Study") -> None:
    """Raise StudyError for a detector that is to draw good training images where the reader knows none."""
    from zsad.detectors import declared
    from zsad.study.references import check_training_split

    for name, suite in study.suites.items():
        for detector in study.detectors_on(name):
            if declared(detector.name, "wants_references", None) and detector.options.get("references"):
                try:
                    check_training_split(suite.reader, detector.name)
                except ValueError as error:
                    where, way = (
                        f"detectors.{detector.label} on suites.{name}",
                        "list the detector's `suites` without it",
                    )
                    raise StudyError(f"{where}: {error}; or {way}") from None


def check_backbones(study: "Study") -> None:
    """Raise StudyError for a detector that can look through none of the study's backbones. Apart, because an
    override to one backbone is no error where some detectors cannot look through that.
    """
    from zsad.detectors import known_to  # imports every model's code

    for detector in study.detectors:
        if not study.runs_on(detector):
            raise StudyError(
                f"detectors.{detector.label}: it can look through none of this study's backbones, "
                f"{', '.join(study.backbones)}; name one that it can: {', '.join(known_to(detector.name))}"
            )


def _check_blocks(study: "Study") -> None:
    labels = [detector.label for detector in study.detectors]
    if len(set(labels)) < len(labels):
        raise ValueError(f"detectors: two are called the same; give each a label ({', '.join(labels)})")
    for detector in study.detectors:
        _check_names(f"detectors.{detector.label}.backbones", detector.backbones, study.backbones)
        _check_names(f"detectors.{detector.label}.suites", detector.suites, list(study.suites))
        own = [*detector.suite_options]
        _check_names(f"detectors.{detector.label}.suite_options", own, list(study.suites))
    fields: dict[str, list[Block]] = {
        "sweeps": [*study.sweeps],
        "worst": [*study.worst],
        "corruptions": [*study.corruptions],
    }
    for name, blocks in fields.items():
        for block in blocks:
            _check_names(f"{name}.detectors", block.detectors, labels)
            _check_names(f"{name}.backbones", block.backbones, study.backbones)
            _check_over(study, name, block.over)
        variants = [block.variant for block in blocks]
        if len(set(variants)) < len(variants):
            raise ValueError(f"{name}: two blocks have the same name; give each its own ({', '.join(variants)})")


def _check_names(field: str, chosen: list[str] | str, known: list[str]) -> None:
    for name in chosen if isinstance(chosen, list) else []:
        if name not in known:
            raise ValueError(f"{field}: {name!r} is not in this study; known: {', '.join(known)}")


def _check_over(study: "Study", field: str, over: list[str] | str) -> None:
    """A group must be one of some suite's, a category one that some suite evaluates, as far as that is known."""
    if isinstance(over, str):
        groups = [group for suite in study.suites.values() for group in suite.groups]
        check_known(f"group of categories in {field}.over", over, ["all", *dict.fromkeys(groups)])
        return
    known = [suite.listed for suite in study.suites.values()]
    if None not in known:
        _check_names(f"{field}.over", over, [name for names in known for name in names or []])


def _check_own(study: "Study", known: list[str]) -> None:
    """Raise StudyError for weights of the study's own that no loader would take by these names."""
    for name, own in study.own_weights.items():
        if own.architecture is not None and name in known:
            raise StudyError(f"backbones.{name}: another backbone has this name: call your own something else")
        if own.architecture is None and name not in known:
            raise StudyError(
                f"backbones.{name}: no published model has this name, so its weights need an architecture: one of "
                "open_clip's names, such as ViT-B-16, or a JSON file in the form of open_clip's own"
            )
        if own.architecture is None and (own.mean or own.std):
            raise StudyError(
                f"backbones.{name}: the published model has a mean and std of its own: leave them out, or call yours "
                "something else and give its architecture"
            )
