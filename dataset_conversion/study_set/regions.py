"""Regions of a DICOM study as masks on the CT: contours of an RTSTRUCT, or a segment of a SEG."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import SimpleITK as sitk

from nnunet_cipa.dataset_conversion.study_set.study_set import Facts, Reading
from nnunet_cipa.dicom.masks import onto_grid, planes_of
from nnunet_cipa.dicom.registration.rigid import Rigid
from nnunet_cipa.dicom.rtstruct.options import MissingSlices
from nnunet_cipa.dicom.rtstruct.roi_contours import RoiContours
from nnunet_cipa.dicom.rtstruct.roi_mask import roi_mask
from nnunet_cipa.dicom.seg.frames import on_grid, on_own_grid, pixels_of
from nnunet_cipa.dicom.seg.segmentation import Segment, Segmentation
from nnunet_cipa.dicom.series.grouping import Series


class Region(Protocol):
    """A region whose contours or pixels are still in the file."""

    @property
    def name(self) -> str:
        """The file and the region, for messages."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def sha256(self) -> str:
        """Of the file, as it was when it was read."""

    def mask(self, ct: Series, missing_slices: MissingSlices, *, may_be_empty: bool = False) -> Reading:
        """Read the region as a mask on a CT.

        Parameters
        ----------
        ct
            The CT.
        missing_slices
            What to do where slices were left out between contours.
        may_be_empty
            Whether nothing may be in it, and it may go on where the CT ends, as an organ.

        Raises
        ------
        CIPAError
            If it is damaged, empty where it may not be, or lies elsewhere.
        """


@dataclass(frozen=True)
class Place:
    """What a region was drawn on.

    Attributes
    ----------
    series
        Another series than the CT; None for the CT, or if the region is to be taken for one on the CT.
    to_ct
        From that series' frame of reference to the CT's, if they are two.
    proven
        Whether the file names the series.
    """

    series: Series | None = None
    to_ct: Rigid | None = None
    proven: bool = True

    def taken(self, mask: sitk.Image, ct: Series, name: str) -> Reading:
        """Take a mask on another grid onto the CT, and say so."""
        image = onto_grid(mask if self.to_ct is None else self.to_ct.moved(mask), ct.grid(), name)
        own = "is on a grid of its own, and " if self.series is None else ""
        return Reading(image, {}, (f"{own}was taken onto the CT by nearest neighbour",))


@dataclass(frozen=True)
class ContourRegion:
    """A region of an RTSTRUCT."""

    contours: RoiContours
    place: Place = Place()

    @property
    def name(self) -> str:
        """The file and the region."""
        return self.contours.name

    @property
    def path(self) -> Path:
        """The file."""
        return self.contours.path

    @property
    def sha256(self) -> str:
        """Of the file."""
        return self.contours.sha256

    def mask(self, ct: Series, missing_slices: MissingSlices, *, may_be_empty: bool = False) -> Reading:
        """Fill the contours on the slices that they were drawn on."""
        other, grid = self.place.series, ct.grid()
        if other is not None:
            grid = other.grid() if self.place.to_ct else planes_of(other.grid(), grid)
        found = roi_mask(self.contours, grid, missing_slices, may_leave=may_be_empty, may_be_empty=may_be_empty)
        facts: Facts = {"contours": found.contours}
        if found.left_out:
            facts |= {"missing_slices": missing_slices.value, "slices_left_out": found.left_out}
        if other is None or not found.contours:
            return Reading(found.image if other is None else ct.grid(), facts, found.notes)
        taken = self.place.taken(found.image, ct, self.name)
        return replace(taken, facts=facts, notes=(*found.notes, *taken.notes))


@dataclass(frozen=True)
class SegmentRegion:
    """A segment of a SEG; ``threshold`` is that of ``pixels_of``."""

    segmentation: Segmentation
    segment: Segment
    place: Place = Place()
    threshold: float | None = None

    @property
    def name(self) -> str:
        """The file and the segment."""
        return f"{self.segmentation.path}: segment {self.segment.name!r}"

    @property
    def path(self) -> Path:
        """The file."""
        return self.segmentation.path

    @property
    def sha256(self) -> str:
        """Of the file."""
        return self.segmentation.sha256

    def mask(self, ct: Series, missing_slices: MissingSlices, *, may_be_empty: bool = False) -> Reading:  # noqa: ARG002
        """Put the frames on the CT, or on what they were made on; the checks see whether it is empty."""
        pixels = pixels_of(self.segmentation, self.segment, self.threshold)
        facts: Facts = {"frames": len(pixels)}
        if not pixels:
            return Reading(ct.grid(), facts)
        frames, source = self.segmentation.frames, self.place.series or ct
        found = on_grid(frames, pixels, source.grid(), is_source=self.place.proven)
        if found is None and source is not ct and self.place.to_ct is None:
            source = ct
            found = on_grid(frames, pixels, ct.grid(), is_source=False)
        if found is None:
            own = replace(self.place, series=None)
            return replace(own.taken(on_own_grid(self.segmentation, pixels), ct, self.name), facts=facts)
        mask = source.place(sitk.GetImageFromArray(found))
        if source is ct:
            return Reading(mask, facts)
        return replace(self.place.taken(mask, ct, self.name), facts=facts)
