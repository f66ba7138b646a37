"""Writing files without leaving half of one."""

import pytest
import torch

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.weights import files
from nnunet_cipa.weights.files import read_state_dict, write_checkpoint

STATE = {"a": torch.arange(600.0), "b.num_batches_tracked": torch.tensor(3)}


def names_in(directory):
    return [path.name for path in directory.iterdir()]


def test_what_is_written_can_be_read(tmp_path):
    half = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in STATE.items()}
    write_checkpoint(half, tmp_path / "w.pth")
    stored = torch.load(tmp_path / "w.pth", weights_only=True)["network_weights"]
    for content in (stored, read_state_dict(tmp_path / "w.pth")):
        assert content.keys() == half.keys()
        assert all(content[name].dtype == half[name].dtype for name in half)
        assert all(torch.equal(content[name], half[name]) for name in half)
    assert names_in(tmp_path) == ["w.pth"]


def test_the_file_has_the_usual_permissions(tmp_path):
    write_checkpoint(STATE, tmp_path / "w.pth")
    (tmp_path / "usual").touch()
    assert (tmp_path / "w.pth").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch, error):
    def save(content, file):
        file.write(b"half")
        raise error

    (tmp_path / "w.pth").write_text("earlier")
    monkeypatch.setattr(files.torch, "save", save)
    with pytest.raises(type(error)):
        write_checkpoint(STATE, tmp_path / "w.pth")
    assert names_in(tmp_path) == ["w.pth"]
    assert (tmp_path / "w.pth").read_text() == "earlier"


def test_places_that_hold_no_file(tmp_path):
    with pytest.raises(CIPAError, match="is a directory; give the name"):
        write_checkpoint(STATE, tmp_path)
    with pytest.raises(CIPAError, match=r"absent: no such directory.*w\.pth"):
        write_checkpoint(STATE, tmp_path / "absent" / "w.pth")
    assert names_in(tmp_path) == []
