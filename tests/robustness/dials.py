"""An image that shows how it was shifted, and a detector that reads it off: every landscape can be made to order."""

import hashlib
import math
from collections.abc import Callable

import torch
from kornia.color import hsv_to_rgb, rgb_to_hsv

from zsad.detectors import Prediction

SIDE = 24


def toy_images(count: int = 3, saturation: float = 0.5) -> torch.Tensor:
    """One colour of hue `i + 0.5` each, that brightens from left to right: hue, saturation and angle can be read."""
    value = torch.linspace(0.3, 0.8, SIDE).expand(count, SIDE, SIDE)
    hue = (0.5 + torch.arange(count)).float()[:, None, None].expand_as(value)
    return hsv_to_rgb(torch.stack((hue, torch.full_like(value, saturation), value), 1))


def right_half(count: int = 3) -> torch.Tensor:
    masks = torch.zeros(count, SIDE, SIDE, dtype=torch.bool)
    masks[:, :, SIDE // 2 :] = True
    return masks


def normal(count: int = 3) -> torch.Tensor:
    return torch.zeros(count, SIDE, SIDE, dtype=torch.bool)


class Dial:
    """Reads angle (degrees), hue (radians) and saturation of each image; the map is `response` of them on the right
    half over a fixed pattern of small values, so a low response is bad where the right half is anomalous, a high one
    where nothing is."""

    name = "dial"
    league = "text only"

    def __init__(
        self,
        response: Callable[..., torch.Tensor],
        limit: int | None = None,
        broken: Callable[[torch.Tensor], torch.Tensor] | None = None,
        differentiable: bool = True,
        patience: int | None = None,
    ) -> None:
        self.response, self.limit, self.broken, self.patience = response, limit, broken, patience
        self.differentiable = differentiable
        self.batches: list[int] = []

    @property
    def options(self) -> dict[str, object]:
        return {}

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(b"dial").hexdigest()

    def predict(self, images: torch.Tensor, category: str) -> Prediction:
        if self.limit is not None and len(images) > self.limit:
            raise torch.OutOfMemoryError(f"{len(images)} images do not fit")
        if self.patience is not None and len(self.batches) >= self.patience:
            raise KeyboardInterrupt
        self.batches.append(len(images))
        with torch.set_grad_enabled(self.differentiable and torch.is_grad_enabled()):
            middle = images[:, :, SIDE // 3 : -SIDE // 3, SIDE // 3 : -SIDE // 3]
            hue, saturation, _ = rgb_to_hsv(middle.mean((2, 3), keepdim=True)).flatten(1).unbind(1)
            brightness = middle.mean(1)
            right = (brightness[:, :, 1:] - brightness[:, :, :-1]).mean((1, 2))
            up = (brightness[:, :-1] - brightness[:, 1:]).mean((1, 2))
            response = self.response(torch.rad2deg(torch.atan2(up, right)), hue, saturation)
            pattern = 0.01 * (1 + torch.sin(torch.arange(SIDE) * 2.0)) * torch.ones(SIDE, 1)
            anomaly_map = pattern + response[:, None, None] * right_half(1)
        if self.broken is not None:
            anomaly_map = torch.where(self.broken(images)[:, None, None], math.nan, anomaly_map)
        return Prediction(anomaly_map.flatten(1).amax(1), anomaly_map)


def two_valleys(hue: torch.Tensor) -> torch.Tensor:
    """A broad valley at hue 2 and a deeper, narrower one at hue 5 of a circle."""
    return 0.5 - 0.2 * torch.exp(2 * (torch.cos(hue - 2) - 1)) - 0.4 * torch.exp(40 * (torch.cos(hue - 5) - 1))


def hue_dial(angle: torch.Tensor, hue: torch.Tensor, saturation: torch.Tensor) -> torch.Tensor:
    return two_valleys(hue)


def angle_dial(angle: torch.Tensor, hue: torch.Tensor, saturation: torch.Tensor) -> torch.Tensor:
    """Valleys at -50 and, deeper, at 63 degrees."""
    return 0.6 - 0.2 * torch.exp(-(((angle + 50) / 20) ** 2)) - 0.4 * torch.exp(-(((angle - 63) / 12) ** 2))


def saturation_dial(angle: torch.Tensor, hue: torch.Tensor, saturation: torch.Tensor) -> torch.Tensor:
    """Falls to both ends of [0, 1], further to the lower one; a narrow dip at 0.8."""
    return 0.2 + 0.5 * saturation * (1 - 0.5 * saturation) - 0.1 * torch.exp(-(((saturation - 0.8) / 0.03) ** 2))


def joint_dial(angle: torch.Tensor, hue: torch.Tensor, saturation: torch.Tensor) -> torch.Tensor:
    """All three together, with a bonus for their coincidence."""
    alone = angle_dial(angle, hue, saturation) + two_valleys(hue) + saturation
    together = torch.exp(-(((angle - 63) / 25) ** 2)) * torch.exp(3 * (torch.cos(hue - 5) - 1))
    return 0.3 * alone - 0.1 * together + 0.1


DIALS = {"angle": angle_dial, "hue": hue_dial, "saturation": saturation_dial, "3d": joint_dial}
