"""The unit of work: one detector on one category under one shift, and the key that its result is stored under."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import zsad
from zsad.study.config import DetectorConfig, Study


@dataclass(frozen=True)
class Cell:
    """Everything that decides a result, apart from the data, the weights and the version of this package.

    `setting` is "none" or the shift (angle, hue, saturation) and `value` its strength in degrees, radians or [-1, 1].
    A shift of zero is no shift: `Cell.under` gives the same cell as "none".
    """

    suite: str
    category: str
    reader: str
    detector: str
    options: str  # canonical JSON of the resolved options
    backbone: str
    dtype: str
    setting: str
    value: float
    resolution: int
    limit: int | None
    rotation: str
    fpr_limit: float
    bootstrap: int
    seed: int

    def under(self, setting: str, value: float | int) -> "Cell":
        """This cell under another shift."""
        if value == 0 or setting == "none":
            return replace(self, setting="none", value=0.0)
        return replace(self, setting=setting, value=float(value))

    def spec(self) -> dict[str, Any]:
        """The cell as JSON-able fields."""
        return {**asdict(self), "options": json.loads(self.options)}

    def key(self, data_fingerprint: str, weights_fingerprint: str) -> str:
        """Content key, 64 hex digits: SHA-256 over the spec, the data, the weights and the version of this package.

        Device and batch size are no part of it: they change how a result is computed, not what it is.
        """
        content = {
            "spec": self.spec(),
            "data": data_fingerprint,
            "weights": weights_fingerprint,
            "zsad": zsad.__version__,
        }
        return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces; NaN and infinity are refused with ValueError."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def clean_cell(study: Study, suite: str, category: str, detector: DetectorConfig, options: Any, backbone: str) -> Cell:
    """The unshifted cell; `options` are the detector's resolved options."""
    return Cell(
        suite=suite,
        category=category,
        reader=study.suites[suite].reader,
        detector=detector.name,
        options=canonical_json(options),
        backbone=backbone,
        dtype=study.dtype,
        setting="none",
        value=0.0,
        resolution=study.resolution,
        limit=study.limit,
        rotation=study.rotation,
        fpr_limit=study.fpr_limit,
        bootstrap=study.bootstrap,
        seed=study.seed,
    )


def shifts_of(study: Study, suite: str, category: str, setting: str | None = None) -> list[tuple[str, float]]:
    """The (setting, value) pairs a category is wanted under.

    With no setting: no shift, and each sweep of the study where the category is swept. A setting asked for by name is
    given whether or not the study sweeps the category. Raises ValueError for a setting the study has no values for.
    """
    if setting is None:
        swept = category in study.swept_of(suite)
        return [("none", 0.0), *((s, v) for s, values in study.sweeps.items() if swept for v in values)]
    if setting == "none":
        return [("none", 0.0)]
    if setting not in study.sweeps:
        known = ", ".join(["none", *study.sweeps])
        raise ValueError(f"study {study.name!r} has no sweep {setting!r}; known: {known}")
    return [(setting, value) for value in study.sweeps[setting]]  # type: ignore[index]


def selection(
    study: Study, suites: Sequence[str] | None = None, categories: Sequence[str] | None = None
) -> Iterator[tuple[str, str]]:
    """The (suite, category) pairs of a study, optionally only those named.

    Raises ValueError naming the known choices when a name is not in the study.
    """
    for suite in suites or []:
        if suite not in study.suites:
            raise ValueError(f"study {study.name!r} has no suite {suite!r}; known: {', '.join(study.suites)}")
    chosen = list(suites or study.suites)
    members = {suite: study.categories_of(suite) for suite in chosen}
    known = {category for names in members.values() for category in names}
    for category in categories or []:
        if category not in known:
            raise ValueError(
                f"study {study.name!r} has no category {category!r} in {', '.join(chosen)}; "
                f"known: {', '.join(sorted(known))}"
            )
    for suite, names in members.items():
        for category in names:
            if categories is None or category in categories:
                yield suite, category
