"""Refusals of weights files from strangers, before they are loaded or used."""

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from nnunet_cipa.errors import CIPAError

_DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64)
_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,256}")


def starts_as_archive(path: Path) -> bool:
    """Return whether a file begins with the mark of a zip archive."""
    with path.open("rb") as file:
        return file.read(2) == b"PK"


def check_archive(path: Path, library: str = "torch") -> None:
    """Refuse an archive that is larger when it is unpacked than it is on the disk; ``library`` compresses nothing.

    Raises
    ------
    CIPAError
        If a part is compressed, or the parts are together larger than the file.
    """
    if not starts_as_archive(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError) as error:
        raise CIPAError(f"{path}: is truncated, damaged or no weights file of {library}; download it again") from error
    size = path.stat().st_size
    declared = sum(part.file_size for part in parts)
    packed = [part.filename for part in parts if part.compress_type != zipfile.ZIP_STORED]
    if packed or declared > size:
        found = f"its part {packed[0]!r} is compressed" if packed else f"its parts are {declared} bytes of {size}"
        raise CIPAError(f"{path}: {found}; {library} writes no such files by itself: save the weights again")


def check_tensors(tensors: Mapping[str, Tensor]) -> None:
    """Refuse what torch would convert silently, fail on later or blow up: names, types, layouts, sizes and values.

    Raises
    ------
    CIPAError
        If a name is not made of letters, digits, dots, dashes and underscores; if a tensor is not a dense one of
        numbers, is larger than what is stored of it, or holds NaN or infinity.
    """
    for name, tensor in tensors.items():
        if not _NAME.fullmatch(name):
            shown = ascii(name[:64])
            raise CIPAError(
                f"{shown} is not a name of a tensor: letters, digits, dots, dashes and underscores, up to 256"
            )
        if tensor.dtype not in _DTYPES or tensor.layout != torch.strided or tensor.device.type != "cpu":
            kind = f"{tensor.dtype}, {tensor.layout}, {tensor.device.type}"
            raise CIPAError(f"{name} is {kind}; weights are dense tensors of floating-point numbers; convert them")
        stored = tensor.untyped_storage().nbytes()
        if tensor.nbytes > stored:
            raise CIPAError(
                f"{name} has shape {tuple(tensor.shape)}, {tensor.nbytes} bytes, and {stored} bytes are stored of it; "
                "save it again as a contiguous tensor"
            )
        if not tensor.isfinite().all():
            raise CIPAError(f"{name} holds NaN or infinity; download the file again or take another checkpoint")
