import logging

import pytest
import torch
from tiny_clip import tiny_backbone
from torch.nn import functional as F

from zsad.clip.prototypes import text_prototypes

SIDES = [["the nut", "a photo of the flawless nut"], ["the damaged nut", "nut with a flaw", "nut"]]


@pytest.mark.parametrize("average", ["unit", "raw"])
def test_prototypes_equal_a_loop(average):
    backbone = tiny_backbone()
    expected = []
    for side in SIDES:
        vectors = [backbone.embed_text([line], normalise=average == "unit")[0] for line in side]
        expected.append(F.normalize(sum(vectors) / len(vectors), dim=0))
    torch.testing.assert_close(text_prototypes(backbone, SIDES, average), torch.stack(expected), atol=1e-6, rtol=0)


def test_the_two_averages_differ():
    backbone = tiny_backbone()
    unit, raw = (text_prototypes(backbone, SIDES, average) for average in ("unit", "raw"))
    assert (unit - raw).abs().max() > 1e-4
    with pytest.raises(ValueError, match="unknown prompt average 'median'; known: unit, raw"):
        text_prototypes(backbone, SIDES, "median")


def test_kept_prototypes_are_read_and_not_computed(tmp_path, monkeypatch):
    first = text_prototypes(tiny_backbone(), SIDES, cache=tmp_path / "texts")
    backbone = tiny_backbone()
    monkeypatch.setattr(backbone, "embed_text", lambda *_, **__: pytest.fail("computed again"))
    assert torch.equal(text_prototypes(backbone, SIDES, cache=tmp_path / "texts"), first)
    assert torch.equal(first, text_prototypes(tiny_backbone(), SIDES))


def test_weights_sentences_and_average_have_files_of_their_own(tmp_path):
    text_prototypes(tiny_backbone(), SIDES, cache=tmp_path)
    text_prototypes(tiny_backbone(seed=1), SIDES, cache=tmp_path)
    text_prototypes(tiny_backbone(), SIDES[::-1], cache=tmp_path)
    text_prototypes(tiny_backbone(), SIDES, "raw", cache=tmp_path)
    files = list(tmp_path.iterdir())
    assert len(files) == 4
    assert all(file.suffix == ".safetensors" for file in files)


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_a_damaged_file_is_computed_again(tmp_path, caplog, damage):
    first = text_prototypes(tiny_backbone(), SIDES, cache=tmp_path)
    (file,) = tmp_path.iterdir()
    payload = file.read_bytes()
    broken = {"cut": payload[:-9], "flipped": payload[:-1] + bytes([payload[-1] ^ 1]), "empty": b""}[damage]
    file.write_bytes(broken)
    with caplog.at_level(logging.WARNING):
        assert torch.equal(text_prototypes(tiny_backbone(), SIDES, cache=tmp_path), first)
    assert file.name in caplog.text
    assert file.read_bytes() == payload


def test_nothing_half_written_stays(tmp_path, monkeypatch):
    def full_disk(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr("zsad.files.os.replace", full_disk)
    with pytest.raises(OSError, match="no space"):
        text_prototypes(tiny_backbone(), SIDES, cache=tmp_path)
    assert list(tmp_path.iterdir()) == []
