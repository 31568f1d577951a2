"""`zsad train`: what a detector learns from anomalies of other products, with masks."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from zsad import arguments
from zsad.commands.common import Commands
from zsad.study.suites import DEMO_SUITES, KNOWN_SUITES, check_known

if TYPE_CHECKING:
    from zsad.auxiliary.data import AuxiliaryData


def add(commands: Commands, parents: list[argparse.ArgumentParser]) -> None:
    """The command and its arguments."""
    train = commands.add_parser(
        "train",
        parents=parents,
        help="train a detector on auxiliary anomalies",
        description="Trains on the test split, with masks, of one data set, so that others can be tested. A training "
        "that was stopped goes on where it stood.",
    )
    train.add_argument("detector", metavar="DETECTOR", help="one that learns from auxiliary anomalies")
    train.add_argument(
        "--auxiliary",
        required=True,
        metavar="NAME",
        help="what is learned from: a suite that studies know, or any",
    )
    train.add_argument("--data-root", type=arguments.path, default=Path("build/data"), metavar="DIR",
                       help="folder that holds the suites; default: %(default)s")  # fmt: skip
    train.add_argument("--reader", help="mvtec_ad, visa or aebad, of a data set that studies do not know")
    train.add_argument("--root", type=arguments.path, metavar="DIR", help="its folder")
    train.add_argument(
        "--category", action="append", default=[], metavar="NAME", help="of its categories only this (may be repeated)"
    )
    train.add_argument("--tested", metavar="NAME", help="the suite that is to be tested: it must be another")
    train.add_argument("--backbone", default="demo-b", help="default: %(default)s")
    train.add_argument(
        "--device", type=arguments.device, default="cpu", help="cpu, cuda, cuda:1, ...; default: %(default)s"
    )
    train.add_argument("--option", type=arguments.option, action="append", default=[], metavar="NAME=VALUE",
                       help="a choice of what is learned (may be repeated; the value is read as YAML)")  # fmt: skip
    train.add_argument("--epochs", type=arguments.number("epochs"), metavar="N", help="default: as published")
    train.add_argument("--seed", type=arguments.number("seed"), metavar="N", help="default: as published")
    train.add_argument("--called", metavar="NAME", help="what trained_on= names the part by; default: what it learned "
                       "from. One of another seed needs a name of its own")  # fmt: skip
    train.add_argument("--out", type=arguments.path, required=True, metavar="DIR", help="the part and its card go here")
    train.set_defaults(command=run)


def run(options: argparse.Namespace) -> None:
    """Trains, and says where the learned part lies and how to use it."""
    import dataclasses

    from zsad.auxiliary import LEARNERS
    from zsad.auxiliary.train import train_part
    from zsad.clip import load_backbone
    from zsad.devices import require_device
    from zsad.files import check_writable_folder

    check_known("detector that learns from auxiliary anomalies", options.detector, list(LEARNERS))
    kind = LEARNERS[options.detector]
    require_device(options.device)
    check_writable_folder(options.out)
    data = _auxiliary(options)
    if options.tested:
        _check_other(data, options.tested, options.data_root)
    backbone = load_backbone(options.backbone, device=options.device)
    given = {name: value for name in ("epochs", "seed") if (value := getattr(options, name)) is not None}
    training = dataclasses.replace(kind.published(data.suite), **given)
    learner = kind(backbone, dict(options.option), training.seed)
    path = train_part(learner, backbone, data, training, options.out, called=options.called)
    print(f"{learner.part}, trained on {len(data)} images of {data.suite} in {training.epochs} epochs: {path}")
    print(f"use it with --detector {options.detector} --backbone {options.backbone} --option trained_on={path}")


def _auxiliary(options: argparse.Namespace) -> "AuxiliaryData":
    from zsad.auxiliary.data import read_auxiliary
    from zsad.data.demo import write_suite

    if options.reader or options.root:
        if not (options.reader and options.root):
            raise ValueError("a data set that studies do not know needs both --reader and --root")
        return read_auxiliary(options.auxiliary, options.reader, options.root, options.category)
    whole = [name for name, suite in KNOWN_SUITES.items() if "domain" not in suite]
    check_known("suite (for another data set, give --reader and --root)", options.auxiliary, whole)
    suite = KNOWN_SUITES[options.auxiliary]
    if options.auxiliary in DEMO_SUITES:
        write_suite(options.data_root, options.auxiliary)
    return read_auxiliary(options.auxiliary, suite["reader"], options.data_root / suite["root"], options.category)


def _check_other(data: "AuxiliaryData", tested: str, data_root: Path) -> None:
    """Raise a ValueError for a tested suite that is the auxiliary one, by name or by its images."""
    from zsad.auxiliary.data import read_auxiliary
    from zsad.detectors.learned import TrainedOn
    from zsad.study.tested import names_of, usual_names

    check_known("suite", tested, list(KNOWN_SUITES))
    suite = KNOWN_SUITES[tested]
    names = {tested, suite["root"], *usual_names(tested), *usual_names(suite["root"])}
    for name in names_of(data.datasets[0], data.suite):
        TrainedOn(name).check_unseen(names, [])
    if (root := data_root / suite["root"]).is_dir():
        digests = read_auxiliary(tested, suite["reader"], root).image_digests
        TrainedOn.of(data.suite, data.image_digests).check_unseen(names, digests)
