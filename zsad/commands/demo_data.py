"""`zsad demo-data`: the demo suites, written to disk."""

import argparse

from zsad import arguments
from zsad.commands.common import Commands


def add(commands: Commands, parents: list[argparse.ArgumentParser]) -> None:
    """The command and its arguments."""
    data = commands.add_parser("demo-data", parents=parents, help="write the demo suites")
    data.add_argument("folder", type=arguments.path, metavar="DIR")
    data.add_argument("--seed", type=arguments.number("seed"), default=0, help="default: %(default)s")
    data.set_defaults(command=run)


def run(options: argparse.Namespace) -> None:
    """Writes the suites."""
    from zsad.data.demo import write_suites

    written = write_suites(options.folder, seed=options.seed, progress=True)
    print(f"{', '.join(path.name for path in written)}: in {options.folder}")
