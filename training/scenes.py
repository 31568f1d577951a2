"""Renders pictures together with what segmenters learn from: the product, its instances, its parts, and their words.

    python -m training.scenes build/training/scenes.npz --count 3600
    python -m training.scenes build/training/anywhere.npz --count 4000 --seed 20240521 --anywhere
    python -m training.scenes build/training/padded.npz --count 3200 --seed 20240522 --anywhere --padded

No mask tells where damage is. A category of the suites is never drawn damaged: `training.world` decides it.
"""

from __future__ import annotations

import argparse
import copy
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from training.phrases import COLOUR_WORDS, NONE, NOUNS, colour_word, noun_of
from training.world import LOOK, STUDIED, STYLE, WIDE, WORLD, Shot, draw_damaged, draw_posed, draw_studied
from zsad.data.demo.camera import Look, photograph
from zsad.data.demo.damage import Style
from zsad.data.demo.product import Product
from zsad.data.demo.scene import Part, Scene, empty_scene, paint_parts
from zsad.data.demo.specimen import POSE_FAULTS, build_scene
from zsad.data.demo.suites import SUITES

# Any table under any lamp. Published segmenters have seen millions of pictures taken anywhere; a CLIP that judges the
# product is shown bright tables alone (`training.world.LOOK`), so that the suites' dark ones are new to it.
ANYWHERE = Look(
    hue=(0.0, 1.0), saturation=(0.0, 0.5), value=(0.15, 0.95),
    backdrops=("paper", "mottled", "brushed", "concrete", "planks", "cloth"),
    azimuth=(0, 360), elevation=(22, 70), ambient=(0.15, 0.6), warmth=(-0.06, 0.16),
    vignette=(0.0, 0.45), blur=(0.3, 0.8), noise=(0.003, 0.015),
)  # fmt: skip
SIDE = 240  # of the bank's pictures; those of demo-visa's products are squashed to it, or padded ones lie in it
SQUARE, LONGEST = 0.25, 1.8  # share of square pictures among padded ones; longest side of the others, in shortest ones
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


def render(
    job: tuple[int, int], look: Look = LOOK, pad: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, str, tuple[int, int]]:
    """One picture of the bank: squashed to `SIDE`, or of a shape of its own in the upper left of such a square."""
    seed, index = job
    rng = np.random.default_rng((seed, index))
    shot = draw_shot(rng)
    height, width = SUITES["demo-visa"].size if shot.product.name in WIDE else (SIDE, SIDE)
    if pad:
        height, width = draw_size(rng)
    shown = show(shot.product, look, STYLE, rng, shot.defect or None, height, width)
    size = (
        (round(SIDE * height / max(height, width)), round(SIDE * width / max(height, width))) if pad else (SIDE, SIDE)
    )
    s = padded(resized(shown, *size))
    return s.picture, np.packbits(s.product, axis=1), s.instance, s.part, s.colour, s.noun, shot.product.name, size


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


FIELDS = ("pictures", "product", "instance", "part", "colour", "noun", "products", "sizes")


def read_scenes(path: Path, *fields: str, studied: bool = True) -> dict[str, np.ndarray]:
    """Some of a bank's fields; without `studied`, no picture of a category of the suites."""
    bank = np.load(path)
    keep = np.ones(len(bank["products"]), bool)
    if not studied:
        keep = ~np.isin(bank["products"], [WORLD[name].name for name in STUDIED])
    return {field: bank[field][keep] for field in fields}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=3600)
    parser.add_argument("--seed", type=int, default=20240520)
    parser.add_argument("--anywhere", action="store_true", help="any table under any lamp")
    parser.add_argument("--padded", action="store_true", help="of all shapes, padded to squares")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with Pool(arguments.workers) as pool:
        jobs = ((arguments.seed, index) for index in range(arguments.count))
        draw = partial(render, look=ANYWHERE if arguments.anywhere else LOOK, pad=arguments.padded)
        bar = tqdm(pool.imap(draw, jobs, chunksize=8), total=arguments.count, unit="picture", mininterval=5)
        columns = zip(*bar, strict=True)
        fields = {field: np.stack(column) for field, column in zip(FIELDS, columns, strict=True)}
    unfinished = arguments.out.with_suffix(".partial.npz")
    np.savez(unfinished, **fields)
    unfinished.replace(arguments.out)


if __name__ == "__main__":
    main()
