"""CLIPSeg through its decoder alone must be what its own forward pass gives."""

import pytest
import torch
from tiny_clip import random_images
from tiny_parts import WORDS, tiny_clipseg, tiny_clipseg_model

from zsad.tiling.clipseg import ClipSeg
from zsad.tiling.pixel_map import PixelModel
from zsad.tiling.prompts import LOCALISING

TILES = random_images(3, 32, 32)


def test_logits_are_those_of_the_models_own_forward_pass():
    segmenter = tiny_clipseg()
    assert isinstance(segmenter, PixelModel)
    pixels = (TILES - segmenter.mean) / segmenter.std
    logits = segmenter(TILES, LOCALISING)
    assert logits.shape[:2] == (3, 19)
    with torch.no_grad():
        for k in (0, 2, 10, 18):
            expected = segmenter.model(pixel_values=pixels, input_ids=WORDS([LOCALISING[k]]).repeat(3, 1)).logits
            assert torch.allclose(logits[:, k], expected, rtol=1e-4, atol=1e-4)
    assert torch.equal(logits[:, 10], logits[:, 18])  # "an error" stands twice
    assert (logits[:, 0] - logits[:, 1]).abs().max() > 1e-4


def test_batches_of_any_size_give_the_same():
    whole, alone = tiny_clipseg(), tiny_clipseg(token_budget=1)
    assert torch.allclose(whole(TILES.double(), LOCALISING), whole(TILES, LOCALISING), rtol=1e-4, atol=1e-4)
    assert torch.allclose(whole(TILES, LOCALISING), alone(TILES, LOCALISING), rtol=1e-4, atol=1e-4)
    assert torch.allclose(whole(TILES[1:2], LOCALISING), whole(TILES, LOCALISING)[1:2], rtol=1e-4, atol=1e-4)


def test_the_text_tower_runs_once_a_prompt_and_the_image_tower_once_a_tile():
    segmenter, counts = tiny_clipseg(), {"text": 0, "tile": 0}
    clip = segmenter.model.clip
    clip.text_model.register_forward_hook(lambda *_: counts.__setitem__("text", counts["text"] + 1))
    count = lambda module, args, kwargs, out: counts.__setitem__(  # noqa: E731
        "tile", counts["tile"] + len(kwargs["pixel_values"])
    )
    clip.vision_model.register_forward_hook(count, with_kwargs=True)
    segmenter(TILES, LOCALISING)
    segmenter(TILES, LOCALISING)
    assert counts == {"text": 1, "tile": 6}


def test_gradients_reach_the_tiles_also_after_inference_mode():
    segmenter = tiny_clipseg()
    with torch.inference_mode():
        segmenter(TILES, ["a crack"])
    tiles = TILES.clone().requires_grad_()
    segmenter(tiles, ["a crack"]).sum().backward()
    assert tiles.grad.abs().sum() > 0


def test_other_sizes_are_refused():
    with pytest.raises(ValueError, match=r"takes tiles of 32 pixels a side, not \(3, 3, 48, 48\)"):
        tiny_clipseg()(random_images(3, 48, 48), ["a crack"])
    with pytest.raises(ValueError, match="a multiple of its patches of 16, not 40"):
        ClipSeg(tiny_clipseg_model(), lambda texts: (WORDS(texts), None), 40)


def test_a_larger_input_than_trained_for_runs():
    segmenter = ClipSeg(tiny_clipseg_model(), lambda texts: (WORDS(texts), None), 64)
    assert segmenter(random_images(1, 64, 64), ["a crack"]).shape[:2] == (1, 1)
    assert segmenter.fingerprint != tiny_clipseg().fingerprint
