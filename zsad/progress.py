"""One progress bar for terminals and for logs."""

import sys
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
    lines = {"file": _Lines(sys.stderr), "mininterval": _SECONDS_BETWEEN_LINES, "miniters": 1}
    return tqdm(**options, **lines, bar_format=_LINE)
