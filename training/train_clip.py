"""Trains a demo CLIP from pictures and captions: only the class token of a picture meets a text.

Every picture is seen whole, and details of products also through blocks of patches of several sizes; whatever is kept
of a picture, its caption is that of the whole. Specimens before and after damage lie in one batch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from training.bank import Bank
from training.captions import vocabulary
from training.checkpoint import Spent, keep, kept
from training.losses import contrastive_loss, twin_loss
from training.model import MEAN, STD, build, decayed, embed, patch_tokens, save
from training.precision import multiplying_in
from training.sampler import Batch, Sampler, draw_blocks
from zsad.clip import text as text_tower

KEPT_EVERY = 100  # steps


@dataclass(frozen=True)
class Recipe:
    """How a demo CLIP is trained.

    Attributes:
        shape: a name of `training.model.MODELS`.
        counts: specimens a step of each bank (see `training.sampler.Sampler`).
        augmentation: see `Sampler`.
        steps, peak: length of the schedule (a short warm-up, then one cosine) and its highest learning rate.
        scale: factor on cosines in the loss, at first and in the end, with steps of one ratio between. CLIP learns its
            own, from 14 to 100; a tower in bfloat16 would begin with differences between cosines that it rounds away.
        partial, kept: during this share of the steps a block of kept x kept patches stands for the whole picture.
        blocks: sizes of further blocks, one a picture each. detail: a block must show at least this share of the width
            of what the picture would show without zoom.
        seed: of weights, order, words and blocks.
    """

    shape: str
    counts: Mapping[str, int]
    augmentation: str
    steps: int
    peak: float
    scale: tuple[float, float]
    partial: float
    kept: int
    blocks: tuple[int, ...]
    detail: float
    seed: int


class Run:
    """A training under way: what a step changes, and what is kept of it on disk."""

    def __init__(self, recipe: Recipe, banks: dict[str, Bank], dtype: str = "bfloat16") -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.rng, self.dtype = recipe, np.random.default_rng(recipe.seed), dtype
        pictures = {name: [bank.seed, len(bank)] for name, bank in banks.items()}
        self.said = {**plain(recipe), "pictures": pictures, "dtype": dtype}
        self.words = vocabulary()
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model, self.config, self.tokenizer = build(recipe.shape, self.words)
        self.model.to(self.device)
        self.model.logit_scale.requires_grad_(False).fill_(math.log(recipe.scale[1]))
        self.sampler = Sampler(banks, dict(recipe.counts), recipe.augmentation, self.rng)
        self.optimiser = torch.optim.AdamW(decayed(self.model), lr=recipe.peak, betas=(0.9, 0.98))
        warm = max(1, recipe.steps // 20)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimiser,
            lambda step: min(1, (step + 1) / warm) * 0.5 * (1 + math.cos(math.pi * min(1, step / recipe.steps))),
        )
        self.mean, self.std = (torch.tensor(v, device=self.device).view(3, 1, 1) for v in (MEAN, STD))
        self.done, self.spent = 0, Spent()
        self.history: list[dict[str, float]] = []

    def step(self) -> dict[str, float]:
        """One step down the loss; returns its terms."""
        batch = self.sampler.draw()
        terms = self._terms(batch)
        self.optimiser.zero_grad(set_to_none=True)
        sum(terms.values(), torch.zeros((), device=self.device)).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.schedule.step()
        self.done += 1
        return {name: round(value.item(), 4) for name, value in terms.items()}

    def _terms(self, batch: Batch) -> dict[str, Tensor]:
        # Differences between cosines near 1 are multiplied: they need float32. The towers do not.
        texts, views = self._embedded(batch)
        true = batch.true.to(self.device)
        first, last = self.recipe.scale
        texts = first * (last / first) ** (self.done / self.recipe.steps) * texts
        whole, *blocks = (view for view, _ in views)
        logits, paired = whole @ texts.T, 2 * batch.pairs
        terms = {"picture": contrastive_loss(logits, true), "text": contrastive_loss(logits.T, true.T)}
        terms["twin"] = twin_loss(*_by_state(whole[:paired]), *_by_state(texts[:paired]))
        if blocks:
            seen, rows = torch.cat(blocks), torch.cat([row for _, row in views[1:]])
            terms["block"] = contrastive_loss(seen @ texts.T, true[rows])
            own = rows < paired
            terms["block twin"] = twin_loss(*_by_state(seen[own]), *_by_state(texts[rows[own]]))
        return terms

    def _embedded(self, batch: Batch) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        """Captions, and views: of every picture, then blocks of details; each with the numbers of its pictures."""
        recipe, visual = self.recipe, self.model.visual
        side, grid = visual.image_size[0], visual.grid_size[0]
        x = batch.pictures.to(self.device)
        if x.shape[-1] != side:
            x = F.interpolate(x, (side, side), mode="bicubic", antialias=True).clamp(0, 1)
        ids = self.tokenizer([caption.text for caption in batch.captions]).to(self.device)
        with multiplying_in(self.dtype, self.device.type):
            texts = F.normalize(text_tower.encode(self.model, ids).float(), dim=-1)
            tokens = patch_tokens(visual, (x - self.mean) / self.std)
            whole = None
            if self.done < recipe.partial * recipe.steps:
                whole = draw_blocks(batch.specimens, grid, recipe.kept, self.rng).to(self.device)
            views = [(embed(visual, tokens, whole), torch.arange(len(x), device=self.device))]
            for size in recipe.blocks:
                close = np.flatnonzero(size / grid * batch.zooms >= recipe.detail)
                if len(close):
                    kept = draw_blocks(batch.specimens[close], grid, size, self.rng).to(self.device)
                    rows = torch.from_numpy(close).to(self.device)
                    views.append((embed(visual, tokens[rows], kept), rows))
        return texts, views

    def keep(self, path: Path) -> None:
        """Everything that the next step depends on."""
        keep(path, self.said, {
            "done": self.done, "spent": self.spent.kept(), "history": self.history, "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(), "schedule": self.schedule.state_dict(),
            "rng": self.rng.bit_generator.state,
        })  # fmt: skip

    def go_on(self, path: Path) -> None:
        """From what was kept of this recipe, if anything was."""
        if (state := kept(path, self.said)) is None:
            return
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        self.rng.bit_generator.state = state["rng"]
        self.done, self.spent, self.history = state["done"], Spent(*state["spent"]), state["history"]


def _by_state(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Rows of specimens before and after damage, which take turns."""
    before, after = rows.unflatten(0, (-1, 2)).unbind(1)
    return before, after


def plain(recipe: Recipe) -> dict[str, Any]:
    """A recipe as a card keeps it."""
    return {**asdict(recipe), "counts": dict(recipe.counts), "blocks": list(recipe.blocks), "scale": list(recipe.scale)}


def train(name: str, banks: dict[str, Bank], recipe: Recipe, work: Path, out: Path, dtype: str = "bfloat16") -> None:
    """Trains, or goes on where an earlier call was stopped (`work/<name>.kept`), and ships `out/<name>`.

    Args:
        dtype: of the towers' products, "bfloat16" or "float32"; weights, cosines and losses are float32 either way.
    """
    path = work / f"{name}.kept"
    run = Run(recipe, banks, dtype)
    run.go_on(path)
    bar = tqdm(
        range(run.done, recipe.steps), initial=run.done, total=recipe.steps, desc=name, unit="step", mininterval=5
    )
    for step in bar:
        terms = run.step()
        if step % 10 == 0 or run.done == recipe.steps:
            run.history.append({"step": step, **terms})
            bar.set_postfix({term: f"{value:.3f}" for term, value in terms.items()})
        if run.done % KEPT_EVERY == 0 or run.done == recipe.steps:
            run.keep(path)
    about = {**run.said, **run.spent.card(), "history": run.history}
    save(name, run.model, {"model_cfg": run.config, "vocabulary": run.words}, out, about)
