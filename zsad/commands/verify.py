"""`zsad verify`: a sample of what is kept of a study, computed again."""

import argparse
import json
from pathlib import Path

from zsad import arguments
from zsad.commands.common import Commands
from zsad.study.config import Study
from zsad.study.load import load_study

DISAGREES = 1


def add(commands: Commands, parents: list[argparse.ArgumentParser]) -> None:
    """The command and its arguments."""
    verify = commands.add_parser(
        "verify", parents=parents, help="compute a sample of a kept study again, and compare", description=__doc__
    )
    verify.add_argument("study", metavar="STUDY", help="one that is kept in results/, such as demo, or was run here")
    verify.add_argument("--images", type=arguments.number("limit"), default=4, metavar="N", help="so many a cell")
    verify.add_argument("--device", metavar="NAME", help="where to compute, in place of the study's device")
    verify.add_argument("--data-root", type=arguments.path, metavar="DIR", help="folder that holds the suites")
    verify.add_argument("--out", type=arguments.path, metavar="FILE", help="also write what was found, as JSON")
    verify.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Says how many cells agree, and names the others; returns 1 where one does not."""
    from zsad.files import check_writable_folder, write_atomically
    from zsad.study.proof import TOLERANCE, prove

    study = load_study(options.study, check_models=False)
    study = study.with_overrides(device=options.device, data_root=options.data_root)
    if options.out:
        check_writable_folder(options.out.parent)
    found, failures = prove(study, options.images)
    agree, kept = int(found["agrees"].sum()), _kept_in(study)
    largest = f"; the largest difference is {found['difference'].max():.2g}" if len(found) else ""
    print(
        f"study {study.name}: {agree} of {len(found)} sampled cells agree with {kept} within "
        f"{TOLERANCE:g} standard deviations of a cell's scores, {options.images} images each{largest}"
    )
    others = found[~found["agrees"]]
    for row in others.itertuples():
        where = f"{row.suite}/{row.category}, {row.detector} on {row.backbone}, {row.shift}"
        print(f"zsad: {where}: differs by {row.difference:.2g}")
    changed = int((~found["same_inputs"]).sum())
    if changed:
        print(f"zsad: of {changed} cells the code, the weights or the data have changed since")
    for reason in failures:
        print(f"zsad: not computed: {reason}")
    if options.out:
        content = {
            "study": study.name, "tolerance": TOLERANCE, "failures": failures, "cells": found.to_dict("records"),
        }  # fmt: skip
        text = json.dumps(content, indent=1) + "\n"
        write_atomically(options.out, lambda path: path.write_text(text, encoding="utf-8"))
    return DISAGREES if len(others) or failures else 0


def _kept_in(study: Study) -> Path:
    """The folder that the kept records were read from: results/<study>, or where `zsad run` left them."""
    from zsad.study.results import Results

    results = Results(study.name, study.records_root)
    return results.committed.folder if results.committed.sidecars else results.store.folder
