"""Writes what a benchmark measured, with the machine, the versions and the commit that it was measured at."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from zsad.study import provenance
from zsad.study.project import project_root

OUT = project_root() / "results" / "bench"


def report(rows: list[dict[str, Any]], device: str, folder: Path, prefix: str = "") -> None:
    """One file a machine: a later measurement on the same one takes the earlier one's place."""
    machine = provenance.machine(device)
    content = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine,
        "versions": provenance.versions(),
        **provenance.commit(),
        "rows": rows,
    }
    what = str(machine.get("gpu", machine["processor"]))
    target = folder / f"{prefix}{re.sub(r'[^a-z0-9]+', '-', what.lower()).strip('-')}.json"
    folder.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    logging.info("written: %s", target.relative_to(Path.cwd()) if target.is_relative_to(Path.cwd()) else target)
