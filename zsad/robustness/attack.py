"""Try parameters on images: what comes of each evaluation, how many there were, and the worst of each image."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from tqdm import tqdm

from zsad import perturb
from zsad.detectors import Detector, Prediction
from zsad.detectors.base import NotFiniteError, check_prediction
from zsad.perturb.rotation import Rotation, inside_frame, rotate_mask
from zsad.robustness.batches import in_batches
from zsad.robustness.objective import image_loss, pixel_auroc_per_image, segmentation_loss
from zsad.robustness.search_space import PARAMETERS, SearchSpace


@dataclass(frozen=True)
class Victim:
    """A detector, and how it is attacked.

    Attributes:
        category: folder name.
        criterion: "auroc", "loss" or "score", see `zsad.robustness.worst_case`.
        align: "map" turns the map back, "mask" turns the mask along.
        corners: "counted", or "left out" of loss and AUROC where a rotation leaves them empty.
        rotation: as in `zsad.perturb.semantic`.
        device: where images are changed and the detector runs.
    """

    detector: Detector
    category: str
    criterion: str
    align: str
    corners: str
    rotation: Rotation
    device: str | torch.device


@dataclass(frozen=True)
class Outcome:
    """What the evaluations of one batch gave."""

    loss: Float[Tensor, " evaluation"]
    auroc: Float[Tensor, " evaluation"]
    score: Float[Tensor, " evaluation"]
    map: Float[Tensor, "evaluation height width"]
    mask: Bool[Tensor, "evaluation height width"]
    valid_mask: Bool[Tensor, "evaluation height width"] | None


class Attack:
    """Images under attack. A search calls `values` or `gradients`; the first evaluation of each image must be 0, the
    image as it is.

    Attributes (tensors on the CPU, one row an image):
        parameters: those of the kept evaluation, float64, in the space's order.
        loss, auroc, score, map, mask, valid_mask: of the kept evaluation.
        clean_loss, clean_auroc: of the first.
        losses, aurocs: those of all evaluations, in order; NaN for an AUROC that does not count.
        backward: after each evaluation, how many of them also went backward.
    """

    def __init__(
        self,
        victim: Victim,
        space: SearchSpace,
        images: Float[Tensor, "image 3 height width"],
        masks: Bool[Tensor, "image height width"],
        ids: Sequence[str],
        batch_size: int,
        bar: tqdm,
    ) -> None:
        self.victim, self.space, self.batch_size = victim, space, batch_size
        self._images, self._masks, self._ids, self._bar = images, masks, ids, bar
        count = len(images)
        self.parameters = torch.zeros(count, len(space.names), dtype=torch.float64)
        self.loss, self.clean_loss, self.score = torch.zeros(3, count)
        self.auroc, self.clean_auroc = torch.zeros(2, count, dtype=torch.float64)
        self.map = torch.zeros(masks.shape)
        self.mask = masks.clone()
        self.valid_mask = torch.ones_like(masks)
        self.losses: list[list[float]] = [[] for _ in range(count)]
        self.aurocs: list[list[float]] = [[] for _ in range(count)]
        self.backward: list[list[int]] = [[] for _ in range(count)]
        # An AUROC compares pixels of both kinds.
        self._has_auroc = masks.flatten(1).any(1) & ~masks.flatten(1).all(1)
        self._by_auroc = self._has_auroc & (victim.criterion == "auroc")

    def __len__(self) -> int:
        return len(self._images)

    def values(
        self, samples: Int[Tensor, " evaluation"], parameters: Float[Tensor, "evaluation parameter"]
    ) -> Float[Tensor, " evaluation"]:
        """Try parameters on samples, any number of evaluations each, in order. Returns what a search is to make small:
        the AUROC or the loss of the image, as the criterion says.

        An evaluation whose turned mask has left the frame has no AUROC and counts as 1, the least worth.
        """

        def work(part: slice) -> Tensor:
            with torch.no_grad():
                outcome = self._try(samples[part], parameters[part], differentiable=False)
            self._keep(samples[part], parameters[part], outcome)
            return torch.where(self._by_auroc[samples[part]], outcome.auroc.nan_to_num(nan=1.0), outcome.loss.double())

        values, self.batch_size = in_batches(work, len(samples), self.batch_size, self.victim.device)
        return torch.cat(values)

    def gradients(
        self, samples: Int[Tensor, " evaluation"], parameters: Float[Tensor, "evaluation parameter"]
    ) -> Float[Tensor, "evaluation parameter"]:
        """Try parameters on samples, and return the gradient of the loss with respect to them.

        Where a saturation is clipped the gradient passes as if it were not, as in the released attack.

        Raises:
            ValueError: the detector lets no gradient through.
        """

        def work(part: slice) -> Tensor:
            with torch.enable_grad():
                variables = parameters[part].clone().requires_grad_()
                outcome = self._try(samples[part], variables, differentiable=True)
                (gradient,) = torch.autograd.grad(outcome.loss.sum(), variables)
            self._require_finite(gradient.isfinite().all(1), samples[part], "the gradient of the loss is not finite")
            self._keep(samples[part], parameters[part], outcome, backward=True)
            return gradient

        gradients, self.batch_size = in_batches(work, len(samples), self.batch_size, self.victim.device)
        return torch.cat(gradients)

    def _try(self, samples: Tensor, parameters: Tensor, differentiable: bool) -> Outcome:
        victim = self.victim
        images, masks = (batch[samples].to(victim.device) for batch in (self._images, self._masks))
        shifts = dict(zip(self.space.names, parameters.to(victim.device).unbind(1), strict=True))
        anomalous, by_score = masks.flatten(1).any(1), victim.criterion == "score"
        prediction = self._predict(self._shifted(images, shifts, differentiable), samples)
        if differentiable and not (prediction.score if by_score else prediction.map).requires_grad:
            raise ValueError(
                f"detector {victim.detector.name!r} lets no gradient through from its {'score' if by_score else 'map'} "
                "to the image: choose search='bayes_opt', which needs none"
            )
        maps = prediction.map.float()
        if "angle" in shifts and victim.align == "map":
            turned = perturb.rotate_map(maps, -shifts["angle"], rotation=victim.rotation)
            maps = _unless(shifts["angle"] == 0, maps, turned)
        elif "angle" in shifts:
            masks = rotate_mask(masks, shifts["angle"].detach())
        valid_mask = None
        if "angle" in shifts and victim.corners == "left out":
            angle = shifts["angle"].detach().float()
            valid_mask = inside_frame(masks, -angle if victim.align == "map" else angle)
        if by_score:
            loss = image_loss(prediction.score.float(), anomalous.to(prediction.score.device))
        else:
            loss = segmentation_loss(maps, masks, valid_mask)
        maps = maps.detach()
        auroc = pixel_auroc_per_image(maps, masks, valid_mask)
        score = prediction.score.detach().float().cpu()
        return Outcome(loss if differentiable else loss.cpu(), auroc.cpu(), score, maps, masks, valid_mask)

    def _shifted(self, images: Tensor, shifts: dict[str, Tensor], differentiable: bool) -> Tensor:
        """`perturb.semantic`, where what is shifted by 0 passes as it is, to the last bit: so an evaluation of one
        parameter is the same whichever others are searched. Its gradient is that of the shift by 0.
        """
        angle, hue, saturation = (shifts.get(name, torch.zeros(len(images)).to(images)) for name in PARAMETERS)
        if "angle" in shifts:
            turned = perturb.semantic(images, angle=angle, rotation=self.victim.rotation)
            images = _unless(angle == 0, images, turned)
        if "hue" in shifts or "saturation" in shifts:
            coloured = perturb.semantic(images, hue=hue, saturation=saturation, straight_through=differentiable)
            images = _unless((hue == 0) & (saturation == 0), images, coloured)
        return images

    def _predict(self, images: Tensor, samples: Tensor) -> Prediction:
        detector, category = self.victim.detector, self.victim.category
        try:
            return check_prediction(detector.predict(images, category=category), detector.name, category)
        except NotFiniteError as error:
            sample = int(samples[error.index])
            raise NotFiniteError(f"{self._ids[sample]}: {error}", sample) from None

    def _require_finite(self, finite: Bool[Tensor, " evaluation"], samples: Tensor, problem: str) -> None:
        if not finite.all():
            sample = int(samples[~finite][0])
            raise NotFiniteError(f"{self._ids[sample]}: {problem}", sample)

    def _keep(self, samples: Tensor, parameters: Tensor, outcome: Outcome, backward: bool = False) -> None:
        """Remember the evaluations, and those that are worse than the kept one in its place."""
        losses, aurocs = outcome.loss.detach().cpu(), outcome.auroc
        for index, sample in enumerate(samples.tolist()):
            loss, auroc = float(losses[index]), float(aurocs[index]) if self._by_auroc[sample] else math.nan
            first = not self.losses[sample]
            if first:
                self.clean_loss[sample], self.clean_auroc[sample] = losses[index], aurocs[index]
            self.losses[sample].append(loss)
            self.aurocs[sample].append(float(aurocs[index]) if self._has_auroc[sample] else math.nan)
            self.backward[sample].append(backward + (0 if first else self.backward[sample][-1]))
            kept, clean = (
                (float(a[sample]) if self._by_auroc[sample] else math.nan, float(b[sample]))
                for a, b in ((self.auroc, self.loss), (self.clean_auroc, self.clean_loss))
            )
            # Worse than the clean image too: with turned masks, whose AUROC may be missing, one does not follow.
            if first or (_worse((auroc, loss), kept) and _worse((auroc, loss), clean)):
                self.parameters[sample] = parameters[index]
                self.loss[sample], self.auroc[sample] = losses[index], aurocs[index]
                self.score[sample], self.map[sample] = outcome.score[index], outcome.map[index].cpu()
                self.mask[sample] = outcome.mask[index].cpu()
                if outcome.valid_mask is not None:
                    self.valid_mask[sample] = outcome.valid_mask[index].cpu()
        self._bar.update(len(samples))


def _unless(still: Bool[Tensor, " evaluation"], before: Tensor, after: Tensor) -> Tensor:
    """`after`; where nothing moved, `before` to the last bit, with the gradient of `after`."""
    still = still.view(-1, *[1] * (before.ndim - 1))
    return torch.where(still, before.detach() + (after - after.detach()), after)


def _worse(this: tuple[float, float], other: tuple[float, float]) -> bool:
    """For a detector, by (AUROC, loss): a lower AUROC, then a lower loss; the loss alone where one has no AUROC."""
    if math.isnan(this[0]) or math.isnan(other[0]):
        return this[1] < other[1]
    return this < other
