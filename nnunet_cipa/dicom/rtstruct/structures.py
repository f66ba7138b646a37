"""Structure sets: what an RTSTRUCT holds, and which images it belongs to."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.dataset import Dataset

from nnunet_cipa.dicom.attributes import DAMAGE, items, text, words
from nnunet_cipa.dicom.described import Description, describe
from nnunet_cipa.dicom.files import RTSTRUCT
from nnunet_cipa.dicom.rtstruct.file import damaged, read_rtstruct
from nnunet_cipa.dicom.series.grouping import Series
from nnunet_cipa.errors import CIPAError


@dataclass(frozen=True)
class StructureRoi:
    """One region of a structure set; its contours are still in the file. ``algorithm`` is ROIGenerationAlgorithm."""

    number: int
    name: str
    frame_of_reference_uid: str
    algorithm: str = ""


@dataclass(frozen=True)
class ReferencedSeries:
    """A series that a structure set names: for regions of which frame of reference, and its images."""

    frame_of_reference_uid: str
    series_uid: str
    image_uids: frozenset[str] = field(repr=False)


@dataclass(frozen=True)
class StructureSet:
    """An RTSTRUCT that was read, once: what it says without its contours, and the file, which has them.

    Attributes
    ----------
    path
        Of the file.
    sop_instance_uid, label, patient_id
        As in the file; empty if missing.
    study_uids
        Of its own study and of those it refers to.
    referenced
        Series on which it was drawn; empty if it does not say.
    rois
        In the file's order.
    sha256
        Of the bytes that were read.
    described
        What it says of itself.
    file
        All of it, so that a structure set takes the memory of its file.
    """

    path: Path
    sop_instance_uid: str
    label: str
    patient_id: str
    study_uids: frozenset[str]
    referenced: tuple[ReferencedSeries, ...]
    rois: tuple[StructureRoi, ...]
    sha256: str
    described: Description
    file: Dataset = field(repr=False, compare=False)

    @property
    def referenced_series_uids(self) -> frozenset[str]:
        """UIDs of the series that it names."""
        return frozenset({one.series_uid for one in self.referenced} - {""})

    def references_of(self, roi: StructureRoi) -> tuple[ReferencedSeries, ...]:
        """Return the series named for a region's frame of reference, or all if none is named for that."""
        own = tuple(one for one in self.referenced if one.frame_of_reference_uid == roi.frame_of_reference_uid)
        return own or self.referenced


def read_structure_set(path: Path) -> StructureSet:
    """Read an RTSTRUCT; its contours are left as they are in the file (see ``roi_contours``).

    Raises
    ------
    CIPAError
        If it is damaged, another kind of file, or numbers two regions alike.
    """
    file, sha256 = read_rtstruct(path)
    try:
        rois = tuple(_rois(file))
        frames = items(file, "ReferencedFrameOfReferenceSequence")
        studies = [s for frame in frames for s in items(frame, "RTReferencedStudySequence")]
        found = StructureSet(
            path=path,
            sop_instance_uid=text(file, "SOPInstanceUID"),
            label=text(file, "StructureSetLabel"),
            patient_id=text(file, "PatientID"),
            study_uids=frozenset(
                {text(file, "StudyInstanceUID"), *(text(s, "ReferencedSOPInstanceUID") for s in studies)} - {""}
            ),
            referenced=tuple(one for frame in frames for one in _referenced(frame)),
            rois=rois,
            sha256=sha256,
            described=describe(file, RTSTRUCT),
            file=file,
        )
    except DAMAGE as error:
        raise damaged(path, error) from error
    numbers = [roi.number for roi in rois]
    twice = sorted({number for number in numbers if numbers.count(number) > 1})
    if twice:
        raise CIPAError(f"{path}: several ROIs have the number {twice[0]}; export it again")
    return found


def contour_images(structures: StructureSet, roi: StructureRoi) -> frozenset[str]:
    """Return the SOPInstanceUIDs of the images that the contours of a region name.

    Raises
    ------
    CIPAError
        If the contours are damaged.
    """
    try:
        found = items(structures.file, "ROIContourSequence")
        own = [item for item in found if text(item, "ReferencedROINumber") == str(roi.number)]
        contours = (contour for item in own for contour in items(item, "ContourSequence"))
        return frozenset(uid for contour in contours for uid in _images(contour))
    except DAMAGE as error:
        raise damaged(structures.path, error) from error


def check_belongs(structures: StructureSet, roi: StructureRoi, series: Series) -> None:
    """Check that a region was drawn on a series.

    That its contours name images of the series is proof, whatever else the file says or leaves out.

    Raises
    ------
    CIPAError
        If it refers to another study, series or frame of reference, or to none.
    """
    if contour_images(structures, roi) & {piece.sop_instance_uid for piece in series.slices}:
        return
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


def _rois(file: Dataset) -> Iterator[StructureRoi]:
    frames = {text(f, "FrameOfReferenceUID") for f in items(file, "ReferencedFrameOfReferenceSequence")}
    only = frames.pop() if len(frames) == 1 else ""
    for item in items(file, "StructureSetROISequence"):
        frame = text(item, "ReferencedFrameOfReferenceUID") or only
        algorithm = "".join(words(item, "ROIGenerationAlgorithm"))
        yield StructureRoi(int(item.ROINumber), text(item, "ROIName"), frame, algorithm)


def _referenced(frame: Dataset) -> Iterator[ReferencedSeries]:
    uid = text(frame, "FrameOfReferenceUID")
    for study in items(frame, "RTReferencedStudySequence"):
        for series in items(study, "RTReferencedSeriesSequence"):
            yield ReferencedSeries(uid, text(series, "SeriesInstanceUID"), frozenset(_images(series)))


def _images(holder: Dataset) -> Iterator[str]:
    for image in items(holder, "ContourImageSequence"):
        if uid := text(image, "ReferencedSOPInstanceUID"):
            yield uid


def _listed(uids: frozenset[str]) -> str:
    return ", ".join(sorted(uids)) or "(none)"
