"""Words learned as vectors in the token-embedding space of a frozen text tower.

After Gao et al., "Towards Better Zero-Shot Anomaly Detection under Distribution Shift with CLIP" (poster), which states
the idea, and its parent Cho et al., "PromptStyler", ICCV 2023 (arXiv 2307.15199), which states losses and training.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from zsad.clip import Backbone

CHECKPOINT_STEPS = 25
# Words in training repel each other, and a difference in the last digit, which another order of sums makes, grows until
# other words come out: with AVX2 and without, scores of one training lay 0.2 apart in float32, 0.005 in float64.
# Each step therefore ends on a grid, so coarse that the rounding of float64 hardly ever decides between two of its
# values, and far finer than a step: both end with the same words.
VELOCITY_GRID = 2.0**-16
VECTOR_GRID = 2.0**-24

# Texts that a learned word may be compared in: features (word, dim) of vectors (word, token, width).
Measure = Callable[[Tensor], Tensor]
# Loss of each of the words that are learned now, given their vectors, their places among all, and the step.
Knowledge = Callable[[Tensor, range, int], Tensor]


@dataclass
class LearnedWords:
    """Words in training: what a killed run needs to go on.

    Attributes:
        vectors: float64.
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
        """Vectors drawn from N(0, 0.02^2), as PromptStyler starts (section 4.2), in float64."""
        drawn = 0.02 * torch.randn(words, tokens, width, generator=generator, dtype=torch.float64)
        vectors = _on_grid(drawn, VECTOR_GRID).to(device)
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
    unflat: Tensor = features.unflatten(0, (words, texts))
    return unflat


def word_features(backbone: Backbone, tokens: int) -> Measure:
    """Text features of words by themselves."""
    alone = tokens_with_room(backbone, [""], tokens)
    return lambda vectors: _embed(backbone, vectors, alone)[:, 0]


def token_vectors(vectors: Float[Tensor, "word token width"]) -> Float[Tensor, "word dim"]:
    """Unit token vectors of words, before any tower."""
    return F.normalize(vectors.flatten(1), dim=-1)


class GuidedTexts:
    """The texts that guidance looks at: every prompt behind a learned word, which other words may stand in front of.

    Args:
        sides: the prompts of each side.
        tokens: of a learned word.
        front: words in front of the learned one, as they stand now; None for prompts behind the learned word alone.
        at_once: how many of the words in front a step takes; all get their turn.

    Raises:
        ValueError: a prompt that, with the words before it, is longer than the context.
    """

    def __init__(
        self,
        backbone: Backbone,
        sides: list[list[str]],
        tokens: int,
        front: Float[Tensor, "front fronttoken width"] | None = None,
        at_once: int = 8,
    ) -> None:
        self.backbone, self.sides, self.front, self.at_once = backbone, sides, front, at_once
        room = tokens + (0 if front is None else front.shape[1])
        self._prompts = tokens_with_room(backbone, [prompt for side in sides for prompt in side], room)

    def __call__(
        self, vectors: Float[Tensor, "word token width"], step: int
    ) -> Float[Tensor, "word _front prompt dim"]:
        """Unit features; gradients flow to the learned words."""
        if self.front is None:
            return _embed(self.backbone, vectors, self._prompts)[:, None]
        count = min(self.at_once, len(self.front))
        turn = self.front.roll(-step * count, dims=0)[:count]
        pairs = torch.cat([turn.repeat(len(vectors), 1, 1), vectors.repeat_interleave(count, dim=0)], dim=1)
        features: Tensor = _embed(self.backbone, pairs, self._prompts).unflatten(0, (len(vectors), count))
        return features


def content_features(backbone: Backbone, sides: list[list[str]]) -> Float[Tensor, "side dim"]:
    """The mean of each side's bare prompts, as unit features."""
    return F.normalize(torch.stack([backbone.embed_text(side).mean(dim=0) for side in sides]), dim=-1)


def content_guidance(texts: GuidedTexts, temperature: float = 1.0) -> Knowledge:
    """PromptStyler's content consistency (Eq. 2-3): a prompt keeps its meaning behind learned words.

    Its contents are here the two sides, each by the mean of its prompts; every prompt must stay nearer its own side's.
    With one prompt a side and a temperature of 1 that is the published loss. Sides weigh the same.

    Args:
        temperature: cosines are divided by it. The lower it is, the more the loss is that of texts which are nearer to
            the wrong side, or about to be.
    """
    sides, contents = texts.sides, content_features(texts.backbone, texts.sides)
    side_of = torch.tensor([index for index, side in enumerate(sides) for _ in side], device=contents.device)
    share = 1 / (len(sides) * side_of.bincount().to(contents))[side_of]

    def loss(vectors: Tensor, places: range, step: int = 0) -> Tensor:
        cosines = texts(vectors, step) @ contents.T / temperature
        wanted = side_of.expand(cosines.shape[:-1])
        wrong = F.cross_entropy(cosines.flatten(0, 2), wanted.flatten(), reduction="none")
        return wrong.view_as(wanted).mean(dim=1) @ share

    return loss


def target_guidance(texts: GuidedTexts, targets: Float[Tensor, "anchor prompt dim"]) -> Knowledge:
    """Mean squared distance of each prompt behind learned words to its target feature.

    With the features of the bare prompts as targets this is the knowledge-guided term of Yao et al., CVPR 2023 (arXiv
    2303.13283). Where there are several anchors the words take turns.
    """

    def loss(vectors: Tensor, places: range, step: int = 0) -> Tensor:
        wanted = targets[[place % len(targets) for place in places]]
        return (texts(vectors, step) - wanted[:, None]).square().sum(dim=-1).mean(dim=(1, 2))

    return loss


def moved_right(
    features: Float[Tensor, "words prompt dim"],
    anomalous: Bool[Tensor, " prompt"],
    contents: Float[Tensor, "2 dim"],
) -> float:
    """Share of anomalous texts that lie further towards the anomalous side than the normal ones behind the same words.

    1 where "broken" moves every text the right way; half where words have taken its meaning away.

    Args:
        features: of every prompt behind the same words.
        contents: of the normal and of the anomalous side (`content_features`).
    """
    towards = features @ (contents[1] - contents[0])
    further = towards[:, anomalous][:, :, None] > towards[:, ~anomalous][:, None, :]
    return float(further.float().mean())


def nearer_own_side(
    features: Float[Tensor, "words prompt dim"],
    anomalous: Bool[Tensor, " prompt"],
    contents: Float[Tensor, "2 dim"],
) -> float:
    """Share of texts that lie nearer to their own side's content than to the other's; arguments as `moved_right`."""
    return float(((features @ (contents[1] - contents[0]) > 0) == anomalous).float().mean())


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
                guided = None if knowledge is None else weight * knowledge(current, places, words.step).sum()
                loss = _word_loss(current, earlier, measure, diversity, guided)
                # The first word of all may have none to differ from.
                gradient = torch.autograd.grad(loss, current)[0] if loss.requires_grad else torch.zeros_like(current)
                words.velocity[part] = _on_grid(momentum * words.velocity[part] + gradient, VELOCITY_GRID)
                words.vectors[part] = _on_grid(words.vectors[part] - learning_rate * words.velocity[part], VECTOR_GRID)
                words.step += 1
                bar.update()
                if words.step % CHECKPOINT_STEPS == 0 or words.step == total:
                    checkpoint()


def _on_grid(values: Tensor, grid: float) -> Tensor:
    return (values / grid).round() * grid


def _word_loss(
    current: Tensor, earlier: Tensor | None, measure: Measure, diversity: str | None, guided: Tensor | None
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
    return loss if guided is None else loss + guided
