"""Reads a CT series in HU."""

import SimpleITK as sitk
from pydicom.dataset import Dataset

from nnunet_cipa.dicom.attributes import words
from nnunet_cipa.dicom.series.grouping import Series
from nnunet_cipa.dicom.series.pixels import read_series
from nnunet_cipa.errors import CIPAError


def read_ct(series: Series) -> sitk.Image:
    """Read a CT series as float32 in HU; padding keeps the value it has, such as -3024.

    Raises
    ------
    CIPAError
        If it is not a CT, is in other units, or its pixels cannot be read.
    """
    if series.modality != "CT":
        raise CIPAError(f"series {series.series_uid}: is {series.modality}; a CT is needed")
    return read_series(series, _fault)


def _fault(image: Dataset) -> str | None:
    unit = "/".join(words(image, "RescaleType"))
    return None if unit in {"", "HU"} else f"RescaleType is {unit}; export it in HU"
