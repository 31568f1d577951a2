"""One image under a grid of joint shifts, and the points that a worst-case search tries on it: what the explorer shows.

Images are shifted as `zsad.robustness.attack` does it: turned, then shifted in colour, each left out where it is 0.
"""

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from zsad.detectors import Detector
from zsad.perturb import semantic
from zsad.progress import progress_bar
from zsad.robustness.attack import Attack, Victim
from zsad.robustness.bayes_opt import bayes_opt
from zsad.robustness.search_space import Bounds, search_space
from zsad.robustness.worst_case import default_budget

LEVELS = 255  # of maps in [0, 1], kept as whole numbers
BATCH = 12


@torch.no_grad()
def on_grid(
    detector: Detector,
    image: Float[Tensor, "1 3 side side"],
    category: str,
    angles: Sequence[float],
    hues: Sequence[float],
    saturations: Sequence[float],
    cells: int,
    done: Callable[[int], object] = lambda count: None,
) -> tuple[Float[np.ndarray, "angle hue saturation"], UInt8[np.ndarray, "angle hue saturation cells cells"]]:
    """Image scores, and maps as the detector's own `cells` x `cells` numbers (in `LEVELS`), in the shifted image's
    frame: they are not turned back.

    Args:
        image: RGB in [0, 1], a square.
        angles: degrees; hues: radians; saturations: [-1, 1].
        done: called with the number of shifts that a batch has added.
    """
    shape = (len(angles), len(hues), len(saturations))
    scores, maps = np.zeros(shape, np.float32), np.zeros((*shape, cells, cells), np.uint8)
    colours = list(product(hues, saturations))
    for index, angle in enumerate(angles):
        turned = semantic(image, angle=angle) if angle else image
        found, small = [], []
        for start in range(0, len(colours), BATCH):
            part = colours[start : start + BATCH]
            prediction = detector.predict(_coloured(turned, part), category=category.replace("_", " "))
            found.append(prediction.score.float())
            small.append(coarse(prediction.map.float(), cells))
            done(len(part))
        scores[index] = torch.cat(found).view(shape[1:]).numpy()
        levels = (torch.cat(small).clamp(0, 1) * LEVELS).round().to(torch.uint8)
        maps[index] = levels.view(*shape[1:], cells, cells).numpy()
    return scores, maps


def _coloured(image: Tensor, colours: Sequence[tuple[float, float]]) -> Tensor:
    """A copy of an image for each (hue, saturation); that of (0, 0) to the last bit."""
    hue, saturation = torch.tensor(colours, dtype=torch.float64).unbind(1)
    copies = image.expand(len(colours), -1, -1, -1)
    shifted = semantic(copies, hue=hue, saturation=saturation)
    return torch.where(((hue == 0) & (saturation == 0))[:, None, None, None], copies, shifted)


def coarse(maps: Float[Tensor, "map side side"], cells: int) -> Float[Tensor, "map cells cells"]:
    """The `cells` x `cells` numbers that maps were drawn from, bilinearly as `torch.nn.functional.interpolate` does."""
    drawn = F.interpolate(torch.eye(cells, dtype=torch.float64)[None], size=maps.shape[-1], mode="linear")[0].T
    back = torch.linalg.pinv(drawn)
    found: Tensor = back @ maps.double() @ back.T
    return found


class _Watched(Attack):
    """An attack that remembers what was tried."""

    tried: list[Tensor]

    def values(
        self, samples: Int[Tensor, " evaluation"], parameters: Float[Tensor, "evaluation parameter"]
    ) -> Float[Tensor, " evaluation"]:
        self.__dict__.setdefault("tried", []).append(parameters)
        return super().values(samples, parameters)


def tried_by_search(
    detector: Detector,
    image: Float[Tensor, "1 3 side side"],
    mask: Bool[Tensor, "1 side side"],
    category: str,
    id: str,
    starts: Sequence[tuple[float, float, float]],
    enabled: bool = True,
) -> Float[np.ndarray, "evaluation 4"]:
    """Angle, hue, saturation and what was to be made small of every evaluation of the published search over all three
    (`zsad.robustness.bayes_opt`), in order: the image's own pixel AUROC, of a good image the loss.

    `starts` are what the searches of each parameter alone have found.
    """
    space = search_space("3d", Bounds())
    budget = default_budget("bayes_opt", space)
    victim = Victim(detector, category, "auroc", "map", "counted", "three_pass", "cpu")
    with progress_bar(budget, 0, "evaluation", f"{id} search", enabled) as bar:
        attack = _Watched(victim, space, image, mask, [id], BATCH, bar)
        bayes_opt(attack, budget, torch.tensor(starts, dtype=torch.float64)[None] if starts else None)
    values = attack.aurocs[0] if bool(mask.any()) else attack.losses[0]
    return np.column_stack([torch.cat(attack.tried).numpy(), np.array(values)])
