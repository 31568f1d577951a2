"""What a detector says of itself so that it can be trained on auxiliary anomalies (`zsad.auxiliary.train`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Bool, Float
from torch import Tensor, nn

from zsad.clip import Backbone
from zsad.detectors.given import Checked, Count, Positive, Share


@dataclass(frozen=True)
class Training(Checked):
    """How long and on what is trained: Adam with betas (0.5, 0.999), the last epoch is taken.

    Attributes:
        epochs: passes over all images. batch_size: images a step, shuffled. learning_rate: of Adam.
        mosaic: the probability that an image is replaced by a mosaic (`AuxiliaryData.mosaics`).
        seed: of the order of images, of mosaics and of what is drawn at the start.
    """

    epochs: Count
    batch_size: Count = 8
    learning_rate: Positive = 1e-3
    mosaic: Share = 0.0
    seed: int = 111


@runtime_checkable
class LearnerKind(Protocol):
    """Makes a `Learner`: its class, in most cases."""

    def __call__(self, backbone: Backbone, choices: Mapping[str, Any], seed: int) -> Learner:
        """What is to be learned, as it stands before the first step.

        Args:
            choices: options that decide what is learned; those left out are the published ones.
            seed: of what is drawn at the start.

        Raises:
            ValueError: an unknown choice, or one that the backbone cannot have.
        """
        ...

    def published(self, suite: str) -> Training:
        """The training that was published for a data set, by any of its usual names, or stands in for it
        (`zsad.auxiliary.named`)."""
        ...


@runtime_checkable
class Learner(Protocol):
    """What is learned, and how wrong it is.

    Attributes:
        part: what the learned part is called, as `zsad.detectors.learned.load_learned` is asked for it.
        choices: those that decide what is learned, as plain JSON values.
        module: holds the parameters that are trained, on the backbone's device; its `state_dict` is what is kept.
    """

    part: str
    choices: Mapping[str, Any]
    module: nn.Module

    def features(self, images: Float[Tensor, "image 3 height width"]) -> dict[str, Tensor]:
        """What the frozen towers say of images, one row an image. It is computed once an image, without gradients."""
        ...

    def loss(
        self,
        features: dict[str, Tensor],
        masks: Bool[Tensor, "image height width"],
        labels: Bool[Tensor, " image"],
        categories: Sequence[str],
    ) -> Float[Tensor, ""]:
        """The loss of a batch, to be minimised over the parameters of `module`."""
        ...
