"""Makes an RTSTRUCT from masks on the grid of a CT series."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RTStructureSetStorage

from nnunet_cipa.dicom.derived import MANUFACTURER, SERIES_NUMBERS, VERSION, Origin, derived_from, take_over
from nnunet_cipa.dicom.region import Region
from nnunet_cipa.dicom.roi_kinds import Code
from nnunet_cipa.dicom.rtstruct.contours import Points, to_mm
from nnunet_cipa.dicom.rtstruct.outlines import inwards, keyholes, outlines
from nnunet_cipa.dicom.series.grouping import Series

# Retired, but what structure sets name the study by
STUDY_CLASS = "1.2.840.10008.3.1.2.3.1"
ARTIFICIAL_INTELLIGENCE: Code = ("123110", "DCM", "Artificial Intelligence")
LONGEST_LABEL = 16
# In explicit VR a longer value would have to be written as of unknown type.
LONGEST_EXPLICIT = 65534


def make_structure_set(regions: Sequence[Region], series: Series, origin: Origin) -> Dataset:
    """Make a structure set; a region that is empty has no contour.

    The contours lie in the planes of the CT's slices. A hole is joined to what surrounds it as a keyhole, which is the
    one way that the standard has for CLOSED_PLANAR and that readers with other rules than exclusive or get right too.

    Parameters
    ----------
    regions
        Their masks are on the grid of the series.
    series
        The CT.
    origin
        What it says of itself.

    Raises
    ------
    CIPAError
        If the CT cannot be read any more.
    """
    made = derived_from(series, RTStructureSetStorage, origin)
    made.Modality, made.SeriesNumber = "RTSTRUCT", SERIES_NUMBERS["RTSTRUCT"]
    made.StructureSetLabel, made.StructureSetName = origin.label, origin.series_description
    if origin.description:
        made.StructureSetDescription = origin.description
    made.StructureSetDate, made.StructureSetTime = made.InstanceCreationDate, made.InstanceCreationTime
    made.ReferencedFrameOfReferenceSequence = [_frame_of_reference(series)]
    numbered = list(enumerate(regions, 1))
    made.StructureSetROISequence = [_definition(number, region, series, origin) for number, region in numbered]
    made.ROIContourSequence = [_drawn(number, region, series) for number, region in numbered]
    made.RTROIObservationsSequence = [_observation(number, region) for number, region in numbered]
    made.ApprovalStatus = "UNAPPROVED"
    take_over(made, series, ImplicitVRLittleEndian if _has_long_contour(made) else ExplicitVRLittleEndian)
    return made


def _definition(number: int, region: Region, series: Series, origin: Origin) -> Dataset:
    made = _item(
        ROINumber=number,
        ReferencedFrameOfReferenceUID=series.frame_of_reference_uid,
        ROIName=region.name,
        ROIGenerationAlgorithm="AUTOMATIC",
        ROIGenerationDescription=f"{MANUFACTURER} {VERSION} {origin.model_name}"[:64].strip(),
    )
    if origin.description:
        made.ROIDescription = origin.description
    if origin.model_name:
        algorithm = _item(
            AlgorithmFamilyCodeSequence=[_code(ARTIFICIAL_INTELLIGENCE)],
            AlgorithmName=origin.model_name,
            AlgorithmVersion=origin.model_version,
            AlgorithmSource=MANUFACTURER,
        )
        made.ROIDerivationAlgorithmIdentificationSequence = [algorithm]
    return made


def _observation(number: int, region: Region) -> Dataset:
    made = _item(
        ObservationNumber=number,
        ReferencedROINumber=number,
        ROIObservationLabel=region.name[:LONGEST_LABEL],
        RTROIInterpretedType=region.kind.interpreted,
        ROIInterpreter=None,
    )
    if region.kind.told:
        made.RTROIIdentificationCodeSequence = [_code(region.kind.code)]
    return made


def _drawn(number: int, region: Region, series: Series) -> Dataset:
    contours = [
        _contour(points, _image(series, k), index)
        for index, (k, points) in enumerate(_contours(region.mask, series), 1)
    ]
    made = _item(ReferencedROINumber=number, ROIDisplayColor=list(region.colour))
    if contours:
        made.ContourSequence = contours
    return made


def _contours(mask: NDArray[np.bool_], series: Series) -> Iterator[tuple[int, Points]]:
    """Slice number and points in mm of each contour."""
    grid = series.grid()
    normal = np.reshape(series.direction, (3, 3))[:, 2]
    for k in np.flatnonzero(mask.any(axis=(1, 2))).tolist():
        # Slices may be a little off the even stack that the grid is; planning systems compare with the slice itself
        off = series.slices[k].position - series.slices[0].position - k * series.spacing[2]
        for points in to_mm(inwards(keyholes(outlines(mask[k])), mask[k]), k, grid):
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


def _has_long_contour(made: Dataset) -> bool:
    contours = [contour for drawn in made.ROIContourSequence for contour in drawn.get("ContourSequence", [])]
    # Every value but the first has a backslash before it, and the whole may be padded to an even length
    lengths = (sum(len(str(value)) + 1 for value in contour.ContourData) for contour in contours)
    return any(length > LONGEST_EXPLICIT for length in lengths)


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


def _code(code: Code) -> Dataset:
    value, scheme, meaning = code
    return _item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def _item(**attributes: object) -> Dataset:
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made
