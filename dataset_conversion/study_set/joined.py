"""Two regions of one structure set or segmentation as one mask."""

from dataclasses import dataclass
from pathlib import Path

import SimpleITK as sitk

from nnunet_cipa.dataset_conversion.study_set.region_sets import Found
from nnunet_cipa.dataset_conversion.study_set.regions import Place, Region
from nnunet_cipa.dataset_conversion.study_set.study_set import Reading
from nnunet_cipa.dicom.rtstruct.options import MissingSlices
from nnunet_cipa.dicom.rtstruct.roi_names import choose_roi, matching
from nnunet_cipa.dicom.series.grouping import Series


@dataclass(frozen=True)
class JoinedRegion:
    """A region and another one of the same file, what is in either of them."""

    first: Region
    second: Region

    @property
    def name(self) -> str:
        """The file and the regions."""
        return f"{self.first.name} with {self.second.name}"

    @property
    def path(self) -> Path:
        """The file."""
        return self.first.path

    @property
    def sha256(self) -> str:
        """Of the file."""
        return self.first.sha256

    def mask(self, ct: Series, missing_slices: MissingSlices, *, may_be_empty: bool = False) -> Reading:
        """Read both; the second may be empty."""
        first = self.first.mask(ct, missing_slices, may_be_empty=may_be_empty)
        second = self.second.mask(ct, missing_slices, may_be_empty=True)
        image = sitk.Or(sitk.Cast(first.image, sitk.sitkUInt8), sitk.Cast(second.image, sitk.sitkUInt8))
        return Reading(image, {**first.facts, "joined": second.facts}, (*first.notes, *second.notes))


def join_region(found: Found, region: Region, pattern: str, place: Place) -> tuple[Region, tuple[str, ...]]:
    """Join to a region the one that a pattern names, and return what the user should know of it.

    Raises
    ------
    CIPAError
        If several match.
    """
    names = found.set.names
    if not matching(names, pattern):
        return region, ("has no second region to join, so that it is taken alone",)
    index = choose_roi(names, pattern, str(found.set.path))
    return JoinedRegion(region, found.set.region(index, place, None)), ()
