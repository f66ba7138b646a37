"""The file that a new training takes the encoder of its network from."""

import os
from pathlib import Path

from nnunet_cipa.errors import CIPAError

ENCODER_VARIABLE = "NNUNET_CIPA_ENCODER"


def encoder_file(network: str) -> Path | None:
    """Return the file that ``NNUNET_CIPA_ENCODER`` names: itself, or in a folder the one named by the network.

    Parameters
    ----------
    network
        ``encoder_name`` of its trainer, such as ``CMX`` for ``CMX.pth``.

    Returns
    -------
    Path or None
        None if the variable is not set, or the folder has no file for this network.

    Raises
    ------
    CIPAError
        If the folder has several for it.
    """
    value = os.environ.get(ENCODER_VARIABLE)
    if not value:
        return None
    place = Path(value)
    if not place.is_dir():
        return place
    found = sorted(path for path in place.iterdir() if path.name.partition(".")[0] == network and path.is_file())
    if len(found) > 1:
        named = ", ".join(path.name for path in found)
        raise CIPAError(f"{ENCODER_VARIABLE} {place}: has {named} for {network}; keep one of them")
    return found[0] if found else None
