"""Environment variables that switch something on or off, or hold a number."""

import os
import re

from nnunet_cipa.errors import CIPAError


def read_switch(variable: str, default: bool = False) -> bool:
    """Return whether a variable is 1; ``default`` where it is not set, or empty.

    Raises
    ------
    CIPAError
        If it is neither 1 nor 0.
    """
    value = os.environ.get(variable) or str(int(default))
    if value not in {"0", "1"}:
        raise CIPAError(f"{variable} is {value!r}; set it to 1 or 0, or unset it")
    return value == "1"


def read_integer(variable: str, pattern: str, least: int, most: int) -> int | None:
    """Return the integer in a variable, None where it is not set, or empty.

    Parameters
    ----------
    variable : str
        Its name.
    pattern : str
        Regular expression of how it is written.
    least, most : int
        The range that it is in.

    Raises
    ------
    CIPAError
        If it is none.
    """
    value = os.environ.get(variable)
    if not value:
        return None
    if not re.fullmatch(pattern, value) or not least <= int(value) <= most:
        raise CIPAError(f"{variable} is {value!r}; set it to an integer from {least} to {most}, or unset it")
    return int(value)
