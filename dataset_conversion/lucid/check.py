"""The checking pass over one patient of a study set: every image is read, nothing is written."""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from nnunet_cipa.errors import CIPAError

from .crop import Crop, find_crop
from .image import corner_points, fingerprint, same_grid
from .study_set import IMAGES, WRITTEN, Facts, Patient, Roi

HU_LOWEST, HU_HIGHEST, AIR_BELOW = -3100.0, 40000.0, -200.0
SUV_LOWEST, SUV_LEAST_MAXIMUM, SUV_HIGHEST = -1.0, 0.5, 200.0
LEAST_COVER = 0.9
MOST_TUMOUR = 0.5


@dataclass(frozen=True)
class CheckJob:
    """A patient to check, the mask that is the truth, masks of organs, and whether the case will be cropped."""

    patient: Patient
    roi: Roi
    organs: tuple[str, ...] = ()
    crop: bool = False


@dataclass(frozen=True)
class PatientFacts:
    """What was measured of one patient.

    Attributes
    ----------
    sha256, voxels_sha256
        Of the files and of the images' values, by ``CT``, ``PET`` and the mask's name.
    size, spacing_mm, pet_size, pet_spacing_mm
        Columns, rows, slices; along x, y, z.
    hu, suv
        Least and greatest value.
    tumour_ml, tumour_slices
        Volume of the mask and the number of slices it is on.
    pet_cover
        Part of the CT's field of view that the PET has.
    orientation
        Of the CT's voxel axes as stored, such as LPS.
    values
        How the values of the volumes came about, for those of which there is something to tell.
    crop
        What the case is to be cut to; None for all of it.
    """

    sha256: dict[str, str]
    voxels_sha256: dict[str, str]
    size: tuple[int, ...]
    spacing_mm: tuple[float, ...]
    pet_size: tuple[int, ...]
    pet_spacing_mm: tuple[float, ...]
    hu: tuple[float, float]
    suv: tuple[float, float]
    tumour_ml: float
    tumour_slices: int
    pet_cover: float
    orientation: str
    values: dict[str, Facts]
    crop: Crop | None


@dataclass(frozen=True)
class CheckedPatient:
    """A patient after the checking pass; ``facts`` is None if there are ``problems``, a line each."""

    patient: Patient
    facts: PatientFacts | None
    problems: tuple[str, ...]


def check_patient(job: CheckJob) -> CheckedPatient:
    """Read the images of a patient, measure them and collect what is wrong with them."""
    problems: list[str] = []
    images: dict[str, sitk.Image] = {}
    values: dict[str, Facts] = {}
    organs = ((name, _binary_fault) for name in job.organs)
    for name, fault_of in (("CT", _ct_fault), ("PET", _pet_fault), (job.roi.value, _mask_fault), *organs):
        try:
            image, facts = job.patient.read(name)
        except CIPAError as error:
            problems.append(str(error))
            continue
        fault = fault_of(sitk.GetArrayViewFromImage(image))
        if fault is not None:
            problems.append(f"{job.patient.where(name)}: {fault}")
        images[name] = image
        if facts:
            values[name] = facts
    if not problems:
        fault = _geometry_fault(job, images)
        problems += [] if fault is None else [fault]
    crop = None
    if job.crop and not problems:
        try:
            crop = _crop(job, images)
        except CIPAError as error:
            problems.append(str(error))
    measured = None if problems else _measure(job, images, values, crop)
    return CheckedPatient(job.patient, measured, tuple(problems))


def pet_cover(ct: sitk.Image, pet: sitk.Image) -> float:
    """Return the part of the CT's field of view that lies in the PET's."""
    (ct_low, ct_high), (pet_low, pet_high) = _box(ct), _box(pet)
    common = np.clip(np.minimum(ct_high, pet_high) - np.maximum(ct_low, pet_low), 0, None)
    return float(np.prod(common / (ct_high - ct_low)))


def _ct_fault(values: NDArray[np.generic]) -> str | None:
    low, high = float(values.min()), float(values.max())
    if low < HU_LOWEST or high > HU_HIGHEST:
        return f"values {low:g} to {high:g} are no HU ({HU_LOWEST:g} to {HU_HIGHEST:g}); rescale them to HU"
    if low > AIR_BELOW:
        return f"the lowest value is {low:g}, so there is no air and these are no HU; write the CT in HU, not windowed"
    return None


def _pet_fault(values: NDArray[np.generic]) -> str | None:
    low, high = float(values.min()), float(values.max())
    if low < SUV_LOWEST:
        return f"the lowest value is {low:g}, which is no SUV; write the PET in SUV by body weight"
    if high > SUV_HIGHEST:
        return (
            f"the highest value is {high:g}, and SUV above {SUV_HIGHEST:g} is not plausible; likely Bq/ml, or a wrong "
            "weight or dose: correct it, and convert the PET to SUV by body weight"
        )
    if high < SUV_LEAST_MAXIMUM:
        return f"the highest value is {high:g}, so there is no uptake in SUV; write the PET in SUV by body weight"
    return None


def _binary_fault(values: NDArray[np.generic]) -> str | None:
    found = np.unique(values)
    if not np.isin(found, (0, 1)).all():
        return f"holds the values {found[:5].tolist()}, but a mask is 0 and 1; write it so, one region in a file"
    return None


def _mask_fault(values: NDArray[np.generic]) -> str | None:
    fault = _binary_fault(values)
    if fault is not None:
        return fault
    part = float(np.count_nonzero(values)) / values.size
    if part == 0:
        return "is empty; contour the region or remove the patient"
    if part > MOST_TUMOUR:
        return f"{part:.0%} of the voxels are 1, as in an inverted mask; write 1 for the tumour"
    return None


def _geometry_fault(job: CheckJob, images: dict[str, sitk.Image]) -> str | None:
    ct, pet = (images[name] for name in IMAGES)
    for name in (job.roi.value, *job.organs):
        if not same_grid(images[name], ct):
            grids = f"{_grid(images[name])} is not the grid of the CT, {_grid(ct)}"
            return f"{job.patient.where(name)}: {grids}; resample the mask to the CT by nearest neighbour"
    cover = pet_cover(ct, pet)
    where = job.patient.where("PET")
    if cover < LEAST_COVER:
        return (
            f"{where}: covers {cover:.0%} of the CT's field of view, and {LEAST_COVER:.0%} are needed; give a PET "
            "in the CT's frame, or crop the CT"
        )
    low, high = _box(_tumour_box(images[job.roi.value]))
    pet_low, pet_high = _box(pet)
    if (low < pet_low - 1e-3).any() or (high > pet_high + 1e-3).any():
        return f"{where}: does not cover all of the {job.roi.value}; give a PET in the CT's frame that holds the tumour"
    return None


def _tumour_box(mask: sitk.Image) -> sitk.Image:
    where = np.nonzero(sitk.GetArrayViewFromImage(mask))
    z, y, x = (slice(int(axis.min()), int(axis.max()) + 1) for axis in where)
    return mask[x, y, z]


def _box(image: sitk.Image) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest coordinate in mm of the voxels' outer faces; the axes are those of the patient."""
    points = corner_points(image)
    half = np.asarray(image.GetSpacing()) / 2
    return points.min(axis=0) - half, points.max(axis=0) + half


def _grid(image: sitk.Image) -> str:
    size = " x ".join(str(n) for n in image.GetSize())
    spacing = " x ".join(f"{s:.4g}" for s in image.GetSpacing())
    origin = ", ".join(f"{o:.2f}" for o in image.GetOrigin())
    return f"{size} voxels of {spacing} mm from ({origin})"


def _crop(job: CheckJob, images: dict[str, sitk.Image]) -> Crop:
    ct, mask = (sitk.DICOMOrient(images[name], WRITTEN) for name in ("CT", job.roi.value))
    hu, tumour = (sitk.GetArrayViewFromImage(image) for image in (ct, mask))
    x, y, z = ct.GetSpacing()
    return find_crop(hu, tumour, (z, y, x), job.patient.where("CT"))


def _measure(job: CheckJob, images: dict[str, sitk.Image], values: dict[str, Facts], crop: Crop | None) -> PatientFacts:
    ct, pet = (images[name] for name in IMAGES)
    hu, suv = (sitk.GetArrayViewFromImage(image) for image in (ct, pet))
    tumour = sitk.GetArrayViewFromImage(images[job.roi.value]) > 0
    return PatientFacts(
        sha256={name: job.patient.sha256(name) for name in images},
        voxels_sha256={name: fingerprint(image) for name, image in images.items()},
        size=ct.GetSize(),
        spacing_mm=ct.GetSpacing(),
        pet_size=pet.GetSize(),
        pet_spacing_mm=pet.GetSpacing(),
        hu=(float(hu.min()), float(hu.max())),
        suv=(float(suv.min()), float(suv.max())),
        tumour_ml=float(np.count_nonzero(tumour) * np.prod(ct.GetSpacing()) / 1000),
        tumour_slices=int(np.count_nonzero(tumour.any(axis=(1, 2)))),
        pet_cover=pet_cover(ct, pet),
        orientation=sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(ct.GetDirection()),
        values=values,
        crop=crop,
    )
