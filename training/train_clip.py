"""Trains a demo CLIP: an open_clip model whose image tower sees whole pictures and small windows of patch tokens.

    python -m training.bank build/training/fine.npz
    python -m training.bank build/training/bold.npz --bold
    python -m training.bank build/training/pairs.npz --bold --pairs
    python -m training.train_clip demo-b

Each view (the picture, or a window of k x k patch tokens) is described by the state of what it shows itself. The loss
has four terms: a cross-entropy over the captions of the batch for views large enough to tell the product; for every
view, its own state against the opposite one of its own product; the same for every patch token of the whole picture,
after the last block and before it, so that a small model learns where damage is from few pictures; and for every
specimen shown before and after damage, that the second picture is the more damaged one. The categories of the suites,
only ever seen undamaged, have a small weight in the second and third and are not in the fourth.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from tqdm import tqdm

from training.losses import naming_loss, state_loss
from training.model import MEAN, MODELS, STD, build, embed, inherit, patch_tokens, save
from training.sampler import NAMES, Sampler, read_banks, window_indices
from training.world import STUDIED, Shot, caption, vocabulary
from zsad.clip import text as text_tower

SHARE_OF_STUDIED = 0.3  # weight of a suite's category, which is never seen damaged, where states are told apart
ALIGNED = 5  # windows of this size and whole pictures are also matched to the product's name
SEEN_DAMAGED, UNCLEAR = 0.06, 0.0  # area of damage in a window, in patches: above the first, damaged; above 0, unclear


@dataclass(frozen=True)
class Recipe:
    """One stage of training.

    Attributes:
        steps, stop: length of the learning-rate schedule, and where to end it. batch: pictures a step.
        pairs: pictures of a batch that come with their undamaged twin, which counts in `batch` too.
        peak: highest learning rate. seed: of weights, order, windows and words.
        windows: sizes of the windows drawn from every picture.
        partial: share of the schedule during which 100 random patches stand for the whole picture.
        whole: weight of the whole picture's state against that of a window.
    """

    steps: int
    stop: int
    batch: int
    pairs: int
    peak: float
    seed: int
    windows: tuple[int, ...]
    partial: float
    whole: float


def train(name: str, banks: list[Path], twins: Path, out: Path, start: Path | None, recipe: Recipe) -> None:
    steps, stop, batch, peak, seed = recipe.steps, recipe.stop, recipe.batch, recipe.peak, recipe.seed
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    sampler = Sampler(read_banks(banks), read_banks([twins]), rng)
    studied = torch.tensor([product in STUDIED for product in NAMES])
    words = vocabulary()
    model, config, tokenizer = build(name, words)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if start is not None:
        inherit(model, tokenizer, json.loads(start.with_suffix(".json").read_text()), load_file(start))
    model = model.to(device)
    visual = model.visual
    side, grid = visual.image_size[0], visual.grid_size[0]
    mean, std = (torch.tensor(v, device=device).view(3, 1, 1) for v in (MEAN, STD))
    decay = [p for p in model.parameters() if p.ndim > 1]
    rest = [p for p in model.parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW(
        [{"params": decay, "weight_decay": 0.05}, {"params": rest, "weight_decay": 0.0}], lr=peak, betas=(0.9, 0.98)
    )
    warm = max(1, steps // 15)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda s: min(1, (s + 1) / warm) * 0.5 * (1 + math.cos(math.pi * min(1, s / steps)))
    )
    history, started = [], time.time()
    bar = tqdm(range(stop), unit="step", mininterval=5)
    for step in bar:
        drawn = sampler.draw(recipe.pairs, batch - 2 * recipe.pairs)
        products, defects = drawn.products, drawn.defects
        x = torch.from_numpy(drawn.pictures).to(device).permute(0, 3, 1, 2).float() / 255
        if x.shape[-1] != side:
            x = F.interpolate(x, (side, side), mode="bicubic", antialias=True)
        exposure = rng.uniform(0.9, 1.1, (batch, 1, 1, 1)).astype(np.float32)
        exposure[recipe.pairs : 2 * recipe.pairs] = exposure[: recipe.pairs]
        x = ((x * torch.from_numpy(exposure).to(device)).clamp(0, 1) - mean) / std
        cell = F.adaptive_avg_pool2d(torch.from_numpy(drawn.masks).float(), grid).numpy()
        keep = 100 if step < recipe.partial * steps else grid**2  # a part will do to begin with, and is cheaper
        sizes = [0, *recipe.windows]
        sets = [np.argsort(rng.random((batch, grid**2)), 1)[:, :keep]]
        sets += [window_indices(cell, size, recipe.pairs, rng) for size in recipe.windows]
        flat = cell.reshape(batch, -1)
        area = np.stack([np.take_along_axis(flat, s, 1).sum(1) for s in sets])
        clear = torch.from_numpy((area >= SEEN_DAMAGED) | (area <= UNCLEAR)).to(device)
        damaged = torch.from_numpy(area >= SEEN_DAMAGED)
        sampled = sorted(set(products.tolist()))
        sides = [(p, d) for p in sampled for d in (False, True)]
        examples = {p: [d for q, d in zip(products, defects, strict=True) if q == p and d] for p in sampled}
        texts = []
        for product, is_damaged in sides:
            known = examples[product]
            for _ in range(2):
                defect = str(known[rng.integers(len(known))]) if known else None
                texts.append(caption(Shot(NAMES[product], defect), is_damaged, rng))
        text_products = torch.tensor([p for p, _ in sides for _ in range(2)], device=device)
        text_damaged = torch.tensor([d for _, d in sides for _ in range(2)], device=device)
        ids = tokenizer(texts).to(device)
        with torch.autocast(device.type, torch.bfloat16):
            tokens = patch_tokens(visual, x)
            views, patches = [], []
            for size in dict.fromkeys(sizes):  # views of one size go through the tower together
                indices = torch.from_numpy(np.concatenate([x for x, k in zip(sets, sizes, strict=True) if k == size]))
                indices = indices.to(device)[..., None].expand(-1, -1, tokens.shape[-1])
                whole, *parts = embed(visual, tokens.repeat(sizes.count(size), 1, 1).gather(1, indices))
                views.append(whole)
                patches = parts if size == 0 else patches
            text_features = F.normalize(text_tower.encode(model, ids).float(), dim=-1)
        product_of_image = torch.from_numpy(products).to(device)
        known = torch.where(studied.to(device)[product_of_image], SHARE_OF_STUDIED, 1.0)
        scale = model.logit_scale.exp().clamp(max=100)
        # one direction a product: from the mean of its undamaged captions to the mean of its damaged ones
        ends = {(p, d): text_features[(text_products == p) & (text_damaged == d)].mean(0) for p, d in sides}
        direction = torch.stack([ends[p, True] - ends[p, False] for p in products.tolist()])

        chosen = clear.flatten()
        every = {"product": product_of_image, "known": known, "direction": direction}
        every = {key: torch.cat([value] * len(sets))[chosen] for key, value in every.items()}
        size_of = torch.tensor(sizes, device=device).repeat_interleave(batch)[chosen]
        view, is_damaged = torch.cat(views)[chosen], damaged.flatten().to(device)[chosen]
        named = (size_of == 0) | (size_of >= ALIGNED)
        align = naming_loss(
            view[named], every["product"][named], is_damaged[named], text_features, text_products, text_damaged, scale
        )
        weight = every["known"] * torch.where(size_of == 0, recipe.whole, 1.0)
        state = state_loss(view, is_damaged, every["direction"], scale, weight)

        cell_area = torch.from_numpy(np.take_along_axis(flat, sets[0], 1)).to(device)
        hit = cell_area >= SEEN_DAMAGED
        balance = torch.where(hit, (~hit).sum() / hit.sum().clamp(min=1), 1.0) * ((cell_area == 0) | hit)
        dense = sum(state_loss(p, hit, direction[:, None], scale, balance * known[:, None]) for p in patches) / 2
        logit = scale * (views[0][:batch] * direction).sum(-1)
        pair = F.softplus(logit[recipe.pairs : 2 * recipe.pairs] - logit[: recipe.pairs]).mean()
        loss = 0.5 * align + 2 * state + dense + pair
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if step % 10 == 0 or step == stop - 1:
            terms = {"align": align, "state": state, "dense": dense, "pair": pair}
            history.append({"step": step, **{key: round(value.item(), 4) for key, value in terms.items()}})
            bar.set_postfix({key: f"{value.item():.3f}" for key, value in terms.items()}, scale=f"{scale.item():.1f}")
        if step % 100 == 99 or step == stop - 1:
            save(
                name,
                model,
                config,
                words,
                out,
                {
                    **asdict(recipe),
                    "pictures": len(sampler.single["products"]),
                    "specimens": len(sampler.paired["products"]),
                    "start": hashlib.sha256(start.read_bytes()).hexdigest() if start else None,
                    "seconds": round(time.time() - started),
                    "history": history,
                },
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(MODELS))
    parser.add_argument(
        "--bank", type=Path, nargs="+", default=[Path("build/training/fine.npz"), Path("build/training/bold.npz")]
    )
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--stop", type=int, help="end early, in the middle of the schedule")
    parser.add_argument("--start", type=Path, help="safetensors of an earlier stage")
    parser.add_argument("--peak", type=float, default=1e-3, help="highest learning rate")
    parser.add_argument("--windows", type=int, nargs="*", default=[2, 2, 2, 2, 3, 3, 3, 3, 4, 5])
    parser.add_argument("--partial", type=float, default=0.5, help="share of the steps that see 100 of the patches")
    parser.add_argument("--whole", type=float, default=4.0, help="weight of the whole picture's state")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--pairs", type=int, default=22, help="of the batch, before and after damage")
    parser.add_argument("--twins", type=Path, default=Path("build/training/pairs.npz"), help="bank of pairs")
    parser.add_argument("--seed", type=int, default=2024)
    parser.add_argument("--out", type=Path, default=Path("build/training"))
    arguments = parser.parse_args()
    recipe = Recipe(
        arguments.steps, arguments.stop or arguments.steps, arguments.batch, arguments.pairs, arguments.peak,
        arguments.seed, tuple(arguments.windows), arguments.partial, arguments.whole,
    )  # fmt: skip
    train(arguments.name, arguments.bank, arguments.twins, arguments.out, arguments.start, recipe)


if __name__ == "__main__":
    main()
