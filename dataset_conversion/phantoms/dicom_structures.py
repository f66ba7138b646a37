"""The contours of a synthetic patient as an RTSTRUCT."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import CTImageStorage, RTStructureSetStorage
from scipy import ndimage

from nnunet_cipa.dataset_conversion.phantoms.dicom_headers import (
    STUDY_DATE,
    Identity,
    PhantomSeries,
    new_object,
    save,
    time_of_day,
)
from nnunet_cipa.dataset_conversion.phantoms.dicom_series import CT_KEY, Injection
from nnunet_cipa.dataset_conversion.phantoms.geometry import PhantomGrid
from nnunet_cipa.dataset_conversion.phantoms.lucid_study import LucidStudy
from nnunet_cipa.dicom.rtstruct.outlines import Polygon, keyholes, outlines

RING_WIDTH = 10.0
CONTOURED_LATER = 3600
STUDY_MANAGEMENT = "1.2.840.10008.3.1.2.3.1"
Mask = NDArray[np.uint8]


@dataclass(frozen=True)
class PhantomRoi:
    """A region: its name, DICOM's kind, mask on the CT's grid, and how a slice of it becomes polygons."""

    name: str
    kind: str
    mask: Mask
    polygons: Callable[[Mask], list[Polygon]] = outlines


def rois(study: LucidStudy) -> tuple[PhantomRoi, ...]:
    """Return the regions of a structure set.

    ``Ring`` is round the IGTV, as planning systems make them to hold the dose down, its inner border a contour of its
    own; ``Ring_keyhole`` is the same region with that border joined to the outer one by a channel.
    """
    around = ring(study.igtv, study.grid) & study.body
    return (
        PhantomRoi("GTV", "GTV", study.gtv),
        PhantomRoi("IGTV", "GTV", study.igtv),
        PhantomRoi("Heart", "ORGAN", study.heart),
        PhantomRoi("BODY", "EXTERNAL", study.body),
        PhantomRoi("Ring", "CONTROL", around),
        PhantomRoi("Ring_keyhole", "CONTROL", around, _with_keyholes),
    )


def ring(mask: Mask, grid: PhantomGrid) -> Mask:
    """Return what is outside a mask that is not empty and at most 10 mm, or a pixel and a half, from it."""
    width = max(RING_WIDTH, 1.5 * max(grid.spacing[1:]))
    box = tuple(
        slice(max(0, int(where.min()) - reach), int(where.max()) + 1 + reach)
        for where, reach in zip(
            np.nonzero(mask), (int(np.ceil(width / spacing)) for spacing in grid.spacing), strict=True
        )
    )
    distance = ndimage.distance_transform_edt(mask[box] == 0, sampling=grid.spacing)
    found = np.zeros_like(mask)
    found[box] = (distance > 0) & (distance <= width)
    return found


def write_structures(folder: Path, identity: Identity, study: LucidStudy, injection: Injection) -> None:
    """Write the RTSTRUCT; a region that is not in the scan has no contour.

    Parameters
    ----------
    folder, identity, study
        Of the patient; the CT is written by ``write_ct``.
    injection
        When the study and the scan began; the contours are drawn an hour later.
    """
    seconds = injection.started + CONTOURED_LATER
    series = PhantomSeries("RTSTRUCT", 5, "RTSTRUCT", "SYNTHETIC structures", seconds, injection.study_started)
    dataset = new_object(identity, series, RTStructureSetStorage, 1)
    dataset.OperatorsName = ""
    dataset.StructureSetLabel = "SYNTHETIC"
    dataset.StructureSetDate, dataset.StructureSetTime = STUDY_DATE, time_of_day(seconds)
    dataset.ApprovalStatus = "UNAPPROVED"
    dataset.ReferencedFrameOfReferenceSequence = [_frame_of_reference(identity)]
    dataset.StructureSetROISequence, dataset.ROIContourSequence, dataset.RTROIObservationsSequence = [], [], []
    for number, roi in enumerate(rois(study), 1):
        dataset.StructureSetROISequence.append(_definition(identity, number, roi))
        dataset.ROIContourSequence.append(_contours(identity, study.grid, number, roi))
        dataset.RTROIObservationsSequence.append(_observation(number, roi))
    save(folder, dataset)


def _with_keyholes(mask: Mask) -> list[Polygon]:
    return keyholes(outlines(mask))


def _frame_of_reference(identity: Identity) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = identity.uid(CT_KEY)
    series.ContourImageSequence = [_image(identity, index) for index in range(identity.slices)]
    study = Dataset()
    study.ReferencedSOPClassUID, study.ReferencedSOPInstanceUID = STUDY_MANAGEMENT, identity.uid("study")
    study.RTReferencedSeriesSequence = [series]
    frame = Dataset()
    frame.FrameOfReferenceUID = identity.uid("frame of reference")
    frame.RTReferencedStudySequence = [study]
    return frame


def _image(identity: Identity, index: int) -> Dataset:
    image = Dataset()
    image.ReferencedSOPClassUID = CTImageStorage
    image.ReferencedSOPInstanceUID = identity.uid(CT_KEY, identity.slices - index)
    return image


def _definition(identity: Identity, number: int, roi: PhantomRoi) -> Dataset:
    item = Dataset()
    item.ROINumber, item.ROIName = number, roi.name
    item.ReferencedFrameOfReferenceUID = identity.uid("frame of reference")
    item.ROIGenerationAlgorithm = "AUTOMATIC"
    return item


def _observation(number: int, roi: PhantomRoi) -> Dataset:
    item = Dataset()
    item.ObservationNumber = item.ReferencedROINumber = number
    item.RTROIInterpretedType = roi.kind
    item.ROIInterpreter = ""
    return item


def _contours(identity: Identity, grid: PhantomGrid, number: int, roi: PhantomRoi) -> Dataset:
    item = Dataset()
    item.ReferencedROINumber = number
    item.ROIDisplayColor = [(number * 90) % 256, (number * 150) % 256, (number * 210) % 256]
    contours = [contour for index in range(len(roi.mask)) for contour in _slice(identity, grid, roi, index)]
    if contours:
        item.ContourSequence = contours
    return item


def _slice(identity: Identity, grid: PhantomGrid, roi: PhantomRoi, index: int) -> Iterator[Dataset]:
    z, y, x = grid.origin
    height = z + index * grid.spacing[0]
    for polygon in roi.polygons(roi.mask[index]):
        across, down = polygon.T
        points = np.column_stack(
            (x + across * grid.spacing[2], y + down * grid.spacing[1], np.full(len(polygon), height))
        )
        contour = Dataset()
        contour.ContourImageSequence = [_image(identity, index)]
        contour.ContourGeometricType = "CLOSED_PLANAR"
        contour.NumberOfContourPoints = len(points)
        contour.ContourData = [f"{value:.4f}" for value in points.ravel()]
        yield contour
