"""WinCLIP measured as ports measure it: what lies outside a detector's options, on some images of a category."""

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import open_clip.transformer
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import interpolate

from zsad import metrics
from zsad.clip import Backbone
from zsad.data import Dataset
from zsad.detectors import load_backbone_of
from zsad.detectors.winclip import WinCLIP
from zsad.metrics.bootstrap import draw_counts
from zsad.metrics.inputs import Pixels, check_maps
from zsad.metrics.pixel import region_overlap
from zsad.robustness import TestSet, load_test_set, predict_shifted
from zsad.robustness.groups import resize_map
from zsad.robustness.test_set import Images

STEPS = 200
Answer = tuple[Tensor, list[Tensor]]  # a score an image, a map an image


def protocols(
    backbone: Backbone,
    dataset: Dataset,
    sizes: Mapping[str, Any],
    *,
    fpr_limit: float = 0.3,
    replicates: int = 200,
    seed: int = 0,
    batch_size: int = 16,
) -> pd.DataFrame:
    """A row a protocol and bootstrap draw, whose `replicate` is -1 for the images as they are: image_auroc,
    pixel_auroc and aupro, in [0, 1]; n_images and n_anomalous. The draws are the same for all protocols.

    "winclip" is measured as everywhere else; of the others see `zsad.analysis.gaps.PROTOCOLS`.

    Args:
        sizes: of the images, as `load_test_set` takes them.
    """
    test_set = load_test_set(dataset, **sizes)
    assert test_set.masks is not None, "pixel metrics need masks"
    masks, device = [*test_set.masks], backbone.device

    def answers(of: Backbone, images: Any = test_set.images) -> Answer:
        shifted = predict_shifted(WinCLIP(of), images, test_set.category, batch_size=batch_size, device=device)
        return shifted.score, [*shifted.map]

    rows: list[pd.DataFrame] = []

    def at_masks(maps: list[Tensor]) -> list[Tensor]:
        return [resize_map(one, mask.shape) for one, mask in zip(maps, masks, strict=True)]

    def add(name: str, found: Answer) -> None:
        maps = at_masks(found[1])
        options: dict[str, Any] = {"fpr_limit": fpr_limit}
        arguments = (found[0], test_set.labels, maps, masks)
        whole = metrics.all_metrics(*arguments, **options)
        drawn = metrics.bootstrap_replicates(*arguments, replicates, generator=np.random.default_rng(seed), **options)
        values = {m: np.concatenate([[whole[m]], drawn[m]]) for m in ("image_auroc", "pixel_auroc", "aupro")}
        rows.append(pd.DataFrame({"protocol": name, "replicate": np.arange(-1, replicates), **values}))

    def stepped(pixels: Pixels) -> Float[np.ndarray, " replicate"]:
        labels = test_set.labels.numpy()
        anomalous = np.array([pixels.anomalous[part].any() for part in pixels.parts])
        normal = np.array([pixels.normal[part].any() for part in pixels.parts])
        drawn = draw_counts(labels, anomalous, normal, replicates, np.random.default_rng(seed))
        return stepped_aupro(pixels, np.concatenate([np.ones((1, len(labels)), np.int64), drawn]), fpr_limit)

    plain = answers(backbone)
    add("winclip", plain)
    add("per-image min-max", (plain[0], [(one - one.min()) / (one.max() - one.min()) for one in plain[1]]))
    steps = stepped(check_maps(at_masks(plain[1]), masks))
    rows.append(rows[0].assign(protocol="200 thresholds", aupro=steps))  # all else is the plain one's
    add("other activation", answers(with_other_activation(backbone)))
    for short in ("float16", "bfloat16"):
        add(short, answers(load_backbone_of("winclip", backbone.name, device, short)))
    add("blue for red", answers(backbone, exchanged(test_set.images)))
    add("no antialiasing", answers(backbone, squares(dataset, backbone.image_size, antialias=False)))
    return pd.concat(rows, ignore_index=True).assign(**_counts(test_set))


def stepped_aupro(
    pixels: Pixels, counts: Int[np.ndarray, "replicate image"], fpr_limit: float
) -> Float[np.ndarray, " replicate"]:
    """AUPRO as ports compute it: at `STEPS` equal steps from the least to the largest value; of the points whose false
    positive rate is below the limit these rates are scaled to [0, 1] before the area is taken.

    Args:
        counts: how often each image counts.
    """
    values = pixels.values.astype(np.float64)
    thresholds = np.linspace(values.min(), values.max(), STEPS, endpoint=False)
    share, regions = region_overlap(pixels)
    ends = np.cumsum([pixels.anomalous[part].sum() for part in pixels.parts])
    above, overlap = [], []
    for part, own in zip(pixels.parts, np.split(share, ends[:-1]), strict=True):
        normal, anomalous = (np.sort(values[part][chosen[part]]) for chosen in (pixels.normal, pixels.anomalous))
        above.append(len(normal) - np.searchsorted(normal, thresholds, side="right"))
        order = np.argsort(values[part][pixels.anomalous[part]])
        gained = np.concatenate([np.cumsum(own[order][::-1])[::-1], [0.0]])
        overlap.append(gained[np.searchsorted(anomalous, thresholds, side="right")])
    normals = np.array([pixels.normal[part].sum() for part in pixels.parts])
    rates = counts @ np.stack(above) / (counts @ normals)[:, None]
    shares = counts @ np.stack(overlap) / (counts @ regions)[:, None]
    areas = []
    for rate, gained in zip(rates[:, ::-1], shares[:, ::-1], strict=True):
        inside = rate < fpr_limit
        span = rate[inside] - rate[inside].min()
        areas.append(np.trapezoid(gained[inside], span / span.max()) if span.max() > 0 else np.nan)
    return np.array(areas)


def with_other_activation(backbone: Backbone) -> Backbone:
    """The same weights with QuickGELU for GELU, or the reverse."""
    changed = copy.copy(backbone)
    changed.model = copy.deepcopy(backbone.model)
    changed.__dict__.pop("fingerprint", None)
    for module in list(changed.model.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.GELU):
                setattr(module, name, open_clip.transformer.QuickGELU())
            elif isinstance(child, open_clip.transformer.QuickGELU):
                setattr(module, name, nn.GELU())
    return changed


def exchanged(images: Images) -> Images:
    """The images with their first and last channel exchanged: RGB as what reads BGR takes it."""
    return Images(lambda index: images[index].flip(0), images.sizes)


def squares(dataset: Dataset, side: int, antialias: bool) -> Float[Tensor, "image 3 side side"]:
    """The images straight from their native size to squares of the model's input, bicubic."""
    sizes: dict[str, Any] = {"size": (side, side), "mode": "bicubic", "antialias": antialias, "align_corners": False}
    return torch.cat([interpolate(sample.image[None], **sizes) for sample in dataset]).clamp(0, 1)


def _counts(test_set: TestSet) -> dict[str, int]:
    return {"n_images": len(test_set.labels), "n_anomalous": int(test_set.labels.sum())}
