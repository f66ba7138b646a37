"""Reads a region of an RTSTRUCT file as a mask on the images that it was drawn on."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import SimpleITK as sitk

from nnunet_cipa.dicom.files import scan_folder
from nnunet_cipa.dicom.rtstruct.options import MissingSlices
from nnunet_cipa.dicom.rtstruct.roi_contours import roi_contours
from nnunet_cipa.dicom.rtstruct.roi_mask import roi_mask
from nnunet_cipa.dicom.rtstruct.roi_names import choose_roi
from nnunet_cipa.dicom.rtstruct.structures import (
    StructureRoi,
    StructureSet,
    check_belongs,
    contour_images,
    read_structure_set,
)
from nnunet_cipa.dicom.series.grouping import Candidate, Series, build_series, group_series
from nnunet_cipa.errors import CIPAError, refuse


def read_roi(
    structure_set: str | Path,
    series_folder: str | Path,
    roi: str,
    missing_slices: MissingSlices | str = MissingSlices.REFUSE,
) -> sitk.Image:
    """Read a region of an RTSTRUCT file as a mask on the CT or PET series that it was drawn on.

    A voxel is inside if its centre is, or lies on the line. A contour within another is a hole. What lies beyond the
    images is left out, and so is what encloses nothing, such as points. A ``UserWarning`` tells of it, and of a series
    in the same frame of reference that is not the one on which the region was drawn.

    Parameters
    ----------
    structure_set
        The RTSTRUCT.
    series_folder
        Folder tree with the series; of several, the one that the RTSTRUCT names is taken.
    roi
        Name of the region, or a regular expression for a whole name, whatever the case.
    missing_slices
        What to do where slices were left out between contours of one lesion: ``"refuse"``, ``"interpolate"`` or
        ``"accept"``.

    Returns
    -------
    SimpleITK.Image
        uint8, 0 and 1, on the grid of the series: origin and spacing in mm, in the patient's coordinates (LPS).

    Raises
    ------
    CIPAError
        If a file is damaged, no region or several have the name, the region is empty or of another frame of reference,
        or slices are missing.
    """
    choice = MissingSlices(missing_slices)
    structures = read_structure_set(Path(structure_set))
    region = structures.rois[choose_roi([one.name for one in structures.rois], roi, str(structure_set))]
    found = scan_folder(Path(series_folder))
    refuse(found.problems.values())
    images = contour_images(structures, region)
    candidate = _drawn_on(group_series(found.images), structures, images, Path(series_folder))
    series = build_series(candidate, grid_only=True)
    contours = roi_contours(structures, region)
    elsewhere = _elsewhere(structures, region, images, series)
    mask = roi_mask(contours, series.grid(), choice, may_leave=True)
    for note in (*elsewhere, *mask.notes):
        warnings.warn(f"{contours.name}: {note}", stacklevel=2)
    return mask.image


def _elsewhere(
    structures: StructureSet, region: StructureRoi, images: frozenset[str], series: Series
) -> tuple[str, ...]:
    """Check that a region lies on a series, and tell if it was drawn on another one, with the same coordinates."""
    named, frame = structures.referenced_series_uids, series.frame_of_reference_uid
    own = series.series_uid in named or images & {piece.sop_instance_uid for piece in series.slices}
    if named and not own and frame and frame == region.frame_of_reference_uid:
        return (f"was drawn on {', '.join(sorted(named))}, in the same frame of reference as {series.series_uid}",)
    check_belongs(structures, region, series)
    return ()


def _drawn_on(
    candidates: Sequence[Candidate], structures: StructureSet, images: frozenset[str], folder: Path
) -> Candidate:
    """Return the series whose images the contours name, or that the structure set names, or the only one."""
    holding = [one for one in candidates if any(header.sop_instance_uid in images for header in one.headers)]
    named = [one for one in candidates if one.series_uid in structures.referenced_series_uids]
    usable = holding or named or list(candidates)
    if len(usable) == 1:
        return usable[0]
    held = "; ".join(f"{one.modality} {one.label}" for one in usable) or "no CT or PET"
    raise CIPAError(f"{folder}: holds {held}; give the folder of the one series on which {structures.path} was drawn")
