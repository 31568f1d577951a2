import random

import torch

from zsad.robustness.checkpoint import load_checkpoint, save_checkpoint

PARTS = [{"loss": torch.rand(2), "masks": torch.rand(2, 4, 4) > 0.5}, {"loss": torch.rand(1)}]


def test_what_is_saved_under_a_key_is_loaded_under_it(tmp_path, caplog):
    path = tmp_path / "new" / "cell.search"
    assert load_checkpoint(path, "key") == []
    save_checkpoint(path, "key", PARTS)
    loaded = load_checkpoint(path, "key")
    assert [list(part) for part in loaded] == [list(part) for part in PARTS]
    assert all(torch.equal(a[name], b[name]) for a, b in zip(loaded, PARTS, strict=True) for name in b)
    assert load_checkpoint(path, "another") == []
    assert "belongs to another search" in caplog.text


def test_a_damaged_checkpoint_is_never_used(tmp_path, caplog):
    path, rng = tmp_path / "cell.search", random.Random(0)
    save_checkpoint(path, "key", PARTS)
    payload = path.read_bytes()
    for _ in range(100):
        flipped = bytearray(payload)
        flipped[rng.randrange(len(payload))] ^= 1 << rng.randrange(8)
        path.write_bytes(flipped)
        caplog.clear()
        assert load_checkpoint(path, "key") == []
        assert "starting anew" in caplog.text
