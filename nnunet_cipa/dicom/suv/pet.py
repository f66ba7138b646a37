"""Reads a PET series in SUV by body weight."""

from collections import deque
from typing import NamedTuple

import SimpleITK as sitk
from pydicom.dataset import Dataset

from nnunet_cipa.dicom.attributes import words
from nnunet_cipa.dicom.series.grouping import Series
from nnunet_cipa.dicom.series.pixels import as_volume, read_slices
from nnunet_cipa.dicom.suv.facts import PetFacts, pet_facts
from nnunet_cipa.dicom.suv.rules import SuvRules
from nnunet_cipa.dicom.suv.scale import suv_scale
from nnunet_cipa.errors import CIPAError


class PetVolume(NamedTuple):
    """A PET in SUV by body weight.

    Attributes
    ----------
    image
        float32 in g/ml, with the geometry of the series.
    used
        What the SUV was computed from, for a provenance record: no name, identifier or date is in it.
    notes
        What is unusual and was believed, a sentence each.
    """

    image: sitk.Image
    used: dict[str, object]
    notes: tuple[str, ...] = ()


def read_pet(series: Series, rules: SuvRules | None = None) -> PetVolume:
    """Read a PET series in SUV by body weight.

    Parameters
    ----------
    series
        What ``build_series`` gives.
    rules
        What counts beside the headers.

    Raises
    ------
    CIPAError
        If it is not a PET, holds projections, cannot be read, or SUV cannot be computed (see ``suv_scale``).
    """
    name = f"PET series {series.series_uid}"
    if series.modality != "PT":
        raise CIPAError(f"series {series.series_uid}: is {series.modality}; a PET is needed")
    facts: list[PetFacts] = []
    projections: list[bool] = []

    def look(image: Dataset) -> None:
        facts.append(pet_facts(image))
        projections.append(_is_projection(image))

    stored = deque(read_slices(series, look))
    try:
        scale = suv_scale(facts, rules)
    except CIPAError as error:
        raise CIPAError(f"{name}: {error}") from error
    for slice_, is_projection in zip(series.slices, projections, strict=True):
        if is_projection:
            raise CIPAError(f"{slice_.path}: holds a projection, no slice; choose the series of the slices")
    # Stored values go as the volume grows: only one of them is ever whole.
    image = as_volume(series, (stored.popleft().rescaled() * factor for factor in scale.factors))
    extent = sitk.MinimumMaximumImageFilter()
    extent.Execute(image)
    if not 0 < extent.GetMaximum() < float("inf"):
        raise CIPAError(f"{name}: its highest SUV is {extent.GetMaximum():g}; it shows no activity, export it again")
    return PetVolume(image, {**scale.used, "highest_suv": extent.GetMaximum()}, scale.notes)


def _is_projection(image: Dataset) -> bool:
    return "REPROJECTION" in words(image, "SeriesType") or any("MIP" in word for word in words(image, "ImageType"))
