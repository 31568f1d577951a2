"""The unit of work: one detector on one category under one shift, and the key that its result is stored under."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from zsad.leagues import OUTPUTS, Output
from zsad.study.code import cell_code
from zsad.study.config import DetectorConfig, Study
from zsad.study.shifts import Block, Shift, canonical_json

_OF_OUTPUTS = ("league_of_scores", "league_of_maps")


@dataclass(frozen=True)
class Cell:
    """Everything that decides a result, apart from the data, the weights and the code; and the detector's leagues,
    which a record is to name as they were when it was computed."""

    suite: str
    category: str
    reader: str
    detector: str
    options: str  # canonical JSON of the resolved options
    backbone: str
    dtype: str
    league: str
    league_of_scores: str
    league_of_maps: str
    shift: Shift
    resolution: int | Literal["native"]
    aspect: str
    metric_size: int | Literal["mask"]
    limit: int | None
    rotation: str
    fpr_limit: float
    bootstrap: int
    seed: int
    training: int | None = None  # good training images that are scored beside those of the unshifted cell

    def under(self, shift: Shift) -> "Cell":
        """This cell under another shift; one that changes nothing gives the unshifted cell."""
        return replace(self, shift=Shift()) if shift.is_none else replace(self, shift=shift, training=None)

    def __str__(self) -> str:
        shift = "unshifted" if self.shift.is_none else str(self.shift)
        return f"{self.suite}/{self.category}, {self.detector} on {self.backbone}, {shift}"

    @property
    def how(self) -> dict[str, Any]:
        """`Shift.how`, read."""
        options: dict[str, Any] = json.loads(self.shift.how)
        return options

    def spec(self) -> dict[str, Any]:
        """The cell as JSON-able fields; the league of an output only where it is not that of the detector, training
        images only where there are some."""
        shift = {**asdict(self.shift), "how": self.how}
        fields = {**asdict(self), "options": json.loads(self.options), "shift": shift}
        left_out = {name for name in _OF_OUTPUTS if fields[name] == self.league}
        left_out |= {"training"} if self.training is None else set()
        return {name: value for name, value in fields.items() if name not in left_out}

    @property
    def code(self) -> dict[str, str]:
        """Room of this package -> SHA-256 (hex) of the code there that can touch the cell."""
        return cell_code(self.detector, self.shift.kind, "defence" in json.loads(self.options))

    def key(self, data_fingerprint: str, weights_fingerprint: str) -> str:
        """Content key, 64 hex digits: SHA-256 over the spec, the data (with the training images, where these are scored
        too), the weights and `code`.

        Device, batch size and number of threads are no part of it: they change how a result is computed, not what it
        is. They do change how sums round: in float32 another batch size or number of threads moves a score by up to
        about 1e-6, so that bytes are equal only where these are.
        """
        content = {
            "spec": self.spec(),
            "data": data_fingerprint,
            "weights": weights_fingerprint,
            "code": self.code,
        }
        return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def cell_of(
    study: Study, request: "Request", options: Any, league: str, of_outputs: Mapping[Output, str] | None = None
) -> Cell:
    """What a request asks for; `options` are the detector's resolved options, `league` is its league, `of_outputs` are
    those of its scores and its maps, by default the same.
    """
    outputs: Mapping[Output, str] = of_outputs or dict.fromkeys(OUTPUTS, league)
    unshifted = Cell(
        suite=request.suite,
        category=request.category,
        reader=study.suites[request.suite].reader,
        detector=request.detector.name,
        options=canonical_json(options),
        backbone=request.backbone,
        dtype=study.dtype,
        league=league,
        league_of_scores=outputs["scores"],
        league_of_maps=outputs["maps"],
        shift=Shift(),
        resolution=study.resolution_of(request.detector),
        aspect=study.aspect,
        metric_size=study.metric_size,
        limit=request.limit,
        rotation=study.rotation,
        fpr_limit=study.fpr_limit,
        bootstrap=study.bootstrap,
        seed=study.seed,
        training=study.training,
    )
    return unshifted.under(request.shift)


@dataclass(frozen=True)
class Request:
    """One result that a study wants: a category under a shift, by a detector on a backbone.

    `variant` is the name of the block that asks for it; `limit` the most test images of the category.
    """

    suite: str
    category: str
    detector: DetectorConfig
    backbone: str
    variant: str
    shift: Shift
    limit: int | None


@dataclass(frozen=True)
class Selection:
    """Some of a study's results; None takes all. `setting` and `variant` narrow a kind of `shift`, one of
    `zsad.study.shifts.SHIFTS`; detectors go by their label. Of the unshifted, no variant takes the study's own, and not
    those of a block with a limit. `part` is one of so many parts of what is left (`zsad.study.parts`).
    """

    shift: str | None = None
    setting: str | None = None
    variant: str | None = None
    suites: Sequence[str] | None = None
    categories: Sequence[str] | None = None
    detectors: Sequence[str] | None = None
    backbones: Sequence[str] | None = None
    part: tuple[int, int] | None = None


def requests(study: Study, wanted: Selection = Selection()) -> list[Request]:
    """The results that a study wants, category after category: unshifted first, then its blocks. `part` is left to
    whoever computes.

    Raises:
        ValueError: a name that the study does not have, with those it has; nothing of the study is left.
    """
    _check(study, wanted)
    runs_on = {detector.label: study.runs_on(detector) for detector in study.detectors}
    blocks = [(block, shifts) for block in study.blocks if (shifts := _shifts(block, wanted))]
    found = []
    for suite, category in pairs(study, wanted):
        covering = [(block, shifts) for block, shifts in blocks if category in study.covered(block, suite)]
        for detector in study.detectors_on(suite):
            for backbone in runs_on[detector.label]:
                if _takes(wanted.detectors, detector.label) and _takes(wanted.backbones, backbone):
                    subject = (suite, category, detector, backbone)
                    if _fits("default", Shift(), wanted):
                        found.append(Request(*subject, "default", Shift(), study.limit))
                    named = [
                        (block.variant, shift, study.limit_of(block))
                        for block, shifts in covering
                        if _takes(_listed(block.detectors), detector.label)
                        and _takes(_listed(block.backbones), backbone)
                        for shift in shifts
                    ]  # blocks of two kinds may share a name, and with it the unshifted images
                    found += [Request(*subject, *one) for one in dict.fromkeys(named)]
    if not found:
        raise ValueError(f"study {study.name!r} has no result for {_described(wanted)}")
    return found


def pairs(study: Study, wanted: Selection) -> list[tuple[str, str]]:
    """The (suite, category) pairs of a selection."""
    return [
        (suite, category)
        for suite in study.suites
        if _takes(wanted.suites, suite)
        for category in study.categories_of(suite)
        if _takes(wanted.categories, category)
    ]


def _shifts(block: Block, wanted: Selection) -> list[Shift]:
    """Those of a block that are in a selection; of a block with a limit also none, on its own images."""
    own_images = [Shift()] if block.limit is not None else []
    return [shift for shift in (*own_images, *block.shifts()) if _fits(block.variant, shift, wanted)]


def _listed(chosen: list[str] | Literal["all"]) -> list[str] | None:
    return None if chosen == "all" else chosen


def _takes(chosen: Sequence[str] | None, name: str) -> bool:
    return chosen is None or name in chosen


def _fits(variant: str, shift: Shift, wanted: Selection) -> bool:
    asked = "default" if wanted.shift == "none" and wanted.variant is None else wanted.variant
    return wanted.shift in (None, shift.kind) and wanted.setting in (None, shift.setting) and asked in (None, variant)


def _check(study: Study, wanted: Selection) -> None:
    """Raises ValueError for a name that the study does not have."""
    offered: dict[str, list[str]] = {"none": ["none"]}
    for block in study.blocks:
        for shift in block.shifts():
            offered.setdefault(shift.kind, []).append(shift.setting)
    suites = [suite for suite in study.suites if _takes(wanted.suites, suite)]
    settings = [setting for kind, all_ in offered.items() if wanted.shift in (None, kind) for setting in all_]
    known: dict[str, tuple[Sequence[str] | None, list[str]]] = {
        "suite": (wanted.suites, list(study.suites)),
        "category": (wanted.categories, sorted(c for suite in suites for c in study.categories_of(suite))),
        "detector": (wanted.detectors, [detector.label for detector in study.detectors]),
        "backbone": (wanted.backbones, study.backbones),
        "shift": (wanted.shift and [wanted.shift], list(offered)),
        "setting": (wanted.setting and [wanted.setting], settings),
        "variant": (wanted.variant and [wanted.variant], ["default", *(block.variant for block in study.blocks)]),
    }
    for kind, (names, choices) in known.items():
        for name in names or []:
            if name not in choices:
                listed = ", ".join(dict.fromkeys(choices))
                raise ValueError(f"study {study.name!r} has no {kind} {name!r}; known: {listed}")


def _described(wanted: Selection) -> str:
    given = {name: value for name, value in vars(wanted).items() if value is not None}
    return ", ".join(
        f"{name} {value if isinstance(value, str) else ', '.join(map(str, value))}" for name, value in given.items()
    )
