"""Values of options as they are given, before a detector's own class reads them.

Imported by the door alone: how a wrong value is refused is no part of what a result is.
"""

import math
from collections.abc import Mapping
from functools import cache
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from zsad.limits import LIMITS, check_number
from zsad.paths import OPTION_FOLDERS, expanded
from zsad.wording import problems


def check_values(options_class: type, options: Mapping[str, Any]) -> None:
    """Raise a ValueError for the first value of another type than its option's, not finite, or beyond
    `zsad.limits.LIMITS`.
    """
    for name, value in options.items():
        try:
            _adapters(options_class)[name].validate_python(value, strict=True)
        except ValidationError as error:
            found: list[Any] = [*error.errors()]
            raise ValueError("; ".join(f"{name} {words}" for words in problems(found).values())) from None
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{name} must be a finite number, not {value}")
        if name in LIMITS and isinstance(value, int | float):
            check_number(name, value)


@cache
def _adapters(options_class: type) -> dict[str, Any]:
    return {name: TypeAdapter(hint) for name, hint in get_type_hints(options_class).items()}


def without_home_signs(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with `~` replaced in those that are folders."""
    folders = {name: expanded(options[name]) for name in OPTION_FOLDERS if isinstance(options.get(name), str)}
    return {**options, **folders}
