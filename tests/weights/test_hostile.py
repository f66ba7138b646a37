"""Weights files from strangers: bombs, names, sizes, metadata that lie."""

import json
import os
import pickle
import resource
import struct
import zipfile
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network import CIPA
from nnunet_cipa.weights import adapt_weights, export_weights, import_weights
from nnunet_cipa.weights.files import read_checkpoint, read_state_dict

STATE = {"a": torch.arange(600.0), "b.num_batches_tracked": torch.tensor(3)}


def rebuild(path, edit, compression=zipfile.ZIP_STORED):
    """Write a file of torch again with parts changed by ``edit(name, content)``."""
    torch.save(STATE, path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in parts.items():
            archive.writestr(name, edit(name, content))
    return path


def test_a_file_that_is_only_written_again_is_read(tmp_path):
    assert torch.equal(read_state_dict(rebuild(tmp_path / "w.pth", lambda name, content: content))["a"], STATE["a"])


def test_an_archive_that_unpacks_to_more_is_refused_before_it_is_unpacked(tmp_path):
    path = rebuild(tmp_path / "w.pth", lambda name, content: content, zipfile.ZIP_DEFLATED)
    with pytest.raises(CIPAError, match=r"w\.pth: its part '.*' is compressed; torch writes no such files"):
        read_state_dict(path)


def test_parts_that_share_the_same_bytes_are_refused(tmp_path):
    """Many entries of the directory point at one part: a file that unpacks to much more than it is."""
    path = tmp_path / "w.pth"
    torch.save(STATE, path)
    with zipfile.ZipFile(path, "a") as archive:
        largest = max(archive.infolist(), key=lambda part: part.file_size)
        archive.filelist.extend([largest] * 20)
        archive._didModify = True
    with pytest.raises(CIPAError, match=r"w\.pth: its parts are \d+ bytes of \d+; torch writes no such files"):
        read_state_dict(path)


@pytest.mark.parametrize(
    "edit",
    [
        lambda name, content: content[:40] if name.endswith("data/0") else content,
        lambda name, content: content.replace(b"M\x58\x02", b"J\xff\xff\xff\x7f"),
    ],
    ids=["less data", "more declared"],
)
def test_a_tensor_that_declares_more_numbers_than_there_are(tmp_path, edit):
    with pytest.raises(CIPAError, match=r"w\.pth: "):
        read_state_dict(rebuild(tmp_path / "w.pth", edit))


@pytest.mark.parametrize("name", ["{folder}/data/0", "{folder}/DATA/0"], ids=["the same", "in capitals"])
def test_two_parts_of_one_name(tmp_path, name):
    path = rebuild(tmp_path / "w.pth", lambda name, content: content)
    with (
        zipfile.ZipFile(path, "a") as archive,
        pytest.warns(UserWarning, match="Duplicate name") if "data" in name else nullcontext(),
    ):
        archive.writestr(name.format(folder=archive.namelist()[0].split("/")[0]), bytes(STATE["a"].nbytes))
    with pytest.raises(CIPAError, match=r"w\.pth: is truncated, damaged"):
        read_state_dict(path)


@pytest.mark.parametrize("bomb", [b"r\0\0\0\x04", b"p67108864\n"], ids=["binary", "text"])  # entry 2**26 of the memo
def test_a_pickle_that_asks_for_gigabytes(tmp_path, bomb):
    path = rebuild(
        tmp_path / "w.pth",
        lambda name, content: content[:2] + b"}" + bomb + content[3:] if name.endswith("data.pkl") else content,
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(CIPAError, match=r"w\.pth: "):
        read_state_dict(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 50_000


def test_a_tensor_of_one_number_repeated_a_million_million_times(tmp_path):
    torch.save({"a": torch.ones(1).expand(10**12)}, tmp_path / "w.pth")
    assert (tmp_path / "w.pth").stat().st_size < 4096
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(CIPAError, match=r"w\.pth: a has shape \(1000000000000,\), .* and 4 bytes are stored of it"):
        read_state_dict(tmp_path / "w.pth")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 50_000


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("name", ["", "a b", "a/../b", "a\x1b[2J", "a\n", "ä", "a" * 257], ids=ascii)
def test_names_that_no_network_has(tmp_path, suffix, name):
    path = tmp_path / f"w{suffix}"
    (torch.save if suffix == ".pth" else save_file)({"good": torch.ones(2), name: torch.ones(2)}, path)
    with pytest.raises(CIPAError, match="is not a name of a tensor") as raised:
        read_state_dict(path)
    assert str(raised.value).isprintable()
    assert str(raised.value).isascii()


def header(content, length=None):
    """Return the start of a safetensors file, whose header may claim another length."""
    text = json.dumps(content).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text


def entry(shape, start, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


@pytest.mark.parametrize(
    "content",
    [
        header({"a": entry([2], 0, 8)}, length=2**63) + bytes(8),
        header({"a": entry([2], 0, 8)}, length=10**9) + bytes(8),
        header({"a": entry([2], 0, 8)}),
        header({"a": entry([10**12], 0, 8)}) + bytes(8),
        header({"a": entry([2**62, 4], 0, 8)}) + bytes(8),
        header({"a": entry([2], 0, 8), "b": entry([2], 4, 12)}) + bytes(12),
        header({"a": entry([2], 8, 0)}) + bytes(8),
        header({"a": entry([2], 0, 8, "X99")}) + bytes(8),
        header([]),
        header("[" * 10_000),
        b"",
    ],
    ids=["huge header", "long header", "no data", "huge shape", "overflow", "overlap", "backwards", "type", "list",
         "nested", "empty"],
)  # fmt: skip
def test_safetensors_that_lie(tmp_path, content):
    (tmp_path / "w.safetensors").write_bytes(content)
    with pytest.raises(CIPAError, match=r"w\.safetensors: is truncated or no safetensors file"):
        read_state_dict(tmp_path / "w.safetensors")


@pytest.mark.parametrize(
    "tensors",
    [{"a": torch.tensor([1.0, torch.nan])}, {"a": torch.ones(2, dtype=torch.uint8)}, {}],
    ids=["NaN", "bytes", "none"],
)
def test_safetensors_that_hold_no_weights(tmp_path, tensors):
    save_file(tensors, tmp_path / "w.safetensors")
    with pytest.raises(CIPAError, match=r"w\.safetensors: (a holds NaN|a is torch\.uint8|holds no state dict)"):
        read_state_dict(tmp_path / "w.safetensors")


NOTHING = (None,) * 6


@pytest.mark.parametrize(
    "metadata",
    [
        {"patch_size": "[1e9", "labels": "{" * 5000, "arch_kwargs": "[" * 200_000},
        {"patch_size": "[-64, 64]", "labels": "[1]", "regions_class_order": "{}", "arch_kwargs": "7"},
        {"patch_size": "[true, true]", "trainer": "a\x1b[2Jb", "network": "a\nb"},
        {"patch_size": "[64, 64, 64]", "labels": '{"a": NaN}'},
    ],
)
def test_metadata_that_are_not_what_they_should_be_are_not_believed(tmp_path, metadata):
    save_file(STATE, tmp_path / "w.safetensors", metadata)
    facts = read_checkpoint(tmp_path / "w.safetensors").facts
    known = (facts.patch_size, facts.trainer, facts.network, facts.arch_kwargs, facts.labels, facts.regions_class_order)
    assert known == NOTHING


@pytest.mark.parametrize(
    "content",
    [
        {"patch_size": [64, torch.ones(2)], "trainer_name": 7, "init_args": 7},
        {"init_args": {"configuration": [1], "plans": {"configurations": {"2d": 1}}, "dataset_json": 7}},
        {"init_args": {"configuration": "2d", "plans": {"configurations": {"2d": {"architecture": [1]}}}}},
        {"init_args": {"dataset_json": {"labels": {"a": torch.ones(2)}, "regions_class_order": (1, 2)}}},
    ],
)
def test_facts_of_a_checkpoint_that_are_not_what_they_should_be_are_not_believed(tmp_path, content):
    torch.save({"network_weights": STATE, **content}, tmp_path / "w.pth")
    facts = read_checkpoint(tmp_path / "w.pth").facts
    known = (facts.patch_size, facts.trainer, facts.network, facts.arch_kwargs, facts.labels, facts.regions_class_order)
    assert known == NOTHING


class Payload:
    """Unpickled by stock pickle, it makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.fixture(params=["in the weights", "beside the weights", "as a key", "named .safetensors"])
def hostile(request, tmp_path):
    """A file that makes a folder if it is unpickled, and that folder's name."""
    made = tmp_path / "made by the payload"
    path = tmp_path / ("w.safetensors" if request.param.endswith("safetensors") else "w.pth")
    contents = {
        "in the weights": {"network_weights": {**STATE, "c": Payload(made)}},
        "beside the weights": {"network_weights": STATE, "optimizer_state": Payload(made)},
        "as a key": {"network_weights": STATE, "init_args": {0: 1, Payload(made): 1}},
        "named .safetensors": {"network_weights": STATE, "extra": Payload(made)},
    }
    torch.save(contents[request.param], path)
    return path, made


@pytest.mark.parametrize("command", ["import", "export", "adapt"])
def test_no_command_runs_what_is_in_a_pickle(hostile, command, tmp_path):
    path, made = hostile
    out = tmp_path / "out.safetensors"
    call = {
        "import": lambda: import_weights(path, out),
        "export": lambda: export_weights(path, out),
        "adapt": lambda: adapt_weights(path, out, CIPA(2, 2, patch_size=(32, 32), variant="nano"), {}),
    }
    with pytest.raises(CIPAError, match=r"w\.(pth|safetensors): (holds Python objects|is truncated)"):
        call[command]()
    assert not made.exists()
    assert not out.exists()


def test_the_payload_is_a_real_one(hostile):
    path, made = hostile
    with path.open("rb") as file:
        torch.load(file, weights_only=False)
    assert made.is_dir()


def test_a_pickle_that_is_no_file_of_torch_is_not_run(tmp_path):
    made, path = tmp_path / "made", tmp_path / "w.pth"
    path.write_bytes(pickle.dumps({"a": np.float32(1), "b": Payload(made)}))
    with pytest.raises(CIPAError, match="holds Python objects besides tensors"):
        export_weights(path, tmp_path / "out.safetensors")
    assert not made.exists()
