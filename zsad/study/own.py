"""What a study brings along itself: backbones whose weights lie in a file, and detectors that are a class of a module.

Everything here works on the plain fields of a study, before they are validated.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, Field, FiniteFloat

from zsad.leagues import Shown
from zsad.limits import LIMITS
from zsad.paths import expanded, given_in
from zsad.study.shifts import Strict, StudyError

Fields = dict[str, Any]

# Of the input, one a colour; tuples, since the same number may be given twice.
Mean = Annotated[tuple[FiniteFloat, ...], Field(min_length=3, max_length=3)]
Std = Annotated[tuple[Annotated[FiniteFloat, Field(gt=0)], ...], Field(min_length=3, max_length=3)]

_FORM = (
    "one of your own has a name, weights (a file) and, unless its name is that of a published model, an architecture, "
    "such as {name: mine, architecture: ViT-B-16, weights: mine.pt}"
)


class OwnWeights(Strict):
    """Weights from a file: of `architecture` (`zsad.clip.zoo.load_backbone`), or, without one, of the published model
    that their backbone is named after. `mean` and `std` are the statistics of their input, `shown` is what they were
    trained on (`zsad.leagues`): by default those in the architecture's JSON file, else the original CLIP's, and
    unknown, which is then the detectors' league too.
    """

    weights: Annotated[Path, AfterValidator(expanded)]
    architecture: str | None = None
    image_size: int | None = Field(default=None, ge=LIMITS["image_size"].least, le=LIMITS["image_size"].most)
    mean: Mean | None = None
    std: Std | None = None
    shown: list[Shown] | None = Field(default=None, min_length=1)

    @property
    def given(self) -> Fields:
        """What `load_backbone_of` is given besides the name."""
        return {name: value for name, value in vars(self).items() if value is not None}


def with_own_backbones(fields: Any) -> Any:
    """The fields of a study with the weights of its own apart from the names of its backbones.

    `backbones: [demo-b, {name: mine, architecture: ViT-B-16, weights: mine.pt}]` is the names demo-b and mine, and the
    `own_weights` of mine.
    """
    if not isinstance(fields, dict) or not isinstance(fields.get("backbones"), list):
        return fields
    names, own = [], dict(fields.get("own_weights") or {})
    for entry in fields["backbones"]:
        if isinstance(entry, dict):
            name = entry.get("name")
            if not isinstance(name, str) or "weights" not in entry:
                raise ValueError(f"backbones: {_FORM}; this is {entry!r}")
            own[name] = {key: value for key, value in entry.items() if key != "name"}
            names.append(name)
        else:
            names.append(entry)
    return {**fields, "backbones": names, **({"own_weights": own} if own else {})}


def backbone_given(backbone: Any, weights: Any = None, architecture: Any = None) -> tuple[Any, Fields | None]:
    """A backbone as a papermill parameter or a flag gives it: its name, and the weights of its own where it has some.

    Args:
        backbone: a name, or a mapping as in a study's file, or text that is one in YAML; None for weights that are
            called after their file.
        weights, architecture: of a name.
    """
    if isinstance(backbone, str) and backbone.lstrip().startswith("{"):
        try:
            backbone = yaml.safe_load(backbone)
        except yaml.YAMLError as error:
            raise StudyError(f"backbone: not valid YAML: {' '.join(str(error).split())}") from None
    if isinstance(backbone, Mapping):
        own = dict(backbone)
        name = own.pop("name", None)
        if not isinstance(name, str) or not isinstance(own.get("weights"), str | Path):
            raise StudyError(f"backbone: {_FORM}; this is {backbone!r}")
        return name, _from(Path.cwd(), own)
    if weights is None and architecture is None:
        return backbone, None
    if weights is None:
        raise StudyError(f"architecture {architecture!r} needs weights, the file that holds them")
    own = {"weights": weights, **({} if architecture is None else {"architecture": str(architecture)})}
    return Path(str(weights)).stem if backbone is None else backbone, _from(Path.cwd(), own)


def find_modules(folder: Path, content: Fields) -> None:
    """Where a study's file names detectors of its own, Python finds modules beside it from then on: as beside a script
    that is run.
    """
    detectors = content.get("detectors")
    names = [d.get("name") if isinstance(d, dict) else d for d in detectors] if isinstance(detectors, list) else []
    if any(isinstance(name, str) and ":" in name for name in names) and str(folder) not in sys.path:
        sys.path.append(str(folder))


def backbones_from(folder: Path, content: Fields) -> Fields:
    """The backbones of a study's file with the relative paths of their weights from a folder."""
    backbones = content.get("backbones")
    if not isinstance(backbones, list):
        return {}
    return {"backbones": [_from(folder, entry) if isinstance(entry, dict) else entry for entry in backbones]}


def _from(folder: Path, own: Fields) -> Fields:
    found = dict(own)
    if isinstance(found.get("weights"), str | Path):
        found["weights"] = str(given_in(found["weights"], folder))
    architecture = found.get("architecture")
    if isinstance(architecture, str) and architecture.endswith(".json"):
        found["architecture"] = str(given_in(architecture, folder))
    return found
