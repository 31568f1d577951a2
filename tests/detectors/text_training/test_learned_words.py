import pytest
import torch
from tiny_clip import tiny_backbone
from torch.nn import functional as F

from zsad.detectors.text_training import learned_words
from zsad.detectors.text_training.learned_words import (
    GuidedTexts,
    LearnedWords,
    content_features,
    content_guidance,
    embed_words,
    learn,
    mean_absolute_cosine,
    moved_right,
    nearer_own_side,
    target_guidance,
    token_vectors,
    word_features,
)

SIDES = [["nut."], ["damaged nut.", "nut with flaw."]]
# The test tower is small and its weights are large: steps of its size.
STEPS = {"steps": 20, "learning_rate": 2e-4}


def words(count=4, tokens=2, seed=0):
    return LearnedWords.random(count, tokens, 32, torch.Generator().manual_seed(seed), torch.device("cpu"))


def guided(backbone, front=None, at_once=8):
    return GuidedTexts(backbone, SIDES, 2, front, at_once)


def test_words_start_as_promptstyler_draws_them():
    vectors = words(200, 4).vectors
    assert vectors.shape == (200, 4, 32)
    assert abs(vectors.std() - 0.02) < 5e-4
    assert abs(vectors.mean()) < 5e-4


def test_every_word_is_embedded_with_every_prompt():
    backbone = tiny_backbone()
    prompts = [prompt for side in SIDES for prompt in side]
    vectors = words(3).vectors
    features = embed_words(backbone, vectors, prompts)
    for word, row in zip(vectors, features, strict=True):
        for prompt, feature in zip(prompts, row, strict=True):
            alone = embed_words(backbone, word[None], [prompt])[0, 0]
            torch.testing.assert_close(feature, alone, atol=1e-6, rtol=0)
    flat = features.flatten(0, 1)
    assert (flat @ flat.T).fill_diagonal_(0).max() < 0.9999


def test_real_words_as_vectors_give_the_text():
    backbone = tiny_backbone()
    vectors = backbone.model.token_embedding.weight[torch.tensor([backbone.tokenizer.encode("damaged photo")])]
    torch.testing.assert_close(embed_words(backbone, vectors, ["nut"])[0], backbone.embed_text(["damaged photo nut"]))
    alone = word_features(backbone, 2)(vectors)
    torch.testing.assert_close(alone, backbone.embed_text(["damaged photo"]))


def test_mean_absolute_cosine_equals_a_loop():
    features = F.normalize(torch.randn(5, 8, generator=torch.Generator().manual_seed(0)), dim=1)
    pairs = [abs(float(features[i] @ features[j])) for i in range(5) for j in range(i)]
    assert mean_absolute_cosine(features) == pytest.approx(sum(pairs) / 10)
    with pytest.raises(ValueError, match="at least two"):
        mean_absolute_cosine(features[:1])


@pytest.mark.parametrize("schedule", ["joint", "sequential"])
@pytest.mark.parametrize("of", ["text features", "token vectors"])
def test_learning_makes_words_different(schedule, of):
    measure = word_features(tiny_backbone(), 2) if of == "text features" else token_vectors
    kept = words(6)
    before = kept.vectors.clone()
    learn(kept, measure, None, schedule=schedule, steps=20, learning_rate=2e-4 if of == "text features" else 2e-3)
    assert mean_absolute_cosine(measure(kept.vectors)) < mean_absolute_cosine(measure(before)) - 0.01
    moved = (kept.vectors - before).abs().amax(dim=(1, 2)) > 0
    assert moved.tolist() == [schedule == "joint", True, True, True, True, True]


def test_signed_cosines_may_end_below_zero():
    kept = words(2)
    measure = word_features(tiny_backbone(), 2)
    learn(kept, measure, None, diversity="signed", steps=150, learning_rate=1e-3)
    first, second = measure(kept.vectors)
    assert float(first @ second) < -0.3


def test_one_step_equals_the_formulas():
    """Joint: the gradient of each word's mean |cosine| to the others plus its weighted knowledge, times the step."""
    backbone = tiny_backbone()
    kept = words(3)
    start = kept.vectors.clone().requires_grad_()
    features = torch.stack([embed_words(backbone, start[i : i + 1], [""])[0, 0] for i in range(3)])
    contents = [F.normalize(backbone.embed_text(side).mean(dim=0), dim=0) for side in SIDES]
    loss = 0
    for i in range(3):
        loss = loss + sum((features[i] @ features[j]).abs() for j in range(3) if j != i) / 2
        for index, side in enumerate(SIDES):
            for prompt in side:
                feature = embed_words(backbone, start[i : i + 1], [prompt])[0, 0]
                z = [torch.exp(feature @ content) for content in contents]
                loss = loss - 0.7 * torch.log(z[index] / (z[0] + z[1])) / len(side) / 2
    (gradient,) = torch.autograd.grad(loss, start)
    guidance = content_guidance(guided(backbone))
    learn(kept, word_features(backbone, 2), guidance, weight=0.7, steps=1, learning_rate=0.5)
    torch.testing.assert_close(kept.vectors, start.detach() - 0.5 * gradient, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(kept.velocity, gradient, atol=1e-5, rtol=1e-4)


def test_momentum_adds_up():
    kept = words(2)
    target = torch.ones(2, 2, 32)

    def knowledge(vectors, places, step):
        return ((vectors - target[list(places)]) ** 2).sum(dim=(1, 2)) / 2

    start = kept.vectors.clone()
    learn(kept, token_vectors, knowledge, diversity=None, steps=2, learning_rate=0.1, momentum=0.5)
    first = start - 0.1 * (start - target)
    velocity = 0.5 * (start - target) + (first - target)
    torch.testing.assert_close(kept.velocity, velocity, atol=learned_words.VELOCITY_GRID, rtol=0)
    torch.testing.assert_close(kept.vectors, first - 0.1 * velocity, atol=0.2 * learned_words.VELOCITY_GRID, rtol=0)


def test_every_step_ends_on_the_grid():
    kept = words(3)
    learn(kept, word_features(tiny_backbone(), 2), None, **STEPS)
    for values, grid in ((kept.vectors, learned_words.VECTOR_GRID), (kept.velocity, learned_words.VELOCITY_GRID)):
        assert torch.equal(values / grid, (values / grid).round())
        assert values.abs().mean() > 100 * grid


@pytest.mark.parametrize("front", [False, True])
@pytest.mark.parametrize("kind", ["content", "knowledge", "shifts"])
def test_guidance_keeps_the_meaning_of_the_prompts(kind, front):
    backbone = tiny_backbone()
    bare = [prompt for side in SIDES for prompt in side]
    texts = guided(backbone, words(3, 1, seed=1).vectors if front else None)
    if kind == "content":
        guidance = content_guidance(texts)
    else:
        openings = [""] if kind == "knowledge" else ["a photo of ", "the "]
        targets = torch.stack([backbone.embed_text([opening + prompt for prompt in bare]) for opening in openings])
        guidance = target_guidance(texts, targets)
    kept = words(3)
    before = guidance(kept.vectors, range(3))
    assert before.shape == (3,)
    learn(kept, token_vectors, guidance, diversity=None, **STEPS)
    assert (guidance(kept.vectors, range(3)) < before).all()


def test_anchors_take_turns():
    backbone = tiny_backbone()
    bare = [prompt for side in SIDES for prompt in side]
    targets = torch.stack([backbone.embed_text([opening + prompt for prompt in bare]) for opening in ("the ", "with ")])
    vectors = words(3).vectors
    result = target_guidance(guided(backbone), targets)(vectors, range(3))
    features = embed_words(backbone, vectors, bare)
    for index in range(3):
        distances = [sum((a - b).square().sum() for a, b in zip(features[index], t, strict=True)) / 3 for t in targets]
        torch.testing.assert_close(result[index], distances[index % 2])
    torch.testing.assert_close(target_guidance(guided(backbone), targets)(vectors[1:2], range(1, 2)), result[1:2])


def test_words_in_front_take_turns_and_guidance_sees_the_full_text():
    backbone = tiny_backbone()
    front, vectors = words(3, 1, seed=1).vectors, words(2).vectors
    bare = [prompt for side in SIDES for prompt in side]
    contents = content_features(backbone, SIDES)
    for step, turn in enumerate([(0, 1), (2, 0), (1, 2)]):
        guidance = content_guidance(guided(backbone, front, at_once=2), temperature=0.5)
        result = guidance(vectors, range(2), step)
        for index, vector in enumerate(vectors):
            expected = 0
            for place in turn:
                text = torch.cat([front[place], vector])[None]
                z = torch.exp(embed_words(backbone, text, bare)[0] @ contents.T / 0.5)
                own = torch.stack([z[0, 0], z[1, 1], z[2, 1]]) / z.sum(dim=1)
                expected = expected - (own.log() * torch.tensor([0.5, 0.25, 0.25])).sum() / 2
            torch.testing.assert_close(result[index], expected)
        target = target_guidance(guided(backbone, front, at_once=2), torch.zeros(1, 3, 24))
        torch.testing.assert_close(target(vectors, range(2), step), torch.ones(2))  # unit features from the origin


def test_shares_of_texts_that_keep_their_meaning():
    contents = torch.eye(2)
    anomalous = torch.tensor([False, True, True])
    # Towards the anomalous side by: 0 -> 0.5 and -0.5; -1 -> 1 and 0.
    towards = torch.tensor([[0.0, 0.5, -0.5], [-1.0, 1.0, 0.0]])
    features = torch.stack([-towards / 2, towards / 2], dim=-1)
    assert moved_right(features, anomalous, contents) == 3 / 4
    assert nearer_own_side(features, anomalous, contents) == pytest.approx(4 / 6)


@pytest.mark.parametrize("schedule", ["joint", "sequential"])
@pytest.mark.parametrize("stop", [1, 2, 3, 7])
def test_a_stopped_run_goes_on_to_the_same_bits(schedule, stop, monkeypatch):
    monkeypatch.setattr(learned_words, "CHECKPOINT_STEPS", 1)
    backbone = tiny_backbone()
    options = {"schedule": schedule, "steps": 3, "learning_rate": 2e-4}
    texts = guided(backbone, words(3, 1, seed=1).vectors, at_once=2)
    arguments = word_features(backbone, 2), content_guidance(texts)
    whole, stopped = words(3), words(3)
    learn(whole, *arguments, **options)

    class Killed(Exception):
        pass

    def kill():
        if stopped.step == stop:
            raise Killed

    try:
        learn(stopped, *arguments, **options, checkpoint=kill)
    except Killed:
        stopped = LearnedWords(stopped.vectors.clone(), stopped.velocity.clone(), stopped.step)
    learn(stopped, *arguments, **options)
    assert stopped.step == whole.step == (3 if schedule == "joint" else 9)
    assert torch.equal(stopped.vectors, whole.vectors)


def test_without_any_loss_words_stay_as_drawn():
    kept = words()
    learn(kept, token_vectors, None, diversity=None)
    assert torch.equal(kept.vectors, words().vectors)
    assert kept.step == 0


def test_a_single_word_has_no_one_to_differ_from():
    kept = words(1)
    learn(kept, word_features(tiny_backbone(), 2), None, **STEPS)
    assert torch.equal(kept.vectors, words(1).vectors)
