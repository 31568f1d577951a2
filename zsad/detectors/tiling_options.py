"""Every open choice of the tiling pipeline."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zsad.clip.prompts import ANOMALOUS, NORMAL, TEMPLATES, clean_class_name, compose
from zsad.detectors.options import above_zero, as_json, at_least, check_phrases, check_sides, one_of
from zsad.tiling.components import CONNECTIVITIES
from zsad.tiling.covered import MEASURES
from zsad.tiling.image_score import ROUNDINGS
from zsad.tiling.pixel_map import ACTIVATIONS, MEANS
from zsad.tiling.prompts import LOCALISING, SAMPLE_STATES, distinct
from zsad.tiling.sam import SamSettings
from zsad.tiling.tile_score import AVERAGES
from zsad.tiling.zoo import PART_SEGMENTERS, PIXEL_MODELS, SOFT_FOREGROUNDS

FOREGROUNDS = ("parts in soft", "soft", "parts", "none")
TILES = ("components", "grid", "whole image")
# They change how a result is computed, or where from, and not what it is.
_NO_CHOICE = ("tile_batch", "weights_folder")


@dataclass(frozen=True)
class TilingOptions:
    """Every open choice of the tiling pipeline, stage by stage; the report fixes what its attributes' defaults say
    where a number of it is named.

    Attributes:
        soft, parts, pixels: names of the models (`zsad.tiling.zoo`); by default the demo ones for a demo backbone, else
            "isnet-general-use", "sam-vit-h" and "clipseg-rd64-refined".
        threshold: degree from which on a pixel is foreground.
        min_max: stretch each soft foreground to the full range, as IS-Net's script does.
        sam: settings of SAM's mask generator (`zsad.tiling.sam.SamSettings`) that differ from the model's own: the
            library's for a published SAM, those that a demo model's card states.
        foreground: "parts in soft" joins the part masks that the soft foreground covers (the report); "soft" or "parts"
            takes one of the two alone; "none" takes the whole image for one component.
        coverage, coverage_of, coverage_strict: share of a part that must be covered (report: 80 %), of its "area" or as
            mean "soft" degree; whether the share itself is too little.
        connectivity: 8 or 4 neighbours. min_area: pixels of the smallest component.
        tiles: "components"; "grid" needs no foreground: squares of `min_tile` all over the image, each a component of
            its own; "whole image" is CLIPSeg and CLIP without tiles, on the image squashed.
        min_tile: smallest side of a tile in pixels; by default what the pixel model takes (report: 352, which is that).
        elongated: whether long components with many parts are tiled along their long axis.
        elongated_aspect, elongated_parts: above which they are (report: 1.5 and 20). part_share: share of a part's area
            in a component from which on it is one of its parts.
        elongated_min_tile: whether `min_tile` holds for these tiles too.
        states, templates: sentences of both sides, as in WinCLIP; the states are WinCLIP's and the report's.
        replace_underscores, keep_digits: how a folder name becomes the words for the object.
        average: "cosines" averages alignments (report); "embedding" and "raw embedding" compare with a mean embedding.
        temperature: of the softmax over both sides; None takes the backbone's own.
        localising: prompts of the pixel model. distinct_prompts: drop the one that the report's list repeats.
        activation: of CLIPSeg's logits, "sigmoid" or "min-max". prompt_mean: "harmonic" (report) or "arithmetic".
        epsilon: added to every probability in the harmonic mean.
        scale: whether a tile's map is multiplied by its score (report). outside: value of pixels in no tile.
        top_share: share of the components whose scores are averaged (report: a quarter); 1 is all of them, 0 the
            highest alone. rounding: of their number, "up", "down" or "nearest".
        tile_batch: tiles that are scored at once.
        weights_folder: where published weights lie, instead of the places that the libraries keep them in.
        text_cache, cache: folders in which text vectors, and what the segmenters found in each image, are kept.
    """

    soft: str | None = None
    parts: str | None = None
    pixels: str | None = None
    threshold: float = 0.5
    min_max: bool = False
    sam: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    foreground: str = "parts in soft"
    coverage: float = 0.8
    coverage_of: str = "area"
    coverage_strict: bool = False
    connectivity: int = 8
    min_area: int = 0
    tiles: str = "components"
    min_tile: int | None = None
    elongated: bool = True
    elongated_aspect: float = 1.5
    elongated_parts: int = 20
    part_share: float = 0.5
    elongated_min_tile: bool = True
    states: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=lambda: SAMPLE_STATES)
    templates: str | Sequence[str] = "22"
    replace_underscores: bool = True
    keep_digits: bool = False
    average: str = "cosines"
    temperature: float | None = 0.07
    localising: Sequence[str] = LOCALISING
    distinct_prompts: bool = False
    activation: str = "sigmoid"
    prompt_mean: str = "harmonic"
    epsilon: float = 1e-6
    scale: bool = True
    outside: float = 0.0
    top_share: float = 0.25
    rounding: str = "up"
    tile_batch: int = 16
    weights_folder: str | Path | None = None
    text_cache: str | Path | None = None
    cache: str | Path | None = None

    def __post_init__(self) -> None:
        for option, names in (("soft", SOFT_FOREGROUNDS), ("parts", PART_SEGMENTERS), ("pixels", PIXEL_MODELS)):
            one_of(option, getattr(self, option), (None, *names))
        one_of("foreground", self.foreground, FOREGROUNDS)
        one_of("coverage_of", self.coverage_of, MEASURES)
        one_of("connectivity", self.connectivity, CONNECTIVITIES)
        one_of("tiles", self.tiles, TILES)
        one_of("average", self.average, AVERAGES)
        one_of("activation", self.activation, ACTIVATIONS)
        one_of("prompt_mean", self.prompt_mean, MEANS)
        one_of("rounding", self.rounding, tuple(ROUNDINGS))
        at_least(self, 0, "min_area", "elongated_parts")
        at_least(self, 1, "elongated_aspect", "tile_batch")
        for option in ("threshold", "coverage", "part_share", "top_share", "outside"):
            if not 0 <= getattr(self, option) <= 1:
                raise ValueError(f"{option} must be in [0, 1], not {getattr(self, option)}")
        given = [name for name in ("temperature", "min_tile", "epsilon") if getattr(self, name) is not None]
        above_zero(self, *given)
        self._check_texts()
        unknown = sorted(set(self.sam) - set(_SAM_NAMES))
        if unknown:
            raise ValueError(f"sam has no setting {', '.join(unknown)}; known: {', '.join(_SAM_NAMES)}")

    def _check_texts(self) -> None:
        check_sides("states", self.states)
        if isinstance(self.templates, str):
            one_of("templates", self.templates, tuple(TEMPLATES))
        check_phrases("templates", self.template_list)
        check_phrases("localising", self.localising, placeholder=False)

    @property
    def template_list(self) -> tuple[str, ...]:
        return TEMPLATES[self.templates] if isinstance(self.templates, str) else tuple(self.templates)

    @property
    def prompts(self) -> tuple[str, ...]:
        """The localising prompts that are used."""
        return distinct(self.localising) if self.distinct_prompts else tuple(self.localising)

    @property
    def needs_soft(self) -> bool:
        return self.tiles == "components" and self.foreground in ("parts in soft", "soft")

    @property
    def needs_parts(self) -> bool:
        return self.tiles == "components" and self.foreground in ("parts in soft", "parts")

    def sentences(self, category: str) -> list[list[str]]:
        """The sentences about a category, a list a side: normal first.

        Raises:
            ValueError: its name leaves no words.
        """
        words = clean_class_name(category, self.replace_underscores, self.keep_digits)
        if not words:
            raise ValueError(
                f"the category {category!r} leaves no words for the object: give it a name (keep_digits=True keeps its "
                "digits)"
            )
        sides = compose(words, self.states, self.template_list)
        return [sides[NORMAL], sides[ANOMALOUS]]

    def as_json(self, **resolved: Any) -> dict[str, Any]:
        """Every choice that can change a prediction, as plain JSON values; `resolved` stands in for some of them."""
        values = as_json(self) | {"templates": list(self.template_list)}
        return {name: value for name, value in (values | resolved).items() if name not in _NO_CHOICE}


_SAM_NAMES = tuple(field.name for field in dataclasses.fields(SamSettings))
