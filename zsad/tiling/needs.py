"""Libraries that only this pipeline calls: imported when they are needed, with a clear word when they are not there."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


def needed(module: str, purpose: str, package: str) -> ModuleType:
    """Import a module.

    Raises:
        ImportError: it is not installed; the message names the package.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(f"{purpose} needs the package {package}, which is not installed ({error})") from error
