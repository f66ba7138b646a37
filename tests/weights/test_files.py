"""Reading files: what is understood, and what is refused of hostile and broken ones."""

import io
import os
import pickle
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.weights.files import read_state_dict

STATE = {"a": torch.arange(600.0), "b.num_batches_tracked": torch.tensor(3)}
OBJECTS = "holds Python objects besides tensors"
DAMAGED = "is truncated, damaged or no weights file of torch; download it again"


class Payload:
    """Unpickled by stock pickle, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def zip_of_text():
    with zipfile.ZipFile(io.BytesIO(), "w") as archive:
        archive.writestr("readme.txt", "no weights")
        return archive.fp.getvalue()


def assert_same(actual, expected):
    assert actual.keys() == expected.keys()
    assert all(torch.equal(actual[name], expected[name]) for name in expected)


@pytest.mark.parametrize("key", [None, "network_weights", "model", "state_dict_ema", "state_dict", "model_state_dict"])
@pytest.mark.parametrize("zipped", [True, False])
def test_formats_of_torch(tmp_path, key, zipped):
    path = tmp_path / "w.pth"
    content = STATE if key is None else {"epoch": 3, key: STATE}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    assert_same(read_state_dict(path), STATE)


def test_safetensors(tmp_path):
    save_file(STATE, tmp_path / "w.safetensors")
    assert_same(read_state_dict(str(tmp_path / "w.safetensors")), STATE)


def test_prefix_of_distributed_training_is_dropped(tmp_path):
    torch.save({f"module.{name}": tensor for name, tensor in STATE.items()}, tmp_path / "w.pth")
    assert_same(read_state_dict(tmp_path / "w.pth"), STATE)


@pytest.mark.parametrize("container", ["plain pickle", "torch, old", "torch"])
def test_code_in_a_file_is_not_run(tmp_path, container):
    path, made = tmp_path / "w.pth", tmp_path / "made by the payload"
    content = {"model": STATE, "extra": Payload(made)}
    if container == "plain pickle":
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=container == "torch")
    with pytest.raises(CIPAError, match=rf"w\.pth: {OBJECTS}.*save its state dict alone"):
        read_state_dict(path)
    assert not made.exists()


def test_the_payload_is_a_real_one(tmp_path):
    (tmp_path / "w.pkl").write_bytes(pickle.dumps(Payload(tmp_path / "made")))
    pickle.loads((tmp_path / "w.pkl").read_bytes())
    assert (tmp_path / "made").is_dir()


def test_a_checkpoint_of_nnunet_with_numbers_of_numpy_in_its_log_is_read(tmp_path):
    logging = {"mean_fg_dice": [np.float64(0.5), np.float32(0.5), np.int64(1)]}
    torch.save({"network_weights": STATE, "logging": logging}, tmp_path / "checkpoint_final.pth")
    state = read_state_dict(tmp_path / "checkpoint_final.pth")
    assert state.keys() == STATE.keys()
    assert all(torch.equal(state[name], STATE[name]) for name in STATE)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7, 0.99])
def test_truncated(tmp_path, zipped, share):
    path = tmp_path / "w.pth"
    torch.save(STATE, path, _use_new_zipfile_serialization=zipped)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CIPAError, match=rf"w\.pth: ({DAMAGED}|{OBJECTS}, .* or is damaged)"):
        read_state_dict(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_flipped_bytes_never_end_in_another_error(tmp_path, zipped):
    path = tmp_path / "w.pth"
    torch.save(STATE, path, _use_new_zipfile_serialization=zipped)
    content = np.frombuffer(path.read_bytes(), np.uint8)
    rng, messages = np.random.default_rng(0), []
    for _ in range(300):
        broken = content.copy()
        broken[rng.integers(len(broken), size=8)] = rng.integers(256, size=8)
        path.write_bytes(broken.tobytes())
        try:
            read_state_dict(path)
        except CIPAError as error:
            messages.append(str(error))
    assert len(messages) > 50
    assert all(message.startswith(f"{path}: ") for message in messages)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("page.pth", b"<!DOCTYPE html><html>Quota exceeded</html>"),
        ("text.pth", b"no weights"),
        ("noise.pth", bytes(range(256)) * 10),
        ("empty.pth", b""),
        ("archive.pth", zip_of_text()),
        ("page.safetensors", b"<!DOCTYPE html><html>Quota exceeded</html>"),
        ("empty.safetensors", b""),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_files(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CIPAError, match=rf"{name}: is truncated.*; download it again"):
        read_state_dict(tmp_path / name)


@pytest.mark.parametrize(
    "content",
    [{}, {"model": {}}, [torch.ones(2)], torch.ones(2), {1: torch.ones(2)}, {"a": torch.ones(2), "epoch": 3}],
    ids=["empty", "empty model", "list", "tensor", "numbers as names", "numbers among tensors"],
)
def test_no_state_dict(tmp_path, content):
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(CIPAError, match=r"w\.pth: holds no state dict; expected tensors by name"):
        read_state_dict(tmp_path / "w.pth")


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (torch.tensor([1.0, torch.nan]), "b holds NaN or infinity"),
        (torch.tensor([1.0, -torch.inf]), "b holds NaN or infinity"),
        (torch.ones(2, dtype=torch.complex64), "b is torch.complex64"),
        (torch.ones(2, dtype=torch.uint8), "b is torch.uint8"),
        (torch.eye(2).to_sparse(), "b is torch.float32, torch.sparse_coo"),
        (torch.ones(2, device="meta"), "b is torch.float32, torch.strided, meta"),
    ],
    ids=["NaN", "infinity", "complex", "bytes", "sparse", "meta"],
)
@pytest.mark.filterwarnings("ignore:Validating sparse tensor invariants")
def test_tensors_that_are_no_weights(tmp_path, tensor, message):
    torch.save({"a": torch.ones(2), "b": tensor}, tmp_path / "w.pth")
    with pytest.raises(CIPAError, match=rf"w\.pth: {message}"):
        read_state_dict(tmp_path / "w.pth")


def test_places_without_a_file(tmp_path):
    with pytest.raises(CIPAError, match=r"absent\.pth: no such file"):
        read_state_dict(tmp_path / "absent.pth")
    with pytest.raises(CIPAError, match="is a directory"):
        read_state_dict(tmp_path)
