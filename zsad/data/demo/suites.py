"""The demo suites: which categories and defects they hold, how they are lit, and how hard their defects are."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from zsad.data.demo.camera import Look
from zsad.data.demo.damage import Style
from zsad.data.demo.domains import Domain
from zsad.data.demo.product import Product
from zsad.data.demo.products import PRODUCTS

# A darker table with the lamp above the product: pre-training shows bright tables lit from the upper left.
LOOK = Look(
    hue=(0.50, 0.72), saturation=(0.02, 0.16), value=(0.36, 0.50),
    backdrops=("mottled", "brushed", "concrete", "cloth"),
    azimuth=(75, 105), elevation=(42, 65), ambient=(0.35, 0.55), warmth=(-0.02, 0.05),
    vignette=(0.05, 0.2), blur=(0.4, 0.7), noise=(0.004, 0.012),
)  # fmt: skip
HABITUAL = Domain(LOOK)
# The domains of AeBAD-S: each changes one thing.
DOMAINS = {
    "same": HABITUAL,
    "background": Domain(replace(LOOK, hue=(0.04, 0.12), saturation=(0.25, 0.45), value=(0.35, 0.60),
                                 backdrops=("planks", "paper"))),
    "illumination": Domain(replace(LOOK, azimuth=(-25, 25), elevation=(24, 36), ambient=(0.18, 0.30),
                                   warmth=(0.08, 0.16), vignette=(0.25, 0.45))),
    "view": Domain(LOOK, tilt=40, drift=16, scale=(0.72, 0.88), lean=0.06),
}  # fmt: skip


@dataclass(frozen=True)
class CategorySpec:
    """One category of a suite: its product, the defects of its test split, and how many images of each."""

    product: Product
    defects: tuple[str, ...]

    @property
    def name(self) -> str:
        """The category in words, as prompts say it."""
        return self.product.name

    @property
    def kind(self) -> str:
        return self.product.kind

    @property
    def rotation_invariant(self) -> bool:
        return self.product.rotation_invariant


@dataclass(frozen=True)
class Suite:
    """A demo suite in the layout of a published data set.

    Attributes:
        reader: name of the reader whose layout it is written in.
        size: height and width of the images.
        style: size, contrast and outline of the defects: what was calibrated.
        train, good, each_defect: images of the train split, undamaged test images, test images of each defect;
            in a suite with domains, of each domain.
        domains: conditions that the test split shows; a suite without them has one unnamed, `HABITUAL`.
        train_domains: those that the train split shows.
    """

    reader: str
    size: tuple[int, int]
    style: Style
    train: int
    good: int
    each_defect: int
    categories: dict[str, CategorySpec]
    domains: dict[str, Domain] = field(default_factory=dict)
    train_domains: tuple[str, ...] = ()


def _category(name: str, *defects: str) -> dict[str, CategorySpec]:
    return {name: CategorySpec(PRODUCTS[name], defects)}


STYLE = Style(
    size=(12, 24),
    contrast=(0.9, 1.0),
    roughness=(0.2, 0.45),
    harmonics=(3, 8),
    stretch=(1.5, 3),
    wander=(10, 25),
    spots=(2, 3),
)

SUITES: dict[str, Suite] = {
    "demo-mvtec": Suite(
        reader="mvtec_ad",
        size=(240, 240),
        style=STYLE,
        train=100,
        good=120,
        each_defect=25,
        categories={
            **_category("washer", "scratch", "rust", "dent", "chip", "contamination"),
            **_category("biscuit", "crack", "burn", "chip", "contamination", "discolouration"),
            **_category("bottle_cap", "scratch", "rust", "dent", "stain", "discolouration"),
            **_category("fabric", "hole", "stain", "scratch", "contamination", "discolouration"),
            **_category("wood", "scratch", "hole", "stain", "crack", "discolouration"),
            **_category("socket", "turned", "misplaced", "crack", "burn", "stain"),
        },
    ),
    "demo-visa": Suite(
        reader="visa",
        size=(240, 300),
        style=Style(
            size=(9, 22),
            contrast=(0.9, 1.0),
            roughness=(0.2, 0.45),
            harmonics=(3, 8),
            stretch=(1.5, 3),
            wander=(10, 25),
            spots=(2, 3),
        ),
        train=100,
        good=400,
        each_defect=80,
        categories={
            **_category("tablets", "chip", "crack", "discolouration", "turned", "contamination"),
            **_category("beans", "hole", "burn", "crack", "discolouration", "chip"),
            **_category("pcb", "turned", "missing", "burn", "crack", "contamination"),
            **_category("cracker", "chip", "burn", "crack", "hole", "discolouration"),
        },
    ),
    "demo-aebad": Suite(
        reader="aebad",
        size=(240, 240),
        style=STYLE,
        train=100,
        good=224,
        each_defect=56,
        categories=_category("blade", "ablation", "breakdown", "fracture", "groove"),
        domains=DOMAINS,
        train_domains=("same",),
    ),
}
