"""What a product is: a list of parts (see scene.Part) drawn with a generator, so that no two specimens are alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from zsad.data.demo import shapes
from zsad.data.demo.camera import hsv_to_rgb
from zsad.data.demo.scene import Part, Pose

Rng = np.random.Generator


@dataclass(frozen=True)
class Product:
    """What a category shows.

    Attributes:
        name: its words in a sentence ("bottle cap").
        kind: "object", "texture", "aligned", "many" or "board".
        parts: draws the parts of one image.
        scale, tilt, drift: ranges of size factor, turn from the habitual pose (degrees), and offset (units).
        movable: groups that a pose fault may turn, shift or take away.
        rotation_invariant: whether the product means the same at any angle.
    """

    name: str
    kind: str
    parts: Callable[[Rng], list[Part]]
    scale: tuple[float, float] = (0.92, 1.08)
    tilt: float = 10.0
    drift: float = 10.0
    movable: tuple[str, ...] = ()
    rotation_invariant: bool = False

    def pose(self, rng: Rng) -> Pose:
        x, y = rng.uniform(-self.drift, self.drift, 2)
        return Pose(x, y, rng.uniform(-self.tilt, self.tilt), rng.uniform(*self.scale))


def colour(rng: Rng, hue: float, saturation: float, value: float, spread: float = 1.0) -> tuple[float, float, float]:
    """A habitual colour with a specimen's small deviation (hue in turns)."""
    return hsv_to_rgb(
        (hue + rng.normal(0, 0.010 * spread)) % 1,
        float(np.clip(saturation + rng.normal(0, 0.03 * spread), 0, 1)),
        float(np.clip(value + rng.normal(0, 0.03 * spread), 0, 1)),
    )


def spot(x: float, y: float, radius: float, rgb: tuple[float, float, float], relief: float = -2.0, **more: Any) -> Part:
    """A small round part: a hole, a dot, a pin."""
    return Part(
        lambda u, v: shapes.disc(u, v, radius),
        rgb,
        (x, y),
        reach=radius + 2,
        relief=relief,
        bevel=radius * 0.7,
        body=False,
        **more,
    )
