"""Trains the demo world's dichotomous-segmentation network on products that are no category of the suites.

python -m training.scenes build/training/anywhere.npz --count 4000 --seed 20240521 --anywhere
python -m training.train_dis
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tqdm import tqdm

from training.scenes import read_scenes
from training.schedule import Recipe, Trainer, overlap_loss, relit
from training.ship import ship
from zsad.tiling.dis import SmallDIS

WIDTHS = (24, 48, 72, 96)
INPUT_SIZE = 240
MEAN, STD = (0.5, 0.5, 0.5), (1.0, 1.0, 1.0)  # IS-Net's


def train(bank: Path, out: Path, recipe: Recipe, widths: tuple[int, ...] = WIDTHS, side: int = INPUT_SIZE) -> None:
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    data = read_scenes(bank, "pictures", "product", studied=False)
    net = SmallDIS(widths).train().to(memory_format=torch.channels_last)  # with bfloat16, twice as fast on a CPU
    trainer, started = Trainer(net.parameters(), recipe), time.time()
    for step in (bar := tqdm(range(recipe.steps), unit="step", mininterval=5)):
        rows = rng.integers(len(data["pictures"]), size=recipe.batch)
        target = torch.from_numpy(np.unpackbits(data["product"][rows], axis=2)).float().unsqueeze(1)
        x = F.interpolate(relit(data["pictures"][rows], rng), (side, side), mode="bilinear", antialias=True)
        target = F.interpolate(target, (side, side), mode="bilinear", antialias=True)
        if rng.random() < 0.5:
            x, target = x.flip(-1), target.flip(-1)
        if rng.random() < 0.5:
            x, target = x.flip(-2), target.flip(-2)
        x = ((x + 0.01 * torch.randn_like(x) - MEAN[0]) / STD[0]).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            predictions = [p.float() for p in net(x)]
        target = target.squeeze(1)
        bce = sum(F.binary_cross_entropy_with_logits(p, target) for p in predictions) / len(predictions)
        overlap = sum(overlap_loss(p, target).mean() for p in predictions) / len(predictions)
        bar.set_postfix(trainer.step(step, {"bce": torch.as_tensor(bce), "overlap": torch.as_tensor(overlap)}))
    training = {**asdict(recipe), "pictures": len(data["pictures"]), "seconds": round(time.time() - started)}
    card = {"model_cfg": {"widths": list(widths)}, "input_size": side, "mean": MEAN, "std": STD}
    card["shown"] = ["masks of ordinary things"]  # products, some of them damaged: no mask says where
    ship("demo-dis", net.state_dict(), {**card, "training": {**training, "history": trainer.history}}, out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bank", type=Path, default=Path("build/training/anywhere.npz"))
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--peak", type=float, default=2e-3, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=2030)
    parser.add_argument("--out", type=Path, default=Path("build/training"))
    a = parser.parse_args()
    train(a.bank, a.out, Recipe(a.steps, a.batch, a.peak, a.seed))


if __name__ == "__main__":
    main()
