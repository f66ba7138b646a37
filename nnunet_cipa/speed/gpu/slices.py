"""Phantom slices in one file, to train on where neither data nor the packages that draw them are."""

import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.atomic import replacing
from nnunet_cipa.speed.options import PhantomSlices

_NAMES = ("ct", "pet", "mask")


@dataclass(frozen=True)
class Slices:
    """CT, PET and mask, each (slices, rows, columns) of grey values; the mask is above zero in a tumour."""

    ct: NDArray[np.uint8]
    pet: NDArray[np.uint8]
    mask: NDArray[np.uint8]


def draw_slices(path: Path, options: PhantomSlices) -> int:
    """Write slices of phantoms, all of which show tumour; return their number.

    Raises
    ------
    CIPAError
        If the pixels are too coarse for the tumours.
    """
    from nnunet_cipa.dataset_conversion.phantoms.pclt20k import image_patient  # noqa: PLC0415 - needs SciPy, Pillow

    patients = [image_patient(options.seed, index, options.size, options.slices) for index in range(options.patients)]
    ct, pet, mask = (np.concatenate([getattr(patient, name) for patient in patients]) for name in _NAMES)
    with replacing(path) as file:
        np.savez_compressed(file, ct=ct, pet=pet, mask=mask)
    return len(mask)


def read_slices(path: Path) -> Slices:
    """Read what ``draw_slices`` wrote.

    Raises
    ------
    CIPAError
        If it is something else, or a network cannot read slices of that size.
    """
    remedy = "give a file of 'nnunet-cipa bench slices'"
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays: dict[str, Any] = {name: file[name] for name in _NAMES}
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise CIPAError(f"{path}: no slices can be read: {' '.join(str(error).split())}; {remedy}") from error
    shapes = {array.shape for array in arrays.values()}
    (shape, *others) = shapes
    if (
        others
        or len(shape) != 3
        or not all(shape)
        or {array.dtype for array in arrays.values()} != {np.dtype(np.uint8)}
    ):
        kinds = ", ".join(f"{name} {array.dtype} {array.shape}" for name, array in arrays.items())
        raise CIPAError(f"{path}: {kinds}; they must be uint8 of one shape (slices, rows, columns); {remedy}")
    return Slices(**arrays)


def draws(path: Path, tiny: bool) -> list[str]:
    """Return the arguments of Python that draw a run's slices in a process beside it."""
    return ["-m", __name__, str(path), *(["tiny"] if tiny else [])]


if __name__ == "__main__":
    draw_slices(Path(sys.argv[1]), PhantomSlices(2, 3, 64) if sys.argv[2:] else PhantomSlices())
