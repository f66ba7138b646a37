"""CT and PET of a synthetic patient as DICOM series, one file a slice."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import CTImageStorage, PositronEmissionTomographyImageStorage
from scipy import ndimage

from nnunet_cipa.dataset_conversion.phantoms.dicom_headers import (
    STUDY_DATE,
    SYNTHETIC,
    Identity,
    PhantomSeries,
    decimal,
    new_object,
    save,
    time_of_day,
)
from nnunet_cipa.dataset_conversion.phantoms.geometry import FloatArray, PhantomGrid
from nnunet_cipa.dataset_conversion.phantoms.lucid_study import LucidStudy

CT_KEY = "CT"
CT_INTERCEPT = -1024
HALF_LIFE = 6586.2
BED_SLICES, BED_SECONDS = 40, 180
STORED_MAXIMUM = 32767
ATTENUATION_DEPTH = 60.0
CORRECTIONS = ("DECY", "ATTN", "SCAT", "RAN", "DTIM", "NORM")


@dataclass(frozen=True)
class Injection:
    """Patient's weight in kg, dose in Bq, and the times of day of the injection and of the scan's start in s."""

    weight: float
    dose: float
    injected: int
    started: int

    @property
    def study_started(self) -> int:
        """Time of day at which the study starts, in s: with the CT, a minute before the PET."""
        return self.started - 60

    @property
    def bqml_per_suv(self) -> float:
        """Bq/ml at the start of the scan that are SUVbw 1, for a gram of tissue a millilitre."""
        left = self.dose * 2 ** (-(self.started - self.injected) / HALF_LIFE)
        return float(left / (1000 * self.weight))


def draw_injection(rng: np.random.Generator) -> Injection:
    """Draw weight, dose of FDG by weight and times; the scan starts an hour after the injection, about."""
    weight = round(rng.uniform(52, 98), 1)
    dose = round(weight * rng.uniform(3.0, 4.5), 1) * 1e6
    injected = int(rng.integers(8 * 3600, 16 * 3600))
    return Injection(weight, dose, injected, injected + int(rng.integers(50 * 60, 80 * 60)))


def write_ct(folder: Path, identity: Identity, study: LucidStudy, injection: Injection) -> None:
    """Write the CT: HU + 1024 as signed 16 bit, slices numbered from the head down."""
    series = PhantomSeries(CT_KEY, 2, "CT", "SYNTHETIC CT", injection.study_started, injection.study_started)
    count = len(study.ct)
    for index, values in enumerate(study.ct):
        dataset = new_object(identity, series, CTImageStorage, count - index)
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        dataset.AcquisitionNumber = 1
        dataset.AcquisitionDate = dataset.ContentDate = STUDY_DATE
        dataset.AcquisitionTime = dataset.ContentTime = time_of_day(series.seconds)
        dataset.KVP = "120"
        dataset.RescaleType = "HU"
        dataset.WindowCenter, dataset.WindowWidth = "-600", "1500"
        dataset.PatientPosition = "HFS"
        _place(dataset, study.grid, index)
        _store(dataset, values - CT_INTERCEPT, 1, CT_INTERCEPT)
        save(folder, dataset)


def write_pet(folder: Path, identity: Identity, study: LucidStudy, injection: Injection) -> None:
    """Write the PET in Bq/ml, decay-corrected to the start of the scan."""
    series = PhantomSeries("PET AC", 3, "PT", "SYNTHETIC PET AC", injection.started, injection.study_started)
    _write_pet(folder, identity, series, study.pet_grid, study.pet, injection, CORRECTIONS)


def write_uncorrected_pet(folder: Path, identity: Identity, study: LucidStudy, injection: Injection) -> None:
    """Write the PET that scanners add for comparison, without correction for attenuation and scatter.

    Its uptake falls with the depth under the skin. That is a look, not a model.
    """
    depth = ndimage.distance_transform_edt(_on_pet_grid(study), sampling=study.pet_grid.spacing)
    pet = study.pet * np.exp(-depth / ATTENUATION_DEPTH).astype(np.float32)
    series = PhantomSeries("PET NAC", 4, "PT", "SYNTHETIC PET NAC", injection.started, injection.study_started)
    corrections = tuple(name for name in CORRECTIONS if name not in {"ATTN", "SCAT"})
    _write_pet(folder, identity, series, study.pet_grid, pet, injection, corrections)


def _write_pet(
    folder: Path,
    identity: Identity,
    series: PhantomSeries,
    grid: PhantomGrid,
    suv: FloatArray,
    injection: Injection,
    corrections: tuple[str, ...],
) -> None:
    for index, values in enumerate(suv):
        dataset = new_object(identity, series, PositronEmissionTomographyImageStorage, index + 1)
        dataset.ImageType = ["ORIGINAL", "PRIMARY"]
        dataset.PatientWeight = decimal(injection.weight)
        dataset.SeriesType = ["WHOLE BODY", "IMAGE"]
        dataset.Units = "BQML"
        dataset.CountsSource = "EMISSION"
        dataset.NumberOfSlices = len(suv)
        dataset.ImageIndex = index + 1
        dataset.CorrectedImage = list(corrections)
        dataset.DecayCorrection = "START"
        dataset.RandomsCorrectionMethod = "DLYD"
        dataset.AttenuationCorrectionMethod = "CT" if "ATTN" in corrections else "NONE"
        dataset.ScatterCorrectionMethod = "SIMULATED" if "SCAT" in corrections else "NONE"
        dataset.ReconstructionMethod = "SIMULATED"
        dataset.CollimatorType = "NONE"
        _lie(dataset)
        dataset.RadiopharmaceuticalInformationSequence = [_tracer(injection)]
        _time(dataset, injection.started, index // BED_SLICES)
        _place(dataset, grid, index)
        concentration = values.astype(np.float64) * injection.bqml_per_suv
        slope = decimal(max(float(concentration.max()), 1.0) / STORED_MAXIMUM)
        _store(dataset, np.minimum(np.rint(concentration / float(slope)), STORED_MAXIMUM), slope, 0)
        save(folder, dataset)


def _tracer(injection: Injection) -> Dataset:
    tracer = Dataset()
    tracer.Radiopharmaceutical = "Fluorodeoxyglucose"
    tracer.RadiopharmaceuticalStartTime = time_of_day(injection.injected)
    tracer.RadiopharmaceuticalStartDateTime = STUDY_DATE + time_of_day(injection.injected)
    tracer.RadionuclideTotalDose = decimal(injection.dose)
    tracer.RadionuclideHalfLife = decimal(HALF_LIFE)
    tracer.RadionuclidePositronFraction = "0.967"
    tracer.RadionuclideCodeSequence = [_code("77004003", "Fluorine-18")]
    tracer.RadiopharmaceuticalCodeSequence = [_code("35321007", "Fluorodeoxyglucose F^18^")]
    return tracer


def _lie(dataset: Dataset) -> None:
    """Enter that the patient lies on the back, head first; with these codes a PET has no PatientPosition."""
    recumbent = _code("102538003", "recumbent")
    recumbent.PatientOrientationModifierCodeSequence = [_code("40199007", "supine")]
    dataset.PatientOrientationCodeSequence = [recumbent]
    dataset.PatientGantryRelationshipCodeSequence = [_code("102540008", "headfirst")]


def _code(value: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "SCT", meaning
    return code


def _time(dataset: Dataset, started: int, bed: int) -> None:
    """Set the times of a slice: the beds are scanned one after the other, upwards."""
    constant = np.log(2) / HALF_LIFE
    # When the activity is that of the bed's mean count rate.
    mean = np.log(constant * BED_SECONDS / -np.expm1(-constant * BED_SECONDS)) / constant
    reference = bed * BED_SECONDS + float(mean)
    dataset.AcquisitionDate = dataset.ContentDate = STUDY_DATE
    dataset.AcquisitionTime = dataset.ContentTime = time_of_day(started + bed * BED_SECONDS)
    dataset.ActualFrameDuration = 1000 * BED_SECONDS
    dataset.FrameReferenceTime = decimal(1000 * reference)
    dataset.DecayFactor = decimal(float(np.exp(constant * reference)))


def _on_pet_grid(study: LucidStudy) -> NDArray[np.bool_]:
    """Return the body at the PET's voxels, by nearest neighbour."""
    index = [
        np.clip(np.rint((axis.ravel() - origin) / spacing).astype(np.intp), 0, length - 1)
        for axis, origin, spacing, length in zip(
            study.pet_grid.axes(), study.grid.origin, study.grid.spacing, study.grid.shape, strict=True
        )
    ]
    return study.body[np.ix_(*index)] > 0


def _place(dataset: Dataset, grid: PhantomGrid, index: int) -> None:
    z, y, x = grid.origin
    depth, height, width = grid.spacing
    dataset.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    dataset.ImagePositionPatient = [decimal(value) for value in (x, y, z + index * depth)]
    dataset.PixelSpacing = [decimal(height), decimal(width)]
    dataset.SliceThickness = decimal(depth)


def _store(dataset: Dataset, values: NDArray[np.generic], slope: str | int, intercept: int) -> None:
    dataset.ImageComments = SYNTHETIC
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = values.shape
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 1
    dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept
    dataset.PixelData = values.astype("<i2").tobytes()
