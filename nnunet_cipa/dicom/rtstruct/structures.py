"""Reads an RTSTRUCT: what it holds, which images it belongs to, and the contours of one region."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from nnunet_cipa.dicom.headers import DAMAGE, text
from nnunet_cipa.dicom.rtstruct.file import damaged, items, read_rtstruct
from nnunet_cipa.dicom.series.grouping import Series
from nnunet_cipa.errors import CIPAError

# Both are closed outlines, combined by exclusive or; the second is the standard's newer word for that.
CLOSED = {"CLOSED_PLANAR", "CLOSEDPLANAR_XOR"}


@dataclass(frozen=True)
class StructureRoi:
    """One region of a structure set; its contours are still in the file."""

    number: int
    name: str
    frame_of_reference_uid: str


@dataclass(frozen=True)
class StructureSet:
    """What an RTSTRUCT says without its contours.

    Attributes
    ----------
    path
        Of the file.
    sop_instance_uid, label, patient_id
        As in the file; empty if missing.
    study_uids
        Of its own study and of those it refers to.
    referenced_series_uids
        Series on which it was drawn; empty if it does not say.
    rois
        In the file's order.
    """

    path: Path
    sop_instance_uid: str
    label: str
    patient_id: str
    study_uids: frozenset[str]
    referenced_series_uids: frozenset[str]
    rois: tuple[StructureRoi, ...]


def read_structure_set(path: Path) -> StructureSet:
    """Read an RTSTRUCT without its contours.

    Raises
    ------
    CIPAError
        If it is damaged, another kind of file, or numbers two regions alike.
    """
    file = read_rtstruct(path)
    try:
        rois = tuple(_rois(file))
        studies = [s for frame in items(file, "ReferencedFrameOfReferenceSequence")
                   for s in items(frame, "RTReferencedStudySequence")]  # fmt: skip
        series = [s for study in studies for s in items(study, "RTReferencedSeriesSequence")]
        found = StructureSet(
            path=path,
            sop_instance_uid=text(file, "SOPInstanceUID"),
            label=text(file, "StructureSetLabel"),
            patient_id=text(file, "PatientID"),
            study_uids=frozenset(
                {text(file, "StudyInstanceUID"), *(text(s, "ReferencedSOPInstanceUID") for s in studies)} - {""}
            ),
            referenced_series_uids=frozenset({text(s, "SeriesInstanceUID") for s in series} - {""}),
            rois=rois,
        )
    except DAMAGE as error:
        raise damaged(path, error) from error
    numbers = [roi.number for roi in rois]
    twice = sorted({number for number in numbers if numbers.count(number) > 1})
    if twice:
        raise CIPAError(f"{path}: several ROIs have the number {twice[0]}; export it again")
    return found


def check_belongs(structures: StructureSet, roi: StructureRoi, series: Series) -> None:
    """Check that a region was drawn on a series.

    Raises
    ------
    CIPAError
        If it refers to another study, series or frame of reference, or to none.
    """
    start = f"{structures.path}: ROI {roi.name!r}"
    wanted = f"the {series.modality} series {series.series_uid}"
    referenced = structures.referenced_series_uids
    if series.study_uid not in structures.study_uids and series.series_uid not in referenced:
        raise CIPAError(
            f"{start} is of another study, {_listed(structures.study_uids)}, than {wanted} of study "
            f"{series.study_uid}; give the RTSTRUCT of that study"
        )
    if referenced and series.series_uid not in referenced:
        raise CIPAError(f"{start} was drawn on series {_listed(referenced)}, not on {wanted}; give that series")
    if not roi.frame_of_reference_uid or roi.frame_of_reference_uid != series.frame_of_reference_uid:
        raise CIPAError(
            f"{start} has the frame of reference {roi.frame_of_reference_uid or '(none)'}, and {wanted} has "
            f"{series.frame_of_reference_uid or '(none)'}, so their coordinates are not the same; give the RTSTRUCT "
            "drawn on that series"
        )


def read_contours(
    structures: StructureSet, roi: StructureRoi, *, may_be_empty: bool = False
) -> list[NDArray[np.float64]]:
    """Read the contours of one region.

    Parameters
    ----------
    structures, roi
        The file and one of its regions.
    may_be_empty
        Whether a region without contours, such as an organ outside of the scan, is in order.

    Returns
    -------
    list of ndarray
        (points, 3) each, mm (LPS), in the file's order.

    Raises
    ------
    CIPAError
        If it has none, one is not closed and planar, or its numbers are damaged.
    """
    name = f"{structures.path}: ROI {roi.name!r}"
    try:
        found = items(read_rtstruct(structures.path), "ROIContourSequence")
        own = [item for item in found if text(item, "ReferencedROINumber") == str(roi.number)]
        contours = [contour for item in own for contour in items(item, "ContourSequence")]
        if len(own) > 1:
            raise CIPAError(f"{name} has {len(own)} lists of contours; export it again")
        if not contours and not may_be_empty:
            raise CIPAError(f"{name} is empty: it has no contour; draw it, or choose another ROI with --roi")
        return [_points(contour, f"{name}: contour {number}") for number, contour in enumerate(contours, 1)]
    except DAMAGE as error:
        raise damaged(structures.path, error) from error


def _rois(file: Dataset) -> Iterator[StructureRoi]:
    frames = {text(f, "FrameOfReferenceUID") for f in items(file, "ReferencedFrameOfReferenceSequence")}
    only = frames.pop() if len(frames) == 1 else ""
    for item in items(file, "StructureSetROISequence"):
        frame = text(item, "ReferencedFrameOfReferenceUID") or only
        yield StructureRoi(int(item.ROINumber), text(item, "ROIName"), frame)


def _points(contour: Dataset, name: str) -> NDArray[np.float64]:
    kind = text(contour, "ContourGeometricType")
    if kind not in CLOSED:
        raise CIPAError(f"{name} is {kind or 'of no type'}, not CLOSED_PLANAR, and encloses nothing; remove it")
    # As bytes: to make pydicom's decimal strings of them takes a hundred times as long
    raw = contour.get_item("ContourData")
    if raw is None or not raw.value:
        raise CIPAError(f"{name} has no points; remove it")
    try:
        numbers = np.array(raw.value.split(b"\\")).astype(np.float64)
    except ValueError as error:
        raise CIPAError(f"{name} holds what is not a number ({error}); export it again") from error
    count = contour.get("NumberOfContourPoints")
    if len(numbers) % 3 or (count is not None and len(numbers) != 3 * int(count)):
        raise CIPAError(f"{name} has {len(numbers)} coordinates for {count} points; export it again")
    return numbers.reshape(-1, 3)


def _listed(uids: frozenset[str]) -> str:
    return ", ".join(sorted(uids)) or "(none)"
