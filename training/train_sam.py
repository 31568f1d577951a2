"""Trains the demo world's SAM on products that are no category of the suites.

A point may mean a part, an instance or all instances together. Each of these must be met by one of the three masks that
the decoder gives for it, and the predicted quality of a mask is its overlap with the one that it meets best.

Points alone teach the image encoder slowly: it begins with the first layers of a demo CLIP, and a second head, which is
not shipped, reads from its output where the product and the edges of its instances are, and where each pixel's instance
and part have their middles.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from segment_anything.utils.transforms import ResizeLongestSide
from torch import Tensor, nn

from training.convert_clip import begin_with_clip
from training.precision import multiplying_in
from training.scenes import NONE, SIDE, Scenes
from training.schedule import Recipe, Trainer, overlap_loss, relit
from zsad.clip.ship import ship
from zsad.clip.zoo import read_demo_weights, shown_by
from zsad.leagues import check_shown
from zsad.tiling.sam import build_sam

CONFIG: dict[str, Any] = {
    "image_size": 160, "patch_size": 8, "width": 192, "depth": 4, "heads": 4, "window": 0, "global_layers": [],
    "prompt_width": 64, "decoder_depth": 2, "decoder_heads": 4, "decoder_mlp": 256,
}  # fmt: skip
POINTS = 8  # a picture
SMALLEST = 40  # pixels of a target at 240 px
WHOLE_WEIGHT = 0.25  # of the product as a whole, against an instance or a part of it
# Of the mask generator, shipped with the weights: at 160 pixels it is asked at fewer points than the published SAM at
# 1024, and it is less sure of its masks. Set on seed 100 of the suites.
SETTINGS: dict[str, Any] = {"points_per_side": 16, "pred_iou_thresh": 0.5, "stability_score_thresh": 0.75}
MANY = 4  # pictures of at least so many instances are drawn twice as often


def meanings(row: int, column: int, product: np.ndarray, instance: np.ndarray, part: np.ndarray) -> list[np.ndarray]:
    """The masks that a point may mean, each once: of a pixel of background, the background alone."""
    if not product[row, column]:
        return [~product]
    masks = [product]
    for numbers in (instance, part):
        if numbers[row, column] != NONE:
            masks.append(numbers == numbers[row, column])
    different: list[np.ndarray] = []
    for mask in masks:
        if mask.sum() >= SMALLEST and not any(np.array_equal(mask, other) for other in different):
            different.append(mask)
    return different


def draw_points(
    product: np.ndarray, instance: np.ndarray, part: np.ndarray, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points (point, 2) as (x, y) in pixels, what each may mean (point, 3, height, width), and which there are.

    Nine points of ten lie on the product, half of those on small parts as often as on large ones.
    """
    points, targets, known = (
        np.zeros((count, 2)),
        np.zeros((count, 3, *product.shape), np.float32),
        np.zeros((count, 3), bool),
    )
    parts = [number for number in np.unique(part) if number != NONE]
    for index in range(count):
        where, choice = ~product, rng.random()
        if choice < 0.45 and parts:
            where = part == parts[rng.integers(len(parts))]
        elif choice < 0.9 and product.any():
            where = product
        if not where.any():
            where = np.ones_like(product)
        row, column = np.argwhere(where)[rng.integers(int(where.sum()))]
        points[index] = column + 0.5, row + 0.5
        for slot, mask in enumerate(meanings(row, column, product, instance, part)):
            targets[index, slot], known[index, slot] = mask, True
    return points, targets, known


def losses(masks: Tensor, quality: Tensor, targets: Tensor, known: Tensor) -> dict[str, Tensor]:
    """Mean loss of the mask that meets each meaning best, and error of the predicted overlaps.

    Args:
        masks: logits (point, 3, rows, columns). quality: predicted overlaps (point, 3).
        targets: (point, 3, rows, columns), of which those `known` (point, 3) are there.
    """
    logits, wanted = masks[:, :, None].expand(-1, -1, 3, -1, -1), targets[:, None].expand(-1, 3, -1, -1, -1)
    pixel = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none").mean((-2, -1))
    best = (pixel + overlap_loss(logits, wanted)).amin(dim=1)
    inside = (masks.detach() > 0)[:, :, None]
    real = targets[:, None] > 0.5
    overlap = (inside & real).sum((-2, -1)) / (inside | real).sum((-2, -1)).clamp(min=1)
    reached = overlap.masked_fill(~known[:, None], 0).amax(dim=2)
    # The product as a whole, which comes first, is the easy part where it is not the only meaning.
    weight = known.float()
    weight[known.sum(1) > 1, 0] = WHOLE_WEIGHT
    return {"mask": (best * weight).sum() / weight.sum(), "quality": F.mse_loss(quality, reached)}


class DenseHead(nn.Module):
    """Reads six maps at four pixels a patch side from an image embedding: foreground, edges between instances (logits),
    and the way to the middle of a pixel's instance and of its part, in picture sides."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.read = nn.Conv2d(channels, 6 * 16, 1)

    def forward(self, embeddings: Tensor) -> Tensor:
        return F.pixel_shuffle(self.read(embeddings), 4)


def dense_targets(product: np.ndarray, instance: np.ndarray, part: np.ndarray, size: int) -> tuple[Tensor, Tensor]:
    """What `DenseHead` is to read from one picture (6, size, size), and where: a way only on an instance or part."""
    step = len(product) // size
    product, instance, part = (values[step // 2 :: step, step // 2 :: step] for values in (product, instance, part))
    edge = np.zeros(product.shape, bool)
    numbered = np.where(product, instance, NONE)
    edge[:, 1:] |= numbered[:, 1:] != numbered[:, :-1]
    edge[1:] |= numbered[1:] != numbered[:-1]
    rows, columns = np.indices(product.shape) / size
    maps, known = [product, edge], [np.ones_like(product)] * 2
    for numbers in (instance, part):
        way = np.zeros((2, *product.shape))
        for number in np.unique(numbers[numbers != NONE]):
            where = numbers == number
            way[:, where] = rows[where].mean() - rows[where], columns[where].mean() - columns[where]
        maps += [*way]
        known += [numbers != NONE] * 2
    return torch.from_numpy(np.stack(maps)).float(), torch.from_numpy(np.stack(known)).float()


def dense_losses(read: Tensor, wanted: Tensor, known: Tensor) -> dict[str, Tensor]:
    """Terms for maps (picture, 6, rows, columns)."""
    classes = F.binary_cross_entropy_with_logits(
        read[:, :2], wanted[:, :2], pos_weight=torch.tensor([1.0, 3.0])[:, None, None]
    )
    ways = ((read[:, 2:] - wanted[:, 2:]).abs() * known[:, 2:]).sum() / known[:, 2:].sum().clamp(min=1)
    return {"dense": classes, "ways": 5 * ways}


def decode(sam: Any, embedding: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """Three low-resolution masks a point (point, 3, rows, columns) and their predicted qualities (point, 3)."""
    labels = torch.ones(len(points), 1, dtype=torch.int)
    sparse, dense = sam.prompt_encoder(points=(points[:, None], labels), boxes=None, masks=None)
    return sam.mask_decoder(
        image_embeddings=embedding[None],
        image_pe=sam.prompt_encoder.get_dense_pe(),
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=dense,
        multimask_output=True,
    )


def train(
    name: str,
    start: str,
    scenes: Scenes,
    recipe: Recipe,
    work: Path,
    out: Path,
    config: dict[str, Any] = CONFIG,
    points: int = POINTS,
    dtype: str = "bfloat16",
) -> None:
    """Trains from the first layers of the demo CLIP `out/<start>`, or goes on where an earlier call was stopped
    (`work/<name>.kept`), and ships `out/<name>`.
    """
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    clip, state = read_demo_weights(start, out)
    sam: Any = build_sam(**config).train()
    begin_with_clip(sam, clip, state)
    head = DenseHead(config["prompt_width"]).train()
    shown = scenes.of_no_category()
    many = np.array([len(np.unique(scenes.instance[row])) > MANY for row in shown])
    chance = np.where(many, 2.0, 1.0) / np.where(many, 2.0, 1.0).sum()
    side, low = config["image_size"], 4 * config["image_size"] // config["patch_size"]

    def terms() -> dict[str, Tensor]:
        rows = shown[rng.choice(len(chance), recipe.batch, p=chance)]
        sizes = scenes.sizes[rows].tolist()
        pictures = relit(scenes.pictures[rows], rng)
        x = torch.stack([as_sam_sees(sam, picture[:, :h, :w]) for picture, (h, w) in zip(pictures, sizes, strict=True)])
        maps_of = list(zip(scenes.products(rows), scenes.instance[rows], scenes.part[rows], strict=True))
        with multiplying_in(dtype):
            embeddings = sam.image_encoder(x).float()
        found: list[dict[str, Tensor]] = []
        for maps, (height, width), embedding in zip(maps_of, sizes, embeddings, strict=True):
            xy, targets, meant = draw_points(*(values[:height, :width] for values in maps), points, rng)
            with multiplying_in(dtype):
                masks, quality = decode(sam, embedding, torch.from_numpy(xy).float() * (side / SIDE))
            whole = F.pad(torch.from_numpy(targets), (0, SIDE - width, 0, SIDE - height))
            small = F.interpolate(whole, (low, low), mode="bilinear", antialias=True)
            found.append(losses(masks.float(), quality.float(), small, torch.from_numpy(meant)))
        means = {name: torch.stack([term[name] for term in found]).mean() for name in found[0]}
        dense = [dense_targets(*maps, low) for maps in maps_of]
        wanted, known = (torch.stack(maps) for maps in zip(*dense, strict=True))
        return means | dense_losses(head(embeddings), wanted, known)

    said = {**asdict(recipe), "start": start, "start_sha256": clip["sha256"], "points": points, "pictures": len(shown),
            "dtype": dtype}  # fmt: skip
    training = Trainer({"sam": sam, "head": head}, recipe, rng, work / f"{name}.kept", said).run(terms)
    league = check_shown(["masks of ordinary things", *shown_by(clip)], name)
    ship(
        name, sam.state_dict(), {"shown": league, "model_cfg": config, "settings": SETTINGS, "training": training}, out
    )


def as_sam_sees(sam: Any, picture: Tensor) -> Tensor:
    """A picture (3, height, width) in [0, 1] at SAM's input size: the longer side fits, zeros fill the rest."""
    side = sam.image_encoder.img_size
    size = ResizeLongestSide.get_preprocess_shape(*picture.shape[1:], side)
    return sam.preprocess(F.interpolate(255 * picture[None], size, mode="bilinear", antialias=True))[0]
