"""Reading and writing weight files without running what is in them, and without leaving half a file."""

import os
import pickle
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nnunet_cipa.errors import CIPAError

StateDict = dict[str, Tensor]

_CONTAINERS = ("network_weights", "model", "state_dict", "model_state_dict")
_DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64)
_PICKLE = b"\x80"


@contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Put the file's name before the message of a ``CIPAError`` about what is in the file."""
    try:
        yield
    except CIPAError as error:
        raise CIPAError(f"{path}: {error}") from error


def read_state_dict(path: str | os.PathLike[str]) -> StateDict:
    """Read a state dict, from a file of its own or from under one of the usual keys.

    Only tensors and plain containers are unpickled (``weights_only``), so a file cannot run code.

    Parameters
    ----------
    path : path
        A ``.pth`` or ``.pt`` file of torch, or ``.safetensors``.

    Raises
    ------
    CIPAError
        If there is no such file, it is damaged, holds other objects than tensors, no state dict, or values that are
        not finite.
    """
    path = Path(path)
    if not path.is_file():
        problem = "is a directory" if path.is_dir() else "no such file"
        raise CIPAError(f"{path}: {problem}; give the weights file that you downloaded or trained")
    content = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    for key in _CONTAINERS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
            break
    if not _is_state_dict(content):
        raise CIPAError(
            f"{path}: holds no state dict; expected tensors by name, alone or under {', '.join(_CONTAINERS)}"
        )
    with naming(path):
        for name, tensor in content.items():
            _check_values(name, tensor)
    return {name.removeprefix("module."): tensor for name, tensor in content.items()}


def write_checkpoint(weights: StateDict, path: str | os.PathLike[str]) -> None:
    """Write weights as nnU-Net's ``-pretrained_weights`` reads them: under ``network_weights``, on the CPU.

    The file appears under its name only when it is whole.

    Raises
    ------
    CIPAError
        If the place cannot hold a file.
    """
    path = Path(path)
    if path.is_dir():
        raise CIPAError(f"{path}: is a directory; give the name of the file to write")
    if not path.parent.is_dir():
        raise CIPAError(f"{path.parent}: no such directory; make it first or choose another place for {path.name}")
    content = {"network_weights": {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}}
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            torch.save(content, file)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _is_state_dict(content: Any) -> bool:
    return (
        isinstance(content, dict)
        and bool(content)
        and all(isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items())
    )


def _check_values(name: str, tensor: Tensor) -> None:
    """Refuse what torch would convert silently or fail on later: other types and layouts, NaN and infinity."""
    if tensor.dtype not in _DTYPES or tensor.layout != torch.strided or tensor.device.type != "cpu":
        kind = f"{tensor.dtype}, {tensor.layout}, {tensor.device.type}"
        raise CIPAError(f"{name} is {kind}; weights are dense tensors of floating-point numbers: convert them first")
    if not tensor.isfinite().all():
        raise CIPAError(f"{name} holds NaN or infinity; download the file again or take another checkpoint")


def _read_torch(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            # The protocol of a file that is read does not matter, and one that is not is refused below.
            warnings.filterwarnings("ignore", "Detected pickle protocol", UserWarning)
            return torch.load(path, map_location="cpu", weights_only=True)
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


def _read_safetensors(path: Path) -> Any:
    from safetensors import SafetensorError  # noqa: PLC0415 - only needed for this format
    from safetensors.torch import load_file  # noqa: PLC0415

    try:
        return load_file(path)
    except SafetensorError as error:
        raise CIPAError(f"{path}: is truncated or no safetensors file; download it again") from error
