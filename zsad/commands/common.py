"""What commands share: exit code, options of the detector, and how they are read."""

import argparse
from typing import TYPE_CHECKING, Any

from zsad import arguments

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]
else:
    Commands = object

INCOMPLETE = 3


def model_arguments() -> argparse.ArgumentParser:
    """The arguments of commands that load one detector."""
    model = argparse.ArgumentParser(add_help=False)
    model.add_argument("--detector", default="winclip", help="default: %(default)s")
    model.add_argument("--backbone", help="default: demo-b, or the demo model that the detector looks through")
    model.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, ...; default: %(default)s")
    model.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"], help="default: %(default)s")
    model.add_argument(
        "--option", type=arguments.option, action="append", default=[], metavar="NAME=VALUE",
        help="an option of the detector, such as temperature=0.01 (may be repeated; the value is read as YAML)",
    )  # fmt: skip
    return model


def detector_options(options: argparse.Namespace) -> dict[str, Any]:
    """What `--option` gave, checked; its folders for results can be written."""
    from zsad.detectors import check_options
    from zsad.files import check_writable_folder
    from zsad.paths import CACHES

    chosen = dict(options.option)
    checked = check_options(options.detector, chosen)
    for folder in [getattr(checked, name) for name in CACHES if chosen.get(name) is not None]:
        check_writable_folder(folder)
    return chosen
