"""Attributes of DICOM files as text and numbers, whatever the files hold in their place."""

import math
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError

# What pydicom raises on damaged files: it checks little, so that damage shows as whatever fails first.
DAMAGE = (
    InvalidDicomError,
    BytesLengthException,
    OSError,
    EOFError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    NotImplementedError,
    RecursionError,
    MemoryError,
    struct.error,
)
NUMBERS = {"DS", "FD", "FL", "IS", "SL", "SS", "UL", "US"}


@contextmanager
def tolerant() -> Iterator[None]:
    """Let pydicom take values that break the standard without a warning: here every value that counts is checked."""
    with disable_value_validation(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def text(found: Dataset, keyword: str) -> str:
    """Return an attribute as one line of printable text, empty if missing."""
    value = found.get(keyword)
    return "" if value is None else "".join(c for c in str(value) if c.isprintable()).strip()


def ascii_text(value: str) -> str:
    """Return a text as an attribute of one value holds it in any character set; what does not fit becomes ``?``."""
    return "".join(c if c.isascii() and c.isprintable() and c != "\\" else "?" for c in value)


def words(found: Dataset, keyword: str) -> tuple[str, ...]:
    """Return the values of an attribute in capitals, none if missing."""
    value = found.get(keyword)
    if value is None or isinstance(value, str):
        value = [value] if value else []
    return tuple(str(word).strip().upper() for word in value)


def items(holder: Dataset, keyword: str) -> list[Dataset]:
    """Return the items of a sequence; an empty list if it is missing."""
    return list(holder.get(keyword) or [])


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its name if it has none; printable, for one line to the user."""
    line = (str(error).splitlines() or [""])[0]
    return "".join(c if c.isprintable() else "?" for c in line) or type(error).__name__


def count(found: Dataset, keyword: str, missing: int) -> int:
    """Return an attribute as a whole number: ``missing`` if it is missing, 0 if it is none."""
    try:
        value = found.get(keyword)
        return missing if value is None else int(value)
    except (TypeError, ValueError, OverflowError):
        return 0


def numbers(found: Dataset, keyword: str, length: int) -> tuple[float, ...] | None:
    """Return an attribute as so many finite numbers, or None."""
    try:
        value = found.get(keyword)
        values = tuple(float(one) for one in value) if value is not None else ()
    except (TypeError, ValueError, OverflowError):
        return None
    return values if len(values) == length and all(map(math.isfinite, values)) else None


def number(image: Dataset, keyword: str) -> float | None:
    """Return an attribute as a number; None if it is missing, empty or none."""
    try:
        value = image.get(keyword)
        # Tags, which are numbers in Python, and texts that happen to be some are damage
        return None if value is None or image[keyword].VR not in NUMBERS else float(value)
    except (TypeError, ValueError, OverflowError):
        return None
