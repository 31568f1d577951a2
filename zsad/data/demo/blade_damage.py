"""The damage of a turbine blade, in AeBAD's four kinds; drawn like the kinds of `damage.py`, never in pre-training."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from zsad.data.demo.colour import blend
from zsad.data.demo.damage import Site
from zsad.data.demo.noise import fractal_noise


def breakdown(site: Site) -> None:
    """The coating has broken away: a step down to rough, matt ground."""
    grain = fractal_noise(site.rng, site.u.shape, 30, 3)
    distance = site.blot(site.size * 0.85) + np.float32(0.12 * site.size) * grain
    layer = site.edge(distance)
    ground = np.array([(0.30, 0.26, 0.23), (0.78, 0.74, 0.68)][site.rng.integers(2)], np.float32)
    site.tint(layer, np.clip(ground * (1 + 0.15 * grain[..., None]), 0, 1).astype(np.float32))
    step = layer * (2.0 + 0.5 * grain) * site.contrast
    site.scene.relief -= np.where(site.region, step, 0).astype(np.float32)
    site.scene.gloss *= 1 - np.where(site.region, layer, 0)


def ablation(site: Site) -> None:
    """Heat has eaten the surface: a pitted, scorched patch inside a tinted rim."""
    grain = fractal_noise(site.rng, site.u.shape, 36, 3)
    distance = site.blot() + np.float32(0.15 * site.size) * grain
    rim = site.edge(distance, 0.5 * site.size)
    site.tint(rim, site.scene.rgb * np.array([0.70, 0.64, 0.62], np.float32))
    core = site.edge(distance + np.float32(0.3 * site.size), 4.0)
    site.tint(core, site.scene.rgb * np.array([0.50, 0.46, 0.46], np.float32))
    pits = core * np.clip(0.6 + grain, 0, 2) * site.contrast
    site.scene.relief -= np.where(site.region, pits, 0).astype(np.float32)
    site.scene.gloss *= 1 - np.where(site.region, core, 0)


def groove(site: Site) -> None:
    """Something hard has ploughed the surface: a sunken line between two raised burrs."""
    width = 0.6 + site.size * site.rng.uniform(0.06, 0.11)
    distance = site.line(6, 3.5 * site.size, 5)
    floor, burr = site.edge(distance - width), site.edge(np.abs(distance - width - 0.8) - 0.5)
    site.tint(floor, site.scene.rgb * np.float32(0.45))
    profile = (1.2 * burr - 2.2 * floor) * site.contrast
    site.scene.relief += np.where(site.region, profile, 0).astype(np.float32)
    site.mark(distance < width + 1.3)


def fracture(site: Site) -> None:
    """A piece of the rim has broken off: the backdrop shows behind a lip of bright fresh metal, and a crack runs on."""
    scene = site.scene
    grain = fractal_noise(site.rng, site.u.shape, 24, 2)
    distance = site.blot(site.size * 0.8) + np.float32(0.10 * site.size) * grain
    crack = site.line(8, 2.6 * site.size, 22) - np.float32(0.4 + 0.04 * site.size)
    site.tint(site.edge(crack), np.array([0.08, 0.07, 0.06], np.float32))
    site.tint(site.edge(distance - 1.2), site.scene.rgb * np.float32(1.25))
    # Down to the last pixel of the outline, or a ghost of the rim would stay.
    gone = np.where(scene.coverage > 0, site.edge(distance), 0).astype(np.float32)
    scene.mask |= (gone > 0.5) & (scene.coverage > 0.5)
    blend(scene.rgb, scene.backdrop, gone)
    for layer in (scene.relief, scene.gloss, scene.coverage):
        layer *= 1 - gone


BLADE_DAMAGE: dict[str, Callable[[Site], None]] = {
    "breakdown": breakdown,
    "ablation": ablation,
    "groove": groove,
    "fracture": fracture,
}
BLADE_AT_THE_EDGE = ("fracture",)
