"""Writing files without leaving half of one."""

import resource

import pytest
import torch

from nnunet_cipa.cli import main
from nnunet_cipa.errors import CIPAError
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
    monkeypatch.setattr(torch, "save", save)
    with pytest.raises(type(error)):
        write_checkpoint(STATE, tmp_path / "w.pth")
    assert names_in(tmp_path) == ["w.pth"]
    assert (tmp_path / "w.pth").read_text() == "earlier"


@pytest.mark.parametrize("command", ["import", "export"])
def test_a_full_disk_is_one_clear_line(tmp_path, capsys, released, command):
    """A limit on the size of files stands in for the disk: the error is one of writing, in the middle of the file."""
    source, out = tmp_path / "w.pth", tmp_path / "out.safetensors"
    torch.save(released, source)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
    try:
        status = main(["weights", command, str(source), str(out)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert status == 1
    assert capsys.readouterr().err == f"nnunet-cipa: error: {out}: File too large\n"
    assert names_in(tmp_path) == ["w.pth"]


def test_places_that_hold_no_file(tmp_path):
    with pytest.raises(CIPAError, match="is a directory; give the name"):
        write_checkpoint(STATE, tmp_path)
    with pytest.raises(CIPAError, match=r"absent: no such directory.*w\.pth"):
        write_checkpoint(STATE, tmp_path / "absent" / "w.pth")
    assert names_in(tmp_path) == []
