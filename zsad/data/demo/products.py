"""The catalogue of the suites' products."""

from zsad.data.demo.product import Product
from zsad.data.demo.products_aebad import blade
from zsad.data.demo.products_mvtec import biscuit, bottle_cap, fabric, socket, washer, wood
from zsad.data.demo.products_visa import beans, cracker, pcb, tablets

PRODUCTS: dict[str, Product] = {
    "washer": Product("washer", "object", washer, rotation_invariant=True),
    "biscuit": Product("biscuit", "object", biscuit, rotation_invariant=True),
    "bottle_cap": Product("bottle cap", "object", bottle_cap, rotation_invariant=True),
    "fabric": Product("fabric", "texture", fabric, tilt=4),
    "wood": Product("wood", "texture", wood, tilt=4),
    "socket": Product("socket", "aligned", socket, tilt=5, movable=("insert", "upper clip", "lower clip", "screw")),
    "tablets": Product(
        "tablets",
        "many",
        tablets,
        tilt=3,
        drift=5,
        scale=(0.95, 1.0),
        movable=tuple(f"score {r}{c}" for r in range(2) for c in range(3)),
    ),
    "beans": Product("beans", "many", beans, tilt=4, drift=4),
    "pcb": Product(
        "pcb",
        "board",
        pcb,
        tilt=3,
        drift=5,
        scale=(0.95, 1.02),
        movable=(
            "processor",
            "driver",
            "header",
            *(f"capacitor {k}" for k in range(3)),
            *(f"resistor {k}" for k in range(5)),
        ),
    ),
    "cracker": Product("cracker", "object", cracker, tilt=8),
    "blade": Product("blade", "aligned", blade, tilt=6),
}
