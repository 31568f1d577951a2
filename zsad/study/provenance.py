"""Where a result comes from: versions, commit, device and machine, without host names or absolute paths."""

import os
import platform
import subprocess
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import zsad
from zsad.study.shipped import checkout


def versions() -> dict[str, str]:
    """Versions of Python, this package and what computes; of optional packages, those that are installed."""
    packages = {name: version(name) for name in ("torch", "open_clip_torch", "numpy", "scipy", "kornia", "pillow")}
    for name in ("transformers", "segment_anything"):
        with suppress(PackageNotFoundError):
            packages[name] = version(name)
    return {"python": platform.python_version(), "zsad": zsad.__version__, **packages}


def commit() -> dict[str, Any]:
    """`commit` (40 hex digits) of this project and `dirty` (tracked files differ from it); "unknown" outside a git
    checkout of it, whatever other repository the working directory may belong to."""
    root = checkout()
    if root is None:
        return {"commit": "unknown", "dirty": True}
    try:
        revision = _git(root, "rev-parse", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return {"commit": "unknown", "dirty": True}
    return {"commit": revision, "dirty": bool(changed)}


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def machine(device: str) -> dict[str, Any]:
    """What computed a result: its `host`, threads and, on a GPU, its name."""
    import torch  # seconds that whoever asks for the rest alone can spare

    found = {**host(), "threads": torch.get_num_threads()}
    if torch.device(device).type == "cuda":
        found["gpu"] = torch.cuda.get_device_name(device)
    return found


def host() -> dict[str, Any]:
    """System, processor and cores."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"system": f"{platform.system()} {platform.machine()}", "processor": _processor(), "cores": cores}


def _processor() -> str:
    table = Path("/proc/cpuinfo")
    lines = table.read_text(errors="replace").splitlines() if table.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"
