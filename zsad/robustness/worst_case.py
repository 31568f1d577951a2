"""The worst rotation, hue and saturation for each image (Stangl et al., arXiv 2405.07969): the per-sample bound."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from zsad.detectors import Detector, localises
from zsad.detectors.batch import BatchDetector
from zsad.perturb.rotation import check_rotation
from zsad.progress import progress_bar
from zsad.robustness.adam import adam
from zsad.robustness.attack import Attack, Victim
from zsad.robustness.bayes_opt import bayes_opt
from zsad.robustness.checkpoint import load_checkpoint, save_checkpoint
from zsad.robustness.grid import grid
from zsad.robustness.scatter import random, sobol
from zsad.robustness.search_space import PARAMETERS, Bounds, SearchSpace, search_space
from zsad.robustness.test_set import Maps, Masks

SEARCHES = ("bayes_opt", "adam", "grid", "random", "sobol")
# Evaluations an image where no budget is given. bayes_opt needs many more for several parameters than for one: in the
# records of results/search, 128 evaluations of three parameters leave the mean AUROC 1.5 points above that of 256, and
# 64 4.3 points.
BUDGETS = {"bayes_opt": 33, "adam": 100, "random": 100, "sobol": 100}
JOINT_BUDGET = 256
GRID_BUDGETS = {"angle": 181, "hue": 180, "saturation": 101}  # steps of 1 degree, 2 degrees and 0.01


@dataclass(frozen=True)
class WorstCase:
    """The worst evaluation of each image, on the CPU. Maps and masks are lists where those of images of several sizes
    were put together.

    Attributes:
        parameters: angle (degrees), hue (radians) and saturation; 0 where the setting does not search them.
        loss, clean_loss: what the attacker makes small, `segmentation_loss` or with criterion="score" `image_loss`
            (`zsad.robustness.objective`), of the kept evaluation and of the image as it is.
        auroc, clean_auroc: pixel AUROC of that image alone, in [0, 1]; NaN where the mask is empty.
        mean_loss, mean_auroc: means over all evaluations but the first, which is the image as it is; of a "random"
            search the means over random shifts. NaN where the first was the only one.
        score, map: of the kept evaluation; with align="map" the map is turned back into the unshifted image's frame.
        masks: the ground truth that goes with `map`: the masks given, or with align="mask" those turned along.
        valid_mask: False in the corners that a rotation left empty, where corners="left out"; else True.
        evaluations: how many there were, each one forward pass of the detector. For `gradients` of them there was a
            backward pass too, so an evaluation of adam costs about three times one of the other searches.
        curve, auroc_curve: smallest loss and smallest AUROC so far after each evaluation, to be read against their
            number; NaN for the AUROC of an image without anomalous pixels.
        gradient_curve: how many of the evaluations so far also went backward.
        batch_size: images at once in the end: smaller than asked for where the device ran out of memory.
    """

    parameters: dict[str, Float[Tensor, " image"]]
    loss: Float[Tensor, " image"]
    clean_loss: Float[Tensor, " image"]
    auroc: Float[Tensor, " image"]
    clean_auroc: Float[Tensor, " image"]
    mean_loss: Float[Tensor, " image"]
    mean_auroc: Float[Tensor, " image"]
    score: Float[Tensor, " image"]
    map: Maps
    masks: Masks
    valid_mask: Masks
    evaluations: Int[Tensor, " image"]
    gradients: Int[Tensor, " image"]
    curve: Float[Tensor, "image evaluation"]
    auroc_curve: Float[Tensor, "image evaluation"]
    gradient_curve: Int[Tensor, "image evaluation"]
    batch_size: int


def worst_case(
    detector: Detector,
    images: Float[Tensor, "image 3 height width"],
    masks: Bool[Tensor, "mask rows columns"],
    *,
    category: str,
    setting: str,
    search: str = "bayes_opt",
    budget: int | None = None,
    criterion: str = "auroc",
    bounds: Bounds | None = None,
    align: str = "map",
    corners: str = "counted",
    rotation: str = "three_pass",
    gradient: str = "windows",
    batch_size: int = 16,
    device: str | torch.device = "cpu",
    seed: int = 0,
    ids: Sequence[str] | None = None,
    progress: bool = False,
    checkpoint: str | Path | None = None,
    starts: Mapping[str, Float[Tensor, "start image"]] | None = None,
) -> WorstCase:
    """Search, for each image by itself, the parameters within bounds that hurt the detector most.

    The first evaluation of every image is the image as it is, so that none ends better for the detector than it began.
    Results depend on the seed and the ids alone, not on the batch size or on which images are searched together
    (as far as the detector's own arithmetic does not).

    Args:
        images: RGB in [0, 1].
        masks: True where anomalous; empty for a normal image, whose whole map the attack raises.
        category: folder name or words, as the detector is to be given it.
        setting: "angle", "saturation", "hue", or "3d" for all three.
        search: "bayes_opt" (`zsad.robustness.bayes_opt`), "adam" (the released attack), "grid" (exhaustive; one
            parameter), or a baseline, "random" or "sobol".
        budget: evaluations an image, the first one included. Default: for bayes_opt 33 of one parameter and 256 of
            several, 100 for adam, random and sobol, and for a grid 181 angles, 180 hues or 101 saturations.
        criterion: which evaluation is kept: "auroc", that with the lowest pixel AUROC of the image (then the lowest
            loss; by loss alone where there is nothing anomalous to find), as the released code does; "loss"; or
            "score", whose loss is the image score: the lowest of an anomalous image and the highest of a normal one.
            It is the one for detectors whose maps tell no places apart. bayes_opt searches by the criterion; adam
            always follows the gradient of the loss.
        bounds: default: those of the released attack.
        align: "map" turns the map back and leaves the ground truth (the paper; empty corners score 0); "mask" turns the
            ground truth along, and what leaves the frame is lost (the released code).
        corners: "counted" takes what a rotation leaves empty as found normal (the paper); "left out" takes it from the
            loss and the AUROC of an evaluation, and says so in `valid_mask`.
        rotation: as in `zsad.perturb.semantic`.
        gradient: "windows" for the whole gradient; "class_token" for that of the released attack, whose detector
            detaches its windows.
        batch_size: evaluations at once. Where the device runs out of memory it is halved, and the batch repeated.
        device: where images are shifted and the detector runs.
        seed: of the random starts of adam, and of the points of random and sobol.
        ids: names of the images, for messages and random numbers; default: their positions.
        checkpoint: a file that keeps finished images, so that a killed search goes on where it was. Unused where it
            belongs to other arguments; remove it once the result is safe.
        starts: points that bayes_opt evaluates right after the first one and goes on from, such as the worst cases of
            each parameter alone: parameter -> one value a start and image, 0 for parameters that are not named.

    Raises:
        ValueError: an unknown choice, bounds without room, a grid over more than one parameter, a budget too small,
            images and masks that do not match; starts out of bounds, or for another search than
            bayes_opt; a detector that lets no gradient through where adam needs one, that compares images with each
            other, so that no image has a worst case of its own, or whose maps tell no places apart, with another
            criterion than "score".
        NotFiniteError: a detector gave NaN or infinity; the message names the image.
        torch.OutOfMemoryError: a single image does not fit.
    """
    space = search_space(setting, bounds or Bounds())
    _one_of("search", search, SEARCHES)
    _one_of("criterion", criterion, ("auroc", "loss", "score"))
    _one_of("align", align, ("map", "mask"))
    _one_of("corners", corners, ("counted", "left out"))
    _one_of("gradient", gradient, ("windows", "class_token"))
    check_rotation(rotation)
    _check_images(images, masks)
    if isinstance(detector, BatchDetector):
        raise ValueError(
            f"a worst case is searched for each image alone, and {detector.name} compares images with each other: "
            "choose detectors that score an image by itself (of a study, under `detectors` of its worst cases)"
        )
    if criterion != "score" and not localises(detector):
        raise ValueError(
            f"the maps of {detector.name} tell no places apart, so that the pixel AUROC of an image leaves a search "
            "nothing to go by but the empty corners of a turn: choose criterion='score'"
        )
    if budget is None:
        budget = default_budget(search, space)
    if budget < 1:
        raise ValueError(f"a budget of {budget} leaves nothing to evaluate: give at least 1")
    names = [f"image {i}" for i in range(len(images))] if ids is None else list(ids)
    if len(names) != len(images):
        raise ValueError(f"there are {len(images)} images but {len(names)} ids: give one each")
    if gradient == "class_token":
        detector = _class_token_only(detector)
    begin = None if starts is None else _begin(starts, search, space, budget)
    victim = Victim(detector, category, criterion, align, corners, rotation, device)  # type: ignore[arg-type]

    where = None if begin is None else begin.tolist()
    key = _key(victim, space, images, masks, names, search, budget, gradient, seed, where)
    finished = [] if checkpoint is None else load_checkpoint(checkpoint, key)
    done = sum(len(part["loss"]) for part in finished)
    with progress_bar(len(images) * budget, done * budget, "evaluation", f"{category} {setting}", progress) as bar:
        size = batch_size
        for start in range(done, len(images), batch_size):
            part = slice(start, start + batch_size)
            attack = Attack(victim, space, images[part], masks[part], names[part], size, bar)
            generators = [_generator(seed, name) for name in names[part]]
            _run(search, attack, budget, generators, None if begin is None else begin[part])
            size = attack.batch_size
            finished.append(_result(attack))
            if checkpoint is not None:
                save_checkpoint(checkpoint, key, finished)
    return _joined(finished, size)


def default_budget(search: str, space: SearchSpace) -> int:
    """Evaluations an image where no budget is given."""
    if search == "grid":
        return GRID_BUDGETS[space.names[0]]
    return JOINT_BUDGET if search == "bayes_opt" and len(space.names) > 1 else BUDGETS[search]


def _run(
    search: str, attack: Attack, budget: int, generators: Sequence[torch.Generator], starts: Tensor | None
) -> None:
    if search == "bayes_opt":
        bayes_opt(attack, budget, starts)
    elif search == "grid":
        grid(attack, budget)
    else:
        {"adam": adam, "random": random, "sobol": sobol}[search](attack, budget, generators)


def _begin(
    starts: Mapping[str, Tensor], search: str, space: SearchSpace, budget: int
) -> Float[Tensor, "image start parameter"]:
    """The starts as points of the space."""
    if search != "bayes_opt":
        raise ValueError(f"search {search!r} takes no starts: choose search='bayes_opt'")
    unknown = [name for name in starts if name not in space.names]
    if unknown or not starts:
        raise ValueError(f"starts name {', '.join(unknown) or 'nothing'}; searched are {', '.join(space.names)}")
    given = next(iter(starts.values()))
    if len(given) >= budget:
        raise ValueError(f"a budget of {budget} has no room for {len(given)} starts after the image as it is")
    points = torch.stack([starts.get(name, torch.zeros_like(given)).double() for name in space.names], 2).transpose(
        0, 1
    )
    if not ((space.low <= points) & (points <= space.high)).all():
        raise ValueError("starts lie out of bounds")
    return points


def _generator(seed: int, name: str) -> torch.Generator:
    """Random numbers of one image, whichever images are searched with it."""
    digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7]))


def _result(attack: Attack) -> dict[str, Tensor]:
    """The fields of `WorstCase` for the images of one attack."""
    losses, aurocs = torch.tensor(attack.losses), torch.tensor(attack.aurocs)
    backward = torch.tensor(attack.backward)
    columns = [column.clone() for column in attack.parameters.unbind(1)]  # a checkpoint takes no shared memory
    searched_values = dict(zip(attack.space.names, columns, strict=True))
    return {
        **{name: searched_values.get(name, torch.zeros(len(attack), dtype=torch.float64)) for name in PARAMETERS},
        "loss": attack.loss,
        "clean_loss": attack.clean_loss,
        "auroc": attack.auroc,
        "clean_auroc": attack.clean_auroc,
        "mean_loss": losses[:, 1:].nanmean(1),
        "mean_auroc": aurocs[:, 1:].nanmean(1),
        "score": attack.score,
        "map": attack.map,
        "masks": attack.mask,
        "valid_mask": attack.valid_mask,
        "evaluations": torch.full((len(attack),), losses.shape[1]),
        "gradients": backward[:, -1].clone(),
        "curve": losses.cummin(1).values,
        "auroc_curve": _lowest_so_far(aurocs),
        "gradient_curve": backward,
    }


def _lowest_so_far(aurocs: Float[Tensor, "image evaluation"]) -> Float[Tensor, "image evaluation"]:
    """Missing for an image without AUROC; an evaluation whose turned mask has left the frame does not count."""
    lowest = aurocs.nan_to_num(nan=torch.inf).cummin(1).values
    return lowest.masked_fill(lowest.isinf(), torch.nan)


def _joined(parts: Sequence[dict[str, Tensor]], batch_size: int) -> WorstCase:
    joined = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    parameters = {name: joined.pop(name) for name in PARAMETERS}
    return WorstCase(parameters=parameters, batch_size=batch_size, **joined)


def _key(
    victim: Victim,
    space: SearchSpace,
    images: Tensor,
    masks: Tensor,
    names: Sequence[str],
    *choices: str | int | list[Any] | None,
) -> str:
    """sha256 over everything that a result depends on."""
    choices_of = (victim.criterion, victim.align, victim.corners, victim.rotation)
    spec = [victim.detector.fingerprint, victim.category, *choices_of]
    ends = [space.names, space.low.tolist(), space.high.tolist()]
    digest = hashlib.sha256(json.dumps([spec, ends, list(names), choices]).encode())
    for tensor in (images, masks):
        digest.update(tensor.contiguous().cpu().numpy().tobytes())
    return digest.hexdigest()


def _class_token_only(detector: Detector) -> Detector:
    variant = getattr(detector, "with_class_token_gradient", None)
    if variant is None:
        raise ValueError(f"detector {detector.name!r} has no class-token gradient: choose gradient='windows'")
    changed: Detector = variant()
    return changed


def _check_images(images: Tensor, masks: Tensor) -> None:
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"images have shape {tuple(images.shape)}, expected (image, 3, height, width)")
    if masks.dtype != torch.bool:
        raise ValueError(f"masks are {masks.dtype}: they must be booleans, True where anomalous")
    if masks.shape != (len(images), *images.shape[-2:]):
        raise ValueError(
            f"images have shape {tuple(images.shape)}, masks have shape {tuple(masks.shape)}: "
            "give each image a mask of its height and width"
        )
    if len(images) == 0:
        raise ValueError("no images to attack")


def _one_of(option: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise ValueError(f"unknown {option} {value!r}; known: {', '.join(known)}")
