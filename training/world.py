"""The pictures that demo models are trained on, and the words that describe them.

A category of the demo suites appears here undamaged only: `draw_defect` is the one place that decides it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.families import FAMILIES
from zsad.data.demo.camera import Look, photograph
from zsad.data.demo.damage import Style
from zsad.data.demo.product import Product
from zsad.data.demo.products import PRODUCTS
from zsad.data.demo.specimen import POSE_FAULTS, build_scene, render_specimen

# Bright tables lit from the upper left, round smooth blots: the suites show darker tables, another lamp, ragged blots.
LOOK = Look(
    hue=(0.0, 1.0), saturation=(0.02, 0.30), value=(0.50, 0.95), backdrops=("paper", "mottled", "planks", "concrete"),
    azimuth=(105, 165), elevation=(40, 65), ambient=(0.35, 0.6), warmth=(-0.03, 0.06),
    vignette=(0.0, 0.15), blur=(0.3, 0.8), noise=(0.003, 0.015),
)  # fmt: skip
# Two strengths of damage, half of the pictures each: a small model learns from the bold and is kept honest by the fine.
FINE = Style(size=(5, 15), contrast=(0.45, 1.0), roughness=(0, 0.22), harmonics=(2, 4), stretch=(1, 2), wander=(0, 12))
BOLD = Style(size=(9, 24), contrast=(0.75, 1.0), roughness=(0, 0.22), harmonics=(2, 4), stretch=(1, 2), wander=(0, 12))

KINDS = (
    "scratch", "crack", "hole", "dent", "stain", "contamination", "rust", "discolouration", "burn", "chip",
)  # fmt: skip
STUDIED = tuple(PRODUCTS)  # shown undamaged only
WORLD: dict[str, Product] = {**FAMILIES, **PRODUCTS}
SHARE_STUDIED = 0.30
SHARE_GENERIC = 0.25  # random shapes and arrangements
GENERIC = ("thing", "things", "assembly")
SHARE_DAMAGED = 0.55  # of the other families

TEMPLATES = (
    "a photo of {}", "a cropped photo of {}", "a close-up photo of {}", "a bright photo of {}", "a dark photo of {}",
    "a jpeg corrupted photo of {}", "a blurry photo of {}", "a photo of a small {}", "a photo of a large {}",
    "a photo of {} for visual inspection", "a photo of {} for anomaly detection", "a picture of {}", "{}",
    "a product photo of {}", "an image of {}",
)  # fmt: skip
NORMAL = (
    "{}", "{}", "flawless {}", "perfect {}", "unblemished {}", "{} without flaw", "{} without defect",
    "{} without damage", "intact {}", "new {}", "normal {}", "good {}",
)  # fmt: skip
ANOMALOUS = (
    "damaged {}", "damaged {}", "{} with flaw", "{} with flaw", "{} with defect", "{} with defect", "{} with damage",
    "{} with damage", "broken {}", "defective {}", "anomalous {}", "bad {}",
)  # fmt: skip
KIND_WORDS = {
    "scratch": ("scratched {}", "{} with a scratch"), "crack": ("cracked {}", "{} with a crack"),
    "hole": ("{} with a hole",), "dent": ("dented {}", "{} with a dent"), "stain": ("stained {}", "{} with a stain"),
    "contamination": ("contaminated {}", "{} with contamination"), "rust": ("rusty {}", "{} with rust"),
    "discolouration": ("discoloured {}", "{} with discolouration"), "burn": ("burnt {}",), "chip": ("chipped {}",),
    "turned": ("{} with a turned part",), "misplaced": ("{} with a misplaced part",),
    "missing": ("{} with a missing part",),
}  # fmt: skip


@dataclass(frozen=True)
class Shot:
    """What one training picture shows."""

    product: str
    defect: str | None


def draw_defect(name: str, rng: np.random.Generator) -> str | None:
    """The defect of one picture; always None for a category of the suites."""
    if name in STUDIED or rng.random() > SHARE_DAMAGED:
        return None
    product = WORLD[name]
    kinds = [kind for kind in KINDS if not (kind == "chip" and product.kind == "texture")]
    if product.movable and rng.random() < 0.45:
        kinds = list(POSE_FAULTS)
    return kinds[rng.integers(len(kinds))]


def draw_shot(rng: np.random.Generator) -> Shot:
    """What the next training picture shows."""
    draw = rng.random()
    named = tuple(name for name in FAMILIES if name not in GENERIC)
    names = STUDIED if draw < SHARE_STUDIED else GENERIC if draw < SHARE_STUDIED + SHARE_GENERIC else named
    name = names[rng.integers(len(names))]
    return Shot(name, draw_defect(name, rng))


def render_shot(shot: Shot, rng: np.random.Generator, style: Style = FINE):
    """Picture (240, 240 or 300, 3) and mask of a shot; products of demo-visa keep that suite's frame."""
    width = 300 if shot.product in ("tablets", "beans", "pcb", "cracker") else 240
    return render_specimen(WORLD[shot.product], LOOK, style, rng, shot.defect, 240, width)


def render_twins(shot: Shot, seeds: tuple[int, int], style: Style = FINE):
    """Two pictures of one specimen, before and after damage to its surface, and the mask of the damage.

    The same table, lamp, camera and sensor noise: nothing but the damage tells them apart. `seeds`: of the specimen
    with its damage, and of the photograph.
    """
    if shot.product in STUDIED or shot.defect not in KINDS:
        raise ValueError(f"no twins of {shot}: they show damage to the surface of a product outside the suites")
    product = WORLD[shot.product]
    before, after = (
        build_scene(product, LOOK, style, np.random.default_rng(seeds[0]), defect) for defect in (None, shot.defect)
    )
    pictures = [photograph(scene, LOOK, np.random.default_rng(seeds[1])) for scene in (before, after)]
    return pictures[0], pictures[1], after.mask


def caption(shot: Shot, damaged: bool, rng: np.random.Generator) -> str:
    """A sentence for a view of the shot; `damaged` tells whether the view shows the defect."""
    if not damaged:
        state = NORMAL[rng.integers(len(NORMAL))]
    elif shot.defect is not None and rng.random() < 0.2:
        words = KIND_WORDS[shot.defect]
        state = words[rng.integers(len(words))]
    else:
        state = ANOMALOUS[rng.integers(len(ANOMALOUS))]
    article = ("", "a ", "the ")[rng.integers(3)]
    template = TEMPLATES[rng.integers(len(TEMPLATES))]
    phrase = state.format(WORLD[shot.product].name)
    return template.format(phrase if " a " in template.split("{}")[0][-9:] else article + phrase).replace("a a ", "a ")


def vocabulary() -> list[str]:
    """Every word of the captions."""
    sentences = [*TEMPLATES, *NORMAL, *ANOMALOUS, *(w for words in KIND_WORDS.values() for w in words)]
    sentences += [product.name for product in WORLD.values()] + ["a the of object"]
    words = {word for text in sentences for word in text.replace("{}", " ").replace("-", " ").split()}
    return sorted(words)
