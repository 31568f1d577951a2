"""One open_clip ViT behind four calls: embeddings of images, of windows of patches, of patches, and of text."""

from __future__ import annotations

import copy
import hashlib
import string
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from open_clip.transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from zsad.clip import text as text_tower
from zsad.clip.taps import walk
from zsad.leagues import UNKNOWN, Shown, check_shown

DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "float64": torch.float64,  # for checks against finite differences
}
_LETTERS = ("", *string.ascii_letters, *string.digits)


class Backbone:
    """An open_clip CLIP with a ViT image tower, ready for zero-shot use.

    The model is copied, set to evaluation and frozen: the one in hand stays as it is. Gradients flow to the images,
    never to the weights. Every embedding has unit length and comes as float32, whatever the weights are held in
    (float64 weights give float64), on the device of the backbone.

    Args:
        open_clip_model: an `open_clip.CLIP` or `open_clip.CustomTextCLIP` whose `visual` is a `VisionTransformer`.
        tokenizer: texts -> token ids (text, context_length), as open_clip's tokenizers do.
        name: the name that records carry.
        mean, std: statistics of the input normalisation, one value a channel; by default those stored with the
            model, else those of the original CLIP.
        device: where to compute; default: where the model is.
        dtype: "float32", "bfloat16", "float16" or "float64".
        token_budget: most tokens that go through a tower at once. It bounds the memory and changes no result; the
            windows of one image at one scale always stay together. Default: 65,536 on a GPU, 4,096 on a CPU, whose
            cache larger batches leave.
        shown: what the model was trained on, in the words of `zsad.leagues`; by default nobody knows.

    Raises:
        TypeError: the image tower is not an open_clip `VisionTransformer` (windows of a CNN or Swin are undefined).
        ValueError: an unknown dtype, a device that is not there, a tower whose input is not square, or something shown
            that has no name.
    """

    # Made under a caller's inference mode, weights and cached text features would be of no use to autograd later.
    @torch.inference_mode(False)
    def __init__(
        self,
        open_clip_model: nn.Module,
        tokenizer: Callable[..., Tensor],
        name: str = "custom",
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        device: str | torch.device | None = None,
        dtype: str = "float32",
        token_budget: int | None = None,
        shown: Sequence[Shown] = UNKNOWN,
    ) -> None:
        if dtype not in DTYPES:
            raise ValueError(f"unknown dtype {dtype!r}; known: {', '.join(DTYPES)}")
        visual = _vision_transformer(open_clip_model)
        mean = mean or getattr(visual, "image_mean", None) or OPENAI_DATASET_MEAN
        std = std or getattr(visual, "image_std", None) or OPENAI_DATASET_STD
        self.device = _checked_device(device or visual.class_embedding.device)
        self.dtype = dtype
        self.name = name
        self.shown = check_shown(shown, f"the backbone {name}")
        self.tokenizer = tokenizer
        self._letters: set[str] = set()  # those that the tokenizer is known to hold
        self.token_budget = token_budget or (2**12 if self.device.type == "cpu" else 2**16)
        self.model: Any = copy.deepcopy(open_clip_model).to(self.device, DTYPES[dtype]).eval().requires_grad_(False)
        self.mean, self.std = (torch.tensor([*values], device=self.device).view(3, 1, 1) for values in (mean, std))
        self.image_size: int = visual.image_size[0]
        self.grid: tuple[int, int] = tuple(visual.grid_size)
        self.embed_dim: int = visual.output_dim
        self.blocks: int = len(visual.transformer.resblocks)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over everything that determines an embedding: weights in name order, what these do not tell (the
        kinds of layers, heads, pooling), normalisation, and the tokenizer's vocabulary."""
        layers = sorted({type(module).__name__ for module in self.model.modules()})
        choices = [
            (name, choice, getattr(module, choice))
            for name, module in self.model.named_modules()
            for choice in ("num_heads", "pool_type", "eps")
            if hasattr(module, choice)
        ]
        said = (layers, choices, self.image_size, self.mean.tolist(), self.std.tolist())
        digest = hashlib.sha256(repr(said).encode())
        digest.update(repr((_vocabulary(self.tokenizer), self.tokenizer([*_LETTERS]).tolist())).encode())
        for name, tensor in sorted(self.model.state_dict().items()):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
        return digest.hexdigest()

    @cached_property
    def float32_text(self) -> Backbone:
        """The text tower in float32, for what is learned through it: 16 bits round small steps and gradients away.

        The weights are those of this backbone, rounded as they are, and without the image tower. A backbone in float32
        or float64 is its own.
        """
        if self.dtype in ("float32", "float64"):
            return self
        twin = copy.copy(self)
        with torch.inference_mode(False):
            # What the memo names is not copied: the image tower is the larger part and learns nothing.
            twin.model = copy.deepcopy(self.model, {id(self.model.visual): None}).float()
        twin.dtype = "float32"
        return twin

    def embed_image(self, images: Float[Tensor, "image 3 height width"]) -> Float[Tensor, "image dim"]:
        """Projected class token of whole images.

        Args:
            images: RGB in [0, 1], any size; squashed to the input size of the model.

        Raises:
            ValueError: not a batch of three-channel floating-point images.
        """
        return self._whole(self._tokens(images))

    def embed_windows(
        self, images: Float[Tensor, "image 3 height width"], sizes: Sequence[int]
    ) -> dict[int, Float[Tensor, "image _window dim"]]:
        """Projected class token of every window of k x k patches, for each k in `sizes`.

        Windows come row by row, stride 1. A window keeps the class token and its own patch tokens, which carry the
        position they have in the full grid; all other tokens are dropped before the transformer (WinCLIP, section 4.2).

        Raises:
            ValueError: a size that does not fit on the grid.
        """
        return self._windows(self._tokens(images), sizes)

    def embed_image_and_windows(
        self, images: Float[Tensor, "image 3 height width"], sizes: Sequence[int]
    ) -> tuple[Float[Tensor, "image dim"], dict[int, Float[Tensor, "image _window dim"]]]:
        """`embed_image` and `embed_windows` from one patch embedding."""
        tokens = self._tokens(images)
        return self._whole(tokens), self._windows(tokens, sizes)

    def embed_patches(self, images: Float[Tensor, "image 3 height width"]) -> Float[Tensor, "image patch dim"]:
        """Patch tokens of the last layer through the image projection, row by row."""
        self._check_patches()
        tokens = self._tokens(images)
        parts = tokens.split(self._rows(tokens.shape[1]))
        return torch.cat([self._patches(self.model.visual.transformer(part)) for part in parts])

    def embed_image_and_patches(
        self, images: Float[Tensor, "image 3 height width"]
    ) -> tuple[Float[Tensor, "image dim"], Float[Tensor, "image patch dim"]]:
        """`embed_image` and `embed_patches` from one pass through the tower."""
        self._check_patches()
        tokens = self._tokens(images)
        parts = [self.model.visual.transformer(part) for part in tokens.split(self._rows(tokens.shape[1]))]
        return torch.cat([self._pooled(part) for part in parts]), torch.cat([self._patches(part) for part in parts])

    def embed_image_and_states(
        self, images: Float[Tensor, "image 3 height width"], blocks: Sequence[int]
    ) -> tuple[Float[Tensor, "image dim"], dict[int, Float[Tensor, "image patch channel"]]]:
        """`embed_image`, and from the same pass the patch tokens after some blocks as the tower holds them: before its
        last norm and the projection, float32.

        Args:
            blocks: counted from 1.

        Raises:
            ValueError: no block, or one that the tower does not have.
        """
        return self._tapped(images, blocks, None, lambda path: _at_least_float32(path[:, 1:]), self._pooled)

    def embed_image_and_taps(
        self,
        images: Float[Tensor, "image 3 height width"],
        blocks: Sequence[int],
        value_path_from: int | None = None,
        class_norm: bool = True,
    ) -> tuple[Float[Tensor, "image dim"], dict[int, Float[Tensor, "image patch dim"]]]:
        """Projected class token, and projected patch tokens after some blocks, from one pass.

        Args:
            blocks: counted from 1.
            value_path_from: None takes the patch tokens of the tower itself; a block's number, those of the path on
                which from that block on V-V attention stands in for whole blocks (`zsad.clip.taps.walk`).
            class_norm: whether the class token passes the tower's last norm, as in `embed_image`.

        Raises:
            ValueError: no block, or one that the tower does not have.
            TypeError: a tower that pools with attention, or V-V attention of a tower whose attention is not PyTorch's.
        """
        self._check_patches()
        visual = self.model.visual
        pool = self._pooled if class_norm else lambda state: _unit(state[:, 0] @ visual.proj)
        return self._tapped(images, blocks, value_path_from, self._patches, pool)

    def check_blocks(self, blocks: Sequence[int]) -> None:
        """Raise a ValueError for no block of the image tower, or for one that it does not have."""
        if wrong := [block for block in blocks if not 1 <= block <= self.blocks]:
            raise ValueError(
                f"the image tower of {self.name} has the blocks 1 to {self.blocks}, no {', '.join(map(str, wrong))}"
            )
        if not blocks:
            raise ValueError(f"name at least one of the {self.blocks} blocks of {self.name}")

    @torch.inference_mode(False)
    @torch.no_grad()
    def embed_text(self, prompts: Sequence[str], normalise: bool = True) -> Float[Tensor, "prompt dim"]:
        """Embeddings of sentences. `normalise=False` keeps the raw length, which averaging in some ports needs.

        Raises:
            ValueError: no prompt, one that is longer than the context, or one with letters that the tokenizer lacks.
        """
        return self.embed_tokens(self.tokenize(prompts), normalise=normalise)

    def tokenize(
        self, prompts: Sequence[str], extra: Int[Tensor, "text word"] | None = None, after: str = ""
    ) -> Int[Tensor, "text token"]:
        """Token ids of sentences, none of them cut.

        Args:
            extra: token ids to put into each sentence.
            after: the words, common to all sentences, behind which `extra` goes; by default it comes first.

        Raises:
            ValueError: no prompt, one that is longer than the context, one with letters or digits that the tokenizer
                drops, or one that does not begin with `after`.
        """
        if not prompts:
            raise ValueError("embed_text needs at least one prompt")
        self._check_letters(prompts)
        tokens = self.tokenizer(list(prompts))
        length = tokens.shape[1]
        cut = self._is_cut(prompts, tokens)
        if extra is not None:
            at, before = self._column_after(after), self.tokenizer([after])
            if (tokens[:, :at] != before[:, :at]).any():
                raise ValueError(f"not every prompt begins with {after!r}")
            tokens = torch.cat([tokens[:, :at], extra.to(tokens), tokens[:, at:]], dim=1)
            cut |= (tokens[:, length:] != self.tokenizer([""])[0, -1]).any(dim=1)
        if cut.any():
            prompt = prompts[int(cut.nonzero()[0])]
            more = "" if extra is None else f" and {extra.shape[1]} more tokens"
            raise ValueError(
                f"the context of {self.name}, {length} tokens, does not hold {prompt!r}{more}: use fewer words"
            )
        return tokens[:, :length].to(self.device)

    def too_long(self, prompts: Sequence[str]) -> list[int]:
        """Places of the sentences that the context does not hold."""
        return self._is_cut(prompts, self.tokenizer(list(prompts))).nonzero().flatten().tolist()

    def _check_letters(self, prompts: Sequence[str]) -> None:
        # A tokenizer may drop what it does not know without a word, and then the text says nothing of the object.
        letters = sorted({letter for prompt in prompts for letter in prompt if letter.isalnum()} - self._letters)
        if not letters:
            return
        dropped = (self.tokenizer(letters) == self.tokenizer([""])).all(dim=1).tolist()
        if lost := [letter for letter, is_dropped in zip(letters, dropped, strict=True) if is_dropped]:
            prompt = next(prompt for prompt in prompts if set(lost) & set(prompt))
            raise ValueError(
                f"the tokenizer of {self.name} does not hold {', '.join(lost)} of {prompt!r}: say it in other letters"
            )
        self._letters.update(letters)

    def _is_cut(self, prompts: Sequence[str], tokens: Int[Tensor, "text token"]) -> Bool[Tensor, " text"]:
        # A tokenizer cuts without a word. Given room for one token more, it cuts elsewhere.
        length = tokens.shape[1]
        return (self.tokenizer(list(prompts), context_length=length + 1)[:, :length] != tokens).any(dim=1)

    @torch.inference_mode(False)
    def embed_tokens(
        self,
        tokens: Int[Tensor, "text token"],
        words: Float[Tensor, "text word width"] | None = None,
        normalise: bool = True,
        deep: Float[Tensor, "set place width"] | None = None,
    ) -> Float[Tensor, "text dim"]:
        """Embeddings of token ids as `tokenize` gives them.

        Args:
            words: vectors that stand in for the embeddings of each text's first tokens, as many as there are vectors,
                after the start token. Gradients flow to them.
            deep: vectors that the states of the first of these words are replaced by before the tower's second block,
                its third, and so on, the same in all texts. Gradients flow to them.

        Raises:
            ValueError: `deep` without words, for more words than there are, or for more blocks than the tower has.
        """
        if deep is not None and (words is None or deep.shape[1] > words.shape[1] or len(deep) >= self.text_blocks):
            raise ValueError(
                f"{len(deep)} sets of {deep.shape[1]} deep tokens do not fit {self.name}, whose text tower has "
                f"{self.text_blocks} blocks, behind {0 if words is None else words.shape[1]} words"
            )
        size = self._rows(tokens.shape[1])
        if words is None:
            parts = [text_tower.encode(self.model, part) for part in tokens.split(size)]
        else:
            at = self._first_column
            parts = [
                text_tower.encode(self.model, part, vectors, at, deep)
                for part, vectors in zip(tokens.split(size), words.split(size), strict=True)
            ]
        features = torch.cat(parts)
        return _unit(features) if normalise else _at_least_float32(features)

    @cached_property
    def word_ids(self) -> Int[Tensor, " token"]:
        """Ids of the tokens that a word may consist of: all but start, end and padding."""
        special = set(self.tokenizer([""]).flatten().tolist())
        table = text_tower.token_embedding(self.model)
        return torch.tensor([token for token in range(table.num_embeddings) if token not in special])

    @property
    def word_width(self) -> int:
        """Size of a token's vector as it enters the text tower."""
        return text_tower.token_embedding(self.model).embedding_dim

    @torch.inference_mode(False)
    def token_vectors(self, tokens: Int[Tensor, "text token"]) -> Float[Tensor, "text token width"]:
        """What token ids enter the text tower as, without their positions, float32."""
        vectors: Tensor = text_tower.token_embedding(self.model)(tokens.to(self.device))
        return _at_least_float32(vectors)

    @property
    def text_blocks(self) -> int:
        """How many blocks the text tower has."""
        return text_tower.blocks(self.model)

    @cached_property
    def _first_column(self) -> int:
        return self._column_after("")

    def _column_after(self, text: str) -> int:
        """The column of the first token behind `text`."""
        return int((self.tokenizer([text]) != self.tokenizer([f"{text} a"]))[0].int().argmax())

    def _tokens(self, images: Float[Tensor, "image 3 height width"]) -> Float[Tensor, "image token channel"]:
        """Class token and patch tokens with their positions, as they enter the transformer."""
        if images.ndim != 4 or images.shape[1] != 3 or not images.is_floating_point():
            raise ValueError(
                "images must be floating-point RGB in [0, 1] of shape (image, 3, height, width), "
                f"not {images.dtype} of shape {tuple(images.shape)}"
            )
        images = images.to(self.device)
        size = (self.image_size, self.image_size)
        if images.shape[-2:] != size:
            images = F.interpolate(images, size=size, mode="bicubic", antialias=True, align_corners=False)
        images = (images.clamp(0, 1) - self.mean) / self.std
        tokens: Tensor = self.model.visual._embeds(images.to(DTYPES[self.dtype]))
        return tokens

    def _tapped(
        self,
        images: Float[Tensor, "image 3 height width"],
        blocks: Sequence[int],
        value_path_from: int | None,
        keep: Callable[[Tensor], Tensor],
        pool: Callable[[Tensor], Tensor],
    ) -> tuple[Tensor, dict[int, Tensor]]:
        """`pool` of the last state, and `keep` of the patch path behind some blocks."""
        self.check_blocks([*blocks, *([] if value_path_from is None else [value_path_from])])
        tokens = self._tokens(images)
        pooled: list[Tensor] = []
        kept: dict[int, list[Tensor]] = {block: [] for block in blocks}
        for part in tokens.split(self._rows(tokens.shape[1])):
            state = part
            for number, after, path in walk(self.model.visual.transformer, part, value_path_from):
                state = after
                if number in kept:
                    kept[number].append(keep(path))
            pooled.append(pool(state))
        return torch.cat(pooled), {block: torch.cat(parts) for block, parts in kept.items()}

    def _whole(self, tokens: Float[Tensor, "image token channel"]) -> Float[Tensor, "image dim"]:
        return torch.cat([self._tower(part) for part in tokens.split(self._rows(tokens.shape[1]))])

    def _windows(
        self, tokens: Float[Tensor, "image token channel"], sizes: Sequence[int]
    ) -> dict[int, Float[Tensor, "image _window dim"]]:
        embeddings = {}
        for size in sizes:
            index = window_tokens(self.grid, size).to(tokens.device)
            parts = [self._tower(part[:, index].flatten(0, 1)) for part in tokens.split(self._rows(index.numel()))]
            embeddings[size] = torch.cat(parts).unflatten(0, (tokens.shape[0], index.shape[0]))
        return embeddings

    def _tower(self, sequences: Float[Tensor, "sequence token channel"]) -> Float[Tensor, "sequence dim"]:
        """Transformer, pooling and projection. open_clip's transformer takes (sequence, token, width) here whether its
        blocks run batch-first or not: it transposes by itself."""
        if sequences.requires_grad and sequences.device.type == "cpu":
            # On a CPU, fused attention with a gradient is slow for the few tokens of a window.
            with sdpa_kernel(SDPBackend.MATH):
                return self._pooled(self.model.visual.transformer(sequences))
        return self._pooled(self.model.visual.transformer(sequences))

    def _pooled(self, outputs: Float[Tensor, "sequence token channel"]) -> Float[Tensor, "sequence dim"]:
        visual = self.model.visual
        pooled, _ = visual._pool(outputs)
        return _unit(pooled if visual.proj is None else pooled @ visual.proj)

    def _patches(self, outputs: Float[Tensor, "image token channel"]) -> Float[Tensor, "image patch dim"]:
        visual = self.model.visual
        return _unit(visual.ln_post(outputs[:, 1:]) @ visual.proj)

    def _check_patches(self) -> None:
        if self.model.visual.attn_pool is not None:
            raise TypeError(f"{self.name} pools with attention: its patch tokens have no projection to the text space")

    def _rows(self, tokens_per_image: int) -> int:
        return max(1, self.token_budget // tokens_per_image)


def window_tokens(grid: tuple[int, int], size: int) -> Int[Tensor, "window token"]:
    """Token positions of every `size` x `size` window on a patch grid, stride 1, row by row; first the class token (0).

    Raises:
        ValueError: the window does not fit on the grid.
    """
    rows, columns = grid
    if not 1 <= size <= min(grid):
        raise ValueError(f"a window of {size} x {size} patches does not fit on the {rows} x {columns} grid")
    patches = torch.arange(1, 1 + rows * columns).view(rows, columns)
    windows = patches.unfold(0, size, 1).unfold(1, size, 1).reshape(-1, size * size)
    return F.pad(windows, (1, 0), value=0)


def _vocabulary(tokenizer: Any) -> list[tuple[str, int]]:
    """Entries and their ids, as this package's tokenizers, open_clip's and those of transformers hold them."""
    inner: Any = getattr(tokenizer, "tokenizer", None)
    held = inner.get_vocab() if hasattr(inner, "get_vocab") else getattr(tokenizer, "encoder", None)
    return sorted((held or getattr(tokenizer, "ids", {})).items())


def _vision_transformer(model: nn.Module) -> VisionTransformer:
    visual = getattr(model, "visual", None)
    if not isinstance(visual, VisionTransformer) or not hasattr(visual.transformer, "batch_first"):
        raise TypeError(
            "a backbone needs an open_clip (3.2 or newer) model with a VisionTransformer image tower, "
            f"not {type(model).__name__} with {type(visual).__name__}"
        )
    if visual.image_size[0] != visual.image_size[1]:
        raise ValueError(f"the image tower must take square images, not {visual.image_size}")
    return visual


def _checked_device(device: str | torch.device) -> torch.device:
    device = torch.device(device)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device {str(device)!r} was asked for, but torch sees no CUDA GPU here; use device='cpu'")
    return device


def _at_least_float32(features: Tensor) -> Tensor:
    return features if features.dtype == torch.float64 else features.float()


def _unit(features: Tensor) -> Tensor:
    return F.normalize(_at_least_float32(features), dim=-1)
