"""Errors of other libraries and of the system, in plain words: what is wrong, where, and the way out."""

import errno
import re
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, requires
from typing import Any

# pydantic's kinds of problems; what is in braces comes from the problem itself.
_PROBLEMS = {
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be text",
    "path_type": "must be a path",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "sequence_str": "must be a list",
    "is_instance_of": "must be a {class}",
    "none_required": "must be null",
    "dict_type": "must be a mapping of names to values",
    "mapping_type": "must be a mapping of names to values",
    "model_type": "must be a mapping of fields to values",
    "model_attributes_type": "must be a mapping of fields to values",
    "missing": "is missing",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "string_pattern_mismatch": "must fit the pattern {pattern}",
    "too_short": "needs at least {min_length}",
    "too_long": "takes at most {max_length}",
    "string_too_short": "needs at least {min_length} letters",
}
_WITHOUT_VALUE = ("missing", "value_error", "too_short", "too_long", "extra_forbidden")
# How pydantic marks the choices of a union in the place of a problem.
_CHOICE = re.compile(r"str|int|float|bool|none|path|.*\[.*\].*|literal.*|constrained-.*")
# Import names that differ from the name of the package.
_PACKAGES = {"PIL": "pillow", "yaml": "pyyaml", "sklearn": "scikit_learn", "open_clip": "open_clip_torch"}


def problem(found: dict[str, Any]) -> str:
    """One problem that pydantic found, without the field that it is about."""
    message: str = found["msg"].removeprefix("Value error, ")
    template = _PROBLEMS.get(found["type"])
    if template is not None:
        message = template.format(**found.get("ctx", {}))
    if found["type"] in _WITHOUT_VALUE:
        return message
    value = repr(found["input"])
    return f"{message}, not {value if len(value) <= 60 else value[:57] + '...'}"


def problems(found: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Field -> what is wrong with it; a field that may be one thing or another has both in one message."""
    messages: dict[str, list[dict[str, Any]]] = {}
    for one in found:
        place = [part for part in one["loc"] if not (isinstance(part, str) and _CHOICE.fullmatch(part))]
        messages.setdefault(".".join(map(str, place)), []).append(one)
    return {field: _joined(several) for field, several in messages.items()}


def _joined(several: list[dict[str, Any]]) -> str:
    *first, last = [problem(one) for one in several]
    return " or ".join([*(message.rpartition(", not ")[0] or message for message in first), last])


def describe(error: BaseException) -> str:
    """An error in one line for a person: the system's own numbers and wordings are replaced."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        return _missing_package(error.name)
    if isinstance(error, OSError) and error.errno is not None:
        return _system(error)
    return " ".join(str(error).split()) or type(error).__name__


def _system(error: OSError) -> str:
    where = str(error.filename2 or error.filename or "a file")
    causes = {
        errno.EACCES: "no permission; use a folder of your own, or ask its owner",
        errno.EPERM: "no permission; use a folder of your own, or ask its owner",
        errno.EROFS: "lies on a read-only file system; choose another folder",
        errno.ENOENT: "no such file or folder",
        errno.EISDIR: "is a folder, where a file is needed",
        errno.ENOTDIR: "a part of this path is a file, where a folder is needed",
        errno.EEXIST: "is a file, where a folder is needed",
        errno.ENOSPC: "the disk is full; free some space, or choose another folder",
        errno.EDQUOT: "your quota of disk space is used up; free some space, or choose another folder",
        errno.ENAMETOOLONG: "the name is too long",
        errno.EMFILE: "too many files are open; close some, or raise `ulimit -n`",
        errno.ENOMEM: "not enough memory; use a smaller batch size or resolution",
    }
    return f"{where}: {causes.get(error.errno or 0, error.strerror or type(error).__name__)}"


def _missing_package(module: str) -> str:
    name = module.partition(".")[0]
    package = _PACKAGES.get(name, name)
    return f"the package {package} is not installed; {how_to_install(package)}"


def how_to_install(package: str) -> str:
    """What to do where a package is missing: with the extra of this project that holds it, if one does."""
    extra = _extra_of(package)
    return f"it comes with: pip install 'zsad[{extra}]'" if extra else f"install it with: pip install {package}"


def _extra_of(package: str) -> str | None:
    """The extra of this project that holds a package."""
    try:
        needed = requires("zsad") or []
    except PackageNotFoundError:
        return None
    for line in needed:
        name = re.split(r"[^\w.-]", line)[0].replace("-", "_").lower()
        extra = re.search(r"extra == ['\"](\w+)['\"]", line)
        if name == package.replace("-", "_").lower() and extra:
            return extra[1]
    return None
