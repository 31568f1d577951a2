"""What a study does to its images: uniform shifts, worst cases searched for each image, corruptions.

A block of a study's YAML file says what is done, over which categories, and with which detectors and backbones; it
stands for a list of `Shift`s.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from zsad.limits import LIMITS

SHIFTS = ("none", "uniform", "worst", "corruption")

# Widest values of the semantic shifts: degrees, radians, and the [-1, 1] scale of saturation.
BOUNDS: dict[str, float] = {"angle": 180.0, "hue": math.pi, "saturation": 1.0}

# Widest values of the changes of light, which are swept and not searched: stops, and mired.
LIGHT: dict[str, float] = {"exposure": 5.0, "white_balance": 100.0}

MAX_SEVERITY = 5

# The names of `zsad.robustness` and `zsad.perturb`, which take seconds to import.
# Study files of before call bayes_opt by its first name, refine.
Search = Annotated[
    Literal["bayes_opt", "adam", "grid", "random", "sobol"],
    BeforeValidator(lambda name: "bayes_opt" if name == "refine" else name),
]
WorstSetting = Literal["angle", "saturation", "hue", "3d"]
Corruption = Literal["brightness", "contrast", "defocus_blur", "gaussian_noise"]


class StudyError(ValueError):
    """A study asks for something that does not exist or does not make sense."""


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces; NaN and infinity are refused with ValueError."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


@dataclass(frozen=True)
class Shift:
    """What is done to the images of one cell.

    Attributes:
        kind: one of `SHIFTS`.
        setting: what changes: "none"; angle, hue or saturation, uniformly also exposure or white_balance, for worst
            cases also "3d"; or the kind of corruption.
        value: degrees, radians, [-1, 1], stops or mired of a uniform shift, or the severity of a corruption; 0 for a
            worst case, whose values differ from image to image.
        how: canonical JSON of all else that decides the result: the search's options, where a corruption is applied,
            the share of the images that are shifted where that is not all.
    """

    kind: str = "none"
    setting: str = "none"
    value: float = 0.0
    how: str = "{}"

    @property
    def is_none(self) -> bool:
        """Whether the images stay as they are: a uniform shift or a corruption of strength 0 is none."""
        return self.kind == "none" or (self.kind != "worst" and self.value == 0)

    def __str__(self) -> str:
        return f"{self.kind} {self.setting}" + (f" {self.value:g}" if self.kind in ("uniform", "corruption") else "")


def check_differ(field: str, values: Iterable[Any]) -> None:
    """Raises ValueError for a value that a list holds twice."""
    seen = []
    for value in values:
        if value in seen:
            raise ValueError(f"{field}: {value!r} is given twice; keep one")
        seen.append(value)


class Strict(BaseModel):
    """A part of a study: unknown fields are refused, and lists that hold something twice."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="after")
    def _nothing_twice(self) -> "Strict":
        for field, value in self:
            if isinstance(value, list):
                check_differ(field, [item for item in value if isinstance(item, str | int | float)])
        return self


class Block(Strict):
    """Where shifts are evaluated. `over`: "all", a group's name (of every suite that has it), or categories.
    `detectors` and `backbones`: "all", or some of the study's; in a file, `seeds: all` makes them those of every seed
    (`zsad.study.seeds`).

    `name` tells the blocks of one kind apart; it is the records' `variant`. A `limit` takes so many test images a
    category instead of the study's, where all of them would cost too much. The same images are then evaluated unshifted
    too, under the block's name.
    """

    kind: ClassVar[str]

    name: str = Field(default="default", pattern=r"^[\w .-]+$")
    over: list[str] | str = "all"
    detectors: list[str] | Literal["all"] = "all"
    backbones: list[str] | Literal["all"] = "all"
    limit: int | None = Field(default=None, ge=LIMITS["limit"].least, le=LIMITS["limit"].most)

    @model_validator(mode="after")
    def _named_with_limit(self) -> "Block":
        if self.limit is not None and self.name == "default":
            raise ValueError("limit: a block with a limit of its own needs a name, which its unshifted records bear")
        return self

    @property
    def variant(self) -> str:
        """Tells blocks of one kind apart in records."""
        return self.name

    def shifts(self) -> list[Shift]:
        raise NotImplementedError


Share = Annotated[float, Field(gt=0, le=1)]


class _Mixable(Block):
    """A block whose shift may be that of some images of a category alone: `share` of them are drawn with the study's
    seed (`zsad.robustness.mixed`), the others stay as they are.
    """

    share: Share = 1.0

    @model_validator(mode="after")
    def _named(self) -> "_Mixable":
        if self.share < 1 and self.name == "default":
            raise ValueError("share: a block that shifts only some images needs a name, which its records bear")
        return self

    @property
    def _mixed(self) -> dict[str, float]:
        return {"share": self.share} if self.share < 1 else {}  # records of all images keep their keys


class Sweeps(_Mixable):
    """Uniform shifts: the values of each setting in degrees, radians, [-1, 1], stops and mired, 0 among them.

    What a rotation leaves empty is found normal and counted so by pixel metrics, as in the paper, or with `corners`
    "left out" not counted.
    """

    kind: ClassVar[str] = "uniform"

    corners: Literal["counted", "left out"] = "counted"
    angle: list[float] = []
    hue: list[float] = []
    saturation: list[float] = []
    exposure: list[float] = []
    white_balance: list[float] = []

    @model_validator(mode="before")
    @classmethod
    def _some_values(cls, fields: Any) -> Any:
        settings = (*BOUNDS, *LIGHT)
        # A block that was written out again has all of them, those that are not swept as empty lists.
        if isinstance(fields, dict) and not {*settings} <= set(fields):
            for setting in settings:
                if fields.get(setting) == []:
                    raise ValueError(
                        f"{setting}: no values are listed; list some, 0 among them, or leave the field out"
                    )
        return fields

    @model_validator(mode="after")
    def _check(self) -> "Sweeps":
        for setting, values in self.values().items():
            most = {**BOUNDS, **LIGHT}[setting]
            outside = [v for v in values if not abs(v) <= most + 1e-9]
            if outside:
                raise ValueError(f"{setting}: {outside[0]} lies outside ±{most:g}")
            if len(set(values)) != len(values) or 0 not in values:
                raise ValueError(f"{setting}: values must differ and contain 0, which drops are measured from")
        if self.corners != "counted" and self.share < 1:
            raise ValueError("corners: images of which only a share is turned have none in common to leave out")
        return self

    def values(self) -> dict[str, list[float]]:
        """The settings that are swept, with their values."""
        return {setting: getattr(self, setting) for setting in (*BOUNDS, *LIGHT) if getattr(self, setting)}

    def shifts(self) -> list[Shift]:
        how = {setting: canonical_json({**self._mixed, **self._corners(setting)}) for setting in self.values()}
        return [
            Shift(self.kind, setting, value, how[setting])
            for setting, values in self.values().items()
            for value in values
        ]

    def _corners(self, setting: str) -> dict[str, str]:
        return {"corners": self.corners} if setting == "angle" and self.corners != "counted" else {}


class Bounds(Strict):
    """Half-widths of what a worst case is searched in: degrees, radians, and the [-1, 1] scale of saturation."""

    angle: float = Field(default=90.0, ge=0, le=180)
    hue: float = Field(default=math.pi, ge=0, le=math.pi + 1e-9)
    saturation: float = Field(default=0.5, ge=0, le=1)


class Worst(Block):
    """Worst cases, searched for each image by `zsad.robustness.worst_case`, which explains the options.

    Where bayes_opt searches single parameters and all three, 3d starts from what the single ones found, so that no
    image's worst case of three parameters is better than that of one.
    """

    kind: ClassVar[str] = "worst"

    settings: list[WorstSetting] = Field(default=list(get_args(WorstSetting)), min_length=1)
    search: Search = "bayes_opt"
    budget: int | None = Field(default=None, ge=1, le=LIMITS["budget"].most)
    criterion: Literal["auroc", "loss", "score"] = "auroc"
    align: Literal["map", "mask"] = "map"
    corners: Literal["counted", "left out"] = "counted"
    gradient: Literal["windows", "class_token"] = "windows"
    bounds: Bounds = Bounds()

    @model_validator(mode="after")
    def _check(self) -> "Worst":
        for setting in self.settings:
            if not any(self._searched(setting).values()):
                raise ValueError(f"settings: the bounds of {setting!r} leave nothing to search")
        if self.search == "grid" and "3d" in self.settings:
            raise ValueError("settings: the grid covers one parameter; known for it: angle, saturation, hue")
        return self

    def _searched(self, setting: str) -> dict[str, float]:
        return self.bounds.model_dump(include=set(BOUNDS) if setting == "3d" else {setting})

    def shifts(self) -> list[Shift]:
        options = self.model_dump(include={"search", "budget", "criterion", "align", "gradient"})
        if self.corners != "counted":  # a default that came later: records from before it keep their keys
            options["corners"] = self.corners
        last = sorted(self.settings, key=lambda setting: setting == "3d")  # it starts from what the others find
        return [Shift(self.kind, name, how=canonical_json({**options, **self._of(name)})) for name in last]

    def _of(self, setting: str) -> dict[str, Any]:
        """What is a setting's own: its bounds, and the settings that 3d starts from."""
        single = [name for name in self.settings if name in BOUNDS and any(self._searched(name).values())]
        starts = {"starts": single} if setting == "3d" and single and self.search == "bayes_opt" else {}
        return {"bounds": self._searched(setting), **starts}


def starting_shifts(shift: Shift) -> list[Shift]:
    """The worst cases of single parameters, found by the same search, that one of all three starts from."""
    how = json.loads(shift.how)
    return [
        Shift(shift.kind, name, how=canonical_json({**how, "bounds": {name: how["bounds"][name]}}))
        for name in how.pop("starts", [])
    ]


class Corruptions(_Mixable):
    """Corruptions of `zsad.perturb.corrupt` at some severities, 0 being no corruption.

    `at` says whether an image is corrupted at its native size or at the one that the detector is given.
    """

    kind: ClassVar[str] = "corruption"

    kinds: list[Corruption] = Field(default=list(get_args(Corruption)), min_length=1)
    severities: list[int] = Field(default=[3], min_length=1)
    at: Literal["native", "resized"] = "native"

    @model_validator(mode="after")
    def _check(self) -> "Corruptions":
        outside = [severity for severity in self.severities if not 0 <= severity <= MAX_SEVERITY]
        if outside:
            raise ValueError(f"severities: {outside[0]} lies outside 0 to {MAX_SEVERITY}")
        return self

    def shifts(self) -> list[Shift]:
        how = canonical_json({"at": self.at, **self._mixed})
        return [Shift(self.kind, kind, float(s), how) for kind in self.kinds for s in self.severities]
