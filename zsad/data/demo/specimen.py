"""One image of one product: undamaged, with damage to its surface, or with a part in the wrong pose."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, UInt8
from numpy import ndarray

from zsad.data.demo.blade_damage import BLADE_AT_THE_EDGE, BLADE_DAMAGE
from zsad.data.demo.camera import Look, backdrop, photograph
from zsad.data.demo.damage import AT_THE_EDGE, DAMAGE, Style, inflict
from zsad.data.demo.product import Product
from zsad.data.demo.scene import Fault, Scene, empty_scene, paint_parts

SURFACE_FAULTS = {**DAMAGE, **BLADE_DAMAGE}
RIM_FAULTS = (*AT_THE_EDGE, *BLADE_AT_THE_EDGE)
POSE_FAULTS = ("turned", "misplaced", "missing")
MIN_MARKED = 12  # a defect must change at least so many pixels, or another place is drawn


def render_specimen(
    product: Product,
    look: Look,
    style: Style,
    rng: np.random.Generator,
    defect: str | None = None,
    height: int = 240,
    width: int = 240,
) -> tuple[UInt8[ndarray, "height width 3"], Bool[ndarray, "height width"]]:
    """Photographs a specimen.

    Args:
        product: what is shown.
        look, style: ranges of table, lamp, camera and of the damage.
        rng: the only source of chance.
        defect: a name of `SURFACE_FAULTS` or `POSE_FAULTS`; None for an undamaged specimen.
        height, width: of the image in pixels.

    Returns:
        The image, sRGB in 0 to 255, and the exact mask of what the defect changed (all False when undamaged).

    Raises:
        ValueError: the defect is unknown, or is one of pose and the product has no part that can be moved.
    """
    scene = build_scene(product, look, style, rng, defect, height, width)
    return photograph(scene, look, rng), scene.mask


def build_scene(
    product: Product,
    look: Look,
    style: Style,
    rng: np.random.Generator,
    defect: str | None = None,
    height: int = 240,
    width: int = 240,
) -> Scene:
    """The surface of a specimen before any light falls on it; arguments and errors as `render_specimen`."""
    if defect is not None and defect not in SURFACE_FAULTS and defect not in POSE_FAULTS:
        raise ValueError(f"unknown defect {defect!r}: known are {sorted(SURFACE_FAULTS)} and {list(POSE_FAULTS)}")
    if defect in POSE_FAULTS and not product.movable:
        raise ValueError(f"{product.name!r} has no part that can be {defect}")
    for _ in range(20):
        scene = empty_scene(backdrop(rng, height, width, look))
        fault = _pose_fault(defect, product, rng) if defect in POSE_FAULTS else None
        paint_parts(scene, product.parts(rng), product.pose(rng), rng, fault)
        if defect in SURFACE_FAULTS:
            inflict(scene, SURFACE_FAULTS[defect], style, rng, edge=defect in RIM_FAULTS)
        if defect is None or scene.mask.sum() >= MIN_MARKED * scene.unit**2:
            return scene
    raise RuntimeError(f"no visible {defect} on {product.name!r} in 20 tries: the style's sizes are too small")


def _pose_fault(defect: str, product: Product, rng: np.random.Generator) -> Fault:
    group = product.movable[rng.integers(len(product.movable))]
    sign = -1 if rng.random() < 0.5 else 1
    if defect == "turned":
        return Fault(group, turn=sign * rng.uniform(25, 75))
    if defect == "misplaced":
        direction = rng.uniform(0, 2 * np.pi)
        distance = rng.uniform(6, 11)
        return Fault(
            group, turn=sign * rng.uniform(0, 12), shift=(distance * np.cos(direction), distance * np.sin(direction))
        )
    return Fault(group, missing=True)
