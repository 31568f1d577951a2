"""Libraries that only some models call: imported when they are needed, with a clear word when they are not there."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from zsad.wording import how_to_install


def import_optional(module: str, purpose: str, package: str) -> ModuleType:
    """Import a module.

    Raises:
        ImportError: it is not installed, or cannot be imported; the message names the package, and how to have it.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise ImportError(
            f"{purpose} needs the package {package}, which is not installed; {how_to_install(package)}"
        ) from error
    except ImportError as error:
        raise ImportError(f"{purpose} needs the package {package}, which cannot be imported: {error}") from error
