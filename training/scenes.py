"""Renders pictures together with what segmenters learn from: the product, its instances, its parts, and their words.

No mask tells where damage is. A category of the suites is never drawn damaged: `training.world` decides it.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy import ndarray
from PIL import Image

from training.phrases import COLOUR_WORDS, NONE, NOUNS, colour_word, noun_of
from training.store import Row, read_rows, write_rows
from training.world import STUDIED, STYLE, WORLD, Shot, draw_damaged, draw_posed, draw_studied
from zsad.data.demo.camera import Look, photograph
from zsad.data.demo.damage import Style
from zsad.data.demo.product import Product
from zsad.data.demo.scene import Part, Scene, empty_scene, paint_parts
from zsad.data.demo.specimen import POSE_FAULTS, build_scene

# Any table under any lamp. Published segmenters have seen millions of pictures taken anywhere; a CLIP that judges the
# product is shown bright tables alone (`training.world.LOOK`), so that the suites' dark ones are new to it.
ANYWHERE = Look(
    hue=(0.0, 1.0), saturation=(0.0, 0.5), value=(0.15, 0.95),
    backdrops=("paper", "mottled", "brushed", "concrete", "planks", "cloth"),
    azimuth=(0, 360), elevation=(22, 70), ambient=(0.15, 0.6), warmth=(-0.06, 0.16),
    vignette=(0.0, 0.45), blur=(0.3, 0.8), noise=(0.003, 0.015),
)  # fmt: skip
SIDE = 240  # of the squares in whose upper left the pictures lie
SQUARE, LONGEST = 0.25, 1.8  # share of square pictures; longest side of the others, in shortest ones
SHARE_STUDIED, SHARE_POSED = 0.3, 0.15


@dataclass(frozen=True)
class Shown:
    """A picture and what it shows, all (height, width): whether a pixel is product, the number of its instance, the
    number of the part on top, its colour and noun (`training.phrases`; all four `NONE` elsewhere), and whether it is
    damaged.
    """

    picture: np.ndarray
    product: np.ndarray
    instance: np.ndarray
    part: np.ndarray
    colour: np.ndarray
    noun: np.ndarray
    damage: np.ndarray


def show(
    product: Product,
    look: Look,
    style: Style,
    rng: np.random.Generator,
    defect: str | None = None,
    height: int = 240,
    width: int = 240,
) -> Shown:
    """As `zsad.data.demo.specimen.render_specimen`, which draws the same picture from the same generator.

    After a fault of pose the parts are not where they were drawn: none is marked then.
    """
    drawn: list[tuple[list[Part], np.random.Generator]] = []

    def parts(rng: np.random.Generator) -> list[Part]:
        drawn.append((product.parts(rng), copy.deepcopy(rng)))
        return drawn[-1][0]

    scene = build_scene(replace(product, parts=parts), look, style, rng, defect, height, width)
    whole = scene.coverage > 0.5
    instance = np.where(whole & (scene.instance >= 0), scene.instance, NONE).astype(np.uint8)
    part, colour, noun = (np.full((height, width), NONE, np.uint8) for _ in range(3))
    if defect not in POSE_FAULTS:
        pieces, after = drawn[-1]
        part[whole] = _topmost(scene, pieces, product, after)[whole]
        colours = [COLOUR_WORDS.index(colour_word(piece.rgb)) for piece in pieces[:NONE]]
        nouns = [NOUNS.index(noun_of(piece.group)) if piece.group else NONE for piece in pieces[:NONE]]
        colour, noun = (np.array([*words, NONE], np.uint8)[np.minimum(part, len(words))] for words in (colours, nouns))
    return Shown(photograph(scene, look, rng), whole, instance, part, colour, noun, scene.mask)


def _topmost(scene: Scene, parts: list[Part], product: Product, rng: np.random.Generator) -> np.ndarray:
    """The number of the part that was painted last at each pixel; `rng` stands where it stood after the parts."""
    pose = product.pose(rng)
    top = np.full(scene.relief.shape, NONE, np.uint8)
    for number, part in enumerate(parts[:NONE]):
        alone = empty_scene(scene.backdrop)
        paint_parts(alone, [replace(part, body=True, texture=None)], pose, rng)
        top[alone.coverage > 0.5] = number
    return top


def draw_size(rng: np.random.Generator) -> tuple[int, int]:
    """Height and width of a picture whose shorter side is `SIDE`; lying ones are twice as frequent as standing ones."""
    if rng.random() < SQUARE:
        return SIDE, SIDE
    long = round(SIDE * np.exp(rng.uniform(0, np.log(LONGEST))))
    return (SIDE, long) if rng.random() < 2 / 3 else (long, SIDE)


def draw_shot(rng: np.random.Generator) -> Shot:
    """A whole product: of the suites (undamaged), or another, half of them damaged or with a fault of pose."""
    draw = rng.random()
    if draw < SHARE_STUDIED:
        return replace(draw_studied(rng), zoom=1.0)
    shot = replace(draw_posed(rng) if draw < SHARE_STUDIED + SHARE_POSED else draw_damaged(rng), zoom=1.0)
    return shot if rng.random() < 0.5 else replace(shot, defect="")


MAPS = ("product", "instance", "part", "colour", "noun")


@dataclass(frozen=True)
class Scenes:
    """Pictures of any shape in the upper left of squares, and what they show.

    Attributes:
        pictures: (picture, SIDE, SIDE, 3), uint8. product: bits, (picture, SIDE, SIDE / 8). instance, part, colour,
            noun: as in `Shown`, (picture, SIDE, SIDE).
        names: of the products. sizes: (picture, 2), height and width.
    """

    pictures: ndarray
    product: ndarray
    instance: ndarray
    part: ndarray
    colour: ndarray
    noun: ndarray
    names: ndarray
    sizes: ndarray

    def __len__(self) -> int:
        return len(self.names)

    def of_no_category(self) -> ndarray:
        """The rows that show no category of the suites."""
        return np.flatnonzero(~np.isin(self.names, [WORLD[name].name for name in STUDIED]))

    def products(self, rows: ndarray) -> ndarray:
        """Where the products are: bool, (row, SIDE, SIDE)."""
        return np.unpackbits(self.product[rows], axis=2).astype(bool)


def render(index: int, seed: int) -> Row:
    """One picture of a bank of scenes, of a shape of its own; its facts are the product's name, height and width."""
    rng = np.random.default_rng((seed, index))
    shot = draw_shot(rng)
    height, width = draw_size(rng)
    shown = show(shot.product, ANYWHERE, STYLE, rng, shot.defect or None, height, width)
    longer = max(height, width)
    height, width = round(SIDE * height / longer), round(SIDE * width / longer)
    s = padded(resized(shown, height, width))
    maps = {"product": np.packbits(s.product, axis=1), **{name: getattr(s, name) for name in MAPS[1:]}}
    return {"pictures": s.picture, **maps}, [shot.product.name, height, width]


def resized(shown: Shown, height: int, width: int) -> Shown:
    picture = np.asarray(Image.fromarray(shown.picture).resize((width, height), Image.Resampling.BICUBIC))
    maps = (shown.product, shown.instance, shown.part, shown.colour, shown.noun, shown.damage)
    return Shown(
        picture, *(np.asarray(Image.fromarray(m).resize((width, height), Image.Resampling.NEAREST)) for m in maps)
    )


def padded(shown: Shown) -> Shown:
    """A picture of at most `SIDE` pixels both ways in a square of them, as SAM pads: to the right and below."""
    height, width = shown.product.shape
    margin = ((0, SIDE - height), (0, SIDE - width))
    numbered = (shown.instance, shown.part, shown.colour, shown.noun)
    numbers = (np.pad(numbers, margin, constant_values=NONE) for numbers in numbered)
    product, damage = np.pad(shown.product, margin), np.pad(shown.damage, margin)
    return Shown(np.pad(shown.picture, (*margin, (0, 0))), product, *numbers, damage)


def write_scenes(folder: Path, count: int, seed: int, workers: int = 2) -> None:
    """Renders `count` pictures into `folder`; what an earlier call of the same count and seed has rendered is kept."""
    square = (SIDE, SIDE)
    shapes = {"pictures": (*square, 3), "product": (SIDE, SIDE // 8), **dict.fromkeys(MAPS[1:], square)}
    write_rows(folder, {"count": count, "seed": seed}, count, shapes, partial(render, seed=seed), workers)


def read_scenes(folder: Path) -> Scenes:
    """What `write_scenes` has finished."""
    arrays, facts, _ = read_rows(folder, "pictures", *MAPS)
    names, heights, widths = zip(*facts, strict=True)
    return Scenes(**arrays, names=np.array(names), sizes=np.stack([heights, widths], 1))
