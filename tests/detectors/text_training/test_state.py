from dataclasses import replace

import pytest
import torch

from zsad.detectors.text_training.state import kept_state, load_state, purpose_of, save_state

PURPOSE = purpose_of("text_fnn", "metal nut", {"seed": 0, "diversity": None}, "f" * 64)
STATE = {"diversity.vectors": torch.ones(2, 3), "diversity.step": torch.tensor(4)}


def test_a_state_comes_back(tmp_path):
    save_state(tmp_path / "state.safetensors", STATE, PURPOSE)
    state = load_state(tmp_path / "state.safetensors", PURPOSE)
    assert state.keys() == STATE.keys()
    assert all(torch.equal(state[name], STATE[name]) for name in STATE)


@pytest.mark.parametrize(
    "change",
    [{"backbone": "0" * 64}, {"object_words": "washer"}, {"options": '{"seed": 1}'}, {"detector": "rwda"}],
)
def test_a_state_of_another_purpose_is_refused(tmp_path, change):
    path = tmp_path / "state.safetensors"
    save_state(path, STATE, replace(PURPOSE, **change))
    (field,) = change
    with pytest.raises(ValueError, match=f"trained for another {field.replace('_', ' ')}"):
        load_state(path, PURPOSE)
    with pytest.raises(ValueError, match=r"state\.safetensors was trained"):
        kept_state(path, PURPOSE)


def test_each_purpose_has_a_file_of_its_own(tmp_path):
    others = [
        replace(PURPOSE, backbone="0" * 64),
        replace(PURPOSE, object_words="metal_nut"),
        replace(PURPOSE, options="{}"),
    ]
    names = {purpose.file_in(tmp_path).name for purpose in [PURPOSE, *others]}
    assert len(names) == 4
    assert PURPOSE.file_in(tmp_path).name.startswith("text_fnn-metal-nut-")


def test_a_damaged_state_is_trained_anew_with_a_warning(tmp_path, caplog):
    path = PURPOSE.file_in(tmp_path)
    assert kept_state(path, PURPOSE) is None
    assert kept_state(None, PURPOSE) is None
    save_state(path, STATE, PURPOSE)
    path.write_bytes(path.read_bytes()[:-1])
    assert kept_state(path, PURPOSE) is None
    assert "training anew" in caplog.text
    with pytest.raises(ValueError, match=r"cannot read|damaged"):
        load_state(path, PURPOSE)
