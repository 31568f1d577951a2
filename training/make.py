"""Makes a demo CLIP from nothing: renders its pictures, trains it, and ships its weights with their card.

    python -m training.make demo-b
    python -m training.make demo-b-colour demo-b-turned demo-l demo-l-fare2

What an earlier call has finished is kept in `build/training`, and one that was stopped goes on. On one machine, with as
many threads, the same files come out.
"""

from __future__ import annotations

import argparse
import logging
from dataclasses import replace
from pathlib import Path

from training.bank import read_bank, write_bank
from training.fare import FareRecipe, tune
from training.train_clip import Recipe, train
from zsad.clip.zoo import WEIGHTS

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


def make(name: str, work: Path, out: Path) -> None:
    """One model into `out`, with everything that it needs before it; `work` holds what an earlier call has done."""
    for bank, (count, seed) in BANKS.items():
        write_bank(work / "banks" / bank, bank, count, seed)
    banks = {bank: read_bank(work / "banks" / bank) for bank in BANKS}
    if name in FARE:
        original, recipe = FARE[name]
        make(original, work, out)
        tune(name, original, banks, recipe, work, out)
    else:
        train(name, banks, RECIPES[name], work, out)


def main() -> None:
    logging.basicConfig(level=logging.INFO)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", choices=[*RECIPES, *FARE], metavar="name")
    parser.add_argument("--work", type=Path, default=Path("build/training"), help="pictures and unfinished trainings")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="where the weights go")
    arguments = parser.parse_args()
    for name in arguments.names:
        make(name, arguments.work, arguments.out)


if __name__ == "__main__":
    main()
