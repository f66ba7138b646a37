"""Files of torch: loading without running what is in them, and saving with errors that say what went wrong."""

import os
import warnings
from typing import IO, Any

import numpy as np
import torch

# nnU-Net's log has numbers of NumPy in it; to unpickle one calls nothing but these.
_NUMBERS: list[Any] = [
    (np.float64(0).__reduce__()[0], "numpy._core.multiarray.scalar"),
    (np.float64(0).__reduce__()[0], "numpy.core.multiarray.scalar"),
    np.dtype,
    *(type(np.dtype(kind)) for kind in ("float64", "float32", "int64", "bool")),
]


def load_plain(path: str | os.PathLike[str], *, mmap: bool = False) -> Any:
    """Load tensors, numbers and plain containers to the CPU; anything else is an error of torch's.

    Parameters
    ----------
    path : path
        A file of ``torch.save``.
    mmap : bool
        Leave tensors in the file until they are used.
    """
    with warnings.catch_warnings():
        # The protocol of a file that is read does not matter, and one that is not is refused.
        warnings.filterwarnings("ignore", "Detected pickle protocol", UserWarning)
        with torch.serialization.safe_globals(_NUMBERS):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)


def save_torch(content: Any, file: IO[bytes]) -> None:
    """Save to an open file; an error of the disk is raised as it is, which torch hides behind one of its archive.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    try:
        torch.save(content, file)
    except RuntimeError as error:
        if isinstance(error.__context__, OSError):
            raise error.__context__ from error
        raise
