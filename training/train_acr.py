"""Meta-trains the demo world's head of ACR on undamaged products that are no category of the suites.

    python -m training.make demo-acr                                the one that ships
    python -m training.train_acr --noise 2 --name other --out .     others, of the pictures that it rendered

A task is one named family of `training.families` and one place of the picture. No damage is shown, and no label.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor

from training.bank import Bank, read_bank
from training.families import FAMILIES
from zsad.auxiliary.acr import MetaRecipe, meta_train
from zsad.clip import Backbone, load_backbone
from zsad.clip.ship import ship
from zsad.clip.zoo import WEIGHTS
from zsad.detectors.acr import two_thirds
from zsad.detectors.patch_features import TowerFeatures

NAME, BACKBONE = "demo-acr", "demo-b"
BANKS = ("damaged", "posed")  # of the first, what a specimen was before its damage
HIDDEN = (96, 48, 24)
RECIPE = MetaRecipe()


def families(banks: Sequence[Bank]) -> dict[str, list[ndarray]]:
    """Whole, undamaged pictures (side, side, 3) of each named family."""
    found: dict[str, list[ndarray]] = {name: [] for name in FAMILIES}
    for bank in banks:
        for row in bank.undamaged_families():
            found[str(bank.products[row])].append(bank.pictures[row, 0])
    return found


def extracted(extractor: TowerFeatures, pictures: Sequence[ndarray], batch: int = 32) -> Tensor:
    """Features of pictures (image, patch, channel)."""
    images = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        return torch.cat([extractor(part) for part in images.split(batch)])


def train(
    banks: Sequence[Bank],
    backbone: Backbone,
    recipe: MetaRecipe,
    out: Path,
    name: str = NAME,
    hidden: Sequence[int] = HIDDEN,
) -> None:
    """Meta-trains a head for patch tokens of a backbone and ships it to `out`."""
    started, tap = time.process_time(), two_thirds(backbone.blocks)
    extractor = TowerFeatures(backbone, tap)
    shown = families(banks)
    classes = [extracted(extractor, pictures) for pictures in shown.values()]
    head, noise, losses = meta_train(classes, hidden, recipe)
    training = {
        **asdict(recipe),
        "pictures": {name: len(pictures) for name, pictures in shown.items()},
        "core_seconds": round(time.process_time() - started),
        "history": [{"step": step, "loss": loss} for step, loss in enumerate(losses)],
    }
    card = {
        "shown": ["pictures"],
        "model_cfg": {"width": classes[0].shape[2], "hidden": list(hidden)},
        "extractor": extractor.digest,
        "extractor_name": f"{backbone.name}, block {tap}",
        "noise": noise,
        "training": training,
    }
    ship(name, head.state_dict(), card, out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--banks", type=Path, default=Path("build/training/banks"))
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="where the weights go")
    parser.add_argument("--name", default=NAME)
    for field, value in asdict(RECIPE).items():
        parser.add_argument(f"--{field.replace('_', '-')}", type=type(value), default=value)
    given = vars(parser.parse_args())
    recipe = MetaRecipe(**{field: given[field] for field in asdict(RECIPE)})
    banks = [read_bank(given["banks"] / bank) for bank in BANKS]
    train(banks, load_backbone(BACKBONE), recipe, given["out"], given["name"])


if __name__ == "__main__":
    main()
