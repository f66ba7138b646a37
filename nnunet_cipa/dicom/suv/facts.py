"""The attributes of a PET slice from which SUV is computed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pydicom.dataset import Dataset

from nnunet_cipa.dicom.attributes import number, text, words
from nnunet_cipa.dicom.suv.clock import Moment
from nnunet_cipa.dicom.suv.vendors import PrivateTag, made_by, vendors


@dataclass(frozen=True)
class PetFacts:
    """Attributes as they are in the file; None where one is missing or no number.

    Attributes
    ----------
    corrections
        CorrectedImage.
    injections
        Number of items of the radiopharmaceutical sequence.
    sex, height
        PatientSex, PatientSize (m).
    weight, dose, half_life
        PatientWeight (kg), RadionuclideTotalDose (Bq, or MBq below 1e4), RadionuclideHalfLife (s).
    injection_datetime, injection_time
        RadiopharmaceuticalStartDateTime and RadiopharmaceuticalStartTime.
    frame_reference_ms, frame_duration_ms, decay_factor
        FrameReferenceTime, ActualFrameDuration and DecayFactor.
    injection_given, scan_start
        Injection and start of the scan, if the user gave them: no file has them.
    private
        Those private attributes of ``vendors`` that the file holds.
    """

    manufacturer: str | None = None
    units: str | None = None
    suv_type: str | None = None
    decay_correction: str | None = None
    corrections: tuple[str, ...] = ()
    injections: int = 0
    sex: str | None = None
    height: float | None = None
    weight: float | None = None
    dose: float | None = None
    half_life: float | None = None
    injection_datetime: str | None = None
    injection_time: str | None = None
    series_date: str | None = None
    series_time: str | None = None
    acquisition_date: str | None = None
    acquisition_time: str | None = None
    acquisition_datetime: str | None = None
    timezone: str | None = None
    frame_reference_ms: float | None = None
    frame_duration_ms: float | None = None
    decay_factor: float | None = None
    injection_given: Moment | None = None
    scan_start: Moment | None = None
    private: Mapping[PrivateTag, str] = field(default_factory=dict)


def pet_facts(image: Dataset) -> PetFacts:
    """Take the attributes from a PET slice."""
    sequence = image.get("RadiopharmaceuticalInformationSequence") or []
    tracer = sequence[0] if len(sequence) else Dataset()
    return PetFacts(
        manufacturer=_text(image, "Manufacturer"),
        units=_code(image, "Units"),
        suv_type=_code(image, "SUVType"),
        decay_correction=_code(image, "DecayCorrection"),
        corrections=tuple(sorted(words(image, "CorrectedImage"))),
        injections=len(sequence),
        sex=_code(image, "PatientSex"),
        height=number(image, "PatientSize"),
        weight=number(image, "PatientWeight"),
        dose=number(tracer, "RadionuclideTotalDose"),
        half_life=_half_life(sequence),
        injection_datetime=_text(tracer, "RadiopharmaceuticalStartDateTime"),
        injection_time=_text(tracer, "RadiopharmaceuticalStartTime"),
        series_date=_text(image, "SeriesDate"),
        series_time=_text(image, "SeriesTime"),
        acquisition_date=_text(image, "AcquisitionDate"),
        acquisition_time=_text(image, "AcquisitionTime"),
        acquisition_datetime=_text(image, "AcquisitionDateTime"),
        timezone=_text(image, "TimezoneOffsetFromUTC"),
        frame_reference_ms=number(image, "FrameReferenceTime"),
        frame_duration_ms=number(image, "ActualFrameDuration"),
        decay_factor=number(image, "DecayFactor"),
        private=_private(image),
    )


def _text(image: Dataset, keyword: str) -> str | None:
    return text(image, keyword) or None


def _code(image: Dataset, keyword: str) -> str | None:
    return text(image, keyword).upper() or None


def _half_life(injections: Iterable[Dataset]) -> float | None:
    """Return the half life of the radionuclide; None if several were injected."""
    found = {number(tracer, "RadionuclideHalfLife") for tracer in injections}
    return found.pop() if len(found) == 1 else None


def _private(image: Dataset) -> dict[PrivateTag, str]:
    maker = made_by(text(image, "Manufacturer"))
    found = {tag: tag.read(image, is_vendors=vendor is maker) for vendor in vendors() for tag in vendor.private_tags}
    return {tag: value for tag, value in found.items() if value is not None}
