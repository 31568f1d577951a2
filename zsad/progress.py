"""One progress bar for terminals and for logs."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

_SECONDS_BETWEEN_LINES = 10.0
_LINE = "{desc}: {n_fmt} of {total_fmt} {unit}s after {elapsed}, about {remaining} left{postfix}"


class _Lines:
    """Turns a bar that redraws itself into lines, for logs and for jobs that share a terminal."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        line = text.strip("\r\n ")
        if line:
            self.stream.write(line + "\n")
        return len(text)

    def flush(self) -> None:
        self.stream.flush()

    def isatty(self) -> bool:
        return False


def progress_bar(total: int, done: int, unit: str, description: str, enabled: bool = True) -> tqdm:
    """A bar on standard error: redrawn in place on a terminal, else a plain line every ten seconds, which says how much
    is done and about how long the rest will take.

    Nothing is shown when nothing is left to do.
    """
    if not enabled or done >= total:
        return tqdm(total=total, initial=done, disable=True)
    options = {"total": total, "initial": done, "unit": unit, "desc": description, "smoothing": 0.1}
    if sys.stderr.isatty():
        return tqdm(**options, dynamic_ncols=True)
    return tqdm(**options, **_plain())


@contextmanager
def plain_bars() -> Iterator[None]:
    """Within it every bar is as `progress_bar` makes it, those that libraries and detectors draw by themselves too:
    where standard error is no terminal, plain lines. For programs: a library leaves the bars of others alone.
    """
    kept, original = vars(tqdm)["__init__"], tqdm.__init__  # a descriptor, and what it gives

    def plain(self: tqdm, *arguments: Any, **options: Any) -> None:
        own = options.get("file") in (None, sys.stderr) and not sys.stderr.isatty()
        original(self, *arguments, **(options | _plain() if own else options))

    tqdm.__init__ = plain
    try:
        yield
    finally:
        tqdm.__init__ = kept


def _plain() -> dict[str, Any]:
    lines = {"file": _Lines(sys.stderr), "mininterval": _SECONDS_BETWEEN_LINES, "miniters": 1}
    return {**lines, "bar_format": _LINE}
