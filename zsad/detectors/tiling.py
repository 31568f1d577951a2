"""The tiling pipeline: foreground instances cut out as tiles, each scored by CLIP and mapped by CLIPSeg.

Baugh, Batten, Müller, Kainz, "Zero-Shot Anomaly Detection with Pre-trained Segmentation Models", arXiv 2306.09269. The
stages are in `zsad.tiling`; what the report leaves open is an option of `TilingOptions`.
"""

import hashlib
import json
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int32, UInt8
from numpy import ndarray
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from zsad.clip import Backbone
from zsad.detectors.base import Prediction, check_images, check_prediction
from zsad.detectors.tiling_options import TilingOptions
from zsad.leagues import League, league_of
from zsad.tiling.components import Component, connected_components
from zsad.tiling.covered import covered_parts
from zsad.tiling.elongated import is_elongated, parts_of_components, tiles_along
from zsad.tiling.grid import grid_tiles
from zsad.tiling.image_score import component_scores, top_mean
from zsad.tiling.mask_cache import parts_of, soft_levels
from zsad.tiling.part import Part
from zsad.tiling.paste import Canvas
from zsad.tiling.pixel_map import PixelModel, mean_over_prompts, probabilities
from zsad.tiling.sam import PartSegmenter
from zsad.tiling.soft import SoftForeground, as_bytes, degrees
from zsad.tiling.tile_score import side_vectors, tile_scores
from zsad.tiling.tiles import Tile, crop, square_tile, whole_image
from zsad.tiling.union import union
from zsad.tiling.zoo import load_part_segmenter, load_pixel_model, load_soft_foreground

log = logging.getLogger(__name__)

BAR_AFTER = 5  # seconds


@dataclass(frozen=True)
class Foreground:
    """What the first seven stages made of one image.

    Attributes:
        soft: degrees of foreground, None where the options need none.
        parts, kept: part masks, and those of them that the filter kept.
        mask: the foreground. labels, components: its connected pieces.
        tiles: different tiles, in pixels of the image; of_component: each component's, by their numbers.
        fallback: there was no foreground: the only tile is the whole image.
    """

    soft: Float[ndarray, "height width"] | None
    parts: list[Part]
    kept: list[Part]
    mask: Bool[ndarray, "height width"]
    labels: Int32[ndarray, "height width"]
    components: list[Component]
    tiles: list[Tile]
    of_component: list[list[int]]
    fallback: bool


@dataclass(frozen=True)
class TileResult:
    """One tile: the image that it is from, its number there and its place, its score and its map before scaling."""

    image: int
    number: int
    tile: Tile
    score: Float[Tensor, ""]
    map: Float[Tensor, "tile_height tile_width"]


class Tiling:
    """The tiling pipeline on one backbone. Differentiable from the prediction down to the images, for the tiles found.

    `seconds` holds the time spent in each stage since the detector was made.

    Args:
        soft, parts, pixels: models to use instead of those that the options name.
    """

    name = "tiling"
    title = "tiling pipeline"
    resolution = "native"  # it looks for what is small
    cached_by = ("zsad.tiling.zoo", "zsad.tiling.mask_cache")

    def __init__(
        self,
        backbone: Backbone,
        options: TilingOptions | None = None,
        soft: SoftForeground | None = None,
        parts: PartSegmenter | None = None,
        pixels: PixelModel | None = None,
    ) -> None:
        self.backbone = backbone
        self._options = o = options or TilingOptions()
        device, folder, demo = backbone.device, o.weights_folder, backbone.name.startswith("demo-")
        self._soft: SoftForeground | None = None
        self._parts: PartSegmenter | None = None
        if o.needs_soft:
            named = o.soft or ("demo-dis" if demo else "isnet-general-use")
            self._soft = soft or load_soft_foreground(named, device, folder)
        if o.needs_parts:
            named = o.parts or ("demo-sam" if demo else "sam-vit-h")
            self._parts = parts or load_part_segmenter(named, o.sam, device, folder)
        named = o.pixels or ("demo-clipseg" if demo else "clipseg-rd64-refined")
        self._pixels = pixels or load_pixel_model(named, device, folder)
        self.min_tile = o.min_tile or self._pixels.input_size
        self.temperature = o.temperature or float(1 / backbone.model.logit_scale.exp())
        self.seconds: dict[str, float] = defaultdict(float)
        self._vectors: dict[str, Tensor] = {}

    @property
    def league(self) -> League:
        """That of the backbone and of the segmenters that the options use."""
        return league_of(self.backbone.shown, *(model.shown for model in self._segmenters))

    @property
    def _segmenters(self) -> list[SoftForeground | PartSegmenter | PixelModel]:
        return [model for model in (self._soft, self._parts, self._pixels) if model is not None]

    @property
    def options(self) -> dict[str, Any]:
        """Every choice that can change a prediction, resolved, as plain JSON values."""
        settings = self._parts and self._parts.settings
        return self._options.as_json(
            soft=self._soft and self._soft.name,
            parts=self._parts and self._parts.name,
            sam=settings and settings.as_json(),
            pixels=self._pixels.name,
            min_tile=self.min_tile,
            temperature=self.temperature,
        )

    @property
    def fingerprint(self) -> str:
        """sha256 over name, options and the weights of all models."""
        models = [model.fingerprint for model in self._segmenters]
        spec = json.dumps([self.name, self.options, self.backbone.fingerprint, models], sort_keys=True)
        return hashlib.sha256(spec.encode()).hexdigest()

    def predict(self, images: Float[Tensor, "image 3 height width"], category: str) -> Prediction:
        """Score images of one category.

        Args:
            images: RGB in [0, 1], with no side below `min_tile`, unless the image is taken whole; a grey image three
                times the same channel.
            category: the category's name, as its folder is called or in words ("metal_nut", "metal nut").

        Returns:
            Scores in (0, 1) and maps in [0, 1], at the size and on the device of the images. An image without
            foreground is one tile, with a warning.

        Raises:
            ValueError: images outside [0, 1] or not numbers, or smaller than a tile; a category without words; or a
                result that is not finite.
        """
        check_images(images)
        found = self.segment(images)
        height, width = images.shape[-2:]
        canvas = Canvas(len(images), height, width, self.backbone.device)
        scores: list[list[Tensor]] = [[] for _ in found]
        shared = [Counter(number for tiles in f.of_component for number in tiles) for f in found]
        for result in self.score_tiles(images, found, category):
            scores[result.image].append(result.score)
            with self._timed("aggregation"):
                values = result.map * result.score if self._options.scale else result.map
                canvas.add(result.image, result.tile, values, shared[result.image][result.number])
        with self._timed("aggregation"):
            score = torch.stack([self.image_score(torch.stack(s), f) for s, f in zip(scores, found, strict=True)])
            prediction = Prediction(
                score.to(images.device), canvas.average(self._options.outside).to(images.device, score.dtype)
            )
        return check_prediction(prediction, self.name, category)

    def segment(self, images: Float[Tensor, "image 3 height width"]) -> list[Foreground]:
        """Stages 1 to 7: foreground, instances and tiles of every image; nothing of it is differentiable. Raises as
        `predict` for images that are too small."""
        options, (height, width) = self._options, images.shape[-2:]
        if options.tiles != "whole image" and min(height, width) < self.min_tile:
            raise ValueError(
                f"images of {width} x {height} pixels are smaller than the smallest tile of the tiling pipeline, "
                f"{self.min_tile} pixels: give larger images (resolution: {self.min_tile} for the detector in a study "
                f"enlarges them), or set the detector's option min_tile to {min(height, width)} or less"
            )
        pixels = as_bytes(images)
        soft: list[Any] = [None] * len(pixels)
        if self._soft is not None:
            with self._timed("soft foreground"):
                levels = soft_levels(self._soft, pixels, options.cache)
                soft = [*degrees(levels, options.min_max).numpy()]
        bar = tqdm(pixels, desc="part masks", unit="picture", delay=BAR_AFTER, leave=False)
        found = [self._foreground(image, map_) for image, map_ in zip(bar, soft, strict=True)]
        if number := sum(foreground.fallback for foreground in found):
            log.warning("no foreground in %d of %d pictures: they are taken whole", number, len(found))
        return found

    def score_tiles(
        self, images: Float[Tensor, "image 3 height width"], found: Sequence[Foreground], category: str
    ) -> Iterator[TileResult]:
        """Stages 8 to 10 for every tile of every image, in batches across images; tiles come in their order."""
        with self._timed("prompts"):
            vectors = self._side_vectors(category)
        jobs = [
            (index, *numbered) for index, foreground in enumerate(found) for numbered in enumerate(foreground.tiles)
        ]
        weakest = torch.zeros(len(self._options.prompts), device=self.backbone.device)
        with tqdm(total=len(jobs), desc="tiles", unit="tile", delay=BAR_AFTER, leave=False) as bar:
            for start in range(0, len(jobs), self._options.tile_batch):
                batch = jobs[start : start + self._options.tile_batch]
                with self._timed("tile scores"):
                    squares, small = self._squares([(images[index], tile) for index, _, tile in batch])
                    scores = tile_scores(self.backbone.embed_image(small), vectors, self.temperature)
                with self._timed("pixel maps"):
                    values = probabilities(self._pixels(squares, self._options.prompts), self._options.activation)
                    weakest = torch.maximum(weakest, values.detach().amax(dim=(0, 2, 3)))
                    maps = mean_over_prompts(values, self._options.prompt_mean, self._options.epsilon)
                for (index, number, tile), score, map_ in zip(batch, scores, maps, strict=True):
                    size_ = (tile.height, tile.width)
                    full = F.interpolate(map_[None, None], size_, mode="bilinear", align_corners=False)[0, 0]
                    yield TileResult(index, number, tile, score, full)
                bar.update(len(batch))
        self._report_weak_prompts(weakest)

    def _squares(
        self, places: Sequence[tuple[Tensor, Tile]]
    ) -> tuple[Float[Tensor, "tile 3 side side"], Float[Tensor, "tile 3 rows rows"]]:
        """Tiles of some images, at the input size of the pixel model and at the backbone's; of each only these two are
        held, as a tile may be as large as the image."""
        squares, small = [], []
        for image, tile in places:
            cut = crop(image, tile).to(self.backbone.device)
            squares.append(_resized(cut, self._pixels.input_size, "bilinear"))
            small.append(_resized(cut, self.backbone.image_size, "bicubic"))
        return torch.stack(squares), torch.stack(small)

    def image_score(self, tiles: Float[Tensor, " tile"], found: Foreground) -> Float[Tensor, ""]:
        """Stage 12: the score of one image from those of its tiles."""
        components = component_scores(tiles, found.of_component)
        return top_mean(components, self._options.top_share, self._options.rounding)

    def _foreground(
        self, image: UInt8[Tensor, "3 height width"], soft: Float[ndarray, "height width"] | None
    ) -> Foreground:
        options, (height, width) = self._options, image.shape[-2:]
        parts: list[Part] = []
        if self._parts is not None:
            with self._timed("part masks"):
                parts = parts_of(self._parts, image, options.cache)
        with self._timed("foreground and tiles"):
            kept = parts
            if options.foreground == "parts in soft" and soft is not None:
                rule = (options.coverage, options.threshold, options.coverage_of, options.coverage_strict)
                kept = covered_parts(parts, soft, *rule)
            if options.foreground == "soft" and soft is not None:
                mask = soft >= options.threshold
            elif self._parts is not None:
                mask = union(kept, height, width)
            else:
                mask = np.ones((height, width), bool)
            labels, components = connected_components(mask, options.connectivity, options.min_area)
            if options.tiles == "grid":
                tiles = grid_tiles(self.min_tile, height, width)
                numbers = [[number] for number in range(len(tiles))]
            elif options.tiles == "whole image" or not components:
                tiles, numbers = [whole_image(height, width)], [[0]]
            else:
                tiles, numbers = self._tiles(components, kept, labels, height, width)
        return Foreground(soft, parts, kept, mask, labels, components, tiles, numbers, not components)

    def _tiles(
        self,
        components: list[Component],
        parts: list[Part],
        labels: Int32[ndarray, "height width"],
        height: int,
        width: int,
    ) -> tuple[list[Tile], list[list[int]]]:
        """Different tiles, and the numbers of each component's."""
        options = self._options
        counts = parts_of_components(parts, labels, len(components), options.part_share)
        numbers: dict[Tile, int] = {}
        of_component = []
        for component, count in zip(components, counts, strict=True):
            if options.elongated and is_elongated(
                component, int(count), options.elongated_aspect, options.elongated_parts
            ):
                along = tiles_along(component, self.min_tile if options.elongated_min_tile else 1, height, width)
            else:
                along = [square_tile(component, self.min_tile, height, width)]
            of_component.append([numbers.setdefault(tile, len(numbers)) for tile in dict.fromkeys(along)])
        return list(numbers), of_component

    def _side_vectors(self, category: str) -> Float[Tensor, "2 dim"]:
        if category not in self._vectors:
            sentences = self._options.sentences(category)
            cache = self._options.text_cache
            self._vectors[category] = side_vectors(self.backbone, sentences, self._options.average, cache)
        return self._vectors[category]

    def _report_weak_prompts(self, highest: Float[Tensor, " prompt"]) -> None:
        weak = [p for p, value in zip(self._options.prompts, highest.tolist(), strict=True) if value < 1e-3]
        if weak and self._options.prompt_mean == "harmonic":
            log.warning(
                "%s: near zero in every tile, which pulls the harmonic mean to zero", ", ".join(map(repr, weak))
            )

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            if self.backbone.device.type == "cuda":
                torch.cuda.synchronize(self.backbone.device)
            self.seconds[stage] += time.perf_counter() - start


def _resized(tile: Float[Tensor, "3 height width"], side: int, mode: str) -> Float[Tensor, "3 side side"]:
    """A tile squashed to a square; as CLIP's and CLIPSeg's own preprocessing do it."""
    if tile.shape[-2:] == (side, side):
        return tile
    return F.interpolate(tile[None], (side, side), mode=mode, align_corners=False, antialias=True)[0].clamp(0, 1)
