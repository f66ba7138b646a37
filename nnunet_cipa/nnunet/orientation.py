"""A check that the slices of preprocessed cases are axial, by the direction of the images that they come from."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from batchgenerators.utilities.file_and_folder_operations import load_pickle

# By the patient's axis that crosses the slices.
_PLANES = ("sagittal", "coronal", "axial")


def check_axial(folder: Path, cases: Iterable[str]) -> None:
    """Refuse cases whose slices are nearer to another plane of the patient than to the axial one.

    Cases without a direction, as PNG and TIFF files have none, are let in.

    Parameters
    ----------
    folder : Path
        Folder of a configuration in nnUNet_preprocessed.
    cases : iterable of str
        Names of its cases.

    Raises
    ------
    NotImplementedError
        With the first such case, its plane and a reader of nnU-Net that turns the images.
    """
    for case in cases:
        plane = plane_of(load_pickle(str(folder / f"{case}.pkl")))
        if plane not in {"axial", None}:
            raise NotImplementedError(
                f"case {case}: the direction of its image says that its slices are {plane}, and CIPA reads axial ones; "
                'set "overwrite_image_reader_writer": "NibabelIOWithReorient" in dataset.json in nnUNet_raw, with '
                "which nnU-Net turns images when it reads them and predictions back, and plan and preprocess again"
            )


def plane_of(properties: Mapping[str, Any]) -> str | None:
    """Return the plane of the slices, None if the properties that nnU-Net's reader wrote have no direction."""
    across = _axis_across(properties)
    return None if across is None else _PLANES[int(np.abs(across).argmax())]


def _axis_across(properties: Mapping[str, Any]) -> np.ndarray[Any, Any] | None:
    """Return the direction from slice to slice in the patient's coordinates, of any length."""
    if "nibabel_stuff" in properties:
        found = properties["nibabel_stuff"]
        affine = found.get("reoriented_affine", found["original_affine"])
        return np.asarray(affine)[:3, 2]
    direction = properties.get("sitk_stuff", {}).get("direction", ())
    return np.reshape(direction, (3, 3))[:, 2] if len(direction) == 9 else None
