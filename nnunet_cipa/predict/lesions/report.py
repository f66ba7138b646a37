"""Writes the lesions of a patient as DICOM: measurements in a structured report, and a segmentation of each."""

from pathlib import Path

from nnunet_cipa.dicom.attributes import ascii_text
from nnunet_cipa.dicom.export.references import check_references
from nnunet_cipa.dicom.optional import import_highdicom
from nnunet_cipa.dicom.roi_kinds import kind_by_name
from nnunet_cipa.dicom.saving import save_object
from nnunet_cipa.dicom.sr.groups import Subject
from nnunet_cipa.dicom.sr.measured import MeasuredLesion, MeasuredRegion
from nnunet_cipa.dicom.sr.report import make_report
from nnunet_cipa.dicom.sr.segments import make_lesion_segmentation
from nnunet_cipa.evaluation.uptake import Uptake
from nnunet_cipa.pages.palette import REGIONS, rgb
from nnunet_cipa.predict.lesions.measured import LabelLesions, PatientLesions
from nnunet_cipa.predict.lesions.table import ALL

LONGEST_LABEL = 50  # of SegmentLabel's and TrackingID's 64, as the lesion's number comes after it


def write_measurements(lesions: PatientLesions, subject: Subject, target: Path) -> list[Path]:
    """Write a report, and before it a segmentation for each label with a segment for each of its lesions.

    Parameters
    ----------
    lesions
        Measured on the grid of the CT.
    subject
        The series, and what the objects say of themselves.
    target
        Of the report, such as sr.dcm. The segmentations are sr_seg.dcm, sr_seg_2.dcm and so on.

    Returns
    -------
    list of Path
        What was written, the report first.

    Raises
    ------
    CIPAError
        If highdicom is not installed, the series cannot be referred to, or a file cannot be written.
    """
    import_highdicom("--sr")
    for series in (subject.ct, subject.pet):
        check_references(series)
    regions = [_region(number, one) for number, one in enumerate(lesions.labels)]
    segmented = [
        make_lesion_segmentation(region, subject.ct, subject.origin) if region.lesions else None for region in regions
    ]
    report = make_report(list(zip(regions, segmented, strict=True)), subject)
    written = []
    for number, made in enumerate((one for one in segmented if one is not None), 1):
        written.append(target.with_name(f"{target.stem}_seg{'' if number == 1 else f'_{number}'}{target.suffix}"))
        save_object(made, written[-1])
    save_object(report, target)
    return [target, *written]


def _region(number: int, one: LabelLesions) -> MeasuredRegion:
    label = ascii_text(one.label)[:LONGEST_LABEL]
    lesions = tuple(
        MeasuredLesion(f"{label} {index}", box.place, box.inside, _values(uptake) | {"diameter_mm": uptake.diameter_mm})
        for index, (box, uptake) in enumerate(zip(one.boxes, one.uptake, strict=True), 1)
    )
    total = {} if one.total is None else _values(one.total)
    return MeasuredRegion(
        name=f"{label} {ALL}",
        kind=kind_by_name(one.label),
        colour=rgb(REGIONS[number % len(REGIONS)]),
        lesions=lesions,
        values={**total, "lesions": len(lesions)},
    )


def _values(uptake: Uptake) -> dict[str, float]:
    """Return measurements; without uptake where the PET does not cover all of it, for which the report has no word."""
    found = {"volume_ml": uptake.volume_ml}
    if uptake.in_pet == 1:
        found |= {
            "suv_max": uptake.suv_max,
            "suv_mean": uptake.suv_mean,
            "suv_peak": uptake.suv_peak,
            "tlg_g": uptake.tlg,
        }
    return found
