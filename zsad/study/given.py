"""What a study is given besides its file and this project's code, as it lies on disk: pictures and weights.

It is listed, not read: path, size and time of every file. That tells in moments whether a run may find other results
than the last one did, which the fingerprints in a cell's key then tell for certain.
"""

import hashlib
import os
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from zsad.paths import CACHES, OPTION_FOLDERS, expanded
from zsad.study.config import Study
from zsad.study.project import resolve

_WEIGHTS = [name for name in OPTION_FOLDERS if name not in CACHES]


def given_to(study: Study, suites: Collection[str], backbones: Collection[str]) -> str:
    """SHA-256 (hex) over a listing of what results on some suites and backbones of a study depend on. What is not there
    is listed as missing.
    """
    written = (study.records_root, study.cache_root, Path("build"))  # which may lie in a folder of pictures
    apart = frozenset(str(resolve(path)) for path in written)
    paths = [study.root_of(suite) for suite in suites if not study.is_demo(suite)]
    for suite in suites:
        for detector in study.detectors_on(suite):
            paths += _in_options(detector.options)
    for name, own in study.own_weights.items():
        if name in backbones:
            paths.append(own.weights)
            if own.architecture is not None and own.architecture.endswith(".json"):
                paths.append(Path(own.architecture))
    lines = [_listing(resolve(path), apart) for path in dict.fromkeys(paths)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _in_options(options: dict[str, Any]) -> Iterator[Path]:
    """Folders of weights that options of a detector name, and files."""
    for name, value in options.items():
        if isinstance(value, str) and (name in _WEIGHTS or _is_file(value)):
            yield expanded(value)


def _is_file(text: str) -> bool:
    try:
        return os.path.isfile(os.path.expanduser(text))
    except ValueError:  # no path can have such a sign
        return False


@cache
def _listing(path: Path, apart: frozenset[str]) -> str:
    """A line for each file in a folder, or for the file; once a process, since folders may be large."""
    lines, seen = [_line(path)], set[tuple[int, int]]()
    for folder, folders, files in os.walk(path, followlinks=True):
        status = os.stat(folder)
        again = (status.st_dev, status.st_ino) in seen  # a link that leads back
        seen.add((status.st_dev, status.st_ino))
        folders[:] = [] if again else sorted(name for name in folders if os.path.join(folder, name) not in apart)
        lines += [] if again else [_line(Path(folder, name)) for name in sorted(files)]
    return "\n".join(lines)


def _line(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return f"{path} missing"
    return f"{path} {status.st_size} {status.st_mtime_ns}" if path.is_file() else str(path)
