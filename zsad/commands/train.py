"""`zsad train`: what a detector learns from anomalies of other products, with masks."""

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from zsad import arguments
from zsad.commands.common import Commands, how_to_use, learned_from, learned_from_arguments
from zsad.devices import require_device, whole_floats
from zsad.study.suites import DEMO_SUITES, KNOWN_SUITES, check_known, check_name

if TYPE_CHECKING:
    from zsad.auxiliary import LearnerKind, Training
    from zsad.auxiliary.data import AuxiliaryData

log = logging.getLogger(__name__)


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
    learned_from_arguments(train)
    train.add_argument("--tested", metavar="NAME", help="the suite that is to be tested: it must be another")
    train.add_argument("--backbone", default="demo-b", help="default: %(default)s")
    train.add_argument(
        "--device", type=arguments.device, default="cpu", help="cpu, cuda, cuda:1, ...; default: %(default)s"
    )
    train.add_argument("--option", type=arguments.option, action="append", default=[], metavar="NAME=VALUE",
                       help="a choice of what is learned (may be repeated; the value is read as YAML)")  # fmt: skip
    train.add_argument(
        "--epochs", type=arguments.number("epochs"), metavar="N",
        help="default: as published for MVTec AD or VisA, each known by its usual names and folders; on a data set "
        "that the papers do not name, april_gan takes 3 without mosaics and anomalyclip 15, and says so",
    )  # fmt: skip
    train.add_argument("--seed", type=arguments.number("seed"), metavar="N", help="default: as published")
    train.add_argument("--called", metavar="NAME", help="what trained_on= names the part by; default: what it learned "
                       "from. One of another seed needs a name of its own")  # fmt: skip
    train.add_argument("--out", type=arguments.path, required=True, metavar="DIR", help="the part and its card go here")
    train.set_defaults(command=run)


@whole_floats()
def run(options: argparse.Namespace) -> None:
    """Trains, and says where the learned part lies and how to use it."""
    import dataclasses

    from zsad.auxiliary import LEARNERS
    from zsad.auxiliary.train import train_part
    from zsad.clip import load_backbone
    from zsad.files import check_writable_folder

    check_known("detector that learns from auxiliary anomalies", options.detector, list(LEARNERS))
    if options.called is not None:
        check_name("--called", options.called)
    kind = LEARNERS[options.detector]
    require_device(options.device)
    check_writable_folder(options.out)
    data = _auxiliary(options)
    if options.tested:
        _check_other(data, options.tested, options.data_root)
    backbone = load_backbone(options.backbone, device=options.device)
    given = {name: value for name in ("epochs", "seed") if (value := getattr(options, name)) is not None}
    training = dataclasses.replace(_published(kind, data), **given)
    learner = kind(backbone, dict(options.option), training.seed)
    path = train_part(learner, backbone, data, training, options.out, called=options.called)
    print(f"{learner.part}, trained on {len(data)} images of {data.suite} in {training.epochs} epochs: {path}")
    used = {
        "trained_on": str(path),
        **dict(options.option),
    }  # what was learned fits the choices that it was learned with
    print(f"use it with {how_to_use(options.detector, used, options.backbone)}")


def _auxiliary(options: argparse.Namespace) -> "AuxiliaryData":
    from zsad.auxiliary.data import read_auxiliary

    reader, root = learned_from(options)
    if options.root:
        return _of_ones_own(options)
    return read_auxiliary(options.auxiliary, reader, root, options.category)


def _of_ones_own(options: argparse.Namespace) -> "AuxiliaryData":
    """The data set in `--root`. Raises a ValueError where its name is that of a known suite, and it is not that suite:
    what learned from it would be believed never to have seen any other.
    """
    from zsad.auxiliary.data import read_auxiliary
    from zsad.study.tested import names_of

    suite = _known_suite(options.auxiliary)
    if suite in DEMO_SUITES:
        raise ValueError(
            f"--auxiliary {options.auxiliary} is a demo suite, which is drawn into --data-root: leave out --reader and "
            "--root, or give the data set in --root another name"
        )
    data = read_auxiliary(options.auxiliary, options.reader, options.root, options.category)
    for dataset in data.datasets:
        if suite is not None and suite not in names_of(dataset):
            raise ValueError(
                f"--auxiliary {options.auxiliary} names a published data set, and neither the folder {dataset.root} "
                f"nor what it holds of {dataset.category!r} is known to be that: give it another name"
            )
    return data


def _known_suite(name: str) -> str | None:
    """The folder of the known suite that a name means, however it is spelt; None where it means none."""
    from zsad.detectors.learned import plain_name
    from zsad.study.tested import usual_names

    roots = {plain_name(known): suite["root"] for known, suite in KNOWN_SUITES.items()}
    return roots.get(plain_name(name)) or next(iter(usual_names(name)), None)


def _published(kind: "LearnerKind", data: "AuxiliaryData") -> "Training":
    """The training that was published for the auxiliary data, known by name or by folder, or stands in for it; which of
    the two, it says.
    """
    from zsad.auxiliary.named import data_set_named
    from zsad.study.tested import names_of

    suite = next(filter(None, map(data_set_named, names_of(data.datasets[0], data.suite))), None)
    training = kind.published(suite or data.suite)
    setting = training.epochs, f"{training.mosaic:g}"
    if suite is None:
        log.warning("no training is published for %s: by default %d epochs, mosaic %s", data.suite, *setting)
    else:
        log.info("trained on %s as is published for %s: by default %d epochs, mosaic %s", data.suite, suite, *setting)
    return training


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
