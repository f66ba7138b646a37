"""The mask of one region of a structure set."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from nnunet_cipa.dicom.rtstruct.contours import mask_image, rasterise
from nnunet_cipa.dicom.rtstruct.gaps import Gap, fill_gaps, find_gaps
from nnunet_cipa.dicom.rtstruct.options import MissingSlices
from nnunet_cipa.dicom.rtstruct.placing import numbered
from nnunet_cipa.dicom.rtstruct.roi_contours import RoiContours
from nnunet_cipa.errors import CIPAError


@dataclass(frozen=True)
class RoiMask:
    """A region as a mask.

    Attributes
    ----------
    image
        uint8, 0 and 1, on the grid.
    contours
        Number of contours that it was made of.
    notes
        What the user should know of how it was made, a sentence each.
    left_out
        Slices, from 0, that were left out between contours of one lesion, and accepted or interpolated.
    """

    image: sitk.Image
    contours: int
    notes: tuple[str, ...]
    left_out: tuple[int, ...] = ()


def roi_mask(
    region: RoiContours,
    grid: sitk.Image,
    missing_slices: MissingSlices = MissingSlices.REFUSE,
    *,
    may_leave: bool = False,
    may_be_empty: bool = False,
) -> RoiMask:
    """Rasterise a region.

    Parameters
    ----------
    region
        Its contours.
    grid
        Of the images on which it was drawn.
    missing_slices
        What to do where slices were left out.
    may_leave
        Whether it may go on where the image ends; what lies beyond is left out.
    may_be_empty
        Whether it may have no contour and no voxel, as an organ outside of the scan.

    Raises
    ------
    CIPAError
        If its contours are damaged, or do not lie on the grid (see ``rasterise``); if it is empty, or slices were left
        out, unless that is in order.
    """
    drawn = region.closed(may_be_empty=may_be_empty)
    raster = rasterise(drawn.contours, grid, region.name, may_leave=may_leave)
    gaps = [gap for gap in find_gaps(raster.mask, grid.GetSpacing()[2]) if not raster.bare.intersection(gap.slices)]
    mask, note = _complete(raster.mask, gaps, grid, region.name, missing_slices)
    notes = (*drawn.notes, *raster.notes, *note)
    if may_be_empty and not mask.any():
        return RoiMask(grid, len(drawn.contours), notes)
    image = mask_image(mask, grid, f"{region.name}: its {len(drawn.contours)} contours")
    return RoiMask(image, len(drawn.contours), notes, _left_out(gaps))


def _complete(
    mask: NDArray[np.uint8], gaps: Sequence[Gap], grid: sitk.Image, name: str, missing_slices: MissingSlices
) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Do what is wanted about slices that were left out of a mask.

    Returns
    -------
    ndarray
        The mask, with them if they are to be interpolated.
    tuple of str
        A note about it, if there are any.

    Raises
    ------
    CIPAError
        If there are any, and they are to be refused.
    """
    if not gaps:
        return mask, ()
    where = _where(gaps, grid)
    if missing_slices is MissingSlices.REFUSE:
        raise CIPAError(
            f"{name} has nothing on {where}, and contours of one lesion on both sides; interpolate between them in the "
            "planning system, or choose with --missing-slices (missing_slices in Python) to interpolate or to accept it"
        )
    if missing_slices is MissingSlices.ACCEPT:
        return mask, (_told(where),)
    columns, rows, _ = grid.GetSpacing()
    return fill_gaps(mask, gaps, (rows, columns)), (f"interpolated between contours of one lesion on {where}",)


def note_of_gaps(mask: sitk.Image) -> str | None:
    """Return what is told of a mask if slices seem to have been left out of it, whatever it was made of."""
    gaps = find_gaps(sitk.GetArrayViewFromImage(mask), mask.GetSpacing()[2])
    return _told(_where(gaps, mask)) if gaps else None


def _told(where: str) -> str:
    return f"has nothing on {where}, between parts of one lesion"


def _left_out(gaps: Sequence[Gap]) -> tuple[int, ...]:
    return tuple(sorted({k for gap in gaps for k in gap.slices}))


def _where(gaps: Sequence[Gap], grid: sitk.Image) -> str:
    """Name slices by their number from 0, and where they are along the patient in mm."""
    places = (f"{k} (z {grid.TransformIndexToPhysicalPoint((0, 0, k))[2]:.1f} mm)" for k in _left_out(gaps))
    return numbered(places, "slice")
