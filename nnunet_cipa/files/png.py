"""Reads 8 bit grey PNG files, and nothing else."""

import hashlib
import io
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.regular import read_regular

MAX_SIDE = 4096


@dataclass(frozen=True)
class GreyImage:
    """Grey values (rows, columns), the SHA-256 of the file, and whether they were stored as equal RGB channels."""

    values: NDArray[np.uint8]
    sha256: str
    was_rgb: bool


def read_grey_png(path: Path) -> GreyImage:
    """Read an 8 bit grey PNG; an RGB one only if its three channels are equal.

    Raises
    ------
    CIPAError
        If the file is unreadable, damaged (every chunk's checksum is verified), larger than 4096 pixels per side, or of
        another mode (RGBA, 16 bit, palette, bilevel, grey with alpha).
    """
    data = read_regular(path)
    try:
        values, mode = _decode(path, data)
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        LookupError,
        struct.error,
        zlib.error,
        Image.DecompressionBombError,
    ) as error:
        raise CIPAError(f"{path}: not a sound PNG ({error}); copy or download the file again") from error
    if mode == "RGB":
        if (values != values[..., :1]).any():
            raise CIPAError(f"{path}: an RGB image with unequal channels; save it as 8 bit grey (mode L)")
        values = np.ascontiguousarray(values[..., 0])
    return GreyImage(values, hashlib.sha256(data).hexdigest(), mode == "RGB")


def _decode(path: Path, data: bytes) -> tuple[NDArray[np.uint8], str]:
    # verify() walks all chunks up to IEND, which decoding alone does not; it leaves the image unusable.
    _check_headers(data)
    with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
        image.verify()
    with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
        if max(image.size) > MAX_SIDE:
            raise CIPAError(f"{path}: {image.width} x {image.height} pixels, more than {MAX_SIDE} a side; resample it")
        if image.mode not in {"L", "RGB"}:
            raise CIPAError(f"{path}: mode {image.mode}, not 8 bit grey; save it as 8 bit grey (mode L)")
        return np.asarray(image), image.mode


def _check_headers(data: bytes) -> None:
    """Refuse a file with another chunk before IHDR, or with two of that: readers do not agree on which one counts."""
    at, headers = 8, []
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">L4s", data, at)
        if kind == b"IHDR":
            headers.append((at, length))
        at += length + 12
    if headers != [(8, 13)]:
        raise ValueError("it does not start with its only header")
