"""What the command line's arguments are read with; a wrong one is refused in plain words before anything is done."""

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from zsad.devices import check_device
from zsad.limits import check_number
from zsad.paths import expanded


def path(text: str) -> Path:
    found: Path = _read(lambda: expanded(text))
    return found


def device(text: str) -> str:
    found: str = _read(lambda: check_device(text))
    return found


def number(name: str, called: str | None = None) -> Callable[[str], Any]:
    """Reads a number within the limits of that name; `called`, where the argument has another."""

    def read(text: str) -> Any:
        value = yaml.safe_load(text)
        _read(lambda: check_number(name, value, called))
        return value

    return read


def pixels_or(word: str) -> Callable[[str], Any]:
    """Reads a number of pixels, or that word."""

    def read(text: str) -> Any:
        try:
            return text if text == word else number("resolution")(text)
        except argparse.ArgumentTypeError as error:
            raise argparse.ArgumentTypeError(f"{error}; or {word}") from None

    return read


def part(text: str) -> tuple[int, int]:
    """Reads which of so many parts, N/OF."""
    number, slash, of = text.partition("/")
    if not (slash and number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise argparse.ArgumentTypeError(f"{text!r} is no part: 3/40 is the third of forty, the first is 1/40")
    return int(number), int(of)


def option(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE, such as temperature=0.01")
    try:
        return name, yaml.safe_load(value)
    except yaml.YAMLError:
        raise argparse.ArgumentTypeError(f"the value of {text!r} cannot be read as YAML") from None


def as_option(name: str, value: Any) -> str:
    """NAME=VALUE, which `option` reads as that name and value."""
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=math.inf)
    written = text.removesuffix("...\n").strip()  # the end of a document, which YAML puts behind a bare value
    return f"{name}={written}"


def mapping(text: str) -> dict[str, Any]:
    """Reads a mapping in YAML, such as {temperature: 0.01}."""
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError:
        raise argparse.ArgumentTypeError(f"{text!r} cannot be read as YAML") from None
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise argparse.ArgumentTypeError(f"{text!r} is no mapping such as '{{temperature: 0.01}}'")
    return found


def _read(value: Callable[[], Any]) -> Any:
    """argparse shows the message of its own kind of error alone."""
    try:
        return value()
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
