"""What values detectors' options take, as their types say, and how others are refused: no part of what a result is."""

import math
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, get_type_hints

from pydantic import Field, TypeAdapter, ValidationError

from zsad.limits import LIMITS, check_number
from zsad.paths import OPTION_FOLDERS, expanded
from zsad.wording import problems

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]


class Checked:
    """An options dataclass whose values are those that its fields' types allow."""

    def __post_init__(self) -> None:
        check_values(type(self), vars(self))


def check_values(options_class: Any, options: Mapping[str, Any]) -> None:
    """Raise a ValueError for the first value of another type than its option's, not finite, or beyond
    `zsad.limits.LIMITS`, whose names mean other things in options that are not this package's.
    """
    limits = LIMITS if options_class.__module__.partition(".")[0] == "zsad" else {}
    adapters: dict[str, Any] = _adapters(options_class)
    for name, value in options.items():
        try:
            adapters[name].validate_python(value, strict=True)
        except ValidationError as error:
            found: list[Any] = [*error.errors()]
            raise ValueError("; ".join(f"{name} {words}" for words in problems(found).values())) from None
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{name} must be a finite number, not {value}")
        if name in limits and isinstance(value, int | float):
            check_number(name, value)


@cache
def _adapters(options_class: type[Any]) -> dict[str, Any]:
    return {name: TypeAdapter(hint) for name, hint in get_type_hints(options_class, include_extras=True).items()}


def without_home_signs(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with `~` replaced in those that are folders."""
    folders = {name: expanded(options[name]) for name in OPTION_FOLDERS if isinstance(options.get(name), str)}
    return {**options, **folders}
