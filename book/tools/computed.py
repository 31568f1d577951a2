"""What pages compute for themselves, kept as records are: found again until something that it depends on changes.

A page hands over a function of the package and its arguments: JSON values, and things that have a fingerprint (data
sets, backbones, detectors). Their key is made from these and from the code that the function and its arguments lead to,
so a function must depend on nothing else, and modules of such functions import neither pages nor figures.

What models were asked for the book of a kept study is kept beside its records, in `results/pages`
(`book.tools.keep`): a machine without a GPU, or with little time, finds it there.
"""

import hashlib
import io
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import numpy as np
import pandas as pd

from zsad.devices import whole_floats
from zsad.files import write_atomically
from zsad.study import provenance
from zsad.study.code import OWN, function_code
from zsad.study.config import Study
from zsad.study.project import project_root, resolve
from zsad.study.records import write_parquet
from zsad.study.schema import PROVENANCE, validate_provenance
from zsad.study.sealed_store import SealedStore
from zsad.study.shifts import canonical_json

# A table without an index, or named arrays.
Result = TypeVar("Result", pd.DataFrame, dict[str, np.ndarray])

FIELDS = {name: kind for name, kind in PROVENANCE.items() if not name.endswith("_fingerprint") and name != "tables"}
_TABLE, _ARRAYS = ".parquet", ".npz"


@dataclass(frozen=True)
class Computed(Generic[Result]):
    """A result, the SHA-256 (hex) of its file, and its provenance (`FIELDS`)."""

    result: Result
    contents: str
    provenance: dict[str, Any]


class ComputedStore(SealedStore):
    """The folder of what the pages of a study have computed."""

    again = "the page computes it again"


def store_of(study: Study) -> ComputedStore:
    return ComputedStore(resolve(study.records_root) / "pages")


def kept_store() -> ComputedStore:
    """What is committed."""
    return ComputedStore(project_root() / "results" / "pages")


def computed(
    study: Study, function: Callable[..., Result], how: Mapping[str, Any] | None = None, **arguments: Any
) -> Computed[Result]:
    """The result of `function(**arguments)`, computed where it is not there or damaged; of the latter a warning tells.

    Args:
        study: says where results are kept, and on which device they are computed.
        function: of a module of this package.
        how: further arguments, which change how a result is computed and not what it is: device, batch size.
        arguments: JSON values, things with a fingerprint, and lists and mappings of these.

    Raises:
        ValueError: a function of no module of the package, such as a notebook's: its code could not be known.
        TypeError: an argument of another kind, or a result that is neither a table nor named arrays.
        OSError: the folder cannot be written; raised before anything is computed.
    """
    module = function.__module__
    if module.partition(".")[0] not in OWN:
        raise ValueError(f"{function.__qualname__} is defined in {module}: move it into a module of zsad or book.tools")
    modules = sorted({module, *(name for thing in _things(arguments) for name in _modules_of(thing))})
    spec = {"function": f"{module}.{function.__qualname__}", "arguments": _described(arguments), "modules": modules}
    code = function_code(*modules)
    key = hashlib.sha256(canonical_json({"spec": spec, "code": code}).encode()).hexdigest()
    store = next((store for store in (store_of(study), kept_store()) if store.has(key)), None)
    if store is None:
        store = store_of(study)
        store.prepare()
        started, clock = datetime.now(UTC), time.monotonic()
        with whole_floats():
            result = function(**arguments, **(how or {}))
        sidecar = {
            "key": key,
            "spec": spec,
            "code": code,
            "versions": provenance.versions(),
            **provenance.commit(),
            "device": study.device,
            "machine": provenance.machine(study.device),
            "seeds": {"study": study.seed, "demo": study.demo_seed},
            "seconds": round(time.monotonic() - clock, 3),
            "started_at": started.isoformat(timespec="seconds"),
        }
        validate_provenance(sidecar, FIELDS)
        store.seal(key, sidecar, _write(store, key, result))
    ((suffix, contents),) = store.files(key).items()
    return Computed(_read(store.content(key, suffix), suffix), contents, store.sidecar(key))


def _write(store: SealedStore, key: str, result: Any) -> dict[str, str]:
    """Write a result; the suffix and the SHA-256 of its file."""
    if isinstance(result, pd.DataFrame):
        return {_TABLE: write_parquet(result, store.path(key, _TABLE))}
    if not (isinstance(result, dict) and all(isinstance(array, np.ndarray) for array in result.values())):
        raise TypeError(f"a page's result is a table or named arrays, not {type(result).__name__}")
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **result)
    content = buffer.getvalue()
    write_atomically(store.path(key, _ARRAYS), lambda temporary: temporary.write_bytes(content))
    return {_ARRAYS: hashlib.sha256(content).hexdigest()}


def _read(content: bytes, suffix: str) -> Any:
    if suffix == _TABLE:
        return pd.read_parquet(io.BytesIO(content))
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return dict(arrays)


def _described(value: Any) -> Any:
    """A value as JSON; a thing is its fingerprint."""
    if _is_thing(value):
        fingerprint = value.fingerprint
        return {"fingerprint": fingerprint() if callable(fingerprint) else fingerprint}
    if isinstance(value, Mapping):
        return {str(name): _described(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_described(item) for item in value]
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError(f"{type(value).__name__} is neither a JSON value nor has it a fingerprint")


def _things(value: Any) -> Iterator[Any]:
    """All that has a fingerprint among some arguments."""
    if _is_thing(value):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _things(item)


def _modules_of(thing: Any) -> Iterator[str]:
    """Where the code of a thing lies, and that of the detector in one that is defended or looked at."""
    yield type(thing).__module__
    within = getattr(thing, "__dict__", {}).get("_detector")
    if within is not None:
        yield from _modules_of(within)


def _is_thing(value: Any) -> bool:
    return hasattr(value, "fingerprint")
