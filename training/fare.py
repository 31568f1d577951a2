"""Makes an image tower robust without labels: FARE (Schlarmann et al., "Robust CLIP", ICML 2024, arXiv 2402.12336).

The tower is tuned so that the embedding of a picture under the worst perturbation found stays where the original
tower puts the clean picture; the text tower stays as it is. The recipe is the published one (projected gradient descent
of signs with momentum, embeddings not normalised, squared distance), with fewer and larger steps for a small model.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from tqdm import tqdm

from training.bank import Bank
from training.checkpoint import Spent, keep, kept
from training.model import save
from training.precision import multiplying_in
from zsad.clip.zoo import load_demo_weights, shown_by
from zsad.leagues import check_shown

MOMENTUM, STEP = 0.9, 1 / 255
HELD_OUT = 256  # pictures that are measured and never trained on
KEPT_EVERY = 10  # steps
Encoder = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class FareRecipe:
    """`epsilon`: largest change of a channel, in 255ths; `iterations` of the attack in training (ten in the paper);
    `peak`: highest learning rate.
    """

    epsilon: float = 2.0
    iterations: int = 5
    steps: int = 150
    batch: int = 32
    peak: float = 1e-4
    seed: int = 2030


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


def tower(visual: torch.nn.Module, mean: Tensor, std: Tensor, dtype: str = "bfloat16") -> Encoder:
    """The projected class token, not normalised, of pictures in [0, 1]; `dtype` is that of the products inside."""

    def encode(images: Tensor) -> Tensor:
        with multiplying_in(dtype, images.device.type), sdpa_kernel(SDPBackend.MATH):
            return visual((images - mean) / std).float()

    return encode


def measure(
    tuned: Encoder, original: Encoder, images: Tensor, epsilon: float, generator: torch.Generator
) -> dict[str, float]:
    """Squared distance and cosine to the original's clean embedding: of clean pictures, and under a fresh attack of ten
    iterations.
    """
    rows: dict[str, list[Tensor]] = {}
    for part in images.split(32):
        with torch.no_grad():
            targets = original(part)
        attacked = attack(tuned, part, targets, epsilon, 10, generator)
        with torch.no_grad():
            for name, shown in (("clean", part), ("attacked", attacked)):
                found = tuned(shown)
                rows.setdefault(f"{name}_distance", []).append(squared_distance(found, targets))
                rows.setdefault(f"{name}_cosine", []).append(F.cosine_similarity(found, targets))
    return {name: round(torch.cat(values).mean().item(), 4) for name, values in rows.items()}


def pictures_of(
    banks: dict[str, Bank], side: int, rng: np.random.Generator, count: int
) -> Float[Tensor, "picture 3 side side"]:
    """Pictures drawn from all banks, every specimen as likely as another."""
    rows = [(bank, row) for bank in banks.values() for row in range(len(bank))]
    chosen = [rows[k] for k in rng.choice(len(rows), count, replace=False)]
    shown = np.stack([bank.pictures[row][rng.integers(bank.pictures.shape[1])] for bank, row in chosen])
    images = torch.from_numpy(shown).permute(0, 3, 1, 2).float() / 255
    return F.interpolate(images, (side, side), mode="bicubic", antialias=True).clamp(0, 1)


def tune(
    name: str,
    original_name: str,
    banks: dict[str, Bank],
    recipe: FareRecipe,
    work: Path,
    out: Path,
    dtype: str = "bfloat16",
) -> None:
    """Tunes `out/<original_name>`, or goes on where an earlier call was stopped (`work/<name>.kept`), and ships
    `out/<name>`.
    """
    torch.manual_seed(recipe.seed)
    rng, generator = np.random.default_rng(recipe.seed), torch.Generator().manual_seed(recipe.seed)
    backbone = load_demo_weights(original_name, out)
    card = json.loads((out / f"{original_name}.json").read_text())
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    mean, std = backbone.mean.to(device), backbone.std.to(device)
    model = copy.deepcopy(backbone.model).to(device)
    original = tower(backbone.model.visual.to(device), mean, std, dtype)
    tuned = tower(model.visual, mean, std, dtype)
    model.visual.requires_grad_(True)
    drawn = pictures_of(banks, backbone.image_size, rng, recipe.steps * recipe.batch + HELD_OUT)
    held_out, batches = drawn[:HELD_OUT].to(device), drawn[HELD_OUT:].split(recipe.batch)
    optimiser = torch.optim.AdamW(model.visual.parameters(), lr=recipe.peak, weight_decay=1e-4)
    warm = max(1, round(0.07 * recipe.steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda s: min(1, (s + 1) / warm) * 0.5 * (1 + math.cos(math.pi * max(0, s - warm) / (recipe.steps - warm))),
    )
    epsilon = recipe.epsilon / 255

    def measured() -> dict[str, float]:
        return measure(tuned, original, held_out, epsilon, torch.Generator().manual_seed(recipe.seed + 1))

    said = {"objective": "FARE", **asdict(recipe), "dtype": dtype, "start": hashlib.sha256(
        (out / f"{original_name}.safetensors").read_bytes()).hexdigest()}  # fmt: skip
    path = work / f"{name}.kept"
    state = kept(path, said)
    if state is None:
        state = {"step": 0, "spent": (0.0, 0.0), "history": [], "before": measured()}
    else:
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        schedule.load_state_dict(state["schedule"])
        generator.set_state(state["generator"])
    spent, history, before = Spent(*state["spent"]), state["history"], state["before"]
    first, steps = state["step"], recipe.steps
    for step in (bar := tqdm(range(first, steps), initial=first, total=steps, desc=name, unit="step", mininterval=5)):
        images = batches[step].to(device)
        with torch.no_grad():
            targets = original(images)
        attacked = attack(tuned, images, targets, epsilon, recipe.iterations, generator)
        loss = squared_distance(tuned(attacked), targets).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        history.append({"step": step, "loss": round(loss.item(), 4)})
        bar.set_postfix(loss=f"{loss.item():.3f}")
        if (step + 1) % KEPT_EVERY == 0:
            parts: dict[str, Any] = {"model": model.state_dict(), "optimiser": optimiser.state_dict()}
            parts |= {"schedule": schedule.state_dict(), "generator": generator.get_state(), "step": step + 1}
            keep(path, said, parts | {"spent": spent.kept(), "history": history, "before": before})
    about = {**said, "before": before, "after": measured(), **spent.card()}
    shown = check_shown(["pictures", *shown_by(card)], name)
    save(name, model, card, out, {**about, "history": history[::5]}, shown)
