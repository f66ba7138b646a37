"""Environment variables that switch something on or off."""

import os

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
