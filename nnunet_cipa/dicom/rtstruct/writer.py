"""Makes an RTSTRUCT from a mask on the grid of a CT series."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import RTStructureSetStorage

from nnunet_cipa.dicom.derived import MANUFACTURER, derived_from
from nnunet_cipa.dicom.rtstruct.contours import Points, to_mm
from nnunet_cipa.dicom.rtstruct.outlines import keyholes, outlines
from nnunet_cipa.dicom.series.grouping import Series
from nnunet_cipa.pages.palette import STRUCTURE, rgb

# Retired, but what structure sets name the study by
STUDY_CLASS = "1.2.840.10008.3.1.2.3.1"
ROI_NUMBER = 1


def make_structure_set(mask: NDArray[np.bool_], series: Series, roi_name: str) -> Dataset:
    """Make a structure set with one region.

    Its contours lie in the planes of the CT's slices. A hole is joined to what surrounds it as a keyhole, which is the
    one way that the standard has for CLOSED_PLANAR and that readers with other rules than exclusive or get right too.

    Parameters
    ----------
    mask
        (slices, rows, columns) on the grid of the series, not empty.
    series
        The CT.
    roi_name
        Name of the region: at most 64 characters of ASCII without a backslash.
    """
    made = derived_from(series, RTStructureSetStorage, "RTSTRUCT")
    made.StructureSetLabel = made.StructureSetName = MANUFACTURER
    made.StructureSetDate, made.StructureSetTime = made.InstanceCreationDate, made.InstanceCreationTime
    made.ReferencedFrameOfReferenceSequence = [_frame_of_reference(series)]
    made.StructureSetROISequence = [
        _item(
            ROINumber=ROI_NUMBER,
            ReferencedFrameOfReferenceUID=series.frame_of_reference_uid,
            ROIName=roi_name,
            ROIGenerationAlgorithm="AUTOMATIC",
        )
    ]
    contours = [
        _contour(points, _image(series, k), number) for number, (k, points) in enumerate(_contours(mask, series), 1)
    ]
    made.ROIContourSequence = [
        _item(ReferencedROINumber=ROI_NUMBER, ROIDisplayColor=list(rgb(STRUCTURE)), ContourSequence=contours)
    ]
    made.RTROIObservationsSequence = [
        _item(ObservationNumber=1, ReferencedROINumber=ROI_NUMBER, RTROIInterpretedType=None, ROIInterpreter=None)
    ]
    made.ApprovalStatus = "UNAPPROVED"
    return made


def _contours(mask: NDArray[np.bool_], series: Series) -> Iterator[tuple[int, Points]]:
    """Slice number and points in mm of each contour."""
    grid = series.grid()
    normal = np.reshape(series.direction, (3, 3))[:, 2]
    for k in np.flatnonzero(mask.any(axis=(1, 2))).tolist():
        # Slices may be a little off the even stack that the grid is; planning systems compare with the slice itself
        off = series.slices[k].position - series.slices[0].position - k * series.spacing[2]
        for points in to_mm(keyholes(outlines(mask[k])), k, grid):
            yield k, points + off * normal


def _contour(points: Points, image: Dataset, number: int) -> Dataset:
    return _item(
        ContourImageSequence=[image],
        ContourGeometricType="CLOSED_PLANAR",
        NumberOfContourPoints=len(points),
        ContourNumber=number,
        ContourData=[_decimal(value) for value in points.ravel().tolist()],
    )


def _decimal(value: float) -> str:
    """Write mm to the tenth of a micrometre; ten digits are never more than the 16 characters of DS."""
    return f"{round(value, 4) + 0.0:.10g}"


def _frame_of_reference(series: Series) -> Dataset:
    images = [_image(series, k) for k in range(len(series.slices))]
    drawn_on = _item(SeriesInstanceUID=series.series_uid, ContourImageSequence=images)
    study = _item(
        ReferencedSOPClassUID=STUDY_CLASS,
        ReferencedSOPInstanceUID=series.study_uid,
        RTReferencedSeriesSequence=[drawn_on],
    )
    return _item(FrameOfReferenceUID=series.frame_of_reference_uid, RTReferencedStudySequence=[study])


def _image(series: Series, k: int) -> Dataset:
    return _item(ReferencedSOPClassUID=series.sop_class_uid, ReferencedSOPInstanceUID=series.slices[k].sop_instance_uid)


def _item(**attributes: object) -> Dataset:
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made
