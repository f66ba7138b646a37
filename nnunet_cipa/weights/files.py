"""Reading and writing weight files without running what is in them, and without leaving half a file."""

import os
import pickle
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nnunet_cipa.errors import CIPAError

StateDict = dict[str, Tensor]

_CONTAINERS = ("network_weights", "model", "state_dict", "model_state_dict")


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
        If there is no such file, it is truncated, holds other objects than tensors, or no state dict.
    """
    path = Path(path)
    if not path.is_file():
        raise CIPAError(f"{path}: no such file; give the weights file that you downloaded or trained")
    content = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    for key in _CONTAINERS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
            break
    if not isinstance(content, dict) or not content or not all(isinstance(v, Tensor) for v in content.values()):
        raise CIPAError(
            f"{path}: holds no state dict; expected tensors by name, alone or under {', '.join(_CONTAINERS)}"
        )
    return {name.removeprefix("module."): tensor for name, tensor in content.items()}


def write_checkpoint(weights: StateDict, path: str | os.PathLike[str]) -> None:
    """Write weights as nnU-Net's ``-pretrained_weights`` reads them: under ``network_weights``, on the CPU.

    The file appears under its name only when it is whole.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise CIPAError(f"{path.parent}: no such directory; make it first or choose another place for {path.name}")
    content = {"network_weights": {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}}
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            torch.save(content, file)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _read_torch(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if zipfile.is_zipfile(path) or "Unsupported" in str(error):
            raise CIPAError(
                f"{path}: holds Python objects besides tensors, which could run code when loaded; on a machine where "
                "you trust the file, save its state dict alone with torch.save and import that"
            ) from error
        raise CIPAError(f"{path}: is no weights file of torch; download it again") from error
    except (EOFError, RuntimeError, ValueError, zipfile.BadZipFile) as error:
        raise CIPAError(f"{path}: is truncated or no weights file of torch; download it again") from error


def _read_safetensors(path: Path) -> Any:
    from safetensors import SafetensorError  # noqa: PLC0415 - only needed for this format
    from safetensors.torch import load_file  # noqa: PLC0415

    try:
        return load_file(path)
    except SafetensorError as error:
        raise CIPAError(f"{path}: is truncated or no safetensors file; download it again") from error
