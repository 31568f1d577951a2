"""How good the searches are, on landscapes with known worst cases; and that adam is the released recipe."""

import hashlib
import math

import pytest
import torch
from dials import DIALS, Dial, joint_dial, normal, right_half, toy_images, two_valleys
from tiny_clip import random_images, tiny_backbone

from zsad import load_detector, perturb
from zsad.robustness import Bounds, worst_case
from zsad.robustness.bayes_opt import GLOBAL, LOCAL, _candidates, _cover, _survey, next_points
from zsad.robustness.objective import segmentation_loss
from zsad.robustness.scatter import _scrambled
from zsad.robustness.search_space import search_space
from zsad.robustness.surrogate import GaussianProcess


def search(name, setting, masks, images=None, criterion="loss", response=None, **options):
    images = toy_images() if images is None else images
    return worst_case(
        Dial(response or DIALS[setting]),
        images,
        masks,
        category="x",
        setting=setting,
        search=name,
        criterion=criterion,
        **options,
    )


@pytest.mark.parametrize("kind", ["anomalous", "normal"])
@pytest.mark.parametrize("setting", ["angle", "hue", "saturation"])
def test_bayes_opt_finds_what_a_dense_grid_finds(setting, kind):
    """With 33 evaluations, within 1 % of what a grid of 101 to 181 gains. On a normal image valleys are hills."""
    dial = DIALS[setting]
    masks, response = (right_half(), dial) if kind == "anomalous" else (normal(), lambda *shown: 0.9 - dial(*shown))
    found, dense = (search(name, setting, masks, response=response) for name in ("bayes_opt", "grid"))
    assert (found.evaluations == 33).all()
    gain = dense.clean_loss - dense.loss
    assert (gain > 0.05).all()
    assert (found.loss <= dense.loss + 0.01 * gain).all()


def test_bayes_opt_finds_the_lower_of_two_valleys_of_hue_across_the_ends_of_the_circle():
    """Worst at hue 5; images start at 0.5, 1.5 and 2.5, so that the way there goes either way round."""
    found = search("bayes_opt", "hue", right_half())
    reached = (found.parameters["hue"] + torch.tensor([0.5, 1.5, 2.5])).remainder(2 * math.pi)
    assert reached.tolist() == pytest.approx([5] * 3, abs=0.02)
    assert found.map[:, 0, -1].tolist() == pytest.approx([float(two_valleys(torch.tensor(5.0)))] * 3, abs=0.03)


def test_bayes_opt_finds_the_worst_of_three_parameters():
    """Known worst case: 63 degrees, hue 5, no saturation. A third of adam's evaluations, and lower."""
    found, recipe = search("bayes_opt", "3d", right_half(), budget=33), search("adam", "3d", right_half())
    assert found.evaluations.tolist() == [33] * 3
    assert recipe.evaluations.tolist() == [100] * 3
    assert found.loss.mean() <= recipe.loss.mean() + 1e-6, "but for rounding, which differs between processors"
    # What the three known values together give, for each image.
    image_hue = 0.5 + torch.arange(3)
    best = perturb.semantic(
        toy_images(), angle=torch.full((3,), 63.0), hue=(5 - image_hue + math.pi).remainder(2 * math.pi) - math.pi,
        saturation=torch.full((3,), -0.5),
    )  # fmt: skip
    maps = perturb.rotate_map(Dial(joint_dial).predict(best, "x").map, torch.full((3,), -63.0))
    gain = found.clean_loss - segmentation_loss(maps, right_half())
    assert (found.clean_loss - found.loss >= 0.85 * gain).all()


def test_bayes_opt_needs_no_shape_to_work_with():
    """A detector that always says the same: every evaluation is spent, and none repeats another."""
    tried = []

    class Constant(Dial):
        def predict(self, images, category):
            tried.append(images)
            return super().predict(images, category)

    detector = Constant(lambda angle, hue, saturation: 0.5 + 0 * hue)
    found = worst_case(detector, toy_images(1), right_half(1), category="x", setting="hue")
    assert torch.equal(found.loss, found.clean_loss)
    assert len(torch.cat(tried).flatten(1).unique(dim=0)) == 33


def test_refinement_goes_round_a_circle_and_stops_at_a_bound():
    best = torch.tensor([0.999, 0.999], dtype=torch.float64)
    around = _candidates(best[None], torch.tensor([True, False]), 12)[0, GLOBAL : GLOBAL + 4 * LOCAL]
    assert (around[:, 0] < 0.1).any()
    assert (around[:, 1] > 0.4).all()
    assert (around[:, 1] == 1).any()
    assert ((around >= 0) & (around <= 1)).all()


def tries_of_a_bowl(count=14):
    tried = torch.rand(2, count, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return tried, (tried - 0.4).square().sum(2), torch.tensor([False, True, False]), torch.full((2, 3), 0.5).double()


def test_the_next_try_is_more_promising_than_every_point_that_is_looked_at_first():
    tried, values, periodic, lengths = tries_of_a_bowl()
    best = tried[torch.arange(2), values.argmin(1)]
    model = GaussianProcess(tried, values, periodic, lengths)
    first = model.expected_improvement(_candidates(best, periodic, 14)).amax(1)
    chosen = next_points(tried, values, periodic, lengths)
    assert (model.expected_improvement(chosen[:, None])[:, 0] > first).all()


def test_every_round_looks_at_other_points_of_the_box():
    best, periodic = torch.zeros(1, 2, dtype=torch.float64), torch.tensor([True, False])
    one, next_one = (_candidates(best, periodic, evaluations)[0, :GLOBAL, 0] for evaluations in (12, 13))
    assert len(torch.cat((one, next_one)).unique()) == 2 * GLOBAL


SINGLE = ("angle", "hue", "saturation")


def starts_of(singles):
    """The worst cases of single parameters as starts of all three."""
    return {name: torch.stack([singles[start].parameters[name] for start in SINGLE]) for name in SINGLE}


@pytest.mark.parametrize("criterion", ["auroc", "loss"])
def test_three_parameters_are_never_better_than_the_worst_of_one(criterion):
    """Started from what each parameter alone has found, in as many evaluations; on an image without defect too."""
    masks = torch.cat((right_half(2), normal(1)))
    options = {"criterion": criterion, "budget": 20, "response": joint_dial}
    singles = {name: search("bayes_opt", name, masks, **options) for name in SINGLE}
    found = search("bayes_opt", "3d", masks, starts=starts_of(singles), **options)
    assert found.evaluations.tolist() == [20] * 3
    for single in singles.values():
        if criterion == "auroc":
            assert (found.auroc <= single.auroc)[:2].all()
        by_loss = slice(0, 3) if criterion == "loss" else slice(2, 3)
        assert (found.loss <= single.loss)[by_loss].all()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_start_is_worth_to_the_last_bit_what_its_single_parameter_was(dtype):
    """On a CLIP, whose loss every rounding moves: what is shifted by 0 is not shifted at all."""
    detector = load_detector("winclip", tiny_backbone(dtype=dtype), temperature=0.01)
    images, masks = random_images(2), torch.zeros(2, 80, 80, dtype=torch.bool)
    masks[0, 20:50, 30:60] = True
    options = {"category": "nut", "criterion": "loss", "batch_size": 3}
    singles = {name: worst_case(detector, images, masks, setting=name, budget=5, **options) for name in SINGLE}
    found = worst_case(detector, images, masks, setting="3d", budget=4, starts=starts_of(singles), **options)
    best = torch.stack([single.loss for single in singles.values()]).amin(0)
    assert (best < found.clean_loss).any()
    assert torch.equal(found.loss, best)


def test_twice_the_budget_goes_on_where_half_of_it_stopped():
    """So that one run says what any smaller budget would have found."""
    half, whole = (search("bayes_opt", "3d", right_half(), budget=budget) for budget in (24, 48))
    assert torch.equal(half.curve, whole.curve[:, :24])


@pytest.mark.parametrize("setting", list(DIALS))
def test_bayes_opt_beats_scattered_points_on_average(setting):
    """In as many evaluations, on smooth landscapes of several colours."""
    images = torch.cat([toy_images(3, saturation) for saturation in (0.3, 0.5, 0.7)])
    falls = {}
    for name in ("bayes_opt", "random", "sobol"):
        found = search(name, setting, right_half(len(images)), images, budget=40)
        falls[name] = found.clean_loss - found.loss
    assert falls["bayes_opt"].mean() >= falls["sobol"].mean()
    assert falls["bayes_opt"].mean() >= falls["random"].mean()


def test_points_of_baselines_are_drawn_for_each_image_by_seed_and_name():
    one, other = (search("sobol", "3d", right_half(), toy_images(3), ids=list(ids)) for ids in ("abc", "abd"))
    assert torch.equal(one.curve[:2], other.curve[:2])
    assert not torch.equal(one.curve[2], other.curve[2])
    again = search("sobol", "3d", right_half(), toy_images(3), ids=list("abc"), seed=1)
    assert not torch.equal(one.curve, again.curve)


def test_sobol_points_cover_each_half_of_each_parameter_alike():
    generator = torch.Generator().manual_seed(3)
    points = _scrambled(64, 3, generator)
    assert ((points < 0.5).sum(0) == 32).all()
    assert not torch.equal(points, _scrambled(64, 3, generator))


def adam_by_hand(image, mask, name, steps=20, restarts=5):
    """The released recipe for one image: autograd through clipping that passes the gradient straight through."""
    digest = hashlib.sha256(f"0 {name}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:7]))
    low = torch.tensor([-90, -math.pi, -0.5], dtype=torch.float64)
    losses, aurocs = [], []
    detector = Dial(joint_dial)
    for restart in range(restarts):
        start = torch.zeros(3, dtype=torch.float64)
        if restart:
            start = low + torch.rand(3, generator=generator, dtype=torch.float64) * -2 * low
        variables = [value.clone()[None].requires_grad_() for value in start]
        optimiser = torch.optim.Adam(
            [{"params": [v], "lr": lr} for v, lr in zip(variables, (5.0, 5.0 * 0.02, 5.0 * 0.02), strict=True)]
        )
        for _ in range(steps):
            optimiser.zero_grad()
            clipped = [v + (v.clamp(-b, b) - v).detach() for v, b in zip(variables, (-low).tolist(), strict=True)]
            shifted = perturb.semantic(image[None], *clipped, straight_through=True)
            anomaly_map = perturb.rotate_map(detector.predict(shifted, "x").map, -clipped[0])[0]
            loss = anomaly_map[mask].mean() - anomaly_map[~mask].mean()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
            difference = anomaly_map[mask].detach()[:, None] - anomaly_map[~mask].detach()
            aurocs.append(((difference.sign() + 1) / 2).double().mean().item())
    return losses, aurocs


def test_adam_is_the_released_recipe():
    images, masks = toy_images(2, saturation=0.9), right_half(2)  # a start above 0.1 clips the saturation of all pixels
    found = search("adam", "3d", masks, images, ids=["a", "b"])
    ranked = search("adam", "3d", masks, images, criterion="auroc", ids=["a", "b"])
    for index, name in enumerate("ab"):
        losses, aurocs = adam_by_hand(images[index], masks[index], name)
        best_so_far = torch.tensor(losses).cummin(0).values
        torch.testing.assert_close(found.curve[index], best_so_far, atol=2e-4, rtol=0)
        assert found.loss[index].item() == pytest.approx(min(losses), abs=2e-4)
        assert ranked.auroc[index].item() == pytest.approx(min(aurocs), abs=2e-3)
        assert len(losses) == found.evaluations[index] == found.gradients[index] == 100


def test_the_class_token_gradient_leads_adam_another_way():
    """Same start, so the first evaluation is common to both; from there the two gradients part."""
    detector = load_detector("winclip", tiny_backbone(), temperature=0.01)
    images, masks = random_images(1), torch.zeros(1, 80, 80, dtype=torch.bool)
    runs = [
        worst_case(detector, images, masks, category="nut", setting="3d", search="adam", budget=10, gradient=gradient)
        for gradient in ("windows", "class_token")
    ]
    assert torch.equal(runs[0].clean_loss, runs[1].clean_loss)
    assert not torch.equal(runs[0].curve, runs[1].curve)
    assert runs[1].gradients.tolist() == [10]


def test_what_covers_the_box_reaches_its_bounds_and_leaves_no_corner_of_a_circle_out():
    """The worst case often lies on a bound: some of the survey's points do, and as evenly many on either side."""
    space = search_space("3d", Bounds())
    share = (_survey(space) - space.low) / (space.high - space.low)
    straight = share[:, ~torch.tensor(space.periodic)]
    assert ((straight == 0) | (straight == 1)).any()
    periodic = torch.tensor([True, False])
    cover = _cover(GLOBAL, periodic)
    at_a_bound = (cover == 0) | (cover == 1)
    assert at_a_bound[:, 1].double().mean().item() == pytest.approx(1 - 1 / 1.2, abs=0.02)
    assert (cover[:, 1] == 0).sum().item() == pytest.approx((cover[:, 1] == 1).sum().item(), abs=3)
    assert at_a_bound[:, 0].sum() <= 1
