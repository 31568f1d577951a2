"""CLIPSeg behind one call: logits of every prompt on every tile, the image tower run once a tile."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from jaxtyping import Float
from torch import Tensor

from zsad.clip.checkpoint import state_digest
from zsad.leagues import UNKNOWN, Shown, check_shown
from zsad.optional import import_optional

if TYPE_CHECKING:
    from transformers import CLIPSegForImageSegmentation

REPOSITORY = "CIDAS/clipseg-rd64-refined"
# Later than the revision whose processor normalised with 0.5.
REVISION = "999e0328d9e10b484360c477313983f9afdd7050"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# CLIP, and PhraseCut: phrases for things, their parts, materials and colours, and the masks of these.
SHOWN: tuple[Shown, ...] = ("captions", "masks of ordinary things")


class ClipSeg:
    """A `CLIPSegForImageSegmentation` of any size as a pixel model.

    Args:
        model: put on `device`, set to evaluation and frozen. Gradients flow to the tiles.
        tokenize: texts -> token ids (text, token) and, where texts are padded, the attention mask (else None).
        input_size: pixels a side of the tiles, a multiple of the patch size. 352 is what the published processor gives;
            the model interpolates its positions and takes others.
        mean, std: of the input normalisation, a value a channel.
        token_budget: most tokens that go through the decoder at once; it bounds the memory and changes no result.
        shown: what the model was trained on, in the words of `zsad.leagues`; by default nobody knows.
    """

    def __init__(
        self,
        model: CLIPSegForImageSegmentation,
        tokenize: Callable[[Sequence[str]], tuple[Tensor, Tensor | None]],
        input_size: int,
        name: str = "clipseg",
        mean: Sequence[float] = MEAN,
        std: Sequence[float] = STD,
        device: str | torch.device = "cpu",
        token_budget: int = 2**15,
        shown: Sequence[Shown] = UNKNOWN,
    ) -> None:
        self.model = cast(Any, model)
        patch = self.model.config.vision_config.patch_size
        if input_size < patch or input_size % patch:
            raise ValueError(f"the input size of {name} must be a multiple of its patches of {patch}, not {input_size}")
        self.name = name
        self.shown = check_shown(shown, name)
        self.input_size = input_size
        self.tokenize = tokenize
        self.token_budget = token_budget
        self.model.to(device).eval().requires_grad_(False)
        self.mean, self.std = (torch.tensor([*values], device=device).view(3, 1, 1) for values in (mean, std))
        self._conditions: dict[str, Tensor] = {}

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over weights, the layers looked at, input size and normalisation."""
        layers = (self.model.config.extract_layers, self.model.config.conditional_layer)
        spec = repr((layers, self.input_size, self.mean.tolist(), self.std.tolist(), state_digest(self.model)))
        return hashlib.sha256(spec.encode()).hexdigest()

    def __call__(
        self, tiles: Float[Tensor, "tile 3 side side"], prompts: Sequence[str]
    ) -> Float[Tensor, "tile prompt rows columns"]:
        """Logits, at the resolution of the decoder; a prompt that is given twice is computed once.

        Args:
            tiles: RGB in [0, 1], `input_size` pixels a side.
            prompts: at least one.

        Raises:
            ValueError: tiles of another size.
        """
        if tiles.shape[-2:] != (self.input_size, self.input_size):
            raise ValueError(f"{self.name} takes tiles of {self.input_size} pixels a side, not {tuple(tiles.shape)}")
        different = list(dict.fromkeys(prompts))
        conditions = self.conditions(different)
        seen = self.model.clip.vision_model(
            pixel_values=(tiles.to(self.mean) - self.mean) / self.std,
            output_hidden_states=True,
            interpolate_pos_encoding=True,
        ).hidden_states
        looked_at = [seen[layer + 1] for layer in self.model.config.extract_layers]
        rows = max(1, self.token_budget // (looked_at[0].shape[1] * len(different)))
        parts = zip(*(layer.split(rows) for layer in looked_at), strict=True)
        logits = torch.cat([self._decode(list(part), conditions) for part in parts])
        order = torch.tensor([different.index(prompt) for prompt in prompts], device=logits.device)
        return logits[:, order]

    @torch.inference_mode(False)  # they are kept, and used under autograd later
    @torch.no_grad()
    def conditions(self, prompts: Sequence[str]) -> Float[Tensor, "prompt dim"]:
        """What the decoder is told of each prompt, computed once."""
        new = [prompt for prompt in prompts if prompt not in self._conditions]
        if new:
            ids, attention = self.tokenize(new)
            device = self.mean.device
            found = self.model.get_conditional_embeddings(
                batch_size=len(new),
                input_ids=ids.to(device),
                attention_mask=None if attention is None else attention.to(device),
            )
            self._conditions |= dict(zip(new, found, strict=True))
        return torch.stack([self._conditions[prompt] for prompt in prompts])

    def _decode(
        self, layers: list[Float[Tensor, "tile token channel"]], conditions: Float[Tensor, "prompt dim"]
    ) -> Float[Tensor, "tile prompt rows columns"]:
        tiles, prompts = layers[0].shape[0], conditions.shape[0]
        repeated = tuple(layer.repeat_interleave(prompts, dim=0) for layer in layers)
        logits = self.model.decoder(repeated, conditions.repeat(tiles, 1)).logits
        maps: Tensor = logits.float().reshape(tiles, prompts, *logits.shape[-2:])
        return maps


def load_clipseg(device: str | torch.device = "cpu", folder: str | Path | None = None) -> ClipSeg:
    """The published CLIPSeg with its more complex convolution.

    Args:
        folder: the files of the repository, instead of the Hugging Face cache or a download.

    Raises:
        ImportError: transformers is not installed.
        FileNotFoundError: the weights are neither here nor to be had; the message says what to do.
        ValueError: the processor is that of an earlier revision.
    """
    transformers = import_optional("transformers", "CLIPSeg", "transformers")
    where: dict[str, Any] = {"revision": REVISION} if folder is None else {"local_files_only": True}
    source = REPOSITORY if folder is None else str(folder)
    try:
        model = transformers.CLIPSegForImageSegmentation.from_pretrained(source, **where)
        processor = transformers.CLIPSegProcessor.from_pretrained(source, **where)
    except (OSError, ValueError) as error:  # what from_pretrained raises for a file that it lacks or cannot read
        raise FileNotFoundError(
            f"the weights of {REPOSITORY} could not be loaded ({error}); load them once with a network connection (0.6 "
            "GB, kept in the Hugging Face cache, which HF_HOME moves), or fetch the files of that repository at "
            f"revision {REVISION} elsewhere and name their folder in the option weights_folder"
        ) from error
    images = processor.image_processor
    if tuple(images.image_mean) != MEAN or tuple(images.image_std) != STD:
        raise ValueError(
            f"the processor in {source} normalises with {images.image_mean} and {images.image_std}, which is that of "
            f"an early revision; use revision {REVISION}"
        )

    def tokenize(texts: Sequence[str]) -> tuple[Tensor, Tensor | None]:
        tokens = processor.tokenizer(list(texts), padding=True, return_tensors="pt")
        return tokens["input_ids"], tokens["attention_mask"]

    return ClipSeg(model, tokenize, images.size["height"], "clipseg-rd64-refined", device=device, shown=SHOWN)
