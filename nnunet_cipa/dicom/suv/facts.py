"""The attributes of a PET slice from which SUV is computed."""

import re
from dataclasses import dataclass

from pydicom.dataset import Dataset

from nnunet_cipa.dicom.headers import DAMAGE, number, text, words


@dataclass(frozen=True)
class PetFacts:
    """Attributes as they are in the file; None where one is missing or no number.

    Attributes
    ----------
    corrections
        CorrectedImage.
    injections
        Number of items of the radiopharmaceutical sequence.
    weight, dose, half_life
        PatientWeight (kg), RadionuclideTotalDose (Bq, or MBq below 1e4), RadionuclideHalfLife (s).
    injection_datetime, injection_time
        RadiopharmaceuticalStartDateTime and RadiopharmaceuticalStartTime.
    frame_reference_ms, frame_duration_ms
        FrameReferenceTime and ActualFrameDuration.
    ge_scan, siemens_scan
        Private date and time of the scan: (0009,xx0D) of GE and (0071,xx22) of Siemens.
    philips_suv, philips_bqml
        Private factors (7053,xx00) from counts to SUV and (7053,xx09) from counts to Bq/ml, of Philips.
    """

    manufacturer: str | None = None
    units: str | None = None
    suv_type: str | None = None
    decay_correction: str | None = None
    corrections: tuple[str, ...] = ()
    injections: int = 0
    weight: float | None = None
    dose: float | None = None
    half_life: float | None = None
    injection_datetime: str | None = None
    injection_time: str | None = None
    series_date: str | None = None
    series_time: str | None = None
    acquisition_date: str | None = None
    acquisition_time: str | None = None
    timezone: str | None = None
    frame_reference_ms: float | None = None
    frame_duration_ms: float | None = None
    ge_scan: str | None = None
    siemens_scan: str | None = None
    philips_suv: float | None = None
    philips_bqml: float | None = None


def pet_facts(image: Dataset) -> PetFacts:
    """Take the attributes from a PET slice."""
    sequence = image.get("RadiopharmaceuticalInformationSequence") or []
    tracer = sequence[0] if len(sequence) else Dataset()
    return PetFacts(
        manufacturer=_text(image, "Manufacturer"),
        units=_text(image, "Units"),
        suv_type=_text(image, "SUVType"),
        decay_correction=_text(image, "DecayCorrection"),
        corrections=tuple(sorted(words(image, "CorrectedImage"))),
        injections=len(sequence),
        weight=number(image, "PatientWeight"),
        dose=number(tracer, "RadionuclideTotalDose"),
        half_life=number(tracer, "RadionuclideHalfLife"),
        injection_datetime=_text(tracer, "RadiopharmaceuticalStartDateTime"),
        injection_time=_text(tracer, "RadiopharmaceuticalStartTime"),
        series_date=_text(image, "SeriesDate"),
        series_time=_text(image, "SeriesTime"),
        acquisition_date=_text(image, "AcquisitionDate"),
        acquisition_time=_text(image, "AcquisitionTime"),
        timezone=_text(image, "TimezoneOffsetFromUTC"),
        frame_reference_ms=number(image, "FrameReferenceTime"),
        frame_duration_ms=number(image, "ActualFrameDuration"),
        ge_scan=_private(image, 0x0009, "GEMS_PETD_01", 0x0D),
        siemens_scan=_private(image, 0x0071, "SIEMENS MED PT", 0x22),
        philips_suv=_as_number(_private(image, 0x7053, "Philips PET Private Group", 0x00)),
        philips_bqml=_as_number(_private(image, 0x7053, "Philips PET Private Group", 0x09)),
    )


def _text(image: Dataset, keyword: str) -> str | None:
    return text(image, keyword) or None


def _private(image: Dataset, group: int, creator: str, element: int) -> str | None:
    """Return a private attribute as text; where its type is not known, its bytes are text with padding."""
    try:
        value = image.private_block(group, creator)[element].value
    except DAMAGE:
        return None
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    return re.sub(r"[\s\0]+", "", str(value)) or None if value is not None else None


def _as_number(value: str | None) -> float | None:
    try:
        return None if value is None else float(value)
    except ValueError:
        return None
