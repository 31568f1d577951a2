"""What the segmenters found is kept by content."""

import numpy as np
import torch
from tiny_parts import ColouredParts, NoParts, RedSoft, picture

from zsad.tiling.mask_cache import parts_of, soft_levels
from zsad.tiling.soft import as_bytes

PICTURES = as_bytes(torch.stack([picture(40, 30, (2, 3, 9, 8)), picture(40, 30, (20, 5, 7, 20), (1, 1, 3, 3))]))


def test_only_new_pictures_are_segmented(tmp_path):
    soft, parts = RedSoft(), ColouredParts()
    first = soft_levels(soft, PICTURES[:1], tmp_path)
    both = soft_levels(soft, PICTURES, tmp_path)
    again = soft_levels(soft, PICTURES.flip(0), tmp_path)
    assert soft.seen == 2
    assert torch.equal(first, both[:1])
    assert torch.equal(again, both.flip(0))
    assert torch.equal(both, RedSoft()(PICTURES))
    for _ in range(2):
        found = parts_of(parts, PICTURES[1], tmp_path)
        fresh = ColouredParts()(PICTURES[1].permute(1, 2, 0).numpy())
        assert len(found) == len(fresh) == 2
        for a, b in zip(found, fresh, strict=True):
            assert (a.top, a.left) == (b.top, b.left)
            assert np.array_equal(a.mask, b.mask)
    assert parts.seen == 1
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".safetensors"]


def test_no_parts_are_kept_too(tmp_path):
    assert parts_of(NoParts(), PICTURES[0], tmp_path) == []
    assert parts_of(NoParts(), PICTURES[0], tmp_path) == []
    assert len(list(tmp_path.rglob("parts-*"))) == 1


def test_another_segmenter_picture_or_shape_has_another_place(tmp_path):
    other = RedSoft()
    other.fingerprint = "another"
    soft_levels(RedSoft(), PICTURES, tmp_path)
    soft_levels(other, PICTURES, tmp_path)
    assert other.seen == 2
    changed = PICTURES.clone()
    changed[0, 0, 0, 0] += 1
    soft_levels(other, changed, tmp_path)
    assert other.seen == 3
    soft_levels(other, changed.reshape(2, 3, 30, 40), tmp_path)
    assert other.seen == 5


def test_a_damaged_file_is_segmented_again(tmp_path, caplog):
    soft = RedSoft()
    expected = soft_levels(soft, PICTURES[:1], tmp_path)
    (path,) = tmp_path.rglob("soft-*")
    path.write_bytes(path.read_bytes()[:-7])
    assert torch.equal(soft_levels(soft, PICTURES[:1], tmp_path), expected)
    assert soft.seen == 2
    assert "segmenting again" in caplog.text
    assert torch.equal(soft_levels(soft, PICTURES[:1], tmp_path), expected)
    assert soft.seen == 2


def test_without_a_folder_nothing_is_kept():
    soft = RedSoft()
    soft_levels(soft, PICTURES)
    soft_levels(soft, PICTURES)
    assert soft.seen == 4
