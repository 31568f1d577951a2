"""What a study evaluates: a validated model of what `zsad.study.load` reads from `study/*.yaml`.

A study names suites and their categories, detectors, backbones and what is done to the images (`zsad.study.shifts`).
The models forbid unknown fields, and every error of a YAML file names the file, the field and the choices that exist.
"""

import re
from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError, model_validator

from zsad.devices import check_device
from zsad.limits import LIMITS
from zsad.paths import given_in
from zsad.study.checks import check_backbones, check_fields, check_models
from zsad.study.overrides import (
    chosen_detectors,
    chosen_suite,
    freed_block,
    freed_detector,
    name_given,
    with_category,
    with_options,
)
from zsad.study.own import OwnWeights, backbone_given, with_own_backbones
from zsad.study.project import resolve
from zsad.study.seeds import with_seeds
from zsad.study.shifts import Block, Corruptions, Strict, StudyError, Sweeps, Worst
from zsad.study.suites import DEMO_SUITES, SuiteConfig, demo_categories, with_known_suites
from zsad.wording import problems

# What comes from papermill or YAML before it is checked: 01 is a number there.
Given = str | int | float | bool | None

# The fields that say what is done to the images.
_BLOCKS = ("sweeps", "worst", "corruptions")

# Where a study's data and results lie.
ROOTS = ("data_root", "records_root", "cache_root")

_PIXELS, _BATCH, _LIMIT = LIMITS["resolution"], LIMITS["batch_size"], LIMITS["limit"]


def _folder_name(name: str) -> str:
    """The name of a study, after which folders are called."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
        usual = re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("_-") or "mine"
        raise ValueError(
            f"{name!r} is no name of a study, which is made of small letters, digits, - and _; by default it is that "
            f"of its file: rename that, or give it one in the file, such as `name: {usual}`"
        )
    return name


Pixels = Annotated[int, Field(ge=_PIXELS.least, le=_PIXELS.most)]
Resolution = Pixels | Literal["native"]


def usual_resolution(detector: str, otherwise: Resolution = 240) -> Resolution:
    """The short side of a detector's images where none is named, unless its class declares another."""
    from zsad.detectors import declared  # imports every model's code

    found: Resolution = declared(detector, "resolution", otherwise)
    return found


def usual_label(detector: Any) -> Any:
    """What records call a detector that has no label: its name, of `module:Class` that of the class."""
    return detector.rpartition(":")[2] if isinstance(detector, str) else detector


class DetectorConfig(Strict):
    """A detector's registered name, or `module:Class` of one's own (`zsad.detectors.own`), the options that differ from
    its defaults, and those of the study's backbones and suites that it is evaluated on. `suite_options` are options
    that differ on one suite: a detector that is trained on one data set to be tested on others is another on each.
    `label` is what records call it: by default its name, of one's own that of its class. `resolution` is the short side
    of the images that it is given where that is not the study's or the one that its class declares. In a file an entry
    may have a list of `seeds`, and stands for one a seed (`zsad.study.seeds`).
    """

    name: str
    label: str = ""
    options: dict[str, Any] = Field(default={})
    suite_options: dict[str, dict[str, Any]] = Field(default={})
    backbones: list[str] | Literal["all"] = "all"
    suites: list[str] | Literal["all"] = "all"
    resolution: Resolution | None = None

    @model_validator(mode="before")
    @classmethod
    def _named(cls, fields: Any) -> Any:
        if not isinstance(fields, dict):
            return fields
        return {**fields, "label": fields.get("label") or usual_label(fields.get("name"))}

    @model_validator(mode="after")
    def _somewhere(self) -> "DetectorConfig":
        for field in ("backbones", "suites"):
            if getattr(self, field) == []:
                raise ValueError(f"{field}: none is listed; list one, or leave the field out for all, or the detector")
        return self

    def on(self, suite: str) -> "DetectorConfig":
        """This detector with the options that it has on a suite."""
        own = self.suite_options.get(suite, {})
        return self.model_copy(update={"options": {**self.options, **own}, "suite_options": {}})


def _as_detectors(detectors: Any) -> Any:
    return [{"name": d} if isinstance(d, str) else d for d in detectors] if isinstance(detectors, list) else detectors


def _as_list(blocks: Any) -> Any:
    return [blocks] if isinstance(blocks, dict) else blocks


class Study(Strict):
    """One study. `device` and `batch_size` say how it is computed, and the roots where things lie; they leave its
    records as they are. Everything else is part of what is computed.

    `sweeps`, `worst` and `corruptions` say what is done to the images; of each there may be several.

    Images are resized to a short side of `resolution` ("native": as they are on disk) before they are shifted;
    `aspect` "squashed" makes them squares. Metrics compare maps with masks at `metric_size`: "mask", the mask's own
    size, or a short side in pixels, which costs less where masks are large.

    `own_weights` are those of backbones that bring their own: entries of `backbones` that are mappings end up there.

    `training` is how many good training images of each category are scored, unshifted, beside the test images: of
    their scores a user can make a threshold. None are where it is not given, or where a suite has no such split.
    """

    name: Annotated[str, AfterValidator(_folder_name)]
    suites: Annotated[dict[str, SuiteConfig], BeforeValidator(with_known_suites)] = Field(min_length=1)
    detectors: Annotated[list[DetectorConfig], BeforeValidator(_as_detectors)] = Field(min_length=1)
    backbones: list[str] = Field(min_length=1)
    dtype: Literal["float32", "bfloat16"] = "float32"
    device: Annotated[str, AfterValidator(check_device)] = "cpu"
    data_root: Path = Path("build/data")
    records_root: Path = Path("build/records")
    cache_root: Path = Path("build/cache")
    resolution: Resolution = 240
    aspect: Literal["own", "squashed"] = "own"
    metric_size: Pixels | Literal["mask"] = "mask"
    batch_size: int = Field(default=16, ge=_BATCH.least, le=_BATCH.most)
    limit: int | None = Field(default=None, ge=_LIMIT.least, le=_LIMIT.most)
    own_weights: dict[str, OwnWeights] = Field(default={})
    sweeps: Annotated[list[Sweeps], BeforeValidator(_as_list)] = Field(default=[])
    worst: Annotated[list[Worst], BeforeValidator(_as_list)] = Field(default=[])
    corruptions: Annotated[list[Corruptions], BeforeValidator(_as_list)] = Field(default=[])
    rotation: Literal["three_pass", "bilinear"] = "three_pass"
    fpr_limit: float = Field(default=0.3, gt=0, le=1)
    bootstrap: int = Field(default=200, ge=1, le=LIMITS["bootstrap"].most)
    training: int | None = Field(default=None, ge=1, le=LIMITS["limit"].most)
    seed: int = Field(default=0, ge=0, le=LIMITS["seed"].most)
    demo_seed: int = Field(default=0, ge=0, le=LIMITS["seed"].most)

    @model_validator(mode="before")
    @classmethod
    def _written_out(cls, fields: Any) -> Any:
        return with_own_backbones(with_seeds(fields, _BLOCKS))

    @model_validator(mode="after")
    def _check(self) -> "Study":
        check_fields(self)
        return self

    def root_of(self, suite: str) -> Path:
        """Folder of a suite: its own root, relative to the study's data root; of a demo suite, that of its seed."""
        root = self.suites[suite].root
        if self.is_demo(suite):
            from zsad.data.demo.stamp import folder_of  # rendering code: of no use to a study of real data

            return resolve(self.data_root) / folder_of(str(root), self.demo_seed)
        return resolve(self.data_root) / root

    def missing_suites(self) -> dict[str, Path]:
        """Suites whose folder is not there, with the folder; those of the demo world are drawn when they are needed."""
        roots = {suite: self.root_of(suite) for suite in self.suites if not self.is_demo(suite)}
        return {suite: root for suite, root in roots.items() if not root.is_dir()}

    def without(self, suites: Container[str]) -> "Study":
        """This study on its other suites."""
        return self.model_copy(update={"suites": {n: suite for n, suite in self.suites.items() if n not in suites}})

    def categories_of(self, suite: str) -> list[str]:
        """The categories a suite is evaluated on.

        Raises FileNotFoundError where "all" must be read from a folder that does not exist.
        """
        config = self.suites[suite]
        if isinstance(config.categories, list):
            return config.categories
        return config.members(config.categories, demo_categories(config.root) or self._categories_on_disk(suite))

    def covered(self, block: Block, suite: str) -> list[str]:
        """The categories of a suite that a block of this study is evaluated over."""
        evaluated = self.categories_of(suite)
        if block.over == "all":
            return evaluated
        over = self.suites[suite].groups.get(block.over, []) if isinstance(block.over, str) else block.over
        return [category for category in evaluated if category in over]

    def swept(self, suite: str) -> list[str]:
        """The categories of a suite that the block of sweeps without a name covers."""
        return next((self.covered(block, suite) for block in self.sweeps if block.variant == "default"), [])

    def resolution_of(self, detector: DetectorConfig) -> Resolution:
        """The short side of the images that a detector of this study is given."""
        return detector.resolution or usual_resolution(detector.name, self.resolution)

    def limit_of(self, block: Block) -> int | None:
        """The most test images of a category that a block takes."""
        limits = [limit for limit in (self.limit, block.limit) if limit is not None]
        return min(limits, default=None)

    def is_demo(self, suite: str) -> bool:
        """Whether a suite is one of the demo world's, by the folder it lies in."""
        return str(self.suites[suite].root) in DEMO_SUITES

    @property
    def titles(self) -> dict[str, str]:
        """Label -> what a detector is called beside printed numbers: its title, or a label of its own."""
        from zsad.detectors import declared  # imports every model's code

        usual = {d.label for d in self.detectors if d.label == usual_label(d.name)}
        return {d.label: declared(d.name, "title", d.label) if d.label in usual else d.label for d in self.detectors}

    @property
    def blocks(self) -> list[Block]:
        """Everything that is done to the images, in the order of the records."""
        return [*self.sweeps, *self.worst, *self.corruptions]

    def runs_on(self, detector: DetectorConfig, among: list[str] | Literal["all"] = "all") -> list[str]:
        """The backbones that a detector is evaluated on: of the study's, and `among` those, the ones that its entry
        names and that it can look through.
        """
        from zsad.detectors import takes  # imports every model's code

        chosen = [name for name in self.backbones if detector.backbones == "all" or name in detector.backbones]
        own = {name: weights.architecture for name, weights in self.own_weights.items()}
        return [n for n in chosen if (among == "all" or n in among) and takes(detector.name, n, own.get(n))]

    def first_backbones(self, labels: Iterable[str], among: list[str] | Literal["all"] = "all") -> dict[str, str]:
        """Label -> the first backbone that a detector is evaluated on: what tables of detectors compare."""
        found = {d.label: self.runs_on(d, among) for d in self.detectors if d.label in set(labels)}
        return {label: names[0] for label, names in found.items() if names}

    def backbones_on(self, suite: str) -> list[str]:
        """The backbones that some detector is evaluated on, on a suite."""
        return list(dict.fromkeys(name for d in self.detectors_on(suite) for name in self.runs_on(d)))

    def detectors_on(self, suite: str) -> list[DetectorConfig]:
        """The detectors that are evaluated on a suite, with the options that they have there."""
        return [d.on(suite) for d in self.detectors if d.suites == "all" or suite in d.suites]

    def _categories_on_disk(self, suite: str) -> list[str]:
        root = self.root_of(suite)
        marker = {"mvtec_ad": "test", "visa": "Data", "aebad": "test/good"}[self.suites[suite].reader]
        found = sorted(folder.relative_to(root).parts[0] for folder in root.glob(f"*/{marker}"))
        if not found:
            raise FileNotFoundError(
                f"suite {suite!r}: no category folder with a {marker!r} folder in {root}; "
                "set the study's data_root to the folder that holds the suite, or list its categories"
            )
        return found

    def with_overrides(
        self,
        suite: Given = None,
        category: Given = None,
        backbone: Given | Mapping[str, Any] = None,
        detector: Given = None,
        device: Given = None,
        data_root: str | Path | None = None,
        limit: Given = None,
        options: Mapping[str, Any] | str | None = None,
        weights: str | Path | None = None,
        architecture: str | None = None,
        **fields: Any,
    ) -> "Study":
        """A validated copy narrowed to one suite, category, backbone or detector, or run elsewhere.

        None leaves a field as it is. A suite that the study does not list is added if it is a known one. To a category,
        suite, backbone or detector named here everything is done that the study does to any; so it is to every category
        of a suite named here that lacks the study's group. A detector may be named by its label. A relative `data_root`
        starts at the working directory. A backbone may be one of your own: a mapping (or text that is one in YAML) with
        `name`, `weights` and `architecture`, or a name beside `weights` and `architecture`; a detector may be
        `module:Class`. `options` of detectors: see `zsad.study.overrides.with_options`. Further keywords set the field
        of that name.

        Raises StudyError, naming the known choices.
        """
        folder = None if data_root is None else given_in(data_root, Path.cwd())
        given: dict[str, Any] = {"device": device, "data_root": folder, "limit": limit, **fields}
        changed = {name: value for name, value in given.items() if value is not None}
        declared = self.model_dump()
        suites: dict[str, Any] = declared["suites"]
        if suite is not None:
            suite = name_given("suite", suite, lambda: list(suites))
            suites = chosen_suite(suites, suite)
        if category is not None:
            suites = with_category(suites, name_given("category", category, lambda: self._known_categories(suites)))
        changed["suites"] = suites
        backbone, own = backbone_given(backbone, weights, architecture)
        if backbone is not None:
            changed["backbones"] = [name_given("backbone", backbone, lambda: self.backbones)]
            kept = {name: of for name, of in declared["own_weights"].items() if name in changed["backbones"]}
            changed["own_weights"] = kept if own is None else {changed["backbones"][0]: own}
        if detector is not None:
            detector = name_given("detector", detector, lambda: [d.label for d in self.detectors])
        if "detectors" not in changed:
            named = [field for field, name in {"backbones": backbone, "suites": suite}.items() if name is not None]
            chosen = chosen_detectors(declared["detectors"], detector)
            changed["detectors"] = [freed_detector(d, list(suites), named) for d in chosen]
        freed = {
            name: "all"
            for name, given_name in (("over", category), ("backbones", backbone), ("detectors", detector))
            if given_name is not None
        }
        remaining = [SuiteConfig.model_validate(config) for config in suites.values()]
        for field in _BLOCKS:
            blocks = changed.get(field, declared[field])
            listed = blocks if isinstance(blocks, list) else [blocks]
            changed[field] = [freed_block(block, freed, remaining) for block in listed]
        study = _validated({**declared, **changed})
        if backbone is not None or detector is not None or options is not None:
            check_models(study)
        if detector is not None:
            check_backbones(study)
        if options is not None:
            detectors = with_options([d.model_dump() for d in study.detectors], options)
            study = _validated({**study.model_dump(), "detectors": detectors})
        return study

    def _known_categories(self, suites: Iterable[str]) -> list[str]:
        """The categories of some of the study's suites, as far as they are listed or found on disk."""
        known: list[str] = []
        for suite in suites:
            try:
                known += self.categories_of(suite) if suite in self.suites else []
            except OSError:
                continue
        return known


def _validated(fields: dict[str, Any]) -> Study:
    try:
        return Study.model_validate(fields)
    except ValidationError as error:
        raise StudyError(readable(error)) from None


# The models of a study's nested fields.
_MODELS: dict[Any, type[BaseModel]] = {
    "suites": SuiteConfig,
    "detectors": DetectorConfig,
    "own_weights": OwnWeights,
    "sweeps": Sweeps,
    "worst": Worst,
    "corruptions": Corruptions,
}


def readable(error: ValidationError) -> str:
    """What is wrong with a study: a `field: message` a problem, without pydantic's own wording around it."""
    found: list[Any] = [
        {**problem, "msg": _unknown_field(problem["loc"])} if problem["type"] == "extra_forbidden" else problem
        for problem in error.errors()
    ]
    # Where a file has them (`zsad.study.own`).
    found = [{**p, "loc": ("backbones", *p["loc"][1:])} if p["loc"][:1] == ("own_weights",) else p for p in found]
    return "; ".join(f"{field}: {message}" if field else message for field, message in problems(found).items())


def _unknown_field(place: tuple[int | str, ...]) -> str:
    model = _MODELS.get(place[0], Study) if len(place) > 1 else Study
    return f"unknown field; known: {', '.join(model.model_fields)}"
