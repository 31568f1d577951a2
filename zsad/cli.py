"""The command line: `zsad demo-data`, `corrupt`, `train`, `meta-train`, `predict`, `evaluate`, `run`, `verify`. Thin:
each calls the library once.
"""

import argparse
import logging
import sys
from collections.abc import Sequence

from zsad import __version__
from zsad.commands import corrupt, demo_data, evaluate, meta_train, predict, study, train, verify
from zsad.commands.common import model_arguments
from zsad.progress import plain_bars
from zsad.wording import describe

FAILED, INTERRUPTED = 2, 130


def main(given: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, 2 after an error, 3 for a study some of which cannot be computed, 130
    after Ctrl-C.
    """
    options = _parser().parse_args(given)
    logging.basicConfig(level=logging.INFO if options.verbose else logging.WARNING, format="%(levelname)s: %(message)s")
    try:
        with plain_bars():
            code: int | None = options.command(options)
    except KeyboardInterrupt:
        print("zsad: interrupted; what was finished is kept", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if options.debug:
            raise
        message = describe(error)
        expected = isinstance(error, ValueError | OSError | ImportError)
        hint = "" if expected else f" ({type(error).__name__}; --debug shows where)"
        print(f"zsad: error: {message}{hint}", file=sys.stderr)
        return FAILED
    return code or 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="zsad", description="Zero-shot anomaly detection when the picture changes.")
    parser.add_argument("--version", action="version", version=f"zsad {__version__}")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--debug", action="store_true", help="show the traceback of an error")
    common.add_argument("--verbose", action="store_true", help="say what is being done")
    model = model_arguments()
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (demo_data, corrupt, train, meta_train, predict, evaluate, study, verify):
        command.add(commands, [common, model] if command in (predict, evaluate) else [common])
    return parser


if __name__ == "__main__":
    sys.exit(main())
