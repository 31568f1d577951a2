"""A product as a stack of painted parts: colour, relief and gloss of every pixel, before any light falls on it.

Lengths are in units of 1/240 of the image's shorter side, so that at 240 px a unit is a pixel. x points right, y up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float32, Int16
from numpy import ndarray

from zsad.data.demo.colour import blend, times
from zsad.data.demo.shapes import Field, turn

UNITS = 240


@dataclass
class Part:
    """One painted piece of a product.

    Attributes:
        shape: signed distance of the outline from local coordinates (u, v).
        rgb: base colour, each channel in [0, 1].
        centre, angle: where the local frame stands in the product's frame (units, degrees).
        reach: radius outside which the part certainly ends; only that window is painted.
        relief: height above what lies below; bevel: width of the sloping edge (units).
        gloss: strength of the highlight, 0 to 1.
        texture: optional (u, v, rng) -> factor on the colour, about 1.
        group: parts of one group are moved together by a fault; None cannot be moved.
        marked: whether a moved part counts in the mask (a plain disc turned on the spot shows nothing).
        body: whether the part belongs to the product's silhouette (an engraving or a hole does not add to it).
        instance: starts a new instance (an image with many of one kind).
    """

    shape: Callable[[Field, Field], Field]
    rgb: tuple[float, float, float]
    centre: tuple[float, float] = (0.0, 0.0)
    angle: float = 0.0
    reach: float = 400.0
    relief: float = 0.0
    bevel: float = 3.0
    gloss: float = 0.15
    texture: Callable[[Field, Field, np.random.Generator], Field] | None = None
    group: str | None = None
    marked: bool = True
    body: bool = True
    instance: bool = False


@dataclass
class Scene:
    """Surface maps of one image, all (height, width) or (height, width, 3)."""

    rgb: Float32[ndarray, "height width 3"]
    relief: Float32[ndarray, "height width"]
    gloss: Float32[ndarray, "height width"]
    coverage: Float32[ndarray, "height width"]
    instance: Int16[ndarray, "height width"]
    x: Float32[ndarray, "height width"]
    y: Float32[ndarray, "height width"]
    backdrop: Float32[ndarray, "height width 3"]
    unit: float
    mask: Bool[ndarray, "height width"] = field(init=False)

    def __post_init__(self) -> None:
        self.mask = np.zeros(self.relief.shape, bool)


def empty_scene(backdrop: Float32[ndarray, "height width 3"]) -> Scene:
    """A scene that shows only its backdrop."""
    height, width = backdrop.shape[:2]
    unit = min(height, width) / UNITS
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    flat = np.zeros((height, width), np.float32)
    return Scene(
        rgb=backdrop.copy(),
        relief=flat.copy(),
        gloss=flat.copy(),
        coverage=flat.copy(),
        instance=np.full((height, width), -1, np.int16),
        x=((columns - (width - 1) / 2) / unit).astype(np.float32),
        y=(((height - 1) / 2 - rows) / unit).astype(np.float32),
        backdrop=backdrop,
        unit=unit,
    )


@dataclass(frozen=True)
class Pose:
    """Where the product's frame stands in the image: units, degrees, factor."""

    x: float = 0.0
    y: float = 0.0
    angle: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True)
class Fault:
    """What is wrong with the pose of one group of parts: turned by degrees, shifted by units, or not there."""

    group: str
    turn: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)
    missing: bool = False


def paint_parts(
    scene: Scene, parts: list[Part], pose: Pose, rng: np.random.Generator, fault: Fault | None = None
) -> None:
    """Paints the parts in their order; a fault moves one group and marks what it shows in `scene.mask`."""
    centres: dict[str, tuple[float, float]] = {}
    for part in parts:
        if part.group is not None:
            centres.setdefault(part.group, part.centre)
    count = int(scene.instance.max()) + 1
    for part in parts:
        count += part.instance
        texture_seed = int(rng.integers(2**31))
        if fault is None or part.group != fault.group:
            _paint(scene, part, pose, count - 1, texture_seed)
            continue
        before = _coverage(scene, part, pose)
        moved = _moved(part, centres[part.group], fault)
        if not fault.missing:
            _paint(scene, moved, pose, count - 1, texture_seed)
        if part.marked:
            scene.mask |= before > 0.5
            if not fault.missing:
                scene.mask |= _coverage(scene, moved, pose) > 0.5


def _moved(part: Part, pivot: tuple[float, float], fault: Fault) -> Part:
    offset = np.array(part.centre) - np.array(pivot)
    angle = np.deg2rad(fault.turn)
    turned = np.array(
        [np.cos(angle) * offset[0] - np.sin(angle) * offset[1], np.sin(angle) * offset[0] + np.cos(angle) * offset[1]]
    )
    centre = np.array(pivot) + turned + np.array(fault.shift)
    return Part(**{**part.__dict__, "centre": (float(centre[0]), float(centre[1])), "angle": part.angle + fault.turn})


def _window(scene: Scene, part: Part, pose: Pose) -> tuple[slice, slice]:
    centre_x, centre_y = _to_image(part.centre, pose)
    reach = part.reach * pose.scale + 2
    height, width = scene.relief.shape
    column, row = centre_x * scene.unit + (width - 1) / 2, (height - 1) / 2 - centre_y * scene.unit
    r = reach * scene.unit
    rows = slice(max(0, int(row - r)), max(0, min(height, int(row + r) + 2)))
    return rows, slice(max(0, int(column - r)), max(0, min(width, int(column + r) + 2)))


def _to_image(point: tuple[float, float], pose: Pose) -> tuple[float, float]:
    angle = np.deg2rad(pose.angle)
    x, y = point[0] * pose.scale, point[1] * pose.scale
    return pose.x + np.cos(angle) * x - np.sin(angle) * y, pose.y + np.sin(angle) * x + np.cos(angle) * y


def _local(scene: Scene, part: Part, pose: Pose, window: tuple[slice, slice]) -> tuple[Field, Field]:
    centre_x, centre_y = _to_image(part.centre, pose)
    x, y = scene.x[window] - np.float32(centre_x), scene.y[window] - np.float32(centre_y)
    u, v = turn(x, y, pose.angle + part.angle)
    return u / np.float32(pose.scale), v / np.float32(pose.scale)


def _coverage(scene: Scene, part: Part, pose: Pose) -> Field:
    full = np.zeros_like(scene.relief)
    window = _window(scene, part, pose)
    if full[window].size:
        distance = part.shape(*_local(scene, part, pose, window)) * np.float32(pose.scale * scene.unit)
        full[window] = np.clip(0.5 - distance, 0, 1)
    return full


def _paint(scene: Scene, part: Part, pose: Pose, instance: int, texture_seed: int) -> None:
    window = _window(scene, part, pose)
    if not scene.relief[window].size:
        return
    u, v = _local(scene, part, pose, window)
    distance = part.shape(u, v)
    pixels = distance * np.float32(pose.scale * scene.unit)
    cover = np.clip(0.5 - pixels, 0, 1).astype(np.float32)
    colour = np.broadcast_to(np.asarray(part.rgb, np.float32), (*cover.shape, 3))
    if part.texture is not None:
        factor = part.texture(u, v, np.random.default_rng(texture_seed)).astype(np.float32)
        colour = np.clip(times(colour, factor) if factor.ndim == 2 else colour * factor, 0, 1)
    inside = np.clip(-distance / np.float32(part.bevel), 0, 1)
    raised = np.float32(part.relief) * (1 - (1 - inside) ** 2)
    blend(scene.rgb[window], colour, cover)
    scene.relief[window] += raised * cover
    scene.gloss[window] += (np.float32(part.gloss) - scene.gloss[window]) * cover
    if part.body:
        scene.coverage[window] = np.maximum(scene.coverage[window], cover)
        scene.instance[window] = np.where(cover > 0.5, max(instance, 0), scene.instance[window])
