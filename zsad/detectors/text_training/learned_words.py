"""Words learned as vectors in the token-embedding space of a frozen text tower.

After Gao et al., "Towards Better Zero-Shot Anomaly Detection under Distribution Shift with CLIP" (poster), which states
the idea, and its parent Cho et al., "PromptStyler", ICCV 2023 (arXiv 2307.15199), which states losses and training.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from zsad.clip import Backbone

DIVERSITIES = ("absolute", "signed", None)
SCHEDULES = ("joint", "sequential")
CHECKPOINT_STEPS = 25

# Texts that a learned word may be compared in: features (word, dim) of vectors (word, token, width).
Measure = Callable[[Tensor], Tensor]
# Loss of each of the words that are learned now, given their vectors and their places among all.
Knowledge = Callable[[Tensor, range], Tensor]


@dataclass
class LearnedWords:
    """Words in training: what a killed run needs to go on.

    Attributes:
        vectors: float32.
        velocity: momentum of the optimiser.
        step: steps taken.
    """

    vectors: Float[Tensor, "word token width"]
    velocity: Float[Tensor, "word token width"]
    step: int = 0

    @classmethod
    def random(
        cls, words: int, tokens: int, width: int, generator: torch.Generator, device: torch.device
    ) -> LearnedWords:
        """Vectors drawn from N(0, 0.02^2), as PromptStyler starts (section 4.2)."""
        vectors = 0.02 * torch.randn(words, tokens, width, generator=generator).to(device)
        return cls(vectors, torch.zeros_like(vectors))


def embed_words(
    backbone: Backbone, vectors: Float[Tensor, "word token width"], prompts: list[str]
) -> Float[Tensor, "word prompt dim"]:
    """Unit features of every learned word followed by every prompt; gradients flow to the vectors.

    Raises:
        ValueError: a prompt that, with a word's tokens before it, is longer than the context.
    """
    return _embed(backbone, vectors, tokens_with_room(backbone, prompts, vectors.shape[1]))


def tokens_with_room(backbone: Backbone, prompts: list[str], tokens: int) -> Int[Tensor, "prompt token"]:
    """Token ids of prompts with placeholders in front, in whose place `Backbone.embed_tokens` takes vectors.

    Raises:
        ValueError: a prompt that is then longer than the context.
    """
    return backbone.tokenize(prompts, backbone.word_ids[0].expand(len(prompts), tokens))


def _embed(
    backbone: Backbone, vectors: Float[Tensor, "word token width"], prompts: Int[Tensor, "prompt column"]
) -> Float[Tensor, "word prompt dim"]:
    words, texts = vectors.shape[0], prompts.shape[0]
    features = backbone.embed_tokens(prompts.repeat(words, 1), vectors.repeat_interleave(texts, dim=0))
    return features.unflatten(0, (words, texts))


def word_features(backbone: Backbone, tokens: int) -> Measure:
    """Text features of words by themselves."""
    alone = tokens_with_room(backbone, [""], tokens)
    return lambda vectors: _embed(backbone, vectors, alone)[:, 0]


def token_vectors(vectors: Float[Tensor, "word token width"]) -> Float[Tensor, "word dim"]:
    """Unit token vectors of words, before any tower."""
    return F.normalize(vectors.flatten(1), dim=-1)


def content_guidance(backbone: Backbone, sides: list[list[str]], tokens: int) -> Knowledge:
    """PromptStyler's content consistency (Eq. 2-3, no temperature): a prompt keeps its meaning behind a learned word.

    Its contents are here the two sides, each by the mean of its prompts; every prompt must stay nearer its own side's.
    With one prompt a side that is the published loss. Sides weigh the same.
    """
    prompts = tokens_with_room(backbone, [prompt for side in sides for prompt in side], tokens)
    side_of = torch.tensor([index for index, side in enumerate(sides) for _ in side], device=backbone.device)
    contents = F.normalize(torch.stack([backbone.embed_text(side).mean(dim=0) for side in sides]), dim=-1)
    share = 1 / (len(sides) * side_of.bincount().float())[side_of]

    def loss(vectors: Tensor, places: range) -> Tensor:
        cosines = _embed(backbone, vectors, prompts) @ contents.T
        wrong = F.cross_entropy(cosines.flatten(0, 1), side_of.repeat(len(vectors)), reduction="none")
        return wrong.unflatten(0, (len(vectors), -1)) @ share

    return loss


def target_guidance(
    backbone: Backbone, sides: list[list[str]], tokens: int, targets: Float[Tensor, "anchor prompt dim"]
) -> Knowledge:
    """Mean squared distance of each prompt behind a learned word to its target feature.

    With the features of the bare prompts as targets this is the knowledge-guided term of Yao et al., CVPR 2023 (arXiv
    2303.13283). Where there are several anchors the words take turns.
    """
    prompts = tokens_with_room(backbone, [prompt for side in sides for prompt in side], tokens)

    def loss(vectors: Tensor, places: range) -> Tensor:
        wanted = targets[[place % len(targets) for place in places]]
        return (_embed(backbone, vectors, prompts) - wanted).square().sum(dim=-1).mean(dim=-1)

    return loss


def mean_absolute_cosine(features: Float[Tensor, "word dim"]) -> float:
    """Mean |cosine| over all pairs of unit features: 0 where all are orthogonal, 1 where all are one.

    Raises:
        ValueError: fewer than two.
    """
    if len(features) < 2:
        raise ValueError("a mean over pairs needs at least two words")
    first, second = torch.triu_indices(len(features), len(features), 1)
    return float((features @ features.T)[first, second].abs().mean())


def learn(
    words: LearnedWords,
    measure: Measure,
    knowledge: Knowledge | None,
    *,
    diversity: str | None = "absolute",
    weight: float = 1.0,
    schedule: str = "joint",
    steps: int = 100,
    learning_rate: float = 0.002,
    momentum: float = 0.9,
    checkpoint: Callable[[], None] = lambda: None,
    description: str = "",
) -> None:
    """Learn words in place, from where they stand, by gradient descent with momentum.

    Each word's loss is its mean |cosine| to the others (PromptStyler, Eq. 1) plus `weight` times its knowledge term.

    Args:
        measure: where words are compared.
        diversity: "absolute", "signed" (the cosine itself), or None.
        schedule: "joint" learns all words at once; "sequential" one after the other, each against those before it, as
            PromptStyler does to save memory.
        steps: of each word.
        checkpoint: called every few steps and at the end.
        description: of the progress bar, which shows on a terminal after three seconds.
    """
    if diversity is None and knowledge is None:
        return
    count = len(words.vectors)
    together = count if schedule == "joint" else 1
    total = steps * (count // together)
    if words.step >= total:
        return
    bar = tqdm(total=total, initial=words.step, desc=description, unit="step", delay=3, leave=False, disable=None)
    with bar, torch.inference_mode(False), torch.enable_grad():
        while words.step < total:
            start = words.step // steps * together
            places = range(start, start + together)
            part = slice(start, start + together)
            with torch.no_grad():
                earlier = measure(words.vectors[:start]) if start and diversity else None
            for _ in range(steps - words.step % steps):
                current = words.vectors[part].clone().requires_grad_()
                loss = _word_loss(current, places, earlier, measure, knowledge, diversity, weight)
                # The first word of all may have none to differ from.
                gradient = torch.autograd.grad(loss, current)[0] if loss.requires_grad else torch.zeros_like(current)
                words.velocity[part] = momentum * words.velocity[part] + gradient
                words.vectors[part] -= learning_rate * words.velocity[part]
                words.step += 1
                bar.update()
                if words.step % CHECKPOINT_STEPS == 0 or words.step == total:
                    checkpoint()


def _word_loss(
    current: Tensor,
    places: range,
    earlier: Tensor | None,
    measure: Measure,
    knowledge: Knowledge | None,
    diversity: str | None,
    weight: float,
) -> Float[Tensor, ""]:
    """Sum over the words that are learned now, so that each moves as it would by itself."""
    loss = current.new_zeros(())
    if diversity is not None:
        features = measure(current)
        cosines = features @ (features if earlier is None else earlier).T
        if diversity == "absolute":
            cosines = cosines.abs()
        if earlier is not None:
            loss = cosines.mean(dim=1).sum()
        elif len(current) > 1:
            loss = (cosines.sum() - cosines.diagonal().sum()) / (len(current) - 1)
    if knowledge is not None:
        loss = loss + weight * knowledge(current, places).sum()
    return loss
