"""One masked autoencoder of transformers behind one call: what it paints where patches of an image are hidden."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from contextlib import nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from zsad.clip.backbone import DTYPES
from zsad.clip.checkpoint import state_digest
from zsad.leagues import UNKNOWN, Shown, check_shown

if TYPE_CHECKING:
    from transformers import ViTMAEForPreTraining

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# What a prediction depends on besides weights.
_CHOICES = (
    "image_size", "patch_size", "num_attention_heads", "decoder_num_attention_heads", "layer_norm_eps", "hidden_act",
    "mask_ratio",
)  # fmt: skip


class Autoencoder:
    """A `ViTMAEForPreTraining` that predicts plain pixels, ready for use.

    The model is copied, set to evaluation and frozen: the one in hand stays as it is. Gradients flow to the images.

    Args:
        model: takes square images.
        name: the name that records carry.
        mean, std: statistics of the input normalisation, one value a channel; by default those of ImageNet.
        device: where to compute; default: where the model is.
        dtype: "float32", "bfloat16", "float16" or "float64". Predictions come as float32 (of float64: float64).
        token_budget: most tokens that go through the decoder at once; it bounds the memory and changes no result.
            Default: 65,536 on a GPU, 4,096 on a CPU.
        shown: what the model was trained on, in the words of `zsad.leagues`; by default nobody knows.

    Raises:
        ValueError: a model that predicts patches normalised each by its own mean and variance, which do not say what
            colour a patch has; an unknown dtype; or something shown that has no name.
    """

    @torch.inference_mode(False)
    def __init__(
        self,
        model: ViTMAEForPreTraining,
        name: str = "custom",
        mean: Sequence[float] = MEAN,
        std: Sequence[float] = STD,
        device: str | torch.device | None = None,
        dtype: str = "float32",
        token_budget: int | None = None,
        shown: Sequence[Shown] = UNKNOWN,
    ) -> None:
        given: Any = model
        config = given.config
        if config.norm_pix_loss:
            raise ValueError(
                f"{name} predicts patches normalised each by its own mean and variance, which do not say what colour a "
                "patch has: use weights that predict plain pixels (norm_pix_loss: false)"
            )
        if dtype not in DTYPES:
            raise ValueError(f"unknown dtype {dtype!r}; known: {', '.join(DTYPES)}")
        self.name = name
        self.dtype = dtype
        self.shown = check_shown(shown, f"the autoencoder {name}")
        self.device = torch.device(device or given.device)
        self.token_budget = token_budget or (2**12 if self.device.type == "cpu" else 2**16)
        self.model: Any = copy.deepcopy(given).to(self.device, DTYPES[dtype]).eval().requires_grad_(False)
        self.mean, self.std = (torch.tensor([*values], device=self.device).view(3, 1, 1) for values in (mean, std))
        self.image_size: int = config.image_size
        self.patch_size: int = config.patch_size
        self.grid: tuple[int, int] = (self.image_size // self.patch_size,) * 2

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over everything that determines a prediction."""
        choices = {name: getattr(self.model.config, name) for name in _CHOICES}
        said = repr((choices, self.mean.tolist(), self.std.tolist(), state_digest(self.model)))
        return hashlib.sha256(said.encode()).hexdigest()

    @property
    def patches(self) -> int:
        """How many there are in an image, row by row."""
        return self.grid[0] * self.grid[1]

    def draw_masks(self, count: int, seed: int) -> Bool[Tensor, "mask patch"]:
        """Which patches are hidden, at random: in every mask as many as in training, three of four as a rule."""
        order = torch.rand((count, self.patches), generator=torch.Generator().manual_seed(seed)).argsort(dim=1)
        rank = order.argsort(dim=1)
        return (rank >= int(self.patches * (1 - self.model.config.mask_ratio))).to(self.device)

    def fitted(self, images: Float[Tensor, "image 3 height width"]) -> Float[Tensor, "image 3 side side"]:
        """Images on the device, squashed to the input size of the model (bicubic)."""
        images, size = images.to(self.device), (self.image_size, self.image_size)
        if images.shape[-2:] != size:
            images = F.interpolate(images, size=size, mode="bicubic", antialias=True, align_corners=False)
        fitted: Tensor = images.clamp(0, 1)
        return fitted

    def in_patches(self, images: Float[Tensor, "image 3 side side"]) -> Float[Tensor, "image patch pixel 3"]:
        """Pixels patch by patch."""
        patches: Tensor = self.model.patchify(images).unflatten(-1, (-1, 3))
        return patches

    def paint(
        self, images: Float[Tensor, "image 3 side side"], hidden: Bool[Tensor, "mask patch"]
    ) -> Float[Tensor, "image mask patch pixel 3"]:
        """What the model says of every patch when it sees those alone that a mask does not hide: RGB in which [0, 1] is
        the range of images, not clipped. Of patches that it sees, it has not learned to say anything.

        Args:
            images: of the input size, in [0, 1]; see `fitted`.
            hidden: as many in every mask as `draw_masks` hides.
        """
        pairs = len(images) * len(hidden)
        x = ((images - self.mean) / self.std).to(DTYPES[self.dtype])
        x = x.unsqueeze(1).expand(-1, len(hidden), -1, -1, -1).flatten(0, 1)
        # The model shows the patches of the lowest values; equal ones would be left to chance.
        order = hidden + torch.linspace(0, 0.5, self.patches, device=hidden.device)
        parts = zip(x.split(self.at_once), order.repeat(len(images), 1).split(self.at_once), strict=True)
        painted = torch.cat([self._painted(part, order) for part, order in parts]).reshape(pairs, self.patches, -1, 3)
        in_colours = painted * self.std.flatten() + self.mean.flatten()
        by_image: Tensor = in_colours.unflatten(0, (len(images), len(hidden)))
        return by_image

    @property
    def at_once(self) -> int:
        """How many pairs of an image and a mask go through the model at once."""
        return max(1, self.token_budget // (self.patches + 1))

    def _painted(
        self, x: Float[Tensor, "pair 3 side side"], order: Float[Tensor, "pair patch"]
    ) -> Float[Tensor, "pair patch value"]:
        # On a CPU, fused attention with a gradient is slow.
        written_out = x.requires_grad and x.device.type == "cpu"
        with sdpa_kernel(SDPBackend.MATH) if written_out else nullcontext():
            seen = self.model.vit(x, noise=order)
            logits: Tensor = self.model.decoder(seen.last_hidden_state, seen.ids_restore).logits
        return logits if logits.dtype == torch.float64 else logits.float()
