"""Makes an image tower robust without labels: FARE (Schlarmann et al., "Robust CLIP", ICML 2024, arXiv 2402.12336).

    python -m training.train_fare demo-l

The tower is tuned so that the embedding of a picture under the worst perturbation found stays where the original
tower puts the clean picture; the text tower stays as it is. The recipe is the published one (projected gradient descent
of signs with momentum, embeddings not normalised, squared distance), with fewer and larger steps for a small model.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from training.model import save
from training.sampler import read_banks
from zsad.clip.zoo import WEIGHTS, load_demo_weights

EPSILON, STEP, MOMENTUM = 2 / 255, 1 / 255, 0.9
HELD_OUT = 256  # pictures at the end of the banks that are measured and never trained on
Encoder = Callable[[Tensor], Tensor]


def squared_distance(a: Float[Tensor, "image dim"], b: Float[Tensor, "image dim"]) -> Float[Tensor, " image"]:
    return (a - b).float().square().sum(1)


def attack(
    encoder: Encoder,
    images: Float[Tensor, "image 3 height width"],
    targets: Float[Tensor, "image dim"],
    epsilon: float,
    iterations: int,
    generator: torch.Generator,
) -> Float[Tensor, "image 3 height width"]:
    """Pictures within `epsilon` (largest change of a channel, images in [0, 1]) whose embedding lies far from the
    targets: the last iterate of projected gradient ascent from a random start.
    """
    start = torch.rand(images.shape, generator=generator).to(images) * 2 - 1
    change = (images + start * epsilon).clamp(0, 1) - images
    velocity = torch.zeros_like(images)
    for _ in range(iterations):
        change.requires_grad_(True)
        loss = squared_distance(encoder(images + change), targets).sum()
        (gradient,) = torch.autograd.grad(loss, change)
        velocity = MOMENTUM * velocity + gradient.sign()
        moved = (change.detach() + STEP * velocity.sign()).clamp(-epsilon, epsilon)
        change = (images + moved).clamp(0, 1) - images
    return (images + change).detach()


def tower(visual: torch.nn.Module, mean: Tensor, std: Tensor) -> Encoder:
    """The projected class token, not normalised, of pictures in [0, 1]; bfloat16 inside."""

    def encode(images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, torch.bfloat16):
            return visual((images - mean) / std).float()

    return encode


def measure(
    tuned: Encoder, original: Encoder, images: Tensor, iterations: int, generator: torch.Generator
) -> dict[str, float]:
    """Squared distance and cosine to the original's clean embedding: of clean pictures, and under a fresh attack."""
    rows: dict[str, list[Tensor]] = {}
    for part in images.split(32):
        with torch.no_grad():
            targets = original(part)
        attacked = attack(tuned, part, targets, EPSILON, iterations, generator)
        with torch.no_grad():
            for name, shown in (("clean", part), ("attacked", attacked)):
                found = tuned(shown)
                rows.setdefault(f"{name}_distance", []).append(squared_distance(found, targets))
                rows.setdefault(f"{name}_cosine", []).append(F.cosine_similarity(found, targets))
    return {name: round(torch.cat(values).mean().item(), 4) for name, values in rows.items()}


def train(arguments: argparse.Namespace) -> None:
    started = time.time()
    torch.manual_seed(arguments.seed)
    rng, generator = np.random.default_rng(arguments.seed), torch.Generator().manual_seed(arguments.seed)
    backbone = load_demo_weights(arguments.name, arguments.weights)
    card = json.loads((arguments.weights / f"{arguments.name}.json").read_text())
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    mean, std = backbone.mean.to(device), backbone.std.to(device)
    model = copy.deepcopy(backbone.model).to(device)
    original = tower(backbone.model.visual.to(device), mean, std)
    tuned = tower(model.visual, mean, std)
    model.visual.requires_grad_(True)
    pictures = read_banks(arguments.bank)["pictures"]
    order = rng.choice(len(pictures) - HELD_OUT, arguments.steps * arguments.batch)
    optimiser = torch.optim.AdamW(model.visual.parameters(), lr=arguments.peak, weight_decay=1e-4)
    warm = max(1, round(0.07 * arguments.steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda s: min(1, (s + 1) / warm) * 0.5 * (1 + math.cos(math.pi * max(0, s - warm) / (arguments.steps - warm))),
    )

    def batch(rows: np.ndarray) -> Tensor:
        images = torch.from_numpy(pictures[rows]).to(device).permute(0, 3, 1, 2).float() / 255
        side = backbone.image_size
        return F.interpolate(images, (side, side), mode="bicubic", antialias=True).clamp(0, 1)

    held_out = batch(np.arange(len(pictures) - HELD_OUT, len(pictures)))

    def measured() -> dict[str, float]:
        return measure(tuned, original, held_out, 10, torch.Generator().manual_seed(arguments.seed + 1))

    before, history = measured(), []
    bar = tqdm(range(arguments.steps), unit="step", mininterval=5)
    for step in bar:
        images = batch(order[step * arguments.batch : (step + 1) * arguments.batch])
        with torch.no_grad():
            targets = original(images)
        attacked = attack(tuned, images, targets, EPSILON, arguments.iterations, generator)
        loss = squared_distance(tuned(attacked), targets).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 10 == 0 or step == arguments.steps - 1:
            history.append({"step": step, "loss": round(loss.item(), 4)})
            bar.set_postfix(loss=f"{loss.item():.3f}")
    recipe = {
        "objective": "FARE",
        "epsilon": "2/255",
        "iterations": arguments.iterations,
        "steps": arguments.steps,
        "batch": arguments.batch,
        "peak": arguments.peak,
        "seed": arguments.seed,
        "start": card["sha256"],
        "before": before,
        "after": measured(),
        "seconds": round(time.time() - started),
        "history": history,
    }
    save(f"{arguments.name}-fare2", model, card["model_cfg"], card["vocabulary"], arguments.out, recipe)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=["demo-b", "demo-l"])
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of the original's weights")
    parser.add_argument("--bank", type=Path, nargs="+", default=[Path("build/training/fine.npz")])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--iterations", type=int, default=4, help="of the attack in training; ten in the paper")
    parser.add_argument("--peak", type=float, default=1e-4, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=2030)
    parser.add_argument("--out", type=Path, default=Path("build/training"))
    train(parser.parse_args())


if __name__ == "__main__":
    main()
