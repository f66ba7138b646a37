"""Files of NumPy arrays: what is read of them, and what is refused."""

import io
import zipfile

import numpy as np
import pytest
import torch

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.weights.files import read_checkpoint, read_state_dict
from tests.weights.test_hostile import Payload

DAMAGED = r"w\.npz: is truncated, damaged or no weights file of NumPy; download it again"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "w.npz"


def as_npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def write(path, parts):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts:
            archive.writestr(name, content)


def test_names_and_axes_become_those_of_torch(path):
    rng = np.random.default_rng(0)
    convolution, linear = rng.normal(size=(3, 3, 2, 5)).astype(np.float32), rng.normal(size=(2, 5))
    np.savez(path, **{"a/conv/kernel": convolution, "a/b/kernel": linear, "n/scale": np.ones((1, 1, 1, 4), ">f4")})
    state = read_state_dict(path)
    assert list(state) == ["a.conv.kernel", "a.b.kernel", "n.scale"]
    image, features = rng.normal(size=(7, 7, 2)).astype(np.float32), rng.normal(size=2)
    windows = np.lib.stride_tricks.sliding_window_view(image, (3, 3), (0, 1))
    expected = np.einsum("hwcij,ijco->ohw", windows, convolution)
    found = torch.nn.functional.conv2d(torch.from_numpy(image).permute(2, 0, 1)[None], state["a.conv.kernel"])[0]
    torch.testing.assert_close(found, torch.from_numpy(expected))
    found = torch.nn.functional.linear(torch.from_numpy(features), state["a.b.kernel"])
    torch.testing.assert_close(found, torch.from_numpy(features @ linear))
    assert torch.equal(state["n.scale"], torch.ones(4))
    assert read_checkpoint(path).facts.patch_size is None


def test_an_attentions_heads_stay_together(path):
    """(in, heads, width) of a query gives head h the product of the tokens with [:, h]; on the way out sums over h."""
    rng = np.random.default_rng(0)
    kernels = {part: rng.normal(size=(6, 2, 3)) for part in ("query", "key", "value")}
    out, token = rng.normal(size=(2, 3, 6)), rng.normal(size=6)
    np.savez(path, **{f"attention/{part}/kernel": kernel for part, kernel in {**kernels, "out": out}.items()})
    state = read_state_dict(path)
    assert list(state) == ["attention.out.kernel", "attention.qkv.kernel"]
    found = (state["attention.qkv.kernel"] @ torch.from_numpy(token)).view(3, 2, 3)
    expected = np.stack([np.einsum("c,chd->hd", token, kernel) for kernel in kernels.values()])
    torch.testing.assert_close(found, torch.from_numpy(expected))
    mixed = state["attention.out.kernel"] @ found[2].flatten()
    torch.testing.assert_close(mixed, torch.from_numpy(np.einsum("hd,hdc->c", expected[2], out)))


def test_objects_are_not_unpickled(path, tmp_path):
    made = tmp_path / "made by the payload"
    np.savez(path, a=np.ones(3, np.float32), b=np.array([Payload(made)], dtype=object))
    with pytest.raises(CIPAError, match=r"w\.npz: b is an array of object; weights are numbers"):
        read_state_dict(path)
    assert not made.exists()
    with np.load(path, allow_pickle=True) as file:
        assert file["b"].shape == (1,)
    assert made.is_dir()


@pytest.mark.parametrize("dtype", ["S3", "c16", "?", "M8[s]", [("x", "f4")]])
def test_what_is_not_a_number_is_refused(path, dtype):
    np.savez(path, a=np.zeros(2, dtype))
    with pytest.raises(CIPAError, match=r"w\.npz: a is an array of .*; weights are numbers"):
        read_state_dict(path)


def test_compressed_parts_are_refused_before_they_are_unpacked(path):
    np.savez_compressed(path, a=np.zeros(10**6))
    with pytest.raises(CIPAError, match=r"w\.npz: its part 'a\.npy' is compressed; NumPy writes no such files"):
        read_state_dict(path)


@pytest.mark.parametrize("shape", [b"(10**12,)", b"(3000000000000,)", b"(2,)", b"(-4,)", b"(True,)", b"()", b"(("])
def test_headers_that_lie_are_refused(path, shape):
    array, lie = as_npy(np.zeros(4, np.float32)), (shape + b", }").ljust(7)
    told = b"(4,), }".ljust(len(lie))
    assert array.count(told) == 1
    write(path, [("a.npy", array.replace(told, lie))])
    with pytest.raises(CIPAError, match=DAMAGED):
        read_state_dict(path)


@pytest.mark.parametrize(
    "parts",
    [
        [("a/b.npy", as_npy(np.ones(2))), ("a.b.npy", as_npy(np.ones(2)))],
        [("a", as_npy(np.ones(2)))],
        [("a.npy", b"")],
        [("a.npy", b"no array")],
        [("a.npy", as_npy(np.ones(2))[:-1])],
        [("a.npy", as_npy(np.ones(2)) + b"more")],
    ],
    ids=["two of one name", "another suffix", "empty", "no header", "too short", "too long"],
)
def test_parts_that_are_no_arrays_are_refused(path, parts):
    write(path, parts)
    with pytest.raises(CIPAError, match=DAMAGED):
        read_state_dict(path)


def test_other_files_are_refused(path):
    np.save(path.with_suffix(".npy"), np.ones(3))
    path.write_bytes(path.with_suffix(".npy").read_bytes())
    with pytest.raises(CIPAError, match=DAMAGED):
        read_state_dict(path)
    np.savez(path)
    with pytest.raises(CIPAError, match=r"w\.npz: holds no state dict"):
        read_state_dict(path)


def test_a_file_of_nothing_finite_or_of_strange_names_is_refused(path):
    np.savez(path, **{"a/bias": np.array([1, np.nan])})
    with pytest.raises(CIPAError, match=r"w\.npz: a\.bias holds NaN"):
        read_state_dict(path)
    np.savez(path, **{"a\x1b[31m": np.ones(2)})
    with pytest.raises(CIPAError, match="is not a name of a tensor"):
        read_state_dict(path)


def test_any_truncation_is_refused(path):
    np.savez(path, a=np.arange(50.0), b=np.ones((2, 3)))
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(CIPAError, match=DAMAGED):
            read_state_dict(path)


def test_parts_that_lie_before_the_file_or_after_something_else_are_refused(path):
    np.savez(path, a=np.arange(50.0), b=np.ones((2, 3)))
    whole = path.read_bytes()
    for content in (whole[:2] + whole[12:], b"before" + whole):
        path.write_bytes(content)
        with pytest.raises(CIPAError, match=DAMAGED):
            read_state_dict(path)
