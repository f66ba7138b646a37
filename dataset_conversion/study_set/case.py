"""Writes one patient of a study set as an nnU-Net case: PET on the CT's grid, intensities, mask, provenance."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from nnunet_cipa.dataset_conversion.pipeline.dataset_files import (
    CONVERTED_BY,
    case_paths,
    ready_values,
    writing_case,
)
from nnunet_cipa.dataset_conversion.study_set.check import PatientFacts
from nnunet_cipa.dataset_conversion.study_set.options import LOWEST_HU, Intensity, Roi, Storage, Window
from nnunet_cipa.dataset_conversion.study_set.study_set import UNITS, WRITTEN, Patient
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.nifti_stream import NiftiStream

# nnU-Net does not look at them.
ORGAN_FOLDERS = {"train": "organsTr", "test": "organsTs"}


@dataclass(frozen=True)
class Grid:
    """Size, spacing, origin and direction of an image, without its voxels; as SimpleITK has them."""

    size: tuple[int, ...]
    spacing: tuple[float, ...]
    origin: tuple[float, ...]
    direction: tuple[float, ...]

    @classmethod
    def of(cls, image: sitk.Image) -> "Grid":
        """Take them from an image."""
        return cls(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection())


@dataclass(frozen=True)
class StudyCaseJob:
    """A checked patient, and the dataset folder it goes to; ``kind`` says what the patient comes from.

    Without a ``roi`` no label is written.
    """

    folder: Path
    kind: str
    patient: Patient
    facts: PatientFacts
    roi: Roi | None
    storage: Storage
    organs: tuple[str, ...] = ()

    @property
    def case(self) -> str:
        """Name of the case."""
        return self.patient.name

    def provenance(self) -> dict[str, object]:
        """Describe where the case comes from and what was done to it."""
        return {
            "case": self.case,
            "patient": self.patient.subject,
            "source": f"{self.kind} study set",
            "part": self.patient.part,
            "roi": None if self.roi is None else self.roi.value,
            "organs": self.organs,
            "converted_by": CONVERTED_BY,
            "units": UNITS,
            "pet_interpolation": "linear",
            "written_orientation": WRITTEN,
            **self.storage.facts(),
            **asdict(self.facts),
        }

    def write_volumes(self) -> list[Path]:
        """Write CT, PET, mask and organs of one patient; at any time one volume is held, twice at most.

        Raises
        ------
        CIPAError
            If a file has changed since it was checked, or the disk does not take the output.
        """
        ct_path, pet_path, label_path = case_paths(self.folder, self.patient.part, self.case)
        ct = _read_oriented(self, "CT")
        grid = Grid.of(ct)
        _write(self, ct_path, ct, partial(stored_hu, storage=self.storage))
        del ct
        _write(self, pet_path, resample_to(_read(self, "PET"), grid), partial(stored_suv, storage=self.storage))
        masks = {} if self.roi is None else {self.roi.value: label_path}
        organs = self.folder / ORGAN_FOLDERS[self.patient.part]
        masks |= {name: organs / f"{self.case}_{name}.nii.gz" for name in self.organs}
        for name, path in masks.items():
            _write(self, path, _read_oriented(self, name), _mask)
        return [ct_path, pet_path, *masks.values()]


def resample_to(image: sitk.Image, grid: Grid) -> sitk.Image:
    """Resample an image linearly to the voxels of a grid; outside its field of view it is 0."""
    place = grid.origin, grid.spacing, grid.direction
    return sitk.Resample(image, grid.size, sitk.Transform(), sitk.sitkLinear, *place, 0.0, sitk.sitkFloat32)


def stored_hu(values: NDArray[np.generic], storage: Storage) -> NDArray[np.float32]:
    """Turn HU into what is stored."""
    hu = np.maximum(values, np.float32(LOWEST_HU), dtype=np.float32)
    return window(hu, storage.hu_window) if storage.intensity is Intensity.WINDOW else hu


def stored_suv(values: NDArray[np.generic], storage: Storage) -> NDArray[np.float32]:
    """Turn SUV into what is stored."""
    suv = values.astype(np.float32)
    return window(suv, storage.suv_range) if storage.intensity is Intensity.WINDOW else suv


def window(values: NDArray[np.float32], limits: Window) -> NDArray[np.float32]:
    """Clip to limits and map them to 0 and 3.2, without rounding to 256 grey values."""
    low, high = limits
    return ready_values(((np.clip(values, low, high) - low) / (high - low)).astype(np.float32))


def _read(job: StudyCaseJob, name: str) -> sitk.Image:
    image = job.patient.read(name).image
    if job.patient.sha256(name) != job.facts.sha256[name]:
        raise CIPAError(f"{job.patient.where(name)}: changed during the conversion; run it again")
    return image


def _read_oriented(job: StudyCaseJob, name: str) -> sitk.Image:
    """Read a volume on the CT's grid as it is to be written: in its orientation, and cropped."""
    image = sitk.DICOMOrient(_read(job, name), WRITTEN)
    return image if job.facts.crop is None else image[job.facts.crop.region]


def _mask(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    return values.astype(np.uint8)


def _write(
    job: StudyCaseJob, path: Path, image: sitk.Image, to_store: Callable[[NDArray[np.generic]], NDArray[np.generic]]
) -> None:
    """Write an image, slice by slice as ``to_store`` makes of its values."""
    volume = sitk.GetArrayViewFromImage(image)
    dtype = to_store(volume[:1, :1, :1]).dtype
    with (
        writing_case(job.folder, job.patient.name),
        NiftiStream(path, volume.shape, image.GetSpacing(), dtype, image.GetOrigin()) as stream,
    ):
        for values in volume:
            stream.write(to_store(values))
