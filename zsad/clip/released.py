"""The published CLIPs that detectors stand on: how open_clip calls each, and which file holds its weights."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from open_clip.pretrained import get_pretrained_url

from zsad.clip.architecture import QUICK, Positions
from zsad.leagues import Shown


@dataclass(frozen=True)
class Released:
    """A published CLIP: how open_clip calls it, and its weights where it knows them, and the Hugging Face repository
    that they come from. `shown` is what they were trained on (`zsad.leagues`).

    `image_size` is the input in pixels, where it is not the one that the weights were trained at; the position table is
    then resized by `positions`: "bicubic" with antialiasing, as open_clip does, or "bilinear" without.

    `revision` is the commit of the repository and `sha256` the checksum of its open_clip_model.safetensors, where both
    are known from more than one source: another file is then refused. Without them, the makers' own file is fetched
    where its address states its checksum, and held against that; what has neither is named as it is loaded, with its
    checksum.
    """

    architecture: str
    pretrained: str | None
    repository: str
    gigabytes: float
    shown: tuple[Shown, ...] = ("captions",)
    image_size: int | None = None
    positions: Positions = "bicubic"
    revision: str | None = None
    sha256: str | None = None

    @property
    def makers_url(self) -> str:
        """Of the makers' own file, as open_clip writes it down; empty where it knows none."""
        return get_pretrained_url(self.architecture.removesuffix(QUICK), self.pretrained) if self.pretrained else ""

    @property
    def makers_sha256(self) -> str:
        """What that address states: the whole checksum (OpenAI) or its first eight digits (LAION); empty for none."""
        found = re.search(r"/([0-9a-f]{64})/|-([0-9a-f]{8})\.pt$", self.makers_url)
        return (found[1] or found[2]) if found else ""

    @property
    def origin(self) -> tuple[str, str]:
        """Where the weights come from, in words, and the SHA-256 that their file must have, or its first digits."""
        if self.sha256 is not None:
            return f"{self.repository} at {self.revision}", self.sha256
        return (self.makers_url, self.makers_sha256) if self.makers_sha256 else (self.repository, "")

    @property
    def known_files(self) -> tuple[str, ...]:
        """SHA-256, or their first digits, of files that are known to hold these weights."""
        return tuple(digits for digits in (self.sha256, self.makers_sha256) if digits)


# OpenAI's weights were trained with QuickGELU, which open_clip's plain config name does not select. FARE2 was
# fine-tuned from them: its activation is set here too, rather than left to the configuration file of its repository.
# The last two are the same weights as two methods read them: AnomalyCLIP with the activation that they were trained
# with, APRIL-GAN (whose layers were trained so) without it, and each with its own way of resizing positions.
_OPENAI_336 = Released(
    "ViT-L-14-336", "openai", "timm/vit_large_patch14_clip_336.openai", 1.7, image_size=518,
    revision="81e38efc4637de5023b10e75a7f9bd1c6fa6b010",
    sha256="fbc415c3d0d7b79faed8f5ccfb740c32b7c4f5ffe7283b851f89c6231c01a8e0",
)  # fmt: skip
RELEASED = {
    "ViT-B-16-plus-240": Released(
        "ViT-B-16-plus-240", "laion400m_e31", "timm/vit_base_patch16_plus_clip_240.laion400m_e31", 0.8
    ),
    "ViT-L-14": Released(
        "ViT-L-14-quickgelu", "openai", "timm/vit_large_patch14_clip_224.openai", 1.7,
        revision="18d0535469bb561bf468d76c1d73aa35156c922b",
        sha256="9ce2e8a8ebfff3793d7d375ad6d3c35cb9aebf3de7ace0fc7308accab7cd207e",
    ),
    "ViT-L-14-FARE2": Released("ViT-L-14-quickgelu", None, "chs20/fare2-clip", 1.7, ("pictures", "captions")),
    "ViT-L-14-336-AnomalyCLIP": replace(_OPENAI_336, architecture="ViT-L-14-336-quickgelu", positions="bilinear"),
    "ViT-L-14-336-APRIL-GAN": _OPENAI_336,
}  # fmt: skip
