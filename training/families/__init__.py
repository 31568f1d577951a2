"""The products that pre-training shows damaged. None of them is a category of the demo suites."""

from training.families.groups import amplifier, capsules, dice, panel, pebbles, sweets
from training.families.objects import (
    badge,
    bracket,
    button,
    clock,
    coin,
    domino,
    gear,
    lid,
    plate,
    remote,
    ruler,
    soap,
    sponge,
    wheel,
)
from training.families.sheets import brickwork, sheet
from zsad.data.demo import materials
from zsad.data.demo.product import Product

FAMILIES: dict[str, Product] = {
    "plate": Product("plate", "object", plate),
    "gear": Product("gear", "object", gear),
    "lid": Product("lid", "object", lid, movable=("grip",)),
    "coin": Product("coin", "object", coin),
    "button": Product("button", "object", button),
    "badge": Product("badge", "aligned", badge, tilt=6, movable=("emblem", "bar")),
    "wheel": Product("wheel", "object", wheel),
    "clock": Product("clock", "aligned", clock, tilt=5, movable=("hour", "minute", *(f"mark {k}" for k in range(12)))),
    "bracket": Product("bracket", "aligned", bracket, tilt=6),
    "soap": Product("soap", "aligned", soap, tilt=6, movable=tuple(f"letter {k}" for k in range(4))),
    "domino": Product(
        "domino", "aligned", domino, tilt=6, movable=tuple(f"pip {h}{k}" for h in (-1, 1) for k in range(5))
    ),
    "remote": Product(
        "remote", "aligned", remote, tilt=6, movable=("power", *(f"key {r}{c}" for r in range(4) for c in range(3)))
    ),
    "ruler": Product("ruler", "aligned", ruler, tilt=6),
    "sponge": Product("sponge", "object", sponge),
    "dice": Product("dice", "many", dice, tilt=4, drift=5),
    "sweets": Product("sweets", "many", sweets, tilt=4, drift=5),
    "pebbles": Product("pebbles", "many", pebbles, tilt=4, drift=5),
    "capsules": Product("capsules", "many", capsules, tilt=4, drift=5),
    "panel": Product(
        "panel",
        "board",
        panel,
        tilt=4,
        drift=6,
        movable=(
            *(f"knob {k}" for k in range(4)),
            *(f"lamp {k}" for k in range(3)),
            *(f"switch {k}" for k in range(3)),
        ),
    ),
    "amplifier": Product(
        "amplifier",
        "board",
        amplifier,
        tilt=4,
        drift=6,
        movable=("amplifier chip", *(f"can {k}" for k in range(3)), *(f"coil {k}" for k in range(4))),
    ),
    "carpet": Product("carpet", "texture", sheet(0.99, 0.55, 0.46, materials.speckled(0.4, 0.3, 110)), tilt=4),
    "leather": Product("leather", "texture", sheet(0.06, 0.55, 0.40, materials.leathery(0.25)), tilt=4),
    "marble": Product("marble", "texture", sheet(0.58, 0.04, 0.86, materials.veined(0.3), 0.3), tilt=4),
    "tile": Product("tile", "texture", sheet(0.1, 0.08, 0.60, materials.speckled(0.5, 0.2, 70), 0.2), tilt=4),
    "cork": Product("cork", "texture", sheet(0.085, 0.45, 0.70, materials.speckled(0.45, 0.15, 45)), tilt=4),
    "canvas": Product("canvas", "texture", sheet(0.12, 0.14, 0.80, materials.weave(0.22, 5.0)), tilt=4),
    "curtain": Product("curtain", "texture", sheet(0.40, 0.40, 0.45, materials.striped(0.25, 22)), tilt=4),
    "brickwork": Product("brickwork", "texture", brickwork, tilt=3),
}
