"""Series of CT or PET slices: which headers belong together, and the volume that they make."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import SimpleITK as sitk
from pydicom.uid import UID

from nnunet_cipa.dicom.headers import Header
from nnunet_cipa.dicom.series.checks import check_headers
from nnunet_cipa.dicom.series.extras import is_localizer, without_extras
from nnunet_cipa.dicom.series.geometry import Stack, measure_stack


@dataclass(frozen=True)
class Slice:
    """One slice of a series; ``position`` is that of its centre along the normal in mm."""

    path: Path
    sop_instance_uid: str
    position: float


@dataclass(frozen=True)
class Series:
    """A CT or PET volume whose geometry has been checked; its pixels are still in the files.

    Attributes
    ----------
    modality, patient_id, study_uid, series_uid, frame_of_reference_uid, description, sop_class_uid
        As in every file of the series.
    slices
        In ascending order along the normal, which is row direction x column direction.
    size
        Columns, rows, slices.
    spacing
        Distance of columns, rows and slices in mm.
    origin
        Centre of the first voxel of the first slice in mm (LPS).
    direction
        Nine numbers as SimpleITK has them: row by row the matrix whose columns are the directions of x, y and z.
    notes
        On files that were left out, a sentence each.
    """

    modality: str
    patient_id: str
    study_uid: str
    series_uid: str
    frame_of_reference_uid: str
    description: str
    sop_class_uid: str
    slices: tuple[Slice, ...]
    size: tuple[int, int, int]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float]
    direction: tuple[float, ...]
    notes: tuple[str, ...] = ()

    def grid(self) -> sitk.Image:
        """Make an image of zeros (uint8) with the geometry of the series."""
        return self.place(sitk.Image(self.size, sitk.sitkUInt8))

    def place(self, image: sitk.Image) -> sitk.Image:
        """Give an image of the same size the geometry of the series, and return it."""
        image.SetSpacing(self.spacing)
        image.SetOrigin(self.origin)
        image.SetDirection(self.direction)
        return image


@dataclass(frozen=True)
class Candidate:
    """Headers of one SeriesInstanceUID, not yet checked."""

    headers: tuple[Header, ...]

    @property
    def modality(self) -> str:
        """Modality of the first file."""
        return self.headers[0].modality

    @property
    def patient_id(self) -> str:
        """PatientID of the first file."""
        return self.headers[0].patient_id

    @property
    def study_uid(self) -> str:
        """StudyInstanceUID of the first file."""
        return self.headers[0].study_uid

    @property
    def series_uid(self) -> str:
        """SeriesInstanceUID of all files."""
        return self.headers[0].series_uid

    @property
    def frame_of_reference_uid(self) -> str:
        """FrameOfReferenceUID of the first file."""
        return self.headers[0].frame_of_reference_uid

    @property
    def description(self) -> str:
        """SeriesDescription of the first file."""
        return self.headers[0].description

    @property
    def label(self) -> str:
        """The series in words, for a list to choose from."""
        count, first = len(self.headers), self.headers[0]
        kind = UID(first.sop_class_uid).name
        files = f"{count} slices" if first.frames == 1 else f"{count} files of {first.frames} frames, {kind}"
        return f"{self.series_uid} ({self.description or 'no description'}, {files})"

    @property
    def is_localizer(self) -> bool:
        """Whether all of its files are localizers."""
        return all(map(is_localizer, self.headers))


def group_series(headers: Iterable[Header]) -> list[Candidate]:
    """Put the headers of each series together, in the order of the series' UIDs."""
    groups: dict[str, list[Header]] = defaultdict(list)
    for header in headers:
        groups[header.series_uid].append(header)
    return [Candidate(tuple(sorted(groups[uid], key=lambda header: header.path))) for uid in sorted(groups)]


def build_series(candidate: Candidate, *, grid_only: bool = False) -> Series:
    """Sort the slices along their normal and check that they are one whole, regular volume.

    Copies of a file and localizers are left out (see ``without_extras``), and the series has a note on them.

    Parameters
    ----------
    candidate
        Headers of the series.
    grid_only
        Whether nothing but the geometry is wanted: the pixels may be in any coding then, and PatientID may be empty.

    Raises
    ------
    CIPAError
        If files disagree on patient, study, frame of reference, size, spacing or orientation; if attributes are
        missing or absurd; if slices are missing, doubled, unevenly spaced or sheared; if there are fewer than two; if
        a file is cut short, multi-frame or coded so that no installed decoder reads it.
    """
    name = f"{candidate.modality} series {candidate.label}"
    headers, notes = without_extras(candidate.headers)
    check_headers(name, headers, grid_only=grid_only)
    stack: Stack = measure_stack(name, headers)
    first = headers[0]
    slices = tuple(
        Slice(header.path, header.sop_instance_uid, position)
        for header, position in zip(stack.headers, stack.positions, strict=True)
    )
    return Series(
        modality=first.modality,
        patient_id=first.patient_id,
        study_uid=first.study_uid,
        series_uid=first.series_uid,
        frame_of_reference_uid=first.frame_of_reference_uid,
        description=first.description,
        sop_class_uid=first.sop_class_uid,
        slices=slices,
        size=(first.columns, first.rows, len(slices)),
        spacing=stack.spacing,
        origin=stack.origin,
        direction=stack.direction,
        notes=notes,
    )
