"""What commands share: exit code, options of the detector, and how they are read."""

import argparse
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zsad import arguments
from zsad.study.suites import DEMO_SUITES, KNOWN_SUITES, check_known, check_name

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]
else:
    Commands = object

INCOMPLETE = 3

# The option that names what a detector has learned; what ships is for demo backbones alone.
_LEARNED = {"anomalyclip": "trained_on", "april_gan": "trained_on", "acr": "head"}


def model_arguments() -> argparse.ArgumentParser:
    """The arguments of commands that load one detector."""
    model = argparse.ArgumentParser(add_help=False)
    model.add_argument(
        "--detector", default="winclip", metavar="NAME",
        help="a registered one, or module:Class, a class of your own; default: %(default)s",
    )  # fmt: skip
    model.add_argument(
        "--backbone", metavar="NAME",
        help="default: demo-b, or the demo model that the detector looks through; with --architecture, what your own "
        "weights are to be called",
    )  # fmt: skip
    weights_arguments(model)
    for name in ("--mean", "--std"):
        model.add_argument(
            name, type=float, nargs=3, metavar=("R", "G", "B"),
            help="of the input of --weights; default: as the JSON file of --architecture says, else OpenAI's",
        )  # fmt: skip
    model.add_argument(
        "--device", type=arguments.device, default="cpu", help="cpu, cuda, cuda:1, ...; default: %(default)s"
    )
    model.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"], help="default: %(default)s")
    model.add_argument(
        "--option", type=arguments.option, action="append", default=[], metavar="NAME=VALUE",
        help="an option of the detector, such as temperature=0.01 (may be repeated; the value is read as YAML)",
    )  # fmt: skip
    return model


def weights_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of a backbone of one's own, and of many options at once."""
    parser.add_argument(
        "--weights", type=arguments.path, metavar="FILE",
        help="the backbone's weights: of the published model that --backbone names, or of --architecture",
    )  # fmt: skip
    parser.add_argument(
        "--architecture", metavar="NAME", help="of --weights: one of open_clip's, such as ViT-B-16, or a JSON file"
    )
    parser.add_argument(
        "--options", type=arguments.mapping, default={}, metavar="{NAME: VALUE, ...}",
        help="options of the detector, as a mapping in YAML",
    )  # fmt: skip


def named_backbone(options: argparse.Namespace) -> str:
    """What the backbone of a command is called. Raises ValueError for an architecture without weights, for weights that
    say neither whose nor of which architecture they are, and for a mean or std without an architecture.
    """
    from zsad.detectors import usual_backbone

    if options.architecture is None and (options.mean or options.std):
        raise ValueError("--mean and --std are of weights of your own: give --weights and --architecture too")
    if options.weights is None and options.architecture is None:
        return str(options.backbone or usual_backbone(options.detector))
    if options.weights is None:
        raise ValueError("--architecture needs --weights, the file that holds them")
    if options.architecture is None and options.backbone is None:
        raise ValueError("--weights needs --architecture, such as ViT-B-16, or --backbone, a published model's name")
    return str(options.backbone or options.weights.stem)


def real_backbone(detector: str) -> str:
    """What to do for pictures that are not of the demo world: a backbone that the detector can look through."""
    from zsad.detectors import declared, known_to

    real = [name for name in known_to(detector) if not name.startswith("demo-")]
    title = declared(detector, "title", detector)
    named = next((name for name in real if name.endswith(title)), real[0])  # some are published for one method
    learned = f", with what was learned for it (--option {_LEARNED[detector]}=FILE)" if detector in _LEARNED else ""
    return f"use --backbone {named} or another real one{learned}"


def loaded_backbone(options: argparse.Namespace) -> Any:
    """The backbone of a command: by its name, or from a file of weights."""
    from zsad.detectors import load_backbone_of
    from zsad.devices import require_device

    require_device(options.device)
    given = {name: getattr(options, name) for name in ("weights", "architecture", "mean", "std")}
    own = {name: value for name, value in given.items() if value is not None}
    return load_backbone_of(options.detector, named_backbone(options), options.device, options.dtype, **own)


def detector_options(options: argparse.Namespace) -> dict[str, Any]:
    """What `--options` and `--option` gave, checked; its folders for results can be written."""
    from zsad.detectors import check_options
    from zsad.files import check_writable_folder
    from zsad.paths import CACHES

    chosen = {**options.options, **dict(options.option)}
    checked = check_options(options.detector, chosen)
    for folder in [getattr(checked, name) for name in CACHES if chosen.get(name) is not None]:
        check_writable_folder(folder)
    return chosen


def how_to_use(detector: str, options: Mapping[str, Any], backbone: str | None = None) -> str:
    """The arguments of `zsad predict` and `evaluate` that a detector is used with, as a shell takes them."""
    words = ["--detector", detector, *([] if backbone is None else ["--backbone", backbone])]
    for name, value in options.items():
        words += ["--option", arguments.as_option(name, value)]
    return shlex.join(words)


def learned_from_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of commands that learn from a data set."""
    parser.add_argument(
        "--auxiliary",
        required=True,
        metavar="NAME",
        help="what is learned from: a suite that studies know; with --reader and --root, a data set of yours under "
        "another name",
    )
    parser.add_argument("--data-root", type=arguments.path, default=Path("build/data"), metavar="DIR",
                        help="folder that holds the suites; default: %(default)s")  # fmt: skip
    parser.add_argument("--reader", help="mvtec_ad, visa or aebad, of a data set that studies do not know")
    parser.add_argument("--root", type=arguments.path, metavar="DIR", help="its folder")
    parser.add_argument(
        "--category", action="append", default=[], metavar="NAME", help="of its categories only this (may be repeated)"
    )


def learned_from(options: argparse.Namespace) -> tuple[str, Path]:
    """The reader and the folder of what is learned from; a demo suite is written where it lacks.

    Raises:
        ValueError: --reader without --root or the other way round, a suite that studies do not know without both, or a
            name that what is learned cannot be called after.
    """
    from zsad.data.demo import write_suite

    if options.reader or options.root:
        if not (options.reader and options.root):
            raise ValueError("a data set that studies do not know needs both --reader and --root")
        check_name("--auxiliary", options.auxiliary)
        return options.reader, options.root
    whole = [name for name, suite in KNOWN_SUITES.items() if "domain" not in suite]
    check_known("suite (for another data set, give --reader and --root)", options.auxiliary, whole)
    suite = KNOWN_SUITES[options.auxiliary]
    if options.auxiliary in DEMO_SUITES:
        write_suite(options.data_root, options.auxiliary)
    return suite["reader"], options.data_root / suite["root"]
