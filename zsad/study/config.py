"""What a study evaluates: a validated model read from `study/*.yaml`.

A study names suites and their categories, detectors, backbones and what is done to the pictures (`zsad.study.shifts`).
The models forbid unknown fields, and every error of a YAML file names the file, the field and the choices that exist.
"""

from collections.abc import Container
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, Field, ValidationError, model_validator

from zsad.study.shifts import Block, Corruptions, Strict, Sweeps, Worst
from zsad.study.suites import DEMO_SUITES, KNOWN_SUITES, SuiteConfig, check_known, demo_categories, with_known_suites


class StudyError(ValueError):
    """A study asks for something that does not exist or does not make sense."""


def project_root() -> Path:
    """The folder that holds `study/`: the checkout the package was imported from, else the nearest one above the
    working directory, else the working directory itself. A notebook kernel may start anywhere, so relative paths of a
    study are resolved against this folder."""
    here = Path.cwd()
    for folder in (Path(__file__).resolve().parents[2], here, *here.parents):
        if (folder / "study").is_dir() and (folder / "Snakefile").is_file():
            return folder
    return here


def resolve(path: Path) -> Path:
    return path if path.is_absolute() else project_root() / path


Pixels = Annotated[int, Field(ge=8)]
Resolution = Pixels | Literal["native"]


class DetectorConfig(Strict):
    """A detector's registered name, the options that differ from its defaults, and those of the study's backbones and
    suites that it is evaluated on. `label` is what records call it: by default its name. `resolution` is the short
    side of the pictures that it is given where that is not the study's; the tiling pipeline, which looks for what is
    small, is given pictures as large as they are.
    """

    name: str
    label: str = ""
    options: dict[str, Any] = Field(default={})
    backbones: list[str] | Literal["all"] = "all"
    suites: list[str] | Literal["all"] = "all"
    resolution: Resolution | None = None

    @model_validator(mode="before")
    @classmethod
    def _named(cls, fields: Any) -> Any:
        return {**fields, "label": fields.get("label") or fields.get("name")} if isinstance(fields, dict) else fields


def _as_detectors(detectors: Any) -> Any:
    return [{"name": d} if isinstance(d, str) else d for d in detectors] if isinstance(detectors, list) else detectors


def _as_list(blocks: Any) -> Any:
    return [blocks] if isinstance(blocks, dict) else blocks


class Study(Strict):
    """One study. `device` and `batch_size` say how it is computed, and the roots where things lie; they leave its
    records as they are. Everything else is part of what is computed.

    `sweeps`, `worst` and `corruptions` say what is done to the pictures; of the last two there may be several.

    Pictures are resized to a short side of `resolution` ("native": as they are on disk) before they are shifted;
    `aspect` "squashed" makes them squares. Metrics compare maps with masks at `metric_size`: "mask", the mask's own
    size, or a short side in pixels, which costs less where masks are large.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    suites: Annotated[dict[str, SuiteConfig], BeforeValidator(with_known_suites)] = Field(min_length=1)
    detectors: Annotated[list[DetectorConfig], BeforeValidator(_as_detectors)] = Field(min_length=1)
    backbones: list[str] = Field(min_length=1)
    dtype: Literal["float32", "bfloat16"] = "float32"
    device: str = "cpu"
    data_root: Path = Path("build/data")
    records_root: Path = Path("build/records")
    cache_root: Path = Path("build/cache")
    resolution: Resolution = 240
    aspect: Literal["own", "squashed"] = "own"
    metric_size: Pixels | Literal["mask"] = "mask"
    batch_size: int = Field(default=16, ge=1)
    limit: int | None = Field(default=None, ge=2)
    sweeps: Sweeps = Sweeps()
    worst: Annotated[list[Worst], BeforeValidator(_as_list)] = Field(default=[])
    corruptions: Annotated[list[Corruptions], BeforeValidator(_as_list)] = Field(default=[])
    rotation: Literal["three_pass", "bilinear"] = "three_pass"
    fpr_limit: float = Field(default=0.3, gt=0, le=1)
    bootstrap: int = Field(default=200, ge=1)
    seed: int = Field(default=0, ge=0)
    demo_seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _check(self) -> "Study":
        for name, suite in self.suites.items():
            if suite.reader == "folder" and suite.categories == "all":
                raise ValueError(f"suites.{name}: the folder reader cannot find categories; list one")
            everything = demo_categories(suite.root)
            for category in suite.members(suite.categories, everything or []):
                check_known(f"category of {name}", category, everything or [category])
        for detector in self.detectors:
            if self.aspect == "squashed" and self.resolution_of(detector) == "native":
                raise ValueError(
                    f"detectors.{detector.label}.resolution: aspect 'squashed' makes squares, which need a side in "
                    "pixels, and this is 'native'; set it to a number, or aspect to 'own'"
                )
        self._check_blocks()
        return self

    def _check_blocks(self) -> None:
        labels = [detector.label for detector in self.detectors]
        if len(set(labels)) < len(labels):
            raise ValueError(f"detectors: two are called the same; give each a label ({', '.join(labels)})")
        for detector in self.detectors:
            self._check_names(f"detectors.{detector.label}.backbones", detector.backbones, self.backbones)
            self._check_names(f"detectors.{detector.label}.suites", detector.suites, list(self.suites))
        fields: dict[str, list[Block]] = {
            "sweeps": [self.sweeps],
            "worst": [*self.worst],
            "corruptions": [*self.corruptions],
        }
        for name, blocks in fields.items():
            for block in blocks:
                self._check_names(f"{name}.detectors", block.detectors, labels)
                self._check_names(f"{name}.backbones", block.backbones, self.backbones)
                self._check_over(name, block.over)
            variants = [block.variant for block in blocks]
            if len(set(variants)) < len(variants):
                raise ValueError(f"{name}: two blocks have the same name; give each its own ({', '.join(variants)})")

    def _check_names(self, field: str, chosen: list[str] | str, known: list[str]) -> None:
        for name in chosen if isinstance(chosen, list) else []:
            if name not in known:
                raise ValueError(f"{field}: {name!r} is not in this study; known: {', '.join(known)}")

    def _check_over(self, field: str, over: list[str] | str) -> None:
        """A group must be one of some suite's, a category one that some suite evaluates, as far as that is known."""
        if isinstance(over, str):
            groups = [group for suite in self.suites.values() for group in suite.groups]
            check_known(f"group of categories in {field}.over", over, ["all", *dict.fromkeys(groups)])
            return
        known = [suite.listed for suite in self.suites.values()]
        if None not in known:
            self._check_names(f"{field}.over", over, [name for names in known for name in names or []])

    def check_models(self) -> None:
        """Raise StudyError, naming the known choices, for a detector or backbone that does not exist.

        Apart from the validation of the other fields, because it imports every model's code.
        """
        from zsad.clip import known_backbones
        from zsad.detectors import DETECTORS

        for field, kind, names, choices in (
            ("detectors", "detector", [d.name for d in self.detectors], sorted(DETECTORS)),
            ("backbones", "backbone", self.backbones, known_backbones()),
        ):
            for name in names:
                try:
                    check_known(kind, name, choices)
                except ValueError as error:
                    raise StudyError(f"{field}: {error}") from None

    def root_of(self, suite: str) -> Path:
        """Folder of a suite: its own root, relative to the study's data root."""
        return resolve(self.data_root) / self.suites[suite].root

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

    def resolution_of(self, detector: DetectorConfig) -> Resolution:
        """The short side of the pictures that a detector of this study is given."""
        return detector.resolution or ("native" if detector.name == "tiling" else self.resolution)

    def limit_of(self, block: Block) -> int | None:
        """The most test pictures of a category that a block takes."""
        limits = [limit for limit in (self.limit, getattr(block, "limit", None)) if limit is not None]
        return min(limits, default=None)

    def is_demo(self, suite: str) -> bool:
        """Whether a suite is one of the demo world's, by the folder it lies in."""
        return str(self.suites[suite].root) in DEMO_SUITES

    @property
    def blocks(self) -> list[Block]:
        """Everything that is done to the pictures, in the order of the records."""
        return [self.sweeps, *self.worst, *self.corruptions]

    def runs_on(self, detector: DetectorConfig) -> list[str]:
        """The backbones that a detector is evaluated on."""
        return [name for name in self.backbones if detector.backbones == "all" or name in detector.backbones]

    def detectors_on(self, suite: str) -> list[DetectorConfig]:
        """The detectors that are evaluated on a suite."""
        return [detector for detector in self.detectors if detector.suites == "all" or suite in detector.suites]

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
        suite: str | None = None,
        category: str | None = None,
        backbone: str | None = None,
        detector: str | None = None,
        device: str | None = None,
        data_root: str | Path | None = None,
        limit: int | None = None,
        **fields: Any,
    ) -> "Study":
        """A validated copy narrowed to one suite, category, backbone or detector, or run elsewhere.

        None leaves a field as it is. A suite that the study does not list is added if it is a known one. To a category,
        suite, backbone or detector named here everything is done that the study does to any; so it is to every category
        of a suite named here that lacks the study's group. A detector may be named by its label. Further keywords set
        the field of that name.

        Raises StudyError, naming the known choices.
        """
        given: dict[str, Any] = {"device": device, "data_root": data_root, "limit": limit, **fields}
        changed = {name: value for name, value in given.items() if value is not None}
        suites: dict[str, Any] = {name: config.model_dump() for name, config in self.suites.items()}
        if suite is not None:
            if suite not in suites and suite not in KNOWN_SUITES:
                known = ", ".join(dict.fromkeys([*suites, *KNOWN_SUITES]))
                raise StudyError(f"unknown suite {suite!r}; known: {known}")
            suites = {suite: suites.get(suite) or dict(KNOWN_SUITES[suite])}
        if category is not None:
            suites = self._narrowed(suites, category)
        changed["suites"] = suites
        if backbone is not None:
            changed["backbones"] = [backbone]
        lifted = {"backbones": backbone, "suites": suite}
        if any(name is not None for name in (suite, backbone, detector)):
            changed["detectors"] = self._chosen(detector, [field for field, name in lifted.items() if name is not None])
        freed = {
            name: "all"
            for name, given in (("over", category), ("backbones", backbone), ("detectors", detector))
            if given is not None
        }
        remaining = [SuiteConfig.model_validate(config) for config in suites.values()]
        for field in ("sweeps", "worst", "corruptions"):
            blocks = changed.get(field, self.model_dump()[field])
            changed[field] = [_freed(block, freed, remaining) for block in _as_list(blocks)]
        changed["sweeps"] = changed["sweeps"][0]
        try:
            study = Study.model_validate({**self.model_dump(), **changed})
        except ValidationError as error:
            raise StudyError(_readable(error)) from None
        if backbone is not None or detector is not None:
            study.check_models()
        return study

    def _chosen(self, detector: str | None, freed: list[str]) -> list[Any]:
        """The detectors that a name or label stands for, without the restrictions in the fields `freed`."""
        found = [d for d in self.detectors if detector in (None, d.label, d.name)]
        return [{**d.model_dump(), **dict.fromkeys(freed, "all")} for d in found] or [detector]

    def _narrowed(self, suites: dict[str, Any], category: str) -> dict[str, Any]:
        """The suites that have the category, each cut to it."""
        if category == "all":
            return {name: {**config, "categories": "all"} for name, config in suites.items()}
        demo = {name: demo_categories(config["root"]) for name, config in suites.items()}
        narrowed = {
            name: {**config, "categories": [category]}
            for name, config in suites.items()
            if (known := demo[name]) is None or category in known
        }
        if not narrowed:
            choices = "; ".join(f"{name}: {', '.join(names or [])}" for name, names in demo.items())
            raise StudyError(f"unknown category {category!r}; known: {choices}")
        return narrowed


def _freed(block: dict[str, Any], freed: dict[str, str], suites: list[SuiteConfig]) -> dict[str, Any]:
    """A block without restrictions that an override has lifted, or that name a group which no suite has any more; of a
    list of categories those are left that some suite may have.
    """
    over = block.get("over", "all")
    if isinstance(over, str):
        over = over if any(over in suite.groups for suite in suites) else "all"
    else:
        known = [suite.listed for suite in suites]
        over = [name for name in over if any(names is None or name in names for names in known)]
    return {**block, "over": over, **freed}


# The models of a study's nested fields.
_MODELS: dict[Any, type[BaseModel]] = {
    "suites": SuiteConfig,
    "detectors": DetectorConfig,
    "sweeps": Sweeps,
    "worst": Worst,
    "corruptions": Corruptions,
}


def _readable(error: ValidationError) -> str:
    """One `field: message` per problem, without pydantic's own wording around it."""
    problems = []
    for problem in error.errors():
        field = ".".join(str(part) for part in problem["loc"])
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message = "unknown field"
            model = _MODELS.get(problem["loc"][0], Study)
            message += f"; known: {', '.join(model.model_fields)}"
        problems.append(f"{field}: {message}" if field else message)
    return "; ".join(problems)


def load_study(name_or_path: str | Path, check_models: bool = True) -> Study:
    """Read a study by name (`study/<name>.yaml` of the project) or from a YAML file.

    `check_models=False` leaves the names of detectors and backbones unchecked, which spares some seconds of imports.

    Raises FileNotFoundError (naming the studies that exist) and StudyError (naming file, field and known choices).
    """
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        folder = project_root() / "study"
        path = folder / f"{name_or_path}.yaml"
        if not path.is_file():
            known = ", ".join(sorted(p.stem for p in folder.glob("*.yaml"))) or "none"
            raise FileNotFoundError(f"no study {str(name_or_path)!r} in {folder}; known: {known}")
    if not path.is_file():
        raise FileNotFoundError(f"no study file {path}")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise StudyError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise StudyError(f"{path}: expected a mapping of fields, found {type(content).__name__}")
    try:
        study = Study.model_validate({"name": path.stem, **content})
        if check_models:
            study.check_models()
    except ValidationError as error:
        raise StudyError(f"{path}: {_readable(error)}") from None
    except StudyError as error:
        raise StudyError(f"{path}: {error}") from None
    return study
