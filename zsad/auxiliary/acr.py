"""ACR's meta-training: heads that put undamaged images of any product near their centre, and those with noise far away.

Li et al., "Zero-Shot Anomaly Detection via Batch Normalization", NeurIPS 2023 (arXiv 2302.07849); what the text leaves
open is as in the authors' code. No damage is shown, and no label. For each product of a data set one head is learned
from all others, and one from all for other data sets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from zsad.clip.ship import ship
from zsad.data import Dataset
from zsad.data.batch import resize_image
from zsad.detectors.acr_head import ACRHead
from zsad.detectors.patch_features import PatchFeatures
from zsad.progress import progress_bar

PUBLISHED_NOISE = 0.1  # in the numbers of layer3 of wide_resnet50_2
_NARROWEST = 24
_READ = 16  # images read at once


@dataclass(frozen=True)
class MetaRecipe:
    """How a head is meta-trained: `steps` of Adam, each on `tasks` tasks. A task is one class and one position, with
    `shots` of its patches, and as many again to which noise is added: standard deviation `noise`, in units of the
    spread of a task's patches.
    """

    steps: int = 50
    tasks: int = 32
    shots: int = 30
    learning_rate: float = 3e-4
    noise: float = 1.0
    seed: int = 0


def meta_train(
    classes: Sequence[Float[Tensor, "_image patch channel"]],
    hidden: Sequence[int],
    recipe: MetaRecipe,
    noise: float | None = None,
    progress: bool = True,
) -> tuple[ACRHead, float, list[float]]:
    """Learn a head from undamaged images of some classes: patches of a task near its centre, those with noise far.

    Args:
        noise: its standard deviation in the units of the patches, instead of that of the recipe.

    Returns:
        The head, the standard deviation of the noise in the units of the patches, and the loss after each step.

    Raises:
        ValueError: a class with fewer images than a task draws.
    """
    if short := [len(images) for images in classes if len(images) < recipe.shots]:
        raise ValueError(f"a task draws {recipe.shots} images of a class, and one has {short[0]}: give it more")
    noise = recipe.noise * spread(classes) if noise is None else noise
    generator = torch.Generator().manual_seed(recipe.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        head = ACRHead(classes[0].shape[2], hidden)
    optimiser = torch.optim.Adam(head.parameters(), lr=recipe.learning_rate)
    losses: list[float] = []
    with progress_bar(recipe.steps, 0, "step", "meta-training", progress) as bar:
        for _ in range(recipe.steps):
            tasks = [draw_task(classes, noise, recipe.shots, generator) for _ in range(recipe.tasks)]
            loss = loss_of_tasks(head, torch.stack(tasks, dim=1))
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            losses.append(round(loss.item(), 4))
            bar.update()
    return head.requires_grad_(False), noise, losses


def spread(classes: Sequence[Float[Tensor, "_image patch channel"]]) -> float:
    """The root of the mean variance of a channel among the patches of one class at one position."""
    variances = [images.var(dim=0).mean() for images in classes]
    return float(torch.stack(variances).mean().sqrt())


def halvings(width: int) -> list[int]:
    """Widths of a head's layers: halves down to 24 or more, which of 1024 are the five that are published."""
    widths = [width // 2]
    while widths[-1] // 2 >= _NARROWEST:
        widths.append(widths[-1] // 2)
    return widths


@torch.no_grad()
def undamaged(
    dataset: Dataset, extractor: PatchFeatures, most: int, progress: bool = True
) -> Float[Tensor, "image patch channel"]:
    """Features of at most so many undamaged images of a data set, evenly spaced, on the CPU."""
    side = extractor.side
    chosen = dataset.normal().subset(most)
    found = []
    with progress_bar(len(chosen), 0, "image", f"reading {dataset.category}", progress) as bar:
        for start in range(0, len(chosen), _READ):
            numbers = range(start, min(start + _READ, len(chosen)))
            images = torch.stack([resize_image(chosen[number].image, (side, side)) for number in numbers])
            found.append(extractor(images).cpu())
            bar.update(len(numbers))
    return torch.cat(found)


def train_heads(
    name: str,
    classes: Mapping[str, Float[Tensor, "_image patch channel"]],
    extractor: PatchFeatures,
    extractor_name: str,
    recipe: MetaRecipe,
    folder: Path,
    noise: float | None = None,
    progress: bool = True,
) -> Path:
    """Learn a head from all classes, and for each class one from all others; write them with their card.

    Args:
        name: of the files, without their endings.
        classes: features of each product, of `undamaged`.
        extractor_name: in words, for the card.
        noise: as for `meta_train`.

    Returns:
        The path of the .safetensors.

    Raises:
        ValueError: fewer than two classes, or one with fewer images than a task draws.
    """
    if len(classes) < 2:
        raise ValueError(
            f"of {', '.join(classes) or 'no category'} alone no head can be learned that is used on it: each is "
            "learned from other products, so give at least two"
        )
    if short := {product: len(images) for product, images in classes.items() if len(images) < recipe.shots}:
        few = ", ".join(f"{product} has {count}" for product, count in short.items())
        raise ValueError(
            f"a task draws {recipe.shots} undamaged images of a category, and {few}: name the others (--category)"
        )
    width = next(iter(classes.values())).shape[2]
    hidden = halvings(width)
    every: list[Sequence[Tensor]] = [list(classes.values())]
    every += [[images for other, images in classes.items() if other != product] for product in classes]
    found = []
    with progress_bar(len(every), 0, "head", f"meta-training {name}", progress) as bar:
        for part in every:
            found.append(meta_train(part, hidden, recipe, noise, progress=False))
            bar.update()
    card = {
        "shown": ["pictures"],
        "model_cfg": {"width": width, "hidden": hidden},
        "extractor": extractor.digest,
        "extractor_name": extractor_name,
        "left_out": list(classes),
        "noise": [noise for _, noise, _ in found],
        "training": {
            **asdict(recipe),
            "pictures": {product: len(images) for product, images in classes.items()},
            "last_losses": [losses[-1] for _, _, losses in found],
        },
    }
    ship(name, nn.ModuleList(head for head, _, _ in found).state_dict(), card, folder)
    return folder / f"{name}.safetensors"


def draw_task(
    classes: Sequence[Float[Tensor, "_image patch channel"]], noise: float, shots: int, generator: torch.Generator
) -> Float[Tensor, "point channel"]:
    """One class and one position: so many of its patches, and the same with noise."""
    images = classes[int(torch.randint(len(classes), (), generator=generator))]
    position = int(torch.randint(images.shape[1], (), generator=generator))
    rows = torch.randperm(len(images), generator=generator)[:shots]
    normal = images[rows, position]
    return torch.cat([normal, normal + noise * torch.randn(normal.shape, generator=generator)])


def loss_of_tasks(head: ACRHead, points: Float[Tensor, "point task channel"]) -> Float[Tensor, ""]:
    """Mean over tasks and their points of the distance of what is normal, the first half, and the inverse of that of
    the rest. Tasks go through the head at once, each normalised by itself.
    """
    x = points
    for layer in head.net:
        if isinstance(layer, nn.BatchNorm1d):
            scale, shift = (values.repeat(x.shape[1]) for values in (layer.weight, layer.bias))
            x = F.batch_norm(x.flatten(1), None, None, scale, shift, training=True, eps=layer.eps).view_as(x)
        else:
            x = layer(x)
    distances = ((x - head.centre) ** 2).sum(dim=2)
    normal, noisy = distances.chunk(2)
    return torch.cat([normal, 1 / noisy]).mean()
