"""Reading ``.npz`` files of NumPy arrays as tensors, without running what is in them."""

import math
import tokenize
import zipfile
from pathlib import Path
from typing import IO

import torch
from numpy.lib import format as npy
from torch import Tensor

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.weights.flax_layout import to_torch_layout
from nnunet_cipa.weights.hostile import check_archive, starts_as_archive

SUFFIX = ".npz"
_PART = ".npy"
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_KINDS = "fi"  # floating-point numbers and integers


def read_numpy(path: Path) -> dict[str, Tensor]:
    """Read arrays as tensors in the layout of torch, see ``to_torch_layout``; ``a/b`` becomes ``a.b``.

    Arrays of Python objects are refused (``allow_pickle=False``), and so is an array whose header declares another size
    than its part of the archive has, before memory is taken for it. See ``check_archive`` for the archive itself.

    Raises
    ------
    CIPAError
        If it is not such a file, or not all of it, or holds other things than numbers.
    """
    check_archive(path, "NumPy")
    try:
        arrays = _read_arrays(path)
    except (zipfile.BadZipFile, NotImplementedError, LookupError, ValueError, EOFError, tokenize.TokenError) as error:
        raise CIPAError(f"{path}: is truncated, damaged or no weights file of NumPy; download it again") from error
    except CIPAError as error:
        raise CIPAError(f"{path}: {error}") from error
    return to_torch_layout(arrays)


def _read_arrays(path: Path) -> dict[str, Tensor]:
    if not starts_as_archive(path):
        raise ValueError("does not begin as an archive")
    arrays: dict[str, Tensor] = {}
    with zipfile.ZipFile(path) as archive:
        for part in archive.infolist():
            name = part.filename.removesuffix(_PART).replace("/", ".")
            if name in arrays or name == part.filename or part.header_offset < 0:
                raise ValueError(f"{part.filename} is there twice, is not an array, or lies before the file")
            with archive.open(part) as file:
                arrays[name] = _read_array(file, name, part.file_size)
    return arrays


def _read_array(file: IO[bytes], name: str, size: int) -> Tensor:
    shape, _, dtype = _HEADERS[npy.read_magic(file)](file)
    if dtype.kind not in _KINDS:
        raise CIPAError(f"{name} is an array of {dtype}; weights are numbers: convert it, or take another file")
    if file.tell() + math.prod(shape) * dtype.itemsize != size:
        raise ValueError(f"{name} has {size} bytes, and {shape} of {dtype} are declared")
    file.seek(0)
    array = npy.read_array(file, allow_pickle=False)
    return torch.from_numpy(array.astype(dtype.newbyteorder("="), copy=False))
