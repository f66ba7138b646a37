"""Writes one patient of a study set as an nnU-Net case: PET on the CT's grid, intensities, mask, provenance."""

from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from nnunet_cipa.errors import CIPAError

from ..dataset_files import (
    CONVERTED_BY,
    FOLDERS,
    RAW_CHANNELS,
    READY_CHANNELS,
    network_values,
    write_json,
    writing_case,
)
from ..finished import note_finished
from ..nifti_stream import NiftiStream
from .check import PatientFacts
from .crop import Crop, find_crop
from .study_set import UNITS, Patient, Roi

# What scanners write outside the field of view (-3024, -2000) is not darker than air.
LOWEST_HU = -1024.0
# nnU-Net does not look at them.
ORGAN_FOLDERS = {"train": "organsTr", "test": "organsTs"}
Window = tuple[float, float]


class Intensity(str, Enum):
    """How values are stored.

    ``window``: clipped to a window and scaled to -1.6..1.6, which CIPA takes as it is. ``raw``: HU and SUV, for nnU-Net
    to normalise.
    """

    WINDOW = "window"
    RAW = "raw"

    @property
    def channel_names(self) -> dict[str, str]:
        """Channel names for dataset.json, by which nnU-Net chooses the normalisation."""
        return READY_CHANNELS if self is Intensity.WINDOW else RAW_CHANNELS


@dataclass(frozen=True)
class Storage:
    """How intensities are stored, and the windows of HU and SUV that ``Intensity.WINDOW`` needs."""

    intensity: Intensity = Intensity.WINDOW
    hu_window: Window = (-1200.0, -200.0)
    suv_range: Window = (0.0, 20.0)

    def facts(self) -> dict[str, object]:
        """Return what dataset.json and the provenance say of it."""
        window = self.intensity is Intensity.WINDOW
        return {
            "intensity": self.intensity.value,
            "lowest_hu": LOWEST_HU,
            "hu_window": self.hu_window if window else None,
            "suv_range": self.suv_range if window else None,
        }


@dataclass(frozen=True)
class CaseJob:
    """A checked patient, and the dataset folder it goes to; ``kind`` says what the patient comes from."""

    folder: Path
    kind: str
    patient: Patient
    facts: PatientFacts
    roi: Roi
    storage: Storage
    organs: tuple[str, ...] = ()
    crop: bool = False


def write_case(job: CaseJob) -> None:
    """Write CT, PET, mask, organs and provenance of one patient.

    Raises
    ------
    CIPAError
        If a file has changed since it was checked, or the disk does not take the output.
    """
    case = job.patient.name
    ct, pet, mask = (_read(job, name) for name in ("CT", "PET", job.roi.value))
    ct, mask = (sitk.DICOMOrient(image, "LPS") for image in (ct, mask))
    crop = _crop(job, ct, mask) if job.crop else None
    if crop is not None:
        ct, mask = ct[crop.region], mask[crop.region]
    hu = np.maximum(_values(ct), np.float32(LOWEST_HU))
    suv = _values(resample_to(pet, ct))
    if job.storage.intensity is Intensity.WINDOW:
        hu, suv = window(hu, job.storage.hu_window), window(suv, job.storage.suv_range)
    images, labels = (job.folder / name for name in FOLDERS[job.patient.part])
    with writing_case(job.folder, case):
        paths = [images / f"{case}_0000.nii.gz", images / f"{case}_0001.nii.gz", labels / f"{case}.nii.gz"]
        for path, values in zip(paths, (hu, suv, sitk.GetArrayViewFromImage(mask).astype(np.uint8)), strict=True):
            _write(path, values, ct)
        for name in job.organs:
            organ = sitk.DICOMOrient(_read(job, name), "LPS")
            organ = organ if crop is None else organ[crop.region]
            path = job.folder / ORGAN_FOLDERS[job.patient.part] / f"{case}_{name}.nii.gz"
            _write(path, sitk.GetArrayViewFromImage(organ).astype(np.uint8), ct)
            paths.append(path)
        paths.append(job.folder / "provenance" / f"{case}.json")
        write_json(paths[-1], provenance(job, crop))
        note_finished(job.folder, case, made_from(job), paths)


def resample_to(image: sitk.Image, grid: sitk.Image) -> sitk.Image:
    """Resample an image linearly to the voxels of another; outside its field of view it is 0."""
    return sitk.Resample(image, grid, sitk.Transform(), sitk.sitkLinear, 0.0, sitk.sitkFloat32)


def window(values: NDArray[np.float32], limits: Window) -> NDArray[np.float32]:
    """Clip to limits and map them to -1.6 and 1.6, without rounding to 256 grey values."""
    low, high = limits
    return network_values(((np.clip(values, low, high) - low) / (high - low)).astype(np.float32))


def provenance(job: CaseJob, crop: Crop | None) -> dict[str, object]:
    """Describe where a case comes from and what was done to it."""
    return {
        "case": job.patient.name,
        "source": f"{job.kind} study set",
        "part": job.patient.part,
        "roi": job.roi.value,
        "organs": job.organs,
        "converted_by": CONVERTED_BY,
        "units": UNITS,
        "pet_interpolation": "linear",
        "written_orientation": "LPS",
        "crop": None if crop is None else asdict(crop),
        **job.storage.facts(),
        **asdict(job.facts),
    }


def made_from(job: CaseJob) -> dict[str, object]:
    """Return all that decides what the files of a case hold; where it is cropped follows from the images."""
    return {**provenance(job, None), "crop": job.crop}


def _read(job: CaseJob, name: str) -> sitk.Image:
    image, _ = job.patient.read(name)
    if job.patient.sha256(name) != job.facts.sha256[name]:
        raise CIPAError(f"{job.patient.where(name)}: changed during the conversion; run it again")
    return image


def _crop(job: CaseJob, ct: sitk.Image, mask: sitk.Image) -> Crop:
    hu, tumour = (sitk.GetArrayViewFromImage(image) for image in (ct, mask))
    x, y, z = ct.GetSpacing()
    return find_crop(hu, tumour, (z, y, x), job.patient.where("CT"))


def _values(image: sitk.Image) -> NDArray[np.float32]:
    return sitk.GetArrayFromImage(image).astype(np.float32)


def _write(path: Path, values: NDArray[np.generic], grid: sitk.Image) -> None:
    with NiftiStream(path, values.shape, grid.GetSpacing(), values.dtype, grid.GetOrigin()) as stream:
        stream.write_all(values)
