"""Every open choice of the tiling pipeline."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from zsad.clip.prompts import ANOMALOUS, NORMAL, TEMPLATES, clean_class_name, compose
from zsad.detectors.given import Checked, Natural, Positive, Share
from zsad.detectors.options import as_json, check_phrases, check_texts
from zsad.tiling.prompts import LOCALISING, SAMPLE_STATES, distinct
from zsad.tiling.sam import SamSettings
from zsad.tiling.tile_score import Average
from zsad.tiling.zoo import PART_SEGMENTERS, PIXEL_MODELS, SOFT_FOREGROUNDS, check_known

# They change how a result is computed, or where from, and not what it is.
_NO_CHOICE = ("tile_batch", "weights_folder")


@dataclass(frozen=True)
class TilingOptions(Checked):
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
    foreground: Literal["parts in soft", "soft", "parts", "none"] = "parts in soft"
    coverage: Share = 0.8
    coverage_of: Literal["area", "soft"] = "area"
    coverage_strict: bool = False
    connectivity: Literal[4, 8] = 8
    min_area: Natural = 0
    tiles: Literal["components", "grid", "whole image"] = "components"
    min_tile: int | None = None
    elongated: bool = True
    elongated_aspect: Annotated[float, Field(ge=1)] = 1.5
    elongated_parts: Natural = 20
    part_share: Share = 0.5
    elongated_min_tile: bool = True
    states: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=lambda: SAMPLE_STATES)
    templates: Literal["22", "21"] | Sequence[str] = "22"
    replace_underscores: bool = True
    keep_digits: bool = False
    average: Average = "cosines"
    temperature: float | None = 0.07
    localising: Sequence[str] = LOCALISING
    distinct_prompts: bool = False
    activation: Literal["sigmoid", "min-max"] = "sigmoid"
    prompt_mean: Literal["harmonic", "arithmetic"] = "harmonic"
    epsilon: Positive = 1e-6
    scale: bool = True
    outside: Share = 0.0
    top_share: Share = 0.25
    rounding: Literal["up", "down", "nearest"] = "up"
    tile_batch: int = 16
    weights_folder: str | Path | None = None
    text_cache: str | Path | None = None
    cache: str | Path | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for option, names in (("soft", SOFT_FOREGROUNDS), ("parts", PART_SEGMENTERS), ("pixels", PIXEL_MODELS)):
            if getattr(self, option) is not None:
                check_known(option, getattr(self, option), names)
        check_texts("states", self.states)
        check_phrases("templates", self.template_list)
        check_phrases("localising", self.localising, placeholder=False)
        unknown = sorted(set(self.sam) - set(_SAM_NAMES))
        if unknown:
            raise ValueError(f"sam has no setting {', '.join(unknown)}; known: {', '.join(_SAM_NAMES)}")

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
