"""Groups of measurements: one for each lesion by TID 1411, and one for all of a region by TID 1501."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydicom.dataset import Dataset

from nnunet_cipa.dicom.derived import MANUFACTURER, VERSION, Origin
from nnunet_cipa.dicom.roi_kinds import Code
from nnunet_cipa.dicom.series.grouping import Series
from nnunet_cipa.dicom.sr.measured import MeasuredLesion, MeasuredRegion
from nnunet_cipa.dicom.sr.quantities import QUANTITIES, finding_of

if TYPE_CHECKING:
    from highdicom import sr

DIGITS = 6


@dataclass(frozen=True)
class Subject:
    """What was measured.

    Attributes
    ----------
    ct
        What was segmented.
    pet
        What uptake was measured in.
    origin
        What says of itself that it did.
    """

    ct: Series
    pet: Series
    origin: Origin


def lesion_groups(
    region: MeasuredRegion, segmented: Dataset, subject: Subject
) -> Iterator["sr.VolumetricROIMeasurementsAndQualitativeEvaluations"]:
    """Make a group for each lesion of a region, which names its segment and has the tracking UID of that.

    Parameters
    ----------
    region
        The lesions.
    segmented
        The segmentation whose segments they are, in their order.
    subject
        What was measured.
    """
    from highdicom import sr  # noqa: PLC0415 - an optional dependency

    source = sr.SourceSeriesForSegmentation(subject.ct.series_uid)
    for number, lesion in enumerate(region.lesions, 1):
        yield sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
            _tracking(lesion),
            referenced_segment=sr.ReferencedSegment(
                segmented.SOPClassUID, segmented.SOPInstanceUID, number, source_series=source
            ),
            measurements=_measurements(lesion.values),
            **_said(region, subject),
        )


def total_group(region: MeasuredRegion, subject: Subject) -> "sr.MeasurementsAndQualitativeEvaluations":
    """Make the group of all lesions of a region together, which names the PET's images."""
    from highdicom import sr  # noqa: PLC0415 - an optional dependency

    pet = subject.pet
    return sr.MeasurementsAndQualitativeEvaluations(
        _tracking(region),
        source_images=[
            sr.SourceImageForMeasurementGroup(pet.sop_class_uid, piece.sop_instance_uid) for piece in pet.slices
        ],
        measurements=_measurements(region.values),
        **_said(region, subject),
    )


def _said(region: MeasuredRegion, subject: Subject) -> dict[str, Any]:
    """Return the arguments that say what a finding is, and what found it; where it is in the body is not known."""
    from highdicom import sr  # noqa: PLC0415 - an optional dependency

    category, finding = finding_of(region.kind)
    origin = subject.origin
    algorithm = sr.AlgorithmIdentification(
        name=origin.model_name or MANUFACTURER,
        version=origin.model_version or VERSION,
        parameters=list(origin.versions[1:]) or None,
    )
    return {
        "finding_category": sr.CodedConcept(*category),
        "finding_type": sr.CodedConcept(*finding),
        "algorithm_id": algorithm,
    }


def _tracking(of: MeasuredLesion | MeasuredRegion) -> "sr.TrackingIdentifier":
    from highdicom import sr  # noqa: PLC0415 - an optional dependency

    return sr.TrackingIdentifier(uid=of.tracking_uid, identifier=of.name)


def _measurements(values: Mapping[str, float]) -> list["sr.Measurement"]:
    from highdicom import sr  # noqa: PLC0415 - an optional dependency

    def concept(code: Code | None) -> "sr.CodedConcept | None":
        return None if code is None else sr.CodedConcept(*code)

    return [
        sr.Measurement(
            name=sr.CodedConcept(*quantity.name),
            value=float(f"{values[name]:.{DIGITS}g}"),
            unit=sr.CodedConcept(*quantity.unit),
            derivation=concept(quantity.derivation),
            method=concept(quantity.method),
        )
        for name, quantity in QUANTITIES.items()
        if name in values
    ]
