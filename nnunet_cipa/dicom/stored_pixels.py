"""Tells from the lengths in a file, without decoding, whether its pixels are whole."""

import os
import struct
from typing import BinaryIO

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

_PIXEL_DATA, _ITEM, _END = (0x7FE0, 0x0010), (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)
_UNDEFINED = 0xFFFFFFFF


def fault_of_pixels(file: BinaryIO, image: Dataset) -> str | None:
    """Check the pixel data that starts where the file stands.

    Parameters
    ----------
    file
        At its PixelData element, as ``pydicom.dcmread(..., stop_before_pixels=True)`` leaves it.
    image
        Its header: transfer syntax, Rows, Columns, NumberOfFrames, SamplesPerPixel and BitsAllocated count.
    """
    syntax = image.file_meta.TransferSyntaxUID
    if not syntax.is_transfer_syntax:
        shown = "".join(c for c in syntax[:64] if c.isprintable())
        return f"no decoder is known for its transfer syntax {shown}; export it in a standard one"
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    head = file.read(8 if syntax == ImplicitVRLittleEndian else 12)
    if len(head) < 8 or struct.unpack(order + "HH", head[:4]) != _PIXEL_DATA:
        return "it has no pixel data, or ends before it; export it again"
    length = struct.unpack(order + "L", head[-4:])[0]
    if syntax.is_encapsulated:
        whole = length == _UNDEFINED and _walk_items(file)
        return None if whole else "its compressed pixel data is cut short; export it again"
    if length == _UNDEFINED:
        return "its pixel data is compressed, and its transfer syntax is not that of a compression; export it again"
    try:
        values = (
            image.Rows * image.Columns * int(image.get("NumberOfFrames") or 1) * (image.get("SamplesPerPixel") or 1)
        )
        expected = values * image.BitsAllocated // 8
    except (TypeError, ValueError, AttributeError):
        return "Rows, Columns or BitsAllocated is missing or no number; export it again"
    start = file.tell()
    held = min(length, file.seek(0, os.SEEK_END) - start)
    return None if held >= expected else f"it holds {held} of {expected} bytes of pixel data; export it again"


def _walk_items(file: BinaryIO) -> bool:
    """Step from item to item and tell whether the sequence of fragments ends properly within the file."""
    while len(head := file.read(8)) == 8:
        group, element, length = struct.unpack("<HHL", head)
        if (group, element) == _END:
            return True
        if (group, element) != _ITEM:
            return False
        file.seek(length, os.SEEK_CUR)
    return False
