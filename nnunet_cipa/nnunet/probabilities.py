"""Probabilities that nnU-Net saves beside its masks: ``--npz`` in training, ``--save_probabilities`` in prediction."""

import zipfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.volumes import Volume

_MEMBER = "probabilities.npy"
_REMEDY = "predict again, for a validation with nnUNetv2_train --val --npz"


def probability_file(mask: Path, case: str) -> Path:
    """Return where nnU-Net saves the probabilities that it makes the mask of a case of."""
    return mask.with_name(f"{case}.npz")


def read_probabilities(path: Path, mask: Volume) -> NDArray[np.float32]:
    """Read the probabilities of background and tumour that a predicted mask was made of.

    Parameters
    ----------
    path : Path
        What nnU-Net saved beside the mask.
    mask : Volume
        The mask, (z, y, x), True inside.

    Returns
    -------
    ndarray of float32
        (2, z, y, x).

    Raises
    ------
    CIPAError
        If the file is damaged, has another number of labels or another size, holds what is not a probability, or
        belongs to another mask.
    """
    expected = (2, *mask.array.shape)
    try:
        with zipfile.ZipFile(path) as archive:
            # what the header says is checked before memory is taken for it
            with archive.open(_MEMBER) as file:
                shape, dtype = _header(file)
            if shape != expected or dtype.kind != "f":
                raise CIPAError(
                    f"{path}: holds {dtype} of shape {shape}, and {mask.path} asks for numbers of shape {expected}, "
                    f"background and one tumour; {_REMEDY}"
                )
            with archive.open(_MEMBER) as file:
                found = np.lib.format.read_array(file, allow_pickle=False).astype(np.float32, copy=False)
    except FileNotFoundError as error:
        raise CIPAError(f"{path}: no such file; {_REMEDY}") from error
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, OSError, EOFError, NotImplementedError) as error:
        raise CIPAError(f"{path}: cannot be read as nnU-Net's probabilities ({error}); {_REMEDY}") from error
    if not (found.min() >= 0 and found.max() <= 1):  # NaN is neither
        raise CIPAError(f"{path}: holds numbers that are not between 0 and 1; {_REMEDY}")
    # nnU-Net takes the label of the highest probability, at a tie the first
    if not np.array_equal(found[1] > found[0], mask.array):
        raise CIPAError(f"{path}: is not what {mask.path} was made of, so one of them is of an earlier run; {_REMEDY}")
    return found


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype
