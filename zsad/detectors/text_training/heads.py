"""What tells normal from anomalous embeddings: a small network, a linear layer, or the mean text of each side.

Training takes text embeddings; the trained head then scores image embeddings, which share their space. Numbers are
drawn where the generator lies and moved to the embeddings: with one of the CPU, all devices get the same.
"""

from __future__ import annotations

import copy
import math
from itertools import pairwise
from typing import Literal, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

HeadKind = Literal["fnn", "linear", "arcface", "prototype"]
HEADS: tuple[HeadKind, ...] = get_args(HeadKind)


class FNN(nn.Module):
    """Feed-forward network with GELU between its layers; one layer is a linear classifier.

    Weights are drawn by the generator, in float32, on whose device the network lies.
    """

    def __init__(self, widths: list[int], generator: torch.Generator, dropout: float = 0.0) -> None:
        super().__init__()
        device = generator.device
        # Without a draw of their own, which would come from torch's global generator.
        layers = [nn.utils.skip_init(nn.Linear, *pair, device=device) for pair in pairwise(widths)]
        self.layers = nn.ModuleList(layers)
        self.dropout = dropout
        for layer in layers:
            bound = 1 / math.sqrt(layer.in_features)  # as nn.Linear draws
            for parameter in layer.parameters():
                nn.init.uniform_(parameter, -bound, bound, generator=generator)

    def forward(
        self, features: Float[Tensor, "*batch dim"], generator: torch.Generator | None = None
    ) -> Float[Tensor, "*batch 2"]:
        """Logits of normal and anomalous; with a generator, units are dropped as in training."""
        for layer in self.layers[:-1]:
            features = F.gelu(layer(features))
            if generator is not None and self.dropout:
                kept = torch.rand(features.shape, generator=generator, device=generator.device) >= self.dropout
                features = features * kept.to(features.device) / (1 - self.dropout)
        logits: Tensor = self.layers[-1](features)
        return logits

    def loss(
        self,
        features: Float[Tensor, "text dim"],
        sides: Int[Tensor, " text"],
        weight: Float[Tensor, " side"],
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, ""]:
        """Cross-entropy, weighted by side."""
        return F.cross_entropy(self(features, generator), sides, weight)


class ArcFace(nn.Module):
    """One direction a side; the angle to the right one must be smaller by a margin (Deng et al., CVPR 2019).

    PromptStyler (Cho et al., ICCV 2023, section 4.2) trains this with scale 5 and margin 0.5.
    """

    def __init__(self, dim: int, generator: torch.Generator, scale: float = 5.0, margin: float = 0.5) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(2, dim, generator=generator, device=generator.device))
        self.scale, self.margin = scale, margin

    def forward(self, features: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch 2"]:
        """Logits: scaled cosines, without the margin."""
        return self.scale * features @ F.normalize(self.weight, dim=-1).T

    def loss(
        self,
        features: Float[Tensor, "text dim"],
        sides: Int[Tensor, " text"],
        weight: Float[Tensor, " side"],
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, ""]:
        """Cross-entropy after the margin is added to the angle of the right side."""
        cosines = (self(features) / self.scale).clamp(-1 + 1e-6, 1 - 1e-6)
        with_margin = torch.cos(torch.acos(cosines) + self.margin * F.one_hot(sides, 2))
        return F.cross_entropy(self.scale * with_margin, sides, weight)


class Prototype(nn.Module):
    """No training: logits are cosines to the mean embedding of each side, over a temperature of 0.07."""

    def __init__(self, dim: int, device: torch.device) -> None:
        super().__init__()
        self.means: Tensor
        self.register_buffer("means", torch.zeros(2, dim, device=device))

    def forward(self, features: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch 2"]:
        return features @ self.means.T / 0.07


Head = FNN | ArcFace | Prototype


def make_head(kind: str, dim: int, generator: torch.Generator, layers: int = 2, dropout: float = 0.0) -> Head:
    """An untrained head for embeddings of `dim` numbers.

    Args:
        kind: one of `HEADS`. "fnn" narrows to dim / 2 in its first layer and keeps that up to the last.
    """
    if kind == "prototype":
        return Prototype(dim, generator.device)
    if kind == "arcface":
        return ArcFace(dim, generator)
    hidden = [dim // 2] * (layers - 1) if kind == "fnn" else []
    return FNN([dim, *hidden, 2], generator, dropout)


def train_head(
    head: Head,
    features: Float[Tensor, "text dim"],
    sides: Int[Tensor, " text"],
    generator: torch.Generator,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    noise: float = 0.0,
    held_out: tuple[Tensor, Tensor] | None = None,
    patience: int = 3,
) -> None:
    """Train a head in place with AdamW and leave it frozen. Both sides weigh the same, whatever their numbers.

    Args:
        head: in the dtype and on the device of the features.
        features: unit embeddings of texts.
        sides: 0 normal, 1 anomalous.
        generator: draws the order of the texts, the units that are dropped, and the noise.
        noise: standard deviation of a Gaussian, drawn anew each time, that is added to every number of an embedding
            before it is normalised again.
        held_out: features and sides. Training stops when their loss has not fallen for `patience` epochs, and the
            weights of the best epoch stay.

    Raises:
        ValueError: a side without texts.
    """
    counts = sides.bincount(minlength=2)
    if (counts == 0).any():
        raise ValueError(f"no texts on the {'anomalous' if counts[0] else 'normal'} side: nothing to tell apart")
    if isinstance(head, Prototype):
        head.means.copy_(F.normalize(torch.stack([features[sides == side].mean(dim=0) for side in (0, 1)]), dim=-1))
        return
    weight = (len(sides) / (2 * counts)).to(features.dtype)
    optimiser = torch.optim.AdamW(head.parameters(), lr=learning_rate)
    best, best_weights, epochs_since = math.inf, None, 0
    for _ in range(epochs):
        order = torch.randperm(len(features), generator=generator, device=generator.device).to(features.device)
        for part in order.split(batch_size):
            batch = features[part]
            if noise:
                drawn = torch.randn(batch.shape, generator=generator, device=generator.device, dtype=batch.dtype)
                batch = F.normalize(batch + noise * drawn.to(batch.device), dim=-1)
            optimiser.zero_grad()
            head.loss(batch, sides[part], weight, generator).backward()
            optimiser.step()
        if held_out is None:
            continue
        with torch.no_grad():
            loss = head.loss(*held_out, weight).item()
        if loss < best:
            best, best_weights, epochs_since = loss, copy.deepcopy(head.state_dict()), 0
        else:
            epochs_since += 1
            if epochs_since == patience:
                break
    if best_weights is not None:
        head.load_state_dict(best_weights)
    head.requires_grad_(False)


def anomaly_score(
    head: Head, features: Float[Tensor, "*batch dim"], temperature: float = 1.0
) -> Float[Tensor, "*batch"]:
    """Probability of the anomalous side, from logits over a temperature."""
    score: Tensor = (head(features.float()) / temperature).softmax(dim=-1)[..., 1]
    return score
