"""The PET of a folder in SUV, for programs of the user's own."""

from os import PathLike
from pathlib import Path

import SimpleITK as sitk

from nnunet_cipa.dicom.files import scan_folder
from nnunet_cipa.dicom.series.grouping import build_series, group_series
from nnunet_cipa.dicom.series.selection import select_pet
from nnunet_cipa.dicom.suv.override_file import read_overrides
from nnunet_cipa.dicom.suv.pet import read_pet
from nnunet_cipa.dicom.suv.rules import SuvRules
from nnunet_cipa.errors import CIPAError, refuse


def read_suv(
    folder: str | PathLike[str],
    series_uid: str | None = None,
    *,
    suv_override: str | PathLike[str] | None = None,
    most_half_lives: float = SuvRules.most_half_lives,
) -> tuple[sitk.Image, dict[str, object]]:
    """Read the PET series in a folder in SUV by body weight, as the converters do.

    Parameters
    ----------
    folder
        Folder tree with the DICOM files; whatever else is in it is passed over.
    series_uid
        SeriesInstanceUID, where the folder holds several PET series that are corrected for attenuation.
    suv_override
        CSV file with what counts in place of the headers, as for ``--suv-override``; rows of other patients are passed
        over.
    most_half_lives
        The longest time from injection to scan that is believed, in half lives, up to 6.

    Returns
    -------
    sitk.Image
        float32 in g/ml, with the geometry of the series in mm (LPS); slices in ascending order along their normal.
    dict
        What the SUV was computed from: the attributes that count, times of day without dates, and the factor. ``notes``
        has what is unusual and was believed. No name or identifier of the patient is in it.

    Raises
    ------
    CIPAError
        If files are damaged, there is no such series or there are several, it is not a regular stack of slices, or SUV
        cannot be computed; the message names the file or the attribute, and the remedy.
    """
    found = scan_folder(Path(folder))
    refuse(found.problems.values())
    candidates = group_series(found.images)
    series = build_series(select_pet(candidates, series_uid))
    override = None
    if suv_override is not None:
        override = read_overrides(Path(suv_override)).of(series.patient_id, series.study_uid)
        if override is None:
            raise CIPAError(
                f"{suv_override}: has no row of patient {series.patient_id!r}; add it, or leave the file out"
            )
    image, used, notes = read_pet(series, SuvRules(most_half_lives, override))
    return image, {**used, "notes": notes}
