"""WinCLIP+ against a slow loop over windows, and what references are to it."""

import pytest
import torch
from tiny_clip import random_images, tiny_backbone
from torch.nn import functional as F

import zsad
from zsad.detectors import wanted_references, with_references
from zsad.detectors.references import as_references, check_aspect
from zsad.detectors.winclip_plus import unlikeness
from zsad.detectors.windows import crop, square_tiles, stitch

IMAGES, GOOD = random_images(3), random_images(3, seed=1)
SHARP = {"temperature": 0.01}


def few_shot(good=GOOD, **options):
    detector = zsad.load_detector("winclip_plus", tiny_backbone(), **SHARP, **options)
    return with_references(detector, as_references(list(good)))


def by_text(**options):
    return zsad.load_detector("winclip", tiny_backbone(), **SHARP, **options)


def tokens_behind_last_norm(backbone, image):
    """Patch tokens as the tower itself makes them."""
    visual = backbone.model.visual
    return visual.ln_post(visual.transformer(backbone._tokens(image[None])))[0, 1:]


def slow_grid(image, good, scales=(2, 3)):
    """How unlike the references each of the 5 x 5 patches is, window by window and reference by reference."""
    backbone = tiny_backbone()
    maps = []
    for size in (1, *scales):
        embed = (
            (lambda one: tokens_behind_last_norm(backbone, one))
            if size == 1
            else (lambda one, size=size: backbone.embed_windows(one[None], (size,))[size][0])
        )
        mine, theirs = embed(image).double(), [embed(one).double() for one in good]
        scores = []
        for window in mine:
            cosines = [F.cosine_similarity(window, other, dim=0) for one in theirs for other in one]
            scores.append((1 - max(cosines)) / 2)
        scores = torch.stack(scores).view(6 - size, 6 - size)
        grid = torch.zeros(5, 5, dtype=torch.float64)
        for row in range(5):
            for column in range(5):
                top, left = slice(max(0, row - size + 1), row + 1), slice(max(0, column - size + 1), column + 1)
                covering = scores[top, left]
                grid[row, column] = covering.numel() / (1 / covering).sum()
        maps.append(grid)
    return sum(maps) / len(maps)


def test_score_and_map_equal_a_slow_loop_over_windows():
    text, found = by_text().predict(IMAGES, "metal_nut"), few_shot().predict(IMAGES, "metal_nut")
    for index, image in enumerate(IMAGES):
        grid = slow_grid(image, GOOD).float()
        assert grid.std() > 0.002
        own = F.interpolate(grid[None, None], (80, 80), mode="bilinear", align_corners=False)[0, 0]
        torch.testing.assert_close(found.map[index], (text.map[index] + own) / 2, atol=1e-5, rtol=0)
        torch.testing.assert_close(found.score[index], (text.score[index] + grid.max()) / 2, atol=1e-5, rtol=0)


def test_without_references_it_is_winclip():
    plain = zsad.load_detector("winclip_plus", tiny_backbone(), references=0)
    for images in (IMAGES, random_images(2, 80, 104)):
        first, second = (d.predict(images, "nut") for d in (plain, zsad.load_detector("winclip", tiny_backbone())))
        assert torch.equal(first.score, second.score)
        assert torch.equal(first.map, second.map)
    assert plain.league == "text only"
    assert wanted_references(plain) == 0


def test_an_image_that_is_not_square_is_compared_tile_by_tile():
    images, good = random_images(2, 80, 120), random_images(1, 80, 120, seed=1)
    text, found = by_text().predict(images, "nut"), few_shot(good).predict(images, "nut")
    tiles = square_tiles(80, 120)
    assert len(tiles) > 1
    grids = torch.stack([slow_grid(square, crop(good, tiles)) for square in crop(images, tiles)]).float()
    squares = F.interpolate(grids[:, None], (80, 80), mode="bilinear", align_corners=False)[:, 0]
    torch.testing.assert_close(found.map, (text.map + stitch(squares, tiles, 80, 120)) / 2, atol=1e-5, rtol=0)
    peaks = torch.stack([grids[index::2].max() for index in range(2)])
    torch.testing.assert_close(found.score, (text.score + peaks) / 2, atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [(80, 80), (80, 104)])
def test_what_is_a_reference_itself_is_like_one_everywhere(size):
    images = random_images(2, *size)
    text, found = by_text().predict(images, "nut"), few_shot(images).predict(images, "nut")
    torch.testing.assert_close(found.map, text.map / 2, atol=1e-6, rtol=0)
    torch.testing.assert_close(found.score, text.score / 2, atol=1e-6, rtol=0)


def test_more_references_find_nothing_less_like_them_and_their_order_is_nothing():
    few, more, turned = (few_shot(good).predict(IMAGES, "nut") for good in (GOOD[:1], GOOD, GOOD.flip(0)))
    assert (more.score < few.score).all()
    assert (more.map <= few.map + 1e-6).all()
    torch.testing.assert_close(more.map, turned.map)


def test_how_many_pairs_are_compared_at_once_changes_nothing():
    windows, memory = (F.normalize(random_images(2, 7, 5, seed=s).flatten(0, 1), dim=-1) for s in (0, 1))
    whole, parts = unlikeness(windows, memory.flatten(0, 1)), unlikeness(windows, memory.flatten(0, 1), pairs=100)
    torch.testing.assert_close(whole, parts)
    assert whole.shape == windows.shape[:2]


def test_options_of_winclip_count_too():
    plain = few_shot().predict(IMAGES, "nut")
    assert (few_shot(scales=[2]).predict(IMAGES, "nut").map - plain.map).abs().max() > 1e-4
    text = by_text(image_score="map maximum", multi_crop=0.8).predict(IMAGES, "nut").score
    found = few_shot(image_score="map maximum", multi_crop=0.8).predict(IMAGES, "nut").score
    torch.testing.assert_close(found - plain.score, (text - by_text().predict(IMAGES, "nut").score) / 2)


def test_records_can_tell_which_references_and_which_league():
    bare = zsad.load_detector("winclip_plus", tiny_backbone(), references=2)
    assert (wanted_references(bare), bare.league) == (2, "few-shot")
    fitted = with_references(bare, as_references(list(GOOD[:2]), ["a.png", "b.png"]))
    assert (wanted_references(fitted), fitted.league) == (0, "few-shot")
    chosen = fitted.options
    assert (chosen["references"], chosen["reference_seed"], chosen["reference_images"]) == (2, 0, ["a.png", "b.png"])
    others = [
        with_references(bare, as_references(list(GOOD[1:]), ["a.png", "b.png"])),
        with_references(bare, as_references(list(GOOD[:2]), ["a.png", "c.png"])),
        with_references(bare, as_references(list(GOOD[:1]), ["a.png"])),
        zsad.load_detector("winclip_plus", tiny_backbone(1), references=2).with_references(fitted._references),
    ]
    assert len({fitted.fingerprint, bare.fingerprint, *(other.fingerprint for other in others)}) == 6


def test_what_it_lacks_is_said():
    with pytest.raises(ValueError, match=r"winclip_plus compares with 4 good images and was given none: .*--reference"):
        zsad.load_detector("winclip_plus", tiny_backbone(), references=4).predict(IMAGES, "nut")
    with pytest.raises(ValueError, match="references are at least one good image, and there is none"):
        as_references([])
    with pytest.raises(ValueError, match=r"values outside \[0, 1\]"):
        as_references([255 * GOOD[0]])
    with pytest.raises(ValueError, match="winclip takes no references; those that do: winclip_plus"):
        with_references(by_text(), as_references(list(GOOD)))
    with pytest.raises(ValueError, match="references must be at least 0"):
        zsad.load_detector("winclip_plus", tiny_backbone(), references=-1)


def test_other_proportions_than_the_references_are_said():
    check_aspect(240, 300, [(480, 600), (240, 310)])
    with pytest.raises(ValueError, match="it is 300 x 240 pixels and a reference is 240 x 240"):
        check_aspect(240, 300, [(240, 300), (240, 240)])


def test_a_defence_stands_before_the_references_too():
    bare = zsad.load_detector("winclip_plus", tiny_backbone(), references=3, defence="grey input")
    assert wanted_references(bare) == 3
    found = with_references(bare, as_references(list(GOOD))).predict(IMAGES, "nut")
    grey = (IMAGES * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1, keepdim=True).expand_as(IMAGES)
    plain = with_references(zsad.load_detector("winclip_plus", tiny_backbone()), as_references(list(GOOD)))
    torch.testing.assert_close(found.score, plain.predict(grey, "nut").score)


@pytest.mark.parametrize("class_token_alone", [False, True])
def test_gradients_reach_the_image_as_they_do_in_winclip(class_token_alone):
    detector, text = few_shot(), by_text()
    if class_token_alone:
        detector, text = detector.with_class_token_gradient(), text.with_class_token_gradient()
    gradients = []
    for one in (detector, text):
        image = IMAGES[:1].clone().requires_grad_()
        one.predict(image, "nut").map.sum().backward()
        gradients.append(image.grad)
    assert gradients[0].abs().max() > 0
    if class_token_alone:  # the references are compared with windows and patches, which give none
        torch.testing.assert_close(gradients[0], gradients[1] / 2, atol=1e-5, rtol=1e-3)
    else:
        assert (gradients[0] - gradients[1] / 2).abs().max() > 1e-5


def test_what_was_remembered_under_inference_mode_serves_a_search_too():
    with torch.inference_mode():
        detector = few_shot(random_images(1, seed=1))
        before = detector.predict(IMAGES, "nut").score
    image = IMAGES.clone().requires_grad_()
    after = detector.predict(image, "nut").score
    after.sum().backward()
    torch.testing.assert_close(before, after.detach())
