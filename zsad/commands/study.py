"""`zsad run`: what a study has no record of yet."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from zsad import arguments
from zsad.commands.common import INCOMPLETE, Commands, weights_arguments
from zsad.study.cells import Selection
from zsad.study.config import Study
from zsad.study.load import load_study
from zsad.study.shifts import SHIFTS


def add(commands: Commands, parents: list[argparse.ArgumentParser]) -> None:
    """The command and its arguments."""
    study = commands.add_parser("run", parents=parents, help="compute what a study has no record of yet")
    study.add_argument("study", metavar="STUDY", help="quick, demo, stangl, paper, or a YAML file")
    study.add_argument("--suite", action="append", metavar="NAME", help="only this suite (may be repeated)")
    study.add_argument("--category", action="append", metavar="NAME", help="only this category (may be repeated)")
    study.add_argument("--detector", action="append", metavar="LABEL", help="only this detector (may be repeated), or "
                       "module:Class, a class of your own, in place of the study's")  # fmt: skip
    study.add_argument("--backbone", action="append", metavar="NAME", help="only this backbone (may be repeated)")
    weights_arguments(study)
    study.add_argument("--shift", choices=SHIFTS, help="only these results of the study")
    study.add_argument(
        "--part", type=arguments.part, metavar="N/OF", help="only part N of so many of about equal cost, such as 3/40"
    )
    study.add_argument("--device", metavar="NAME", help="where to compute, in place of the study's device")
    study.add_argument("--data-root", type=arguments.path, metavar="DIR", help="folder that holds the suites")
    study.add_argument("--limit", type=arguments.number("limit"), metavar="N", help="at most N pictures a category")
    study.add_argument("--dry-run", action="store_true", help="say what it would take, and compute nothing")
    study.add_argument("--there", action="store_true", help="take the results that are there, and compute nothing")
    study.add_argument("--export", type=arguments.path, metavar="DIR", help="also gather the records in this folder")
    study.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Computes what is missing, and lists it; returns the exit code."""
    from zsad.files import check_writable_folder
    from zsad.study.export import export
    from zsad.study.incomplete import IncompleteError
    from zsad.study.manifest import check_manifests, write_manifest, write_part
    from zsad.study.run import compute

    study = load_study(options.study)
    if options.limit not in (None, study.limit):  # its results are others: they have a name and lists of their own
        study = study.with_overrides(limit=options.limit, name=f"{study.name}-limit-{options.limit}")
    study = _with_own(study.with_overrides(device=options.device, data_root=options.data_root), options)
    only: dict[str, Any] = {
        "shift": options.shift,
        "suites": options.suite,
        "categories": options.category,
        "detectors": _labels(study, options.detector),
        "backbones": [options.backbone[0] if options.backbone else options.weights.stem]
        if options.weights
        else options.backbone,
        "part": options.part,
    }
    if options.dry_run:
        from zsad.study.estimate import estimate

        found = estimate(study, Selection(**only))
        print(found)
        return max(_say_why("cannot be computed", found.reasons), _say_why("could not be timed", found.untimed))
    check_manifests(study.name)
    if options.export:
        check_writable_folder(options.export)
    missing: IncompleteError | None = None
    try:
        records = compute(study, missing=not options.there, **only)
    except IncompleteError as error:
        records, missing = error.records, error
    some = options.shift is not None or options.detector is not None
    if options.part and not (options.there or some or options.suite or options.category or options.backbone):
        write_part(study, options.part, whole=missing is None)
    if not options.there and not options.part:  # a list of some results would pass for that of all
        write_manifest(records, study, missing.subjects if missing else (), keep=some)
    print(f"study {study.name}: {records['key'].nunique()} cells, {len(records)} records in {study.records_root}")
    if missing is None and options.export:
        export(records, study, options.export)
        print(f"exported to {options.export}")
    what = "looked up" if options.there else "computed"
    code = _say_why(f"not {what}", missing.reasons if missing else ())
    if missing and options.export:
        print(
            f"zsad: not exported to {options.export}, since results are missing; name those that are wanted "
            "(--suite, --category, --detector, --backbone)",
            file=sys.stderr,
        )
    return code


def _say_why(what: str, reasons: Sequence[str]) -> int:
    """Why results are missing, a line a reason; returns the exit code."""
    for reason in reasons:
        print(f"zsad: {what}: {' '.join(reason.split())}", file=sys.stderr)
    return INCOMPLETE if reasons else 0


def _labels(study: Study, names: list[str] | None) -> list[str] | None:
    """What a study calls the detectors that are named by label, or a class by module:Class."""
    if names is None:
        return None
    return [
        label
        for name in names
        for label in [d.label for d in study.detectors if d.name == name and ":" in name] or [name]
    ]


def _with_own(study: Study, options: argparse.Namespace) -> Study:
    """The study with a detector, weights or options of one's own: another study, whose lists bear another name."""
    own = [name for name in options.detector or [] if ":" in name and name not in {d.name for d in study.detectors}]
    if not (own or options.weights or options.architecture or options.options):
        return study
    if len(options.backbone or []) > 1 or len(own) > 1:
        raise ValueError("of one's own one detector and one backbone at a time; a study's file may list several")
    backbone = options.backbone[0] if options.backbone and options.weights else None
    return study.with_overrides(
        backbone=backbone,
        weights=options.weights,
        architecture=options.architecture,
        detector=own[0] if own else None,
        options=options.options or None,
        name=f"{study.name}-own",
    )
