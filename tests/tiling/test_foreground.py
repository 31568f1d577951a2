"""Parts, filter, union, soft maps: each against its definition on whole masks."""

import numpy as np
import pytest
import torch
from tiny_parts import tiny_dis

from zsad.tiling.covered import coverage, covered_parts
from zsad.tiling.dis import NetForeground, SmallDIS
from zsad.tiling.isnet import IsNet
from zsad.tiling.part import Part
from zsad.tiling.soft import as_bytes, degrees
from zsad.tiling.union import union


def random_masks(count: int = 20, height: int = 24, width: int = 30) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    masks = np.zeros((count, height, width), bool)
    for mask in masks:
        top, left = rng.integers(0, height - 6), rng.integers(0, width - 6)
        mask[top : top + 6, left : left + 6] = rng.random((6, 6)) < 0.7
    return list(masks)


def test_a_part_is_its_mask():
    for mask in random_masks():
        part = Part.of(mask)
        assert np.array_equal(part.full(*mask.shape), mask)
        assert part.area == mask.sum()
        values = np.random.default_rng(1).random(mask.shape)
        assert np.array_equal(part.values(values), values[mask])
    assert Part.of(np.zeros((4, 4), bool)) is None


def test_union_is_the_logical_or_in_any_order():
    masks = random_masks()
    parts = [Part.of(mask) for mask in masks]
    assert np.array_equal(union(parts, 24, 30), np.any(masks, axis=0))
    assert np.array_equal(union(parts[::-1], 24, 30), np.any(masks, axis=0))
    assert not union([], 24, 30).any()


@pytest.mark.parametrize("measure", ["area", "soft"])
def test_coverage_follows_its_definition(measure):
    soft = np.random.default_rng(2).integers(0, 5, (24, 30)) / 4  # a fifth of it lies on the threshold
    for mask in random_masks():
        expected = ((soft >= 0.5) & mask).sum() / mask.sum() if measure == "area" else soft[mask].mean()
        assert coverage(Part.of(mask), soft, 0.5, measure) == pytest.approx(expected)


def test_four_fifths_of_a_part_is_enough_unless_strict():
    soft = np.zeros((1, 10))
    soft[0, :8] = 1
    part = Part(0, 0, np.ones((1, 10), bool))
    assert covered_parts([part], soft) == [part]
    assert covered_parts([part], soft, strict=True) == []
    soft[0, 7] = 0
    assert covered_parts([part], soft) == []
    assert covered_parts([], soft) == []


def test_the_object_is_kept_and_its_shadow_is_not():
    soft = np.zeros((20, 20))
    soft[5:15, 5:12] = 1  # the object, and the first fifth of its shadow
    thing, shadow = np.zeros((2, 20, 20), bool)
    thing[5:15, 5:10] = True
    shadow[5:15, 10:20] = True
    kept = covered_parts([Part.of(thing), Part.of(shadow)], soft)
    assert np.array_equal(union(kept, 20, 20), thing)


def test_stretched_degrees_reach_both_ends_and_a_constant_map_none():
    levels = torch.tensor([[[10, 20], [60, 30]], [[9, 9], [9, 9]]], dtype=torch.uint8)
    assert torch.allclose(degrees(levels), levels / 255)
    stretched = degrees(levels, min_max=True)
    assert torch.allclose(stretched[0], torch.tensor([[0, 0.2], [1, 0.4]]))
    assert not stretched[1].any()


def test_bytes_are_the_nearest_levels():
    images = torch.tensor([0.0, 0.4999 / 255, 0.5001 / 255, 1.004, -0.01]).reshape(1, 1, 1, 5).repeat(1, 3, 1, 1)
    assert as_bytes(images)[0, 0, 0].tolist() == [0, 0, 1, 255, 0]


def test_a_network_gives_levels_at_the_size_of_the_pictures_and_alone_as_in_a_batch():
    model = tiny_dis()
    images = torch.randint(0, 256, (3, 3, 40, 56), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    levels = model(images)
    assert (levels.dtype, levels.shape) == (torch.uint8, (3, 40, 56))
    alone = torch.cat([model(image[None]) for image in images])
    assert (levels.int() - alone.int()).abs().max() <= 1
    assert not torch.equal(levels[0], levels[1])


def test_every_prediction_of_the_network_has_the_input_size():
    predictions = SmallDIS((8, 8, 8, 8))(torch.zeros(2, 3, 64, 64))
    assert [tuple(p.shape) for p in predictions] == [(2, 64, 64)] * 3


def test_fingerprints_follow_the_weights():
    assert tiny_dis().fingerprint == tiny_dis().fingerprint != tiny_dis(seed=1).fingerprint
    assert tiny_dis().fingerprint != NetForeground(tiny_dis().net, 64).fingerprint


class Session:
    """Stands in for onnxruntime: its first output is the red of what it is given."""

    def get_inputs(self):
        return [type("Input", (), {"name": "pixels"})]

    def run(self, names, feed):
        self.feed = feed["pixels"]
        return [feed["pixels"][:, :1] + 0.5, None]


def test_isnet_gets_what_its_script_gives_it_and_its_first_output_is_taken():
    session = Session()
    images = torch.zeros(2, 3, 30, 40, dtype=torch.uint8)
    images[1, 0] = 51
    levels = IsNet(session, "weights")(images)
    assert session.feed.shape == (1, 3, 1024, 1024)
    assert session.feed.dtype == np.float32
    assert session.feed[0, 0] == pytest.approx(0.2 - 0.5)
    assert session.feed[0, 1] == pytest.approx(-0.5)
    assert levels.shape == (2, 30, 40)
    assert levels.unique().tolist() == [0, 51]
    assert torch.equal(levels[0].unique(), torch.tensor([0], dtype=torch.uint8))
