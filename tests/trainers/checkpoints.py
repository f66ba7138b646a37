"""Reading checkpoints, and damaging them."""

from pathlib import Path

import torch


def fold_of(results):
    return next(Path(results).glob("*/*/fold_0"))


def load(path):
    return torch.load(path, map_location="cpu", weights_only=False)


def truncate(path):
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(content)


def empty(path):
    path.write_bytes(b"")
