"""Keep what the pages of the book asked models for: `python -m book.tools.keep`, after `make book`.

`results/pages` then holds those results that the pages have used and that cost more to compute than to keep, and no
others: one whose code, data or weights are not today's any more is of no use to anybody.
"""

import argparse
import json
import logging
import shutil
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from book.tools.computed import ComputedStore, kept_store, store_of
from zsad.files import write_atomically
from zsad.study.load import load_study
from zsad.study.project import resolve
from zsad.wording import describe

logger = logging.getLogger(__name__)

STUDY = "demo"  # what the book shows by default: a page's result of another is of use to few
SECONDS_A_MEGABYTE = 5.0
MODELS = ("detector", "backbone")  # arguments by which a function is handed one


def used_by(pages: Path) -> list[str]:
    """The keys of all results that executed pages (`book.tools.execute`) have used. Raises FileNotFoundError."""
    lists = sorted(path for path in pages.glob("*.json") if not path.name.endswith(".time.json"))
    if not lists:
        raise FileNotFoundError(f"no executed pages in {pages}: make book first")
    return sorted({key for path in lists for key in json.loads(path.read_text(encoding="utf-8"))["computed"]})


def keep(keys: Iterable[str], own: ComputedStore, kept: ComputedStore) -> list[str]:
    """Copy from `own` to `kept` what is worth it among the results of some keys, and remove all else there.

    Returns the keys that are kept. Raises ValueError for a result that was computed from changed code.
    """
    kept.prepare()
    wanted = []
    for key in keys:
        store = own if own.has(key) else kept
        if not _is_worth_it(store, key):
            continue
        if store.sidecar(key)["dirty"]:
            raise ValueError(
                f"{store.path(key, '.json')}: computed from code that was not committed; commit it, remove that file, "
                "and make the book again"
            )
        wanted.append(key)
        if not kept.has(key):
            for suffix in (*store.files(key), ".json"):  # the sidecar, which makes a result complete, comes last
                write_atomically(kept.path(key, suffix), partial(shutil.copyfile, store.path(key, suffix)))
    for path in kept.folder.iterdir():
        if path.stem not in wanted:
            path.unlink()
    return wanted


def _is_worth_it(store: ComputedStore, key: str) -> bool:
    """Of functions that ask a model, and take long for what they give."""
    sidecar = store.sidecar(key)
    size = sum(store.path(key, suffix).stat().st_size for suffix in store.files(key))
    asks = any(name in sidecar["spec"]["arguments"] for name in MODELS)
    return asks and sidecar["seconds"] >= SECONDS_A_MEGABYTE * size / 1e6


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns 1 with a message where there is nothing to keep."""
    parser = argparse.ArgumentParser(prog="python -m book.tools.keep", description="Keep what pages asked models for.")
    parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        study = load_study(STUDY, check_models=False)
        wanted = keep(used_by(resolve(Path("build/book")) / STUDY), store_of(study), kept_store())
    except (ValueError, OSError) as error:
        print(describe(error), file=sys.stderr)
        return 1
    logger.info("%d results in %s", len(wanted), kept_store().folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
