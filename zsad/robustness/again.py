"""Tries that searches have kept, evaluated once more: side by side, or in other arithmetic."""

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from zsad.detectors import Detector
from zsad.progress import progress_bar
from zsad.robustness.attack import Attack, Victim
from zsad.robustness.bounds import Bounds, searched


def losses_again(
    detector: Detector,
    images: Float[Tensor, "image 3 height width"],
    masks: Bool[Tensor, "image height width"],
    tries: Mapping[str, Mapping[str, Float[Tensor, " image"]]],
    *,
    category: str,
    setting: str,
    bounds: Bounds | None = None,
    align: str = "map",
    corners: str = "counted",
    rotation: str = "three_pass",
    batch_size: int = 16,
    device: str | torch.device = "cpu",
) -> dict[str, Float[Tensor, " image"]]:
    """`segmentation_loss` of the pictures as they are ("none"), and of one try a picture for each name of `tries`.

    In 16 bits processors round differently: one and the same try may have a loss that differs by a percent from one to
    the other, as much as good searches differ by, and the cells of a study may come from several. Here all are
    evaluated on one, in batches of the same pictures.

    Args:
        tries: name -> parameter (angle in degrees, hue in radians, saturation) -> a value for each picture, as in
            `WorstCase.parameters`.

    The other arguments and errors are those of `zsad.robustness.worst_case`.
    """
    box = searched(setting, bounds or Bounds())
    victim = Victim(detector, category, "loss", align, corners, rotation, device)  # type: ignore[arg-type]
    ids = [f"image {i}" for i in range(len(images))]
    everyone, as_it_is = torch.arange(len(images)), torch.zeros(len(images), len(box.names), dtype=torch.float64)
    with progress_bar(len(images) * (1 + len(tries)), 0, "try", f"{category} {setting} again", False) as bar:
        attack = Attack(victim, box, images, masks, ids, batch_size, bar)
        found = {"none": attack.values(everyone, as_it_is)}
        for name, parameters in tries.items():
            values = torch.stack([parameters[parameter].double() for parameter in box.names], 1)
            found[name] = attack.values(everyone, values)
    return found
