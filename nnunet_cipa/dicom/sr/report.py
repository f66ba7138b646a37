"""Makes a measurement report (TID 1500) on lesions, by highdicom."""

import uuid
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import UID, ExplicitVRLittleEndian

from nnunet_cipa.dicom.attributes import tolerant
from nnunet_cipa.dicom.derived import MANUFACTURER, MODEL, PLACEHOLDERS, SERIES_NUMBERS, VERSION, take_over
from nnunet_cipa.dicom.roi_kinds import Code
from nnunet_cipa.dicom.series.grouping import Series
from nnunet_cipa.dicom.sr.groups import Subject, lesion_groups, total_group
from nnunet_cipa.dicom.sr.measured import MeasuredRegion, new_uid

if TYPE_CHECKING:
    from highdicom import sr

TITLE: Code = ("126003", "DCM", "PET Measurement Report")
PROCEDURE: Code = ("44136-0", "LN", "PET unspecified body region")


def make_report(regions: Sequence[tuple[MeasuredRegion, Dataset | None]], subject: Subject) -> Dataset:
    """Make a Comprehensive 3D SR, which takes over patient and study of the CT.

    It is complete, but preliminary and not verified: nobody has looked at it.

    Parameters
    ----------
    regions
        Each with the segmentation of its lesions; None if it has none.
    subject
        What was measured.

    Raises
    ------
    CIPAError
        If the CT cannot be read any more.
    """
    from highdicom import sr  # noqa: PLC0415 - an optional dependency

    groups: list[Any] = []
    for region, segmented in regions:
        groups += [] if segmented is None else lesion_groups(region, segmented, subject)
        groups.append(total_group(region, subject))
    content = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=_observer()),
        procedure_reported=sr.CodedConcept(*PROCEDURE),
        imaging_measurements=groups,
        title=sr.CodedConcept(*TITLE),
    )
    ct, origin = subject.ct, subject.origin
    segmentations = [_instance(made, ct.study_uid) for _, made in regions if made is not None]
    with tolerant(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = sr.Comprehensive3DSR(
            evidence=[*_instances(ct), *segmentations, *_instances(subject.pet)],
            content=content,
            series_instance_uid=new_uid(),
            series_number=SERIES_NUMBERS["SR"],
            sop_instance_uid=new_uid(),
            instance_number=1,
            manufacturer=MANUFACTURER,
            is_complete=True,
            manufacturer_model_name=MODEL,
            software_versions=(VERSION, *origin.versions),
            device_serial_number="0",
            series_description=origin.series_description,
        )
    made.SeriesDate, made.SeriesTime = made.ContentDate, made.ContentTime
    take_over(made, ct, ExplicitVRLittleEndian)
    del made[Tag("PositionReferenceIndicator")]  # a report has no frame of reference
    return made


def _observer() -> "sr.ObserverContext":
    from highdicom import sr  # noqa: PLC0415 - an optional dependency

    name = f"{MANUFACTURER} {VERSION}"
    device = sr.DeviceObserverIdentifyingAttributes(
        uid=UID(f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, name).int}"),  # of this version, wherever it runs
        name=MANUFACTURER,
        manufacturer_name=MANUFACTURER,
        model_name=name,
    )
    return sr.ObserverContext(sr.CodedConcept("121007", "DCM", "Device"), device)


def _instances(series: Series) -> Iterator[Dataset]:
    for piece in series.slices:
        image = Dataset()
        image.SOPClassUID, image.SOPInstanceUID = series.sop_class_uid, piece.sop_instance_uid
        image.SeriesInstanceUID = series.series_uid
        yield _instance(image, series.study_uid)


def _instance(image: Dataset, study_uid: str) -> Dataset:
    """Return what highdicom asks of an instance that it refers to."""
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
    made.StudyInstanceUID, made.SeriesInstanceUID = study_uid, image.SeriesInstanceUID
    for keyword in PLACEHOLDERS:
        setattr(made, keyword, None)
    return made
