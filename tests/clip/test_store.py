import pytest
import torch
from safetensors.torch import save_file

from zsad.clip.store import DamagedFileError, read_tensors, write_tensors

TENSORS = {"words": torch.arange(6.0).view(2, 3), "step": torch.tensor(7)}


def test_a_tensor_of_odd_strides_is_kept(tmp_path):
    column = torch.arange(6.0).view(2, 3)[:1, 1:2]
    write_tensors(tmp_path / "state", {"column": column, "turned": torch.arange(6.0).view(2, 3).T})
    assert torch.equal(read_tensors(tmp_path / "state")[0]["column"], column)


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "new" / "state.safetensors"
    write_tensors(path, TENSORS, {"about": "a nut"})
    tensors, metadata = read_tensors(path)
    assert tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)
    assert metadata == {"about": "a nut"}
    assert [file.name for file in path.parent.iterdir()] == ["state.safetensors"]


def test_equal_contents_give_equal_bytes(tmp_path):
    written = []
    for index in range(8):
        about = {name: "x" for name in ("one", "two", "three", "four")[:: -1 if index % 2 else 1]}
        write_tensors(tmp_path / "state.safetensors", TENSORS, about)
        written.append((tmp_path / "state.safetensors").read_bytes())
    assert len(set(written)) == 1


@pytest.mark.parametrize("damage", ["cut", "empty"])
def test_a_damaged_file_is_refused(tmp_path, damage):
    path = tmp_path / "state.safetensors"
    write_tensors(path, TENSORS)
    path.write_bytes({"cut": path.read_bytes()[:-3], "empty": b""}[damage])
    with pytest.raises(DamagedFileError, match=r"state\.safetensors"):
        read_tensors(path)


def test_no_bit_can_flip_unseen(tmp_path):
    """Values, but also names, kinds, shapes and texts."""
    path = tmp_path / "state.safetensors"
    write_tensors(path, TENSORS | {"none": torch.zeros(0), "mask": torch.tensor([True, False])}, {"about": "a nut"})
    payload = path.read_bytes()
    for bit in range(8 * len(payload)):
        flipped = bytearray(payload)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        with pytest.raises(DamagedFileError, match=r"state\.safetensors"):
            read_tensors(path)


def test_a_file_without_a_checksum_is_refused(tmp_path):
    save_file(TENSORS, tmp_path / "foreign.safetensors")
    with pytest.raises(DamagedFileError, match="checksum"):
        read_tensors(tmp_path / "foreign.safetensors")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.safetensors"):
        read_tensors(tmp_path / "nothing.safetensors")
