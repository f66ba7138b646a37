"""Weights files of torch, safetensors and NumPy: their parts packed again with right lengths, and their bytes."""

import io
import json
import struct
import zipfile

import numpy as np
import torch
from safetensors.torch import save

from nnunet_cipa.weights.files import read_checkpoint
from tests.fuzz.mutations import NAMES, choose, mutate_bytes, mutate_json

STATE = {
    "encoder.weight": torch.arange(24.0).reshape(4, 6),
    "norm.bias": torch.linspace(-1, 1, 5, dtype=torch.float16),
    "norm.num_batches_tracked": torch.tensor(3),
}
SHAPES = {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in STATE.items()}
CONTENT = {
    "network_weights": STATE,
    "trainer_name": "nnUNetTrainerCIPA",
    "init_args": {"configuration": "2d", "plans": {"configurations": {"2d": {"patch_size": [64, 64]}}}},
}


def assert_sound(checkpoint):
    """Tensors are whole, dense and finite, and names are plain."""
    for name, tensor in checkpoint.weights.items():
        assert name.isascii()
        assert name.isprintable()
        assert tensor.device.type == "cpu"
        assert tensor.layout == torch.strided
        assert tensor.isfinite().all()
        assert tensor.nbytes <= tensor.untyped_storage().nbytes()
    patch = checkpoint.facts.patch_size
    assert patch is None or all(isinstance(side, int) and side > 0 for side in patch)


def shapes(checkpoint):
    return {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in checkpoint.weights.items()}


class Checkpoint:
    """A checkpoint of torch, as an archive and in the format before 1.6."""

    def __init__(self, folder):
        self.path = folder / "input" / "checkpoint_final.pth"
        self.files = []
        for zipped in (True, False):
            file = io.BytesIO()
            torch.save(CONTENT, file, _use_new_zipfile_serialization=zipped)
            self.files.append(file.getvalue())
        self.same_pickle = False

    def mutate(self, rng):
        zipped = rng.random() < 0.7
        data = self.files[0 if zipped else 1]
        self.same_pickle = False
        change = self._packed_again if zipped and rng.random() < 0.7 else mutate_bytes
        data = change(data, rng)
        self.path.write_bytes(data)

    def _packed_again(self, data, rng):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = [[name, archive.read(name)] for name in archive.namelist()]
        self.same_pickle = True
        for _ in range(int(rng.integers(1, 3))):
            part, other = choose(rng, parts), choose(rng, parts)
            change = int(rng.integers(8))
            if change == 0:
                part[0] = choose(rng, NAMES).replace("\0", "") + part[0]
            elif change == 1:
                parts.append([part[0] + choose(rng, ("", "/../../outside", "2")), other[1]])
            elif change == 2:
                part[1], other[1] = other[1], part[1]
            else:
                part[1] = mutate_bytes(part[1], rng)
        pickles = [content for name, content in parts if name.endswith("data.pkl")]
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            original = next(archive.read(name) for name in archive.namelist() if name.endswith("data.pkl"))
        self.same_pickle = pickles == [original]
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED if rng.random() < 0.05 else zipfile.ZIP_STORED) as archive:
            for name, content in parts:
                archive.writestr(name or "x", content)
        return file.getvalue()

    def read(self):
        return read_checkpoint(self.path)

    def check(self, checkpoint):
        """What holds of all weights; names, shapes and types are the original's if what declares them is."""
        assert_sound(checkpoint)
        if self.same_pickle:
            assert shapes(checkpoint) == SHAPES


class Safetensors:
    """A safetensors file: its JSON header and its bytes."""

    def __init__(self, folder):
        self.path = folder / "input" / "weights.safetensors"
        self.data = save(STATE, {"format": "pt", "patch_size": "[64, 64]", "trainer": "nnUNetTrainerCIPA"})
        (self.length,) = struct.unpack("<Q", self.data[:8])
        self.header = json.loads(self.data[8 : 8 + self.length])

    def mutate(self, rng):
        data = self.data
        if rng.random() < 0.6:
            text = mutate_json(self.header, rng)
            length = len(text) if rng.random() < 0.8 else self.length
            data = struct.pack("<Q", length) + text + data[8 + self.length :]
        else:
            data = mutate_bytes(data, rng)
        self.path.write_bytes(data)

    def read(self):
        return read_checkpoint(self.path)

    def check(self, checkpoint):
        """Names and shapes are those of the file's own header."""
        assert_sound(checkpoint)
        data = self.path.read_bytes()
        (length,) = struct.unpack("<Q", data[:8])
        header = json.loads(data[8 : 8 + length])
        header.pop("__metadata__", None)
        declared = {name.removeprefix("module."): tuple(entry["shape"]) for name, entry in header.items()}
        assert declared == {name: shape for name, (shape, _) in shapes(checkpoint).items()}


class Arrays:
    """A file of NumPy arrays: its parts packed again, and its bytes."""

    def __init__(self, folder):
        self.path = folder / "input" / "weights.npz"
        file = io.BytesIO()
        np.savez(file, **{name.replace(".", "/"): tensor.numpy() for name, tensor in STATE.items()})
        self.data = file.getvalue()

    def mutate(self, rng):
        if rng.random() < 0.3:
            self.path.write_bytes(mutate_bytes(self.data, rng))
            return
        with zipfile.ZipFile(io.BytesIO(self.data)) as archive:
            parts = [[name, archive.read(name)] for name in archive.namelist()]
        part, other = choose(rng, parts), choose(rng, parts)
        change = int(rng.integers(5))
        if change == 0:
            part[0] = choose(rng, NAMES).replace("\0", "") + part[0]
        elif change == 1:
            parts.append([part[0] + choose(rng, ("", "/../../outside.npy", "2.npy")), other[1]])
        elif change == 2:
            part[1], other[1] = other[1], part[1]
        else:
            part[1] = mutate_bytes(part[1], rng)
        with zipfile.ZipFile(self.path, "w") as archive:
            for name, content in parts:
                archive.writestr(name or "x", content)

    def read(self):
        return read_checkpoint(self.path)

    def check(self, checkpoint):
        """Names and shapes are those that NumPy finds, but for scales and offsets, which are vectors."""
        assert_sound(checkpoint)
        with np.load(self.path, allow_pickle=False) as file:
            found = {name.replace("/", ".").removeprefix("module."): file[name] for name in file.files}
        assert found.keys() == checkpoint.weights.keys()
        for name, tensor in checkpoint.weights.items():
            np.testing.assert_array_equal(tensor.flatten(), found[name].flatten())
