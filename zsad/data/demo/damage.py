"""Damage to a finished surface: each kind changes colour, relief or outline and marks exactly what it changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32
from numpy import ndarray
from scipy import ndimage

from zsad.data.demo import shapes
from zsad.data.demo.colour import blend
from zsad.data.demo.noise import fractal_noise
from zsad.data.demo.scene import Scene

Range = tuple[float, float]
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Style:
    """The ranges that damage is drawn from.

    Attributes:
        size: radius of a blot, half the length of a line is 2.5 times it (units).
        contrast: how far the colour moves towards that of the damage, 0 to 1.
        roughness, harmonics: outline of blots (see shapes.blob). stretch: long against short axis.
        wander: how much a line bends (degrees a step).
        spots: fewest and most places of damage in one image.
    """

    size: Range
    contrast: Range
    roughness: Range
    harmonics: tuple[int, int]
    stretch: Range
    wander: Range
    spots: tuple[int, int] = (1, 1)


class Site:
    """One place on a product: local coordinates, the style's draws, and the region damage may cover."""

    def __init__(
        self,
        scene: Scene,
        region: Bool[ndarray, "height width"],
        style: Style,
        rng: np.random.Generator,
        edge: bool = False,
    ) -> None:
        self.scene, self.region, self.style, self.rng = scene, region, style, rng
        self.size = rng.uniform(*style.size)
        self.contrast = np.float32(rng.uniform(*style.contrast))
        depth = _depth(region) / scene.unit
        margin = min(self.size * 0.8, float(depth.max()) * 0.6)
        where = region & (depth <= 1.5) & (depth > 0) if edge else region & (depth >= margin)
        height, width = region.shape
        inner = np.zeros_like(region)
        inner[height // 16 : -height // 16, width // 16 : -width // 16] = True
        if (where & inner).any():
            where &= inner
        row, column = np.argwhere(where)[rng.integers(int(where.sum()))]
        x, y = scene.x - scene.x[row, column], scene.y - scene.y[row, column]
        self.u, self.v = shapes.turn(x, y, rng.uniform(0, 360))

    def blot(self, radius: float | None = None) -> Float32[ndarray, "height width"]:
        """Signed distance of an irregular blot."""
        stretch = np.float32(np.sqrt(self.rng.uniform(*self.style.stretch)))
        rough = self.rng.uniform(*self.style.roughness)
        return shapes.blob(
            self.u / stretch, self.v * stretch, radius or self.size, rough, self.rng, self.style.harmonics
        )

    def line(self, steps: int, length: float, wander: float) -> Float32[ndarray, "height width"]:
        """Distance to a wandering line through the site."""
        heading = np.cumsum(self.rng.normal(0, np.deg2rad(wander), steps))
        stride = length / steps
        points = np.cumsum(np.stack([np.cos(heading), np.sin(heading)], 1) * stride, 0)
        points = (points - points[steps // 2]).astype(np.float32)
        return shapes.polyline(self.u, self.v, points)

    def tint(self, layer: Float32[ndarray, "height width"], rgb: Float32[ndarray, ...]) -> None:
        """Moves the colour towards `rgb` by the layer's strength, inside the region, and marks it."""
        layer = np.where(self.region, np.clip(layer, 0, 1), 0).astype(np.float32)
        blend(self.scene.rgb, rgb, layer * self.contrast)
        self.mark(layer > 0.5)

    def mark(self, where: Bool[ndarray, "height width"]) -> None:
        self.scene.mask |= where & self.region

    def line_width(self) -> float:
        """Half the width of a scratch, crack or fibre: it grows with the defect."""
        return 0.4 + self.size * self.rng.uniform(0.04, 0.09)

    def edge(
        self, distance: Float32[ndarray, "height width"], softness: float = 1.0
    ) -> Float32[ndarray, "height width"]:
        """1 inside a signed distance, 0 outside, over `softness` units."""
        return np.clip(0.5 - distance / np.float32(softness), 0, 1)


def _depth(region: Bool[ndarray, "height width"]) -> Float[ndarray, "height width"]:
    """How far each pixel lies inside a region, in pixels; what is around its bounding box has no part in that."""
    depth = np.zeros(region.shape)
    rows, columns = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
    if len(rows):
        box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        depth[box] = ndimage.distance_transform_edt(np.pad(region[box], 1))[1:-1, 1:-1]
    return depth


def _same_brightness(
    rgb: Float32[ndarray, "height width 3"], colour: tuple[float, float, float]
) -> Float32[ndarray, "height width 3"]:
    target = np.array(colour, np.float32)
    luma = (rgb @ LUMA)[..., None]
    return np.clip(target * (luma / (target @ LUMA)), 0, 1)


def scratch(site: Site) -> None:
    distance = site.line(8, 5 * site.size, site.rng.uniform(*site.style.wander))
    layer = site.edge(distance - site.line_width())
    bright = site.rng.random() < 0.5
    site.tint(layer, np.float32(0.95 if bright else 0.12) * np.ones(3, np.float32))
    site.scene.relief -= np.where(site.region, layer * 1.2 * site.contrast, 0)


def crack(site: Site) -> None:
    distance = site.line(14, 4.5 * site.size, 32)
    for _ in range(2):
        branch = site.line(6, 2.2 * site.size, 30)
        distance = np.minimum(distance, branch)
    layer = site.edge(distance - site.line_width())
    site.tint(layer, np.array([0.07, 0.06, 0.05], np.float32))
    site.scene.relief -= np.where(site.region, layer * 2.5 * site.contrast, 0)


def hole(site: Site) -> None:
    distance = site.blot(site.size * 0.6)
    layer = site.edge(distance)
    site.tint(layer, np.array([0.05, 0.045, 0.04], np.float32))
    site.scene.relief -= np.where(site.region, np.clip(-distance, 0, 3) * site.contrast, 0)
    site.scene.gloss *= 1 - np.where(site.region, layer, 0)


def dent(site: Site) -> None:
    distance = np.clip(1 + site.blot() / np.float32(site.size), 0, None)
    bowl = np.exp(-2.0 * distance**2) * np.float32(site.size * 0.55) * site.contrast
    site.scene.relief -= np.where(site.region, bowl, 0)
    site.mark(distance < 1)


def stain(site: Site) -> None:
    inks = [(0.22, 0.14, 0.08), (0.10, 0.10, 0.14), (0.30, 0.24, 0.12), (0.85, 0.84, 0.80)]
    distance = site.blot()
    layer = site.edge(distance, 3.0) * np.float32(0.85)
    layer += 0.15 * np.exp(-np.square(distance / 1.5))
    site.tint(layer, np.array(inks[site.rng.integers(len(inks))], np.float32))


def contamination(site: Site) -> None:
    colours = [(0.92, 0.92, 0.90), (0.12, 0.12, 0.13), (0.20, 0.35, 0.70), (0.75, 0.15, 0.15), (0.30, 0.55, 0.25)]
    colour = np.array(colours[site.rng.integers(len(colours))], np.float32)
    if site.rng.random() < 0.5:
        distance = site.line(10, 4 * site.size, 28) - site.line_width()
    else:
        distance = np.minimum(site.blot(site.size * 0.45), site.blot(site.size * 0.3) + 0.0)
    layer = site.edge(distance)
    site.tint(layer, colour)
    site.scene.relief += np.where(site.region, np.clip(1 - distance, 0, 3) * layer, 0)


def rust(site: Site) -> None:
    """Told by colour: the brightness of what lies below is kept."""
    grain = fractal_noise(site.rng, site.u.shape, 24, 3)
    distance = site.blot() + np.float32(0.18 * site.size) * grain
    colour = _same_brightness(site.scene.rgb, (0.62, 0.30, 0.10))
    site.tint(site.edge(distance, 2.0), colour * np.float32(0.92))
    site.scene.gloss *= 1 - np.where(site.region, site.edge(distance) * site.contrast, 0)


def discolouration(site: Site) -> None:
    """Told by colour alone: a patch whose hue is wrong at the same brightness."""
    brightness = site.scene.rgb @ LUMA
    chroma = site.scene.rgb - brightness[..., None]
    typical = chroma[site.region].mean(0)
    strength = float(np.linalg.norm(typical))
    wheel = np.array(
        [(0.35, 0.60, 0.25), (0.25, 0.40, 0.70), (0.65, 0.30, 0.60), (0.75, 0.60, 0.15), (0.75, 0.30, 0.25)], np.float32
    )
    away = wheel - (wheel @ LUMA)[:, None]
    likeness = away @ typical / (np.linalg.norm(away, axis=1) * max(strength, 1e-3))
    choices = np.flatnonzero(likeness <= np.sort(likeness)[2])
    colour = wheel[choices[site.rng.integers(len(choices))]]
    site.tint(
        site.edge(site.blot(site.size * 1.15), 5.0),
        _same_brightness(site.scene.rgb, (float(colour[0]), float(colour[1]), float(colour[2]))),
    )


def burn(site: Site) -> None:
    distance = site.blot(site.size * 1.1)
    site.tint(site.edge(distance, 6.0), site.scene.rgb * np.array([0.30, 0.22, 0.18], np.float32))


def chip(site: Site) -> None:
    """A piece of the rim is gone: the backdrop shows."""
    scene = site.scene
    distance = site.blot(site.size * 0.9)
    gone = np.where(site.region, site.edge(distance), 0).astype(np.float32)
    blend(scene.rgb, scene.backdrop, gone)
    for layer in (scene.relief, scene.gloss, scene.coverage):
        layer *= 1 - gone
    site.mark(gone > 0.5)


DAMAGE: dict[str, Callable[[Site], None]] = {
    "scratch": scratch,
    "crack": crack,
    "hole": hole,
    "dent": dent,
    "stain": stain,
    "contamination": contamination,
    "rust": rust,
    "discolouration": discolouration,
    "burn": burn,
    "chip": chip,
}
AT_THE_EDGE = ("chip",)


def inflict(
    scene: Scene, damage: Callable[[Site], None], style: Style, rng: np.random.Generator, edge: bool = False
) -> None:
    """Damages the product in one or more places (each on one instance, where there are many), at its rim if `edge`;
    `scene.mask` says where.
    """
    low, high = style.spots
    for _ in range(low if low == high else int(rng.integers(low, high + 1))):
        region = scene.coverage > 0.9
        names = np.unique(scene.instance[region & (scene.instance >= 0)])
        if len(names) > 1:
            sizes = [int((region & (scene.instance == name)).sum()) for name in names]
            big = [name for name, size in zip(names, sizes, strict=True) if size > 0.4 * np.median(sizes)]
            region &= scene.instance == big[rng.integers(len(big))]
        damage(Site(scene, region, style, rng, edge))
