"""The pictures that demo CLIPs are trained on: products of a wider world than the suites', and details of them.

A category of the demo suites appears here undamaged only: `draw_defect` is the one place that decides it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy import ndarray

from training.families import FAMILIES
from training.families.generic import draw_generic
from zsad.data.demo.camera import Look, photograph
from zsad.data.demo.damage import Style
from zsad.data.demo.product import Product
from zsad.data.demo.products import PRODUCTS
from zsad.data.demo.scene import Pose
from zsad.data.demo.specimen import POSE_FAULTS, build_scene

# Bright tables lit from the upper left, round smooth blots: the suites show darker tables, another lamp, ragged blots.
LOOK = Look(
    hue=(0.0, 1.0), saturation=(0.02, 0.30), value=(0.50, 0.95), backdrops=("paper", "mottled", "planks", "concrete"),
    azimuth=(105, 165), elevation=(40, 65), ambient=(0.35, 0.6), warmth=(-0.03, 0.06),
    vignette=(0.0, 0.15), blur=(0.3, 0.8), noise=(0.003, 0.015),
)  # fmt: skip
STYLE = Style(
    size=(7, 24), contrast=(0.6, 1.0), roughness=(0, 0.22), harmonics=(2, 4), stretch=(1, 2), wander=(0, 12),
    spots=(1, 3),
)  # fmt: skip
KINDS = (
    "scratch", "crack", "hole", "dent", "stain", "contamination", "rust", "discolouration", "burn", "chip",
)  # fmt: skip
STUDIED = tuple(PRODUCTS)  # shown undamaged only
WORLD: dict[str, Product] = {**FAMILIES, **PRODUCTS}
WIDE = ("tablets", "beans", "pcb", "cracker")  # demo-visa's products keep that suite's frame
SHARE_GENERIC = 0.5  # random shapes and arrangements among the products outside the suites
SHARE_CLOSE = 0.6  # details
ZOOM = (1.5, 5.0)
FILLED, TRIES = 0.1, 6  # a detail shows the product on at least this share of the picture, or another is drawn


@dataclass(frozen=True)
class Shot:
    """What one training picture shows: a product, a kind of damage ("" for none), and how much of it (1: all)."""

    product: Product
    defect: str
    zoom: float = 1.0


def draw_defect(product: Product, rng: np.random.Generator) -> str:
    """A kind of damage to a product's surface; always "" for a category of the suites."""
    if product.name in {other.name for other in PRODUCTS.values()}:
        return ""
    kinds = [kind for kind in KINDS if not (kind == "chip" and product.kind == "texture")]
    return kinds[rng.integers(len(kinds))]


def draw_zoom(rng: np.random.Generator) -> float:
    """1, or that of a detail; every doubling is as frequent."""
    return float(np.exp(rng.uniform(*np.log(ZOOM)))) if rng.random() < SHARE_CLOSE else 1.0


def draw_damaged(rng: np.random.Generator) -> Shot:
    """A product outside the suites with damage to its surface."""
    product = draw_generic(rng) if rng.random() < SHARE_GENERIC else _one(FAMILIES, rng)
    return Shot(product, draw_defect(product, rng), draw_zoom(rng))


def draw_studied(rng: np.random.Generator) -> Shot:
    """A category of the suites, undamaged."""
    product = _one(PRODUCTS, rng)
    return Shot(product, draw_defect(product, rng), draw_zoom(rng))


def draw_posed(rng: np.random.Generator) -> Shot:
    """A product outside the suites whose parts can be moved: two of three times one is."""
    product = _one({name: other for name, other in FAMILIES.items() if other.movable}, rng)
    return Shot(product, POSE_FAULTS[rng.integers(len(POSE_FAULTS))] if rng.random() < 2 / 3 else "")


def _one(products: dict[str, Product], rng: np.random.Generator) -> Product:
    return list(products.values())[rng.integers(len(products))]


def render_shot(shot: Shot, seeds: tuple[int, int], twin: bool = False) -> tuple[list[ndarray], float]:
    """One picture (240, 240 or 300, 3), or two of one specimen: before its damage and after it; and their zoom.

    The two have the same table, lamp, camera and sensor noise: nothing but the damage tells them apart. A product of
    which no detail fills enough of the picture is shown whole.

    Args:
        shot: what to show.
        seeds: of the specimen with its damage, and of the photograph.
        twin: whether to show it before damage, too. The damage must be to the surface: a fault of pose is drawn before
            the parts, so that without it they are others.
    """
    if twin and shot.defect not in KINDS:
        raise ValueError(f"no twins of {shot}: they show damage to the surface")
    width = 300 if shot.product.name in WIDE else 240
    for attempt in range(TRIES + 1):
        zoom = shot.zoom if attempt < TRIES else 1.0
        product = detail(shot.product, zoom, np.random.default_rng((seeds[0], attempt)))
        style = replace(STYLE, size=(STYLE.size[0] * zoom, STYLE.size[1] * zoom))
        build = partial(build_scene, product, LOOK, style, height=240, width=width)
        specimen = (seeds[0], attempt, 1)
        before = build(np.random.default_rng(specimen))
        if zoom == 1 or (before.coverage > 0.9).mean() >= FILLED:
            break
    scenes = [before] if twin or not shot.defect else []
    if shot.defect:
        scenes.append(build(np.random.default_rng(specimen), shot.defect))
    return [photograph(scene, LOOK, np.random.default_rng(seeds[1])) for scene in scenes], zoom


def detail(product: Product, zoom: float, rng: np.random.Generator) -> Product:
    """The product as a close-up shows it: larger, some place of it in the middle."""
    if zoom == 1:
        return product
    away = (110 if product.kind in ("texture", "many", "board") else 70) * np.sqrt(rng.uniform())
    around = rng.uniform(0, 2 * np.pi)
    usual = product.pose(rng)
    x, y = zoom * (usual.x - away * np.cos(around)), zoom * (usual.y - away * np.sin(around))
    return _Held(**product.__dict__, held=Pose(x, y, usual.angle, usual.scale * zoom))


@dataclass(frozen=True, kw_only=True)
class _Held(Product):
    """A product in one pose."""

    held: Pose

    def pose(self, rng: np.random.Generator) -> Pose:
        return self.held
