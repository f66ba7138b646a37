"""Reading and writing weight files without running what is in them, and without leaving half a file."""

import os
import pickle
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.atomic import replacing
from nnunet_cipa.weights.declared_sizes import check_declared_sizes
from nnunet_cipa.weights.facts import Facts, facts_of_checkpoint
from nnunet_cipa.weights.hostile import check_archive, check_tensors
from nnunet_cipa.weights.numpy_files import SUFFIX as NUMPY_SUFFIX
from nnunet_cipa.weights.numpy_files import read_numpy
from nnunet_cipa.weights.safetensors_files import SUFFIX, read_safetensors
from nnunet_cipa.weights.torch_files import load_plain, save_torch

StateDict = dict[str, Tensor]

_CONTAINERS = ("network_weights", "model", "state_dict_ema", "state_dict", "model_state_dict")
_PICKLE = b"\x80"


@contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Put the file's name before the message of a ``CIPAError`` about what is in the file."""
    try:
        yield
    except CIPAError as error:
        raise CIPAError(f"{path}: {error}") from error


@dataclass(frozen=True)
class Checkpoint:
    """Weights, and what the file says of their network."""

    weights: StateDict
    facts: Facts


def read_state_dict(path: str | os.PathLike[str]) -> StateDict:
    """Read a state dict, from a file of its own or from under one of the usual keys; see ``read_checkpoint``."""
    return read_checkpoint(path).weights


def read_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint of nnU-Net, a file of ``write_checkpoint``, or a state dict.

    Only tensors, numbers and plain containers are unpickled (``weights_only``), so a file cannot run code. Its parts,
    and the names, sizes and values of its tensors are checked before they are used.

    Parameters
    ----------
    path : path
        A ``.pth`` or ``.pt`` file of torch, ``.safetensors``, or ``.npz`` of NumPy.

    Raises
    ------
    CIPAError
        If there is no such file, it is damaged, holds other objects than tensors, no state dict, or tensors that are
        no weights, see ``check_archive`` and ``check_tensors``.
    """
    path = Path(path)
    if not path.is_file():
        problem = "is a directory" if path.is_dir() else "no such file"
        raise CIPAError(f"{path}: {problem}; give the weights file that you downloaded or trained")
    if path.suffix == SUFFIX:
        state, facts = read_safetensors(path)
    elif path.suffix == NUMPY_SUFFIX:
        state, facts = read_numpy(path), Facts()
    else:
        content = _read_torch(path)
        state, facts = _find_state_dict(content), facts_of_checkpoint(content)
    if not _is_state_dict(state):
        raise CIPAError(
            f"{path}: holds no state dict; expected tensors by name, alone or under {', '.join(_CONTAINERS)}"
        )
    with naming(path):
        check_tensors(state)
    return Checkpoint({name.removeprefix("module."): tensor for name, tensor in state.items()}, facts)


def refuse_same_file(source: str | os.PathLike[str], out: str | os.PathLike[str]) -> None:
    """Refuse to write over the file that is read.

    Raises
    ------
    CIPAError
        If the two are the same file.
    """
    if Path(out).exists() and Path(out).samefile(source):
        raise CIPAError(f"{out}: is the file to read; choose another name, so that the original is kept")


def check_place(path: Path) -> None:
    """Refuse a place that cannot hold a file.

    Raises
    ------
    CIPAError
        If it is a directory, or in none.
    """
    if path.is_dir():
        raise CIPAError(f"{path}: is a directory; give the name of the file to write")
    if not path.parent.is_dir():
        raise CIPAError(f"{path.parent}: no such directory; make it first or choose another place for {path.name}")


def write_checkpoint(
    weights: StateDict,
    path: str | os.PathLike[str],
    patch_size: tuple[int, int] | None = None,
    slices: int | None = None,
) -> None:
    """Write weights as nnU-Net's ``-pretrained_weights`` reads them: under ``network_weights``, on the CPU.

    Patch size and slices, which nnU-Net does not read, are for ``read_checkpoint``. The file appears under its name
    only when it is whole.

    Raises
    ------
    CIPAError
        If the place cannot hold a file.
    """
    path = Path(path)
    check_place(path)
    content: dict[str, Any] = {
        "network_weights": {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    }
    if patch_size is not None:
        content["patch_size"] = list(patch_size)
    if slices is not None:
        content["slices"] = slices
    with replacing(path) as file:
        save_torch(content, file)


def _find_state_dict(content: Any) -> Any:
    for key in _CONTAINERS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            return content[key]
    return content


def _is_state_dict(content: Any) -> bool:
    return (
        isinstance(content, dict)
        and bool(content)
        and all(isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items())
    )


def _read_torch(path: Path) -> Any:
    check_archive(path)
    try:
        if zipfile.is_zipfile(path):
            check_declared_sizes(path)
        return load_plain(path)
    except OSError:
        raise
    except Exception as error:
        if isinstance(error, pickle.UnpicklingError) and _is_pickled(path):
            raise CIPAError(
                f"{path}: holds Python objects besides tensors, which could run code when loaded, or is damaged; if "
                "you made it and trust it, save its state dict alone with torch.save and give that"
            ) from error
        raise CIPAError(f"{path}: is truncated, damaged or no weights file of torch; download it again") from error


def _is_pickled(path: Path) -> bool:
    """Tell files of torch, zipped or not, from text, pages of a download site and the like."""
    with path.open("rb") as file:
        return file.read(1) == _PICKLE or zipfile.is_zipfile(path)
