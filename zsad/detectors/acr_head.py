"""ACR's head: a small network whose batch normalisation takes its statistics from the batch in hand, always; and its
meta-training.

Li et al., "Zero-Shot Anomaly Detection via Batch Normalization", NeurIPS 2023 (arXiv 2302.07849); what the text leaves
open is as in the authors' code.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from tqdm import tqdm

OUT = 32  # numbers that a patch is mapped to


class ACRHead(nn.Module):
    """Squared distance of a batch's points, mapped and normalised, to a learned centre.

    Batch normalisation holds no running statistics, so that no call of `eval` can turn the method off.

    Args:
        width: channels of a patch. hidden: widths of the layers between; published are five halvings, (512, 256, 128,
            64, 32) of 1024.
    """

    def __init__(self, width: int, hidden: Sequence[int]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in zip([width, *hidden], hidden, strict=False):
            layers += [nn.Linear(before, after), nn.BatchNorm1d(after, track_running_stats=False), nn.ReLU()]
        last = nn.BatchNorm1d(OUT, track_running_stats=False)
        nn.init.uniform_(last.weight)
        self.net = nn.Sequential(*layers, nn.Linear(hidden[-1], OUT), last)
        self.centre = nn.Parameter(torch.randn(OUT))

    def forward(self, batch: Float[Tensor, "point channel"]) -> Float[Tensor, " point"]:
        distances: Tensor = ((self.net(batch) - self.centre) ** 2).sum(dim=1)
        return distances

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of its weights."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self.state_dict().items()):
            digest.update(f"{name} {tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().float().contiguous().numpy().tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class MetaRecipe:
    """How a head is meta-trained: `steps` of Adam, each on `tasks` tasks. A task is one class and one position, with
    `shots` of its patches, and as many again to which noise is added: standard deviation `noise`, in units of the
    spread of a task's patches. Published are 0.1 in units of the extractor's own numbers.
    """

    steps: int = 50
    tasks: int = 32
    shots: int = 30
    learning_rate: float = 3e-4
    noise: float = 1.0
    seed: int = 0


def meta_train(
    classes: Sequence[Float[Tensor, "_image patch channel"]], hidden: Sequence[int], recipe: MetaRecipe
) -> tuple[ACRHead, float, list[float]]:
    """Learn a head from undamaged images of some classes: patches of a task near its centre, those with noise far.

    Returns:
        The head, the standard deviation of the noise in the units of the patches, and the loss after each step.

    Raises:
        ValueError: a class with fewer images than a task draws.
    """
    if short := [len(images) for images in classes if len(images) < recipe.shots]:
        raise ValueError(f"a task draws {recipe.shots} images of a class, and one has {short[0]}: give it more")
    noise = recipe.noise * spread(classes)
    generator = torch.Generator().manual_seed(recipe.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        head = ACRHead(classes[0].shape[2], hidden)
    optimiser = torch.optim.Adam(head.parameters(), lr=recipe.learning_rate)
    losses: list[float] = []
    for _ in tqdm(range(recipe.steps), desc="meta-training", unit="step", mininterval=5):
        tasks = [_task_loss(head, classes, noise, recipe.shots, generator) for _ in range(recipe.tasks)]
        loss = torch.stack(tasks).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        losses.append(round(loss.item(), 4))
    return head.requires_grad_(False), noise, losses


def spread(classes: Sequence[Float[Tensor, "_image patch channel"]]) -> float:
    """The root of the mean variance of a channel among the patches of one class at one position."""
    variances = [images.var(dim=0).mean() for images in classes]
    return float(torch.stack(variances).mean().sqrt())


def _task_loss(
    head: ACRHead, classes: Sequence[Tensor], noise: float, shots: int, generator: torch.Generator
) -> Float[Tensor, ""]:
    images = classes[int(torch.randint(len(classes), (), generator=generator))]
    position = int(torch.randint(images.shape[1], (), generator=generator))
    rows = torch.randperm(len(images), generator=generator)[:shots]
    normal = images[rows, position]
    distances = head(torch.cat([normal, normal + noise * torch.randn(normal.shape, generator=generator)]))
    return torch.cat([distances[:shots], 1 / distances[shots:]]).mean()
