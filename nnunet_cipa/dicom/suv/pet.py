"""Reads a PET series in SUV by body weight."""

import SimpleITK as sitk
from pydicom.dataset import Dataset

from nnunet_cipa.dicom.headers import DAMAGE, first_line, tolerant, words
from nnunet_cipa.dicom.series.grouping import Series
from nnunet_cipa.dicom.series.pixels import read_header, read_volume
from nnunet_cipa.dicom.suv.facts import pet_facts
from nnunet_cipa.dicom.suv.scale import suv_scale
from nnunet_cipa.errors import CIPAError


def read_pet(series: Series) -> tuple[sitk.Image, dict[str, object]]:
    """Read a PET series as float32 in SUV by body weight (g/ml).

    Returns
    -------
    sitk.Image
        With the geometry of the series.
    dict
        What the SUV was computed from, for a provenance record: no name, identifier or date is in it.

    Raises
    ------
    CIPAError
        If it is not a PET, holds projections, cannot be read, or SUV cannot be computed (see ``suv_scale``).
    """
    name = f"PET series {series.series_uid}"
    if series.modality != "PT":
        raise CIPAError(f"series {series.series_uid}: is {series.modality}; a PET is needed")
    facts = []
    for slice_ in series.slices:
        header = read_header(slice_)
        try:
            with tolerant():
                facts.append(pet_facts(header))
        except DAMAGE as error:
            raise CIPAError(f"{slice_.path}: cannot be read ({first_line(error)}); export it again") from error
    try:
        scale = suv_scale(facts)
    except CIPAError as error:
        raise CIPAError(f"{name}: {error}") from error
    image = read_volume(series, _fault, scale.factors)
    extent = sitk.MinimumMaximumImageFilter()
    extent.Execute(image)
    if not 0 < extent.GetMaximum() < float("inf"):
        raise CIPAError(f"{name}: its highest SUV is {extent.GetMaximum():g}; it shows no activity, export it again")
    return image, {**scale.used, "highest_suv": extent.GetMaximum()}


def _fault(image: Dataset) -> str | None:
    if "REPROJECTION" in words(image, "SeriesType") or any("MIP" in word for word in words(image, "ImageType")):
        return "holds a projection, no slice; choose the series of the slices"
    return None
