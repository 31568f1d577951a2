"""Makes a demo model from nothing: renders its pictures, trains it, and ships its weights with their card.

    python -m training.make demo-b
    python -m training.make demo-b-colour demo-b-turned demo-l-fare2
    python -m training.make demo-dis demo-sam demo-clipseg demo-mae demo-acr
    python -m training.make demo-b --dtype float32      on a processor without instructions for bfloat16

What a model begins with is made before it, unless it lies among the weights, made by the same recipe: demo-l for
demo-l-fare2, demo-b for demo-sam, demo-clipseg and demo-acr. What an earlier call has done is kept in
`build/training`, and a training that was stopped goes on. On one machine, with as many threads, the same files come
out.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from training import train_acr, train_clipseg, train_dis, train_mae, train_sam
from training.bank import Bank, read_bank, write_bank
from training.fare import FareRecipe, tune
from training.precision import DTYPES
from training.scenes import read_scenes, write_scenes
from training.schedule import Recipe as SegmenterRecipe
from training.train_clip import Recipe, plain, train
from zsad.clip.zoo import WEIGHTS, load_demo_weights, read_demo_weights

BANKS = {"damaged": (10_000, 1), "studied": (3_000, 2), "posed": (1_000, 3)}  # specimens, seed
B = Recipe(
    shape="demo-b", counts={"damaged": 22, "studied": 14, "posed": 4}, augmentation="none", steps=2400, peak=1e-3,
    scale=(15, 60), partial=0.75, kept=8, blocks=(2, 3, 5), detail=0.3, seed=2024,
)  # fmt: skip
RECIPES = {
    "demo-b": B,
    "demo-b-colour": replace(B, augmentation="colour"),
    "demo-b-turned": replace(B, augmentation="turned"),
    "demo-l": replace(B, shape="demo-l"),
}
FARE = {"demo-l-fare2": ("demo-l", FareRecipe())}
SCENES = 4_000, 4  # pictures, seed
SEGMENTERS = {
    "demo-dis": SegmenterRecipe(steps=1000, batch=16, peak=2e-3, seed=2030),
    "demo-sam": SegmenterRecipe(steps=1600, batch=8, peak=1e-3, seed=2031),
    "demo-clipseg": SegmenterRecipe(steps=1000, batch=24, peak=1e-3, seed=2032),
}
# Pictures of the suites are not among its banks, and of the damaged specimens it sees those before their damage.
PAINTERS = {"demo-mae": (("damaged", "posed"), SegmenterRecipe(steps=800, batch=32, peak=1.5e-3, seed=2034))}
SEEN_THROUGH = "demo-b"  # what demo-sam and demo-clipseg begin with, and demo-acr reads
NAMES = (*RECIPES, *FARE, *SEGMENTERS, *PAINTERS, train_acr.NAME)


def make(name: str, work: Path, out: Path, dtype: str = "bfloat16") -> None:
    """One model into `out`, with everything that it needs before it; `work` holds what an earlier call has done, and
    `dtype` is that of the products of whatever is trained (`training.precision`).
    """
    if name in SEGMENTERS:
        _make_segmenter(name, work, out, dtype)
    elif name in PAINTERS:
        banks, painting = PAINTERS[name]
        train_mae.train(name, _banks(work, banks), painting, work, out, dtype=dtype)
    elif name == train_acr.NAME:
        _make_before(SEEN_THROUGH, work, out, dtype)
        shown = [*_banks(work, train_acr.BANKS).values()]
        train_acr.train(shown, load_demo_weights(SEEN_THROUGH, out), train_acr.RECIPE, out)
    elif name in FARE:
        original, recipe = FARE[name]
        _make_before(original, work, out, dtype)
        tune(name, original, _banks(work), recipe, work, out, dtype)
    else:
        train(name, _banks(work), RECIPES[name], work, out, dtype)


def _make_before(name: str, work: Path, out: Path, dtype: str) -> None:
    """A CLIP that another model begins with, unless `out` holds it, made by the recipe of today."""
    if (out / f"{name}.json").is_file():
        card, _ = read_demo_weights(name, out)
        wanted = plain(RECIPES[name])
        if {key: card["training"].get(key) for key in wanted} == wanted:
            return
    make(name, work, out, dtype)


def _make_segmenter(name: str, work: Path, out: Path, dtype: str) -> None:
    if name != "demo-dis":
        _make_before(SEEN_THROUGH, work, out, dtype)
    folder, recipe = work / "banks" / "scenes", SEGMENTERS[name]
    write_scenes(folder, *SCENES)
    scenes = read_scenes(folder)
    if name == "demo-dis":
        train_dis.train(name, scenes, recipe, work, out, dtype=dtype)
    elif name == "demo-sam":
        train_sam.train(name, SEEN_THROUGH, scenes, recipe, work, out, dtype=dtype)
    else:
        train_clipseg.train(name, SEEN_THROUGH, scenes, recipe, work, out)


def _banks(work: Path, names: Iterable[str] = BANKS) -> dict[str, Bank]:
    for bank in names:
        write_bank(work / "banks" / bank, bank, *BANKS[bank])
    return {bank: read_bank(work / "banks" / bank) for bank in names}


def main() -> None:
    logging.basicConfig(level=logging.INFO)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", choices=NAMES, metavar="name")
    parser.add_argument("--work", type=Path, default=Path("build/training"), help="pictures and unfinished trainings")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="where the weights go")
    parser.add_argument(
        "--dtype", choices=DTYPES, default="bfloat16",
        help="of the products in training; those of demo-clipseg and demo-acr are float32",
    )  # fmt: skip
    arguments = parser.parse_args()
    for name in arguments.names:
        make(name, arguments.work, arguments.out, arguments.dtype)


if __name__ == "__main__":
    main()
