"""Every search on detectors whose landscape is known: what is kept, counted, refused and repeated."""

import math
from dataclasses import fields

import pytest
import torch
from dials import DIALS, SIDE, Dial, hue_dial, normal, right_half, toy_images
from tqdm import tqdm

from zsad import metrics, perturb
from zsad.detectors.base import NotFiniteError, Prediction
from zsad.robustness import Bounds, WorstCase, predict_shifted, worst_case
from zsad.robustness.attack import Attack, Outcome, Victim
from zsad.robustness.objective import segmentation_loss
from zsad.robustness.search_space import search_space

# Few evaluations are enough where quality is not the question.
QUICK = {"bayes_opt": 15, "adam": 22, "grid": 15, "random": 15, "sobol": 15}
CASES = [(search, setting) for setting in DIALS for search in QUICK if (search, setting) != ("grid", "3d")]


def attacked(setting="hue", search="bayes_opt", masks=None, images=None, detector=None, **options) -> WorstCase:
    images = toy_images() if images is None else images
    masks = right_half(len(images)) if masks is None else masks
    detector = detector or Dial(DIALS[setting])
    options = {"budget": QUICK.get(search), **options}
    return worst_case(detector, images, masks, category="some_thing", setting=setting, search=search, **options)


def assert_equal(one: WorstCase, other: WorstCase, rows: slice = slice(None), within: float = 0.0) -> None:
    """What was tried and kept is the same; numbers are `within` so much."""
    for field in fields(WorstCase):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if field.name == "parameters":
            assert all(torch.equal(a[name][rows], b[name]) for name in a)
        elif field.name != "batch_size":
            torch.testing.assert_close(a[rows], b, rtol=0, atol=within, equal_nan=True, msg=field.name)


@pytest.mark.parametrize("criterion", ["auroc", "loss"])
@pytest.mark.parametrize(("search", "setting"), CASES)
def test_none_ends_better_for_the_detector_than_the_clean_picture(search, setting, criterion):
    """Anomalous images and a normal one; the first evaluation is the image as it is, to the last bit."""
    masks = torch.cat((right_half(2), normal(1)))
    detector = Dial(DIALS[setting])
    found = attacked(setting, search, masks, criterion=criterion)
    clean = detector.predict(toy_images(), "x")
    assert torch.equal(found.clean_loss, segmentation_loss(clean.map, masks))
    assert torch.equal(found.curve[:, 0], found.clean_loss)
    assert (found.curve.diff(dim=1) <= 0).all()
    assert found.clean_auroc[0].item() == pytest.approx(metrics.pixel_auroc(clean.map[:1], masks[:1]))
    assert found.auroc[2].isnan()
    assert found.clean_auroc[2].isnan()
    by_loss = slice(0, 3) if criterion == "loss" else slice(2, 3)
    assert (found.loss <= found.clean_loss)[by_loss].all()
    assert torch.equal(found.loss[by_loss], found.curve[by_loss, -1])
    if criterion == "auroc":
        assert (found.auroc <= found.clean_auroc)[:2].all()
    assert (found.loss < found.clean_loss).any(), "and some end worse"


@pytest.mark.parametrize("search", QUICK)
def test_a_detector_is_given_the_category_as_it_was_named(search):
    """As a sweep gives it: a drop from the unshifted images to the worst case is then none of the text."""
    detector, given = Dial(DIALS["hue"]), set()
    predict = detector.predict
    detector.predict = lambda images, category: given.add(category) or predict(images, category)
    attacked("hue", search, detector=detector)
    assert given == {"some_thing"}


@pytest.mark.parametrize(("search", "setting"), CASES)
def test_what_is_kept_is_what_its_parameters_do(search, setting):
    found = attacked(setting, search)
    searched = DIALS if setting == "3d" else [setting]
    assert set(found.parameters) == {"angle", "hue", "saturation"}
    for name, values in found.parameters.items():
        low, high = Bounds().interval(name)
        assert ((low <= values) & (values <= high)).all()
        if name not in searched:
            assert (values == 0).all()
    shifted = perturb.semantic(toy_images(), **found.parameters)
    prediction = Dial(DIALS[setting]).predict(shifted, "x")
    turned = perturb.rotate_map(prediction.map, -found.parameters["angle"])
    maps = turned if "angle" in searched or setting == "3d" else prediction.map
    torch.testing.assert_close(found.map, maps, atol=1e-4, rtol=0)
    torch.testing.assert_close(found.score, prediction.score, atol=1e-4, rtol=0)
    torch.testing.assert_close(found.loss, segmentation_loss(found.map, right_half()), atol=1e-6, rtol=0)
    for index in range(3):
        assert found.auroc[index].item() == pytest.approx(
            metrics.pixel_auroc(found.map[index, None], right_half()[:1]), abs=1e-9
        )


def test_a_uniform_shift_of_the_kept_value_gives_the_kept_map():
    found = attacked("hue", "grid", images=toy_images(1))
    shifted = predict_shifted(Dial(hue_dial), toy_images(1), "x", "hue", found.parameters["hue"].item())
    assert torch.equal(found.map, shifted.map)
    assert torch.equal(found.score, shifted.score)


@pytest.mark.parametrize(("search", "setting"), CASES)
def test_tries_are_counted_and_the_budget_is_kept(search, setting):
    detector = Dial(DIALS[setting])
    found = attacked(setting, search, detector=detector)
    assert found.evaluations.tolist() == [QUICK[search]] * 3
    assert found.gradients.tolist() == [QUICK[search] if search == "adam" else 0] * 3
    assert found.curve.shape == (3, QUICK[search])
    assert sum(detector.batches) == 3 * QUICK[search]


@pytest.mark.parametrize("budget", [1, 2, 5])
def test_the_smallest_budgets(budget):
    found = attacked("3d", "bayes_opt", budget=budget)
    assert found.evaluations.tolist() == [budget] * 3
    if budget == 1:
        assert torch.equal(found.loss, found.clean_loss)


@pytest.mark.parametrize(("search", "setting"), CASES)
def test_neither_batch_size_nor_company_changes_a_result(search, setting):
    ids, rounding = ["a", "b", "c"], 1e-6  # sums of a rotation round otherwise in another batch on some processors
    whole = attacked(setting, search, ids=ids)
    for batch_size in (1, 2):
        assert_equal(whole, attacked(setting, search, ids=ids, batch_size=batch_size), within=rounding)
    alone = attacked(setting, search, images=toy_images()[1:2], ids=["b"])
    assert_equal(whole, alone, slice(1, 2), within=rounding)


class Recorder(Dial):
    """Keeps every map that it gives."""

    def __init__(self, response) -> None:
        super().__init__(response)
        self.maps: list[torch.Tensor] = []

    def predict(self, images, category):
        found = super().predict(images, category)
        self.maps.append(found.map)
        return found


def test_means_are_over_all_evaluations_but_the_first():
    """Of a random search: over the random shifts, each of them seen by itself here."""
    masks = torch.cat((right_half(2), normal(1)))
    detector = Recorder(hue_dial)
    found = attacked("hue", "random", masks, detector=detector, budget=6)
    maps = torch.cat(detector.maps).unflatten(0, (3, 6))[:, 1:]
    for image in range(3):
        losses = segmentation_loss(maps[image], masks[image].expand(5, -1, -1))
        assert found.mean_loss[image].item() == pytest.approx(losses.mean().item(), rel=1e-5)
    for image in range(2):
        aurocs = [metrics.pixel_auroc(one[None], masks[image : image + 1]) for one in maps[image]]
        assert found.mean_auroc[image].item() == pytest.approx(sum(aurocs) / len(aurocs), rel=1e-5)
    assert found.mean_auroc[2].isnan()
    assert attacked("hue", "random", budget=1).mean_loss.isnan().all()


def test_the_seed_and_the_name_choose_the_random_starts():
    one, again, other = (attacked("hue", "adam", seed=seed, budget=60) for seed in (0, 0, 1))
    assert_equal(one, again)
    assert not torch.equal(one.curve, other.curve)
    assert not torch.equal(one.curve, attacked("hue", "adam", ids=["x", "y", "z"], budget=60).curve)


def test_searches_leave_the_global_random_state_and_the_pictures_alone():
    images, state = toy_images(), torch.random.get_rng_state()
    for search in QUICK:
        attacked("hue", search, images=images)
    assert torch.equal(images, toy_images())
    assert torch.equal(state, torch.random.get_rng_state())


def test_the_criterion_decides_what_is_kept():
    """Colourless, a few normal pixels shine and the loss is lowest; saturated, all pixels are ranked the wrong way
    round by very little and the AUROC is lowest."""

    class TwoMinds(Dial):
        def predict(self, images, category):
            prediction = super().predict(images, category)
            saturation = prediction.map[:, :1, -1:]
            low, high = (0.5 - saturation).clamp(0), (saturation - 0.5).clamp(0)
            shine = torch.zeros(SIDE, SIDE).index_fill(1, torch.tensor([0]), 1.0)
            order = 0.01 * (1 - 2 * right_half(1)[0].float())
            return type(prediction)(prediction.score, 0.3 + low * shine + high * order)

    detector = TwoMinds(lambda angle, hue, saturation: saturation)
    by_auroc, by_loss = (attacked("saturation", detector=detector, criterion=kind) for kind in ("auroc", "loss"))
    assert (by_auroc.parameters["saturation"] > 0).all()
    assert (by_auroc.auroc == 0).all()
    assert (by_loss.parameters["saturation"] < 0).all()
    assert (by_loss.loss < by_auroc.loss).all()


@pytest.mark.parametrize("search", ["bayes_opt", "adam", "random"])
def test_by_score_damaged_images_end_low_and_good_ones_high(search):
    """Whatever the map does: here it is one value an image, so that no pixel AUROC has anything to say."""

    class Flat(Dial):
        localises = False

        def predict(self, images, category):
            score = super().predict(images, category).map[:, 0, -1]
            return Prediction(score, score[:, None, None].expand(-1, SIDE, SIDE))

    detector, masks = Flat(lambda angle, hue, saturation: 0.2 + saturation), torch.cat((right_half(1), normal(2)))
    found = attacked("saturation", search, masks, detector=detector, criterion="score")
    clean = detector.predict(toy_images(), "x").score
    assert torch.equal(found.clean_loss, torch.stack((clean[0], -clean[1], -clean[2])))
    assert torch.equal(found.loss, torch.stack((found.score[0], -found.score[1], -found.score[2])))
    assert torch.equal(found.loss, found.curve[:, -1])
    if search != "random":
        assert found.parameters["saturation"].tolist() == pytest.approx([-0.5, 0.5, 0.5], abs=0.05)
    for criterion in ("auroc", "loss"):
        with pytest.raises(ValueError, match=r"maps of dial tell no places apart.*choose criterion='score'"):
            attacked("saturation", search, masks, detector=detector, criterion=criterion)


def test_by_score_the_gradient_is_that_of_the_score():
    class Silent(Dial):
        def predict(self, images, category):
            found = super().predict(images, category)
            return Prediction(found.score.detach(), found.map)

    detector = Silent(hue_dial)
    with pytest.raises(ValueError, match="no gradient through from its score to the image"):
        attacked("hue", "adam", detector=detector, criterion="score")
    assert attacked("hue", "adam", detector=detector, criterion="loss").gradients.min() > 0


def test_equal_aurocs_are_settled_by_the_loss():
    """Far above the pattern the right half ranks perfectly however high it is."""
    detector = Dial(lambda angle, hue, saturation: 0.2 + saturation)
    found = attacked("saturation", "grid", detector=detector)
    assert (found.auroc == 1).all()
    assert found.parameters["saturation"].tolist() == pytest.approx([-0.5] * 3)


def test_an_empty_mask_makes_the_attack_raise_the_whole_map():
    found = attacked("saturation", "bayes_opt", normal(), detector=Dial(lambda angle, hue, saturation: saturation))
    assert found.parameters["saturation"].tolist() == pytest.approx([0.5] * 3)
    assert (found.score > 0.9).all()
    assert found.auroc.isnan().all()


def test_masks_turn_along_where_asked_and_maps_stay():
    detector = Dial(lambda angle, hue, saturation: 0.5 + 0 * angle)
    corner = torch.zeros(1, SIDE, SIDE, dtype=torch.bool)
    corner[:, 2:8, -6:] = True
    found = attacked(
        "angle", "grid", corner, toy_images(1), detector, align="mask", bounds=Bounds(angle=(0, 90)), budget=2
    )
    # Turned counter-clockwise by 90 degrees, the upper right corner becomes the upper left one, which is never lit.
    assert found.parameters["angle"].item() == 90
    assert torch.equal(found.masks, torch.rot90(corner, 1, (1, 2)))
    assert found.loss.item() == pytest.approx(segmentation_loss(found.map, found.masks).item())
    torch.testing.assert_close(found.map, detector.predict(toy_images(1), "x").map, atol=1e-6, rtol=0)
    back = attacked("angle", "grid", corner, toy_images(1), detector, bounds=Bounds(angle=(0, 90)), budget=2)
    assert torch.equal(back.masks, corner)
    torch.testing.assert_close(back.map, perturb.rotate_map(found.map, -90.0), atol=1e-4, rtol=0)


@pytest.mark.parametrize("search", ["bayes_opt", "adam", "grid"])
def test_a_defect_that_leaves_the_frame_ends_no_better_than_clean(search):
    """Turned out of a corner, the mask is empty and such an evaluation is judged by its loss."""
    corner = torch.zeros(3, SIDE, SIDE, dtype=torch.bool)
    corner[:, :2, -2:] = True
    assert not perturb.rotation.rotate_mask(corner, 45.0).any()
    found = attacked("angle", search, corner, align="mask", budget=30)
    judged = found.masks.flatten(1).any(1)
    assert torch.equal(found.auroc.isnan(), ~judged)
    assert (found.auroc <= found.clean_auroc)[judged].all()
    assert (found.loss <= found.clean_loss)[~judged].all()


def test_a_try_whose_mask_left_the_frame_is_the_least_worth():
    """It has no AUROC: counted as 0, it would be the worst case of every image with a defect in its corner."""
    corner = torch.zeros(1, SIDE, SIDE, dtype=torch.bool)
    corner[:, :2, -2:] = True
    victim = Victim(Dial(hue_dial), "x", "auroc", "mask", "counted", "three_pass", "cpu")
    attack = Attack(victim, search_space("angle", Bounds()), toy_images(1), corner, ["a"], 4, tqdm(disable=True))
    clean, gone = attack.values(torch.tensor([0, 0]), torch.tensor([[0.0], [45.0]]).double())
    assert gone == 1
    assert clean < 1


def test_what_follows_a_try_without_auroc_must_still_be_worse_than_clean():
    """A mask that left the frame lowers the loss; a later try with a lower loss still, but a higher AUROC than that of
    the clean image, must not take its place."""
    victim = Victim(Dial(hue_dial), "x", "auroc", "mask", "counted", "three_pass", "cpu")
    space = search_space("angle", Bounds())
    attack = Attack(victim, space, toy_images(1), right_half(1), ["a"], 1, tqdm(disable=True))
    maps, masks, sample = torch.zeros(1, SIDE, SIDE), right_half(1), torch.tensor([0])
    for angle, auroc, loss in ((0, 0.9, -0.1), (1, math.nan, -0.2), (2, 0.95, -0.3), (3, 0.8, -0.25)):
        outcome = Outcome(torch.tensor([loss]), torch.tensor([auroc]).double(), torch.zeros(1), maps, masks, None)
        attack._keep(sample, torch.tensor([[float(angle)]]).double(), outcome)
        assert attack.parameters.item() == (angle if angle != 2 else 1)


@pytest.mark.parametrize("align", ["map", "mask"])
def test_corners_that_are_left_out_count_neither_in_a_try_nor_in_what_is_kept(align):
    """Forced to 45 degrees, a square loses its four corners; a quarter turn loses nothing."""
    bounds = Bounds(angle=(0, 45))
    found = attacked("angle", "grid", align=align, corners="left out", bounds=bounds, budget=2)
    turned = found.parameters["angle"] == 45
    assert turned.any()
    for index in range(3):
        valid_mask = found.valid_mask[index]
        if not turned[index]:
            assert valid_mask.all()
            continue
        assert not valid_mask[[0, 0, -1, -1], [0, -1, 0, -1]].any()
        assert valid_mask[SIDE // 2].all()
        share = valid_mask.double().mean().item()
        assert share == pytest.approx(2 * (math.sqrt(2) - 1), abs=0.06), "a regular octagon remains"
        anomalous, normal = (found.map[index][k & valid_mask].mean() for k in (found.masks[index], ~found.masks[index]))
        assert found.loss[index].item() == pytest.approx((anomalous - normal).item(), abs=1e-6)
        assert found.auroc[index].item() == pytest.approx(
            metrics.all_metrics(
                [1, 0], [True, False], found.map[[index, index]], found.masks[[index, index]],
                valid_mask=torch.stack((valid_mask, torch.zeros_like(valid_mask))),
            )["pixel_auroc"]
        )  # fmt: skip
    usual = attacked("angle", "grid", align=align, bounds=bounds, budget=2)
    assert usual.valid_mask.all()
    assert not torch.equal(usual.loss, found.loss)
    assert attacked("hue", "bayes_opt", align=align, corners="left out").valid_mask.all(), (
        "without a rotation all counts"
    )
    quarter = perturb.rotation.inside_frame(right_half(), 90.0)
    assert quarter.all()


def test_out_of_memory_halves_the_batch_with_the_same_result(caplog):
    images, masks = toy_images(5), right_half(5)
    detector = Dial(hue_dial, limit=2)
    for search in ("bayes_opt", "adam"):
        small = attacked("hue", search, masks, images, detector, batch_size=8)
        assert small.batch_size == 2
        assert_equal(attacked("hue", search, masks, images), small)
    assert "going on with batches of 2" in caplog.text
    with pytest.raises(torch.OutOfMemoryError):
        attacked("hue", detector=Dial(hue_dial, limit=0))


@pytest.mark.parametrize("search", list(QUICK))
def test_a_map_that_is_not_a_number_names_the_picture(search):
    detector = Dial(hue_dial, broken=lambda images: images.amax((1, 2, 3)) > 0.9)
    images = toy_images() * torch.tensor([1.0, 1.2, 1.0])[:, None, None, None]
    with pytest.raises(NotFiniteError, match=r"nut/007: dial gave a score or map that is not finite") as error:
        attacked("hue", search, images=images, detector=detector, ids=["nut/000", "nut/007", "nut/009"], batch_size=2)
    assert error.value.index == 1


def test_a_gradient_that_is_not_a_number_names_the_picture():
    detector = Dial(lambda angle, hue, saturation: (saturation - saturation.detach()).abs().sqrt() + 0.5)
    with pytest.raises(NotFiniteError, match="image 0: the gradient of the loss is not finite"):
        attacked("saturation", "adam", detector=detector)


@pytest.mark.parametrize("setting", ["angle", "hue", "3d"])
def test_a_detector_without_gradient_needs_a_search_without(setting):
    detector = Dial(DIALS[setting], differentiable=False)
    with pytest.raises(ValueError, match=r"detector 'dial' lets no gradient through .* choose search='bayes_opt'"):
        attacked(setting, "adam", detector=detector)
    assert (attacked(setting, "bayes_opt", detector=detector).evaluations == QUICK["bayes_opt"]).all()


def test_adam_works_where_gradients_are_off():
    with torch.no_grad():
        inside = attacked("hue", "adam")
    assert_equal(attacked("hue", "adam"), inside)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"setting": "tilt", "detector": Dial(hue_dial)}, "setting 'tilt' has no worst case"),
        ({"bounds": Bounds(hue=0)}, "nothing to search"),
        ({"search": "swarm"}, "unknown search 'swarm'; known: bayes_opt, adam, grid, random, sobol"),
        ({"criterion": "aupro"}, "unknown criterion 'aupro'; known: auroc, loss, score"),
        ({"align": "both"}, "unknown align 'both'; known: map, mask"),
        ({"corners": "cut"}, "unknown corners 'cut'; known: counted, left out"),
        ({"rotation": "cubic"}, "unknown rotation 'cubic'"),
        ({"gradient": "patches"}, "unknown gradient 'patches'; known: windows, class_token"),
        ({"gradient": "class_token"}, "detector 'dial' has no class-token gradient: choose gradient='windows'"),
        ({"budget": 0}, "a budget of 0 leaves nothing to evaluate"),
        ({"search": "grid", "setting": "3d"}, "a grid searches one parameter, not angle, hue, saturation"),
        ({"masks": right_half(2)}, r"images have shape \(3, 3, 24, 24\), masks have shape \(2, 24, 24\)"),
        ({"masks": right_half()[:, :-1]}, r"masks have shape \(3, 23, 24\)"),
        ({"ids": ["a"]}, "there are 3 images but 1 ids"),
        ({"search": "sobol", "starts": {"hue": torch.zeros(1, 3)}}, "search 'sobol' takes no starts"),
        ({"starts": {"angle": torch.zeros(1, 3)}}, "starts name angle; searched are hue"),
        ({"starts": {"hue": torch.full((1, 3), 4.0)}}, "starts lie out of bounds"),
        ({"starts": {"hue": torch.zeros(15, 3)}}, "a budget of 15 has no room for 15 starts"),
        ({"images": toy_images(0), "masks": right_half(0)}, "no images to attack"),
    ],
)
def test_bad_input(options, message):
    with pytest.raises(ValueError, match=message):
        attacked(**{"detector": Dial(hue_dial), **options})


def test_default_budgets():
    for search, setting, count in (
        ("bayes_opt", "angle", 33),
        ("bayes_opt", "3d", 256),
        ("adam", "3d", 100),
        ("random", "3d", 100),
        ("sobol", "hue", 100),
        ("grid", "angle", 181),
        ("grid", "hue", 180),
        ("grid", "saturation", 101),
    ):
        found = attacked(setting, search, images=toy_images(1), budget=None)
        assert found.evaluations.tolist() == [count]


@pytest.mark.parametrize(("search", "setting"), [("bayes_opt", "3d"), ("adam", "hue")])
def test_a_killed_search_goes_on_where_it_was(tmp_path, search, setting):
    """Killed while the second pair of images is searched; then only what is missing is computed."""
    path, images, masks = tmp_path / "folder" / "cell.safetensors", toy_images(5), right_half(5)
    whole = attacked(setting, search, masks, images)
    dying = Dial(DIALS[setting], patience=QUICK[search] + 3)
    options = {"batch_size": 2, "checkpoint": path}
    with pytest.raises(KeyboardInterrupt):
        attacked(setting, search, masks, images, dying, **options)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    rest = Dial(DIALS[setting])
    assert_equal(whole, attacked(setting, search, masks, images, rest, **options))
    assert sum(rest.batches) == 3 * QUICK[search]
    nothing = Dial(DIALS[setting])
    assert_equal(whole, attacked(setting, search, masks, images, nothing, **options))
    assert nothing.batches == []


def test_a_checkpoint_of_other_arguments_or_a_broken_one_is_not_used(tmp_path, caplog):
    path = tmp_path / "cell"
    attacked("hue", "adam", checkpoint=path)
    for options in (
        {"seed": 1},
        {"bounds": Bounds(hue=1.0)},
        {"images": toy_images(saturation=0.6)},
        {"align": "mask"},
        {"corners": "left out"},
    ):
        assert_equal(attacked("hue", "adam", **options), attacked("hue", "adam", checkpoint=path, **options))
    assert caplog.text.count("belongs to another search: starting anew") == 5
    path.write_bytes(path.read_bytes()[:100])
    assert_equal(attacked("hue", "adam"), attacked("hue", "adam", checkpoint=path))
    assert "cannot read" in caplog.text


def test_progress_counts_tries(capsys):
    attacked("hue", progress=True)
    shown = capsys.readouterr().err
    whole = 3 * QUICK["bayes_opt"]
    assert f"some_thing hue: {whole} of {whole} evaluations" in shown
    attacked("hue")
    assert capsys.readouterr().err == ""
