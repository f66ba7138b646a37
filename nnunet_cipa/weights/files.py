"""Reading and writing weight files without running what is in them, and without leaving half a file."""

import os
import pickle
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nnunet_cipa.errors import CIPAError

StateDict = dict[str, Tensor]

_CONTAINERS = ("network_weights", "model", "state_dict", "model_state_dict")
_DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64)
# nnU-Net's log has numbers of NumPy in it; to unpickle one calls nothing but these.
_NUMBERS: list[Any] = [
    (np.float64(0).__reduce__()[0], "numpy._core.multiarray.scalar"),
    (np.float64(0).__reduce__()[0], "numpy.core.multiarray.scalar"),
    np.dtype,
    *(type(np.dtype(kind)) for kind in ("float64", "float32", "int64", "bool")),
]
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
    """Weights, and what the file says of the network: its patch size, if it says so, and whether labels are regions."""

    weights: StateDict
    patch_size: tuple[int, int] | None = None
    has_regions: bool = False


def read_state_dict(path: str | os.PathLike[str]) -> StateDict:
    """Read a state dict, from a file of its own or from under one of the usual keys; see ``read_checkpoint``."""
    return read_checkpoint(path).weights


def read_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint of nnU-Net, a file of ``write_checkpoint``, or a state dict.

    Only tensors, numbers and plain containers are unpickled (``weights_only``), so a file cannot run code.

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
    state = content
    for key in _CONTAINERS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            state = content[key]
            break
    if not _is_state_dict(state):
        raise CIPAError(
            f"{path}: holds no state dict; expected tensors by name, alone or under {', '.join(_CONTAINERS)}"
        )
    with naming(path):
        for name, tensor in state.items():
            _check_values(name, tensor)
    weights = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    dataset_json = _look_up(content, "init_args", "dataset_json")
    return Checkpoint(weights, _find_patch_size(content), "regions_class_order" in (dataset_json or {}))


def refuse_same_file(source: str | os.PathLike[str], out: str | os.PathLike[str]) -> None:
    """Refuse to write over the file that is read.

    Raises
    ------
    CIPAError
        If the two are the same file.
    """
    if Path(out).exists() and Path(out).samefile(source):
        raise CIPAError(f"{out}: is the file to read; choose another name, so that the original is kept")


def write_checkpoint(
    weights: StateDict, path: str | os.PathLike[str], patch_size: tuple[int, int] | None = None
) -> None:
    """Write weights as nnU-Net's ``-pretrained_weights`` reads them: under ``network_weights``, on the CPU.

    The patch size, which nnU-Net does not read, is for ``read_checkpoint``. The file appears under its name only when
    it is whole.

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
    content: dict[str, Any] = {
        "network_weights": {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    }
    if patch_size is not None:
        content["patch_size"] = list(patch_size)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            torch.save(content, file)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _find_patch_size(content: Any) -> tuple[int, int] | None:
    """Look for the patch size where ``write_checkpoint`` puts it, then in the plans of a checkpoint of nnU-Net."""
    configuration = _look_up(content, "init_args", "configuration")
    planned = ("init_args", "plans", "configurations", configuration, "architecture", "arch_kwargs", "patch_size")
    for keys in (("patch_size",), planned):
        sides = _look_up(content, *keys)
        if isinstance(sides, list) and len(sides) == 2 and all(isinstance(side, int) for side in sides):
            return sides[0], sides[1]
    return None


def _look_up(content: Any, *keys: Any) -> Any:
    """Follow keys through nested dictionaries; None where one is missing."""
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    return content


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
            with torch.serialization.safe_globals(_NUMBERS):
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
