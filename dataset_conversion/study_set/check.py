"""The checking pass over one patient of a study set: every image is read, nothing is written."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from nnunet_cipa.dataset_conversion.study_set.crop import Crop, find_crop
from nnunet_cipa.dataset_conversion.study_set.geometry_faults import geometry_fault
from nnunet_cipa.dataset_conversion.study_set.image import fingerprint
from nnunet_cipa.dataset_conversion.study_set.options import Roi
from nnunet_cipa.dataset_conversion.study_set.pet_cover import PetCover, measure_cover
from nnunet_cipa.dataset_conversion.study_set.registered import registration_fault
from nnunet_cipa.dataset_conversion.study_set.study_set import IMAGES, WRITTEN, Facts, Patient, Reading
from nnunet_cipa.dataset_conversion.study_set.value_faults import binary_fault, ct_fault, pet_fault, tumour_fault
from nnunet_cipa.dicom.rtstruct.roi_mask import note_of_gaps
from nnunet_cipa.errors import CIPAError

FaultOf = Callable[[NDArray[np.generic]], str | None]


@dataclass(frozen=True)
class StudyCheckJob:
    """A patient to check, the mask that is the truth, masks of organs, and whether the case will be cropped.

    Without a ``roi`` there is no truth, as of a patient to predict. ``may_be_empty`` is for masks without tumour, a
    PET with more than ``highest_suv`` is in other units, and one that covers less of the body than ``least_pet_cover``
    is another.
    """

    patient: Patient
    roi: Roi | None
    organs: tuple[str, ...] = ()
    crop: bool = False
    may_be_empty: bool = False
    highest_suv: float = 200.0
    least_pet_cover: float = 0.9

    @property
    def tumour(self) -> str | None:
        """Name of the mask that is the truth."""
        return None if self.roi is None else self.roi.value


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
        Volume of the mask and the number of slices it is on; None without a mask.
    pet_cover
        Part of the CT's field of view that the PET has.
    pet_body_cover
        Part of the body that the PET has, after the crop; None if it has all of the CT, or there is no body.
    orientation
        Of the CT's voxel axes as stored, such as LPS.
    values
        How the values of the volumes came about, for those of which there is something to tell.
    notes
        What the user should know of how the volumes were read, for those of which there is something (see ``Reading``).
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
    tumour_ml: float | None
    tumour_slices: int | None
    pet_cover: float
    pet_body_cover: float | None
    orientation: str
    values: dict[str, Facts]
    notes: dict[str, tuple[str, ...]]
    crop: Crop | None


@dataclass(frozen=True)
class CheckedStudy:
    """A patient after the checking pass; ``facts`` is None if there are ``problems``, a line each."""

    patient: Patient
    facts: PatientFacts | None
    problems: tuple[str, ...]


def check_study(job: StudyCheckJob) -> CheckedStudy:
    """Read the images of a patient, measure them and collect what is wrong with them."""
    problems: list[str] = []
    readings: dict[str, Reading] = {}
    faults: dict[str, FaultOf] = {"CT": ct_fault, "PET": partial(pet_fault, highest=job.highest_suv)}
    if job.tumour is not None:
        faults[job.tumour] = partial(tumour_fault, may_be_empty=job.may_be_empty)
    faults |= dict.fromkeys(job.organs, binary_fault)
    for name, fault_of in faults.items():
        try:
            reading = job.patient.read(name)
        except CIPAError as error:
            problems.append(str(error))
            continue
        fault = fault_of(sitk.GetArrayViewFromImage(reading.image))
        if fault is not None:
            problems.append(f"{job.patient.where(name)}: {fault}")
        readings[name] = reading
    if not problems and job.tumour is not None:
        readings[job.tumour] = _with_gaps(readings[job.tumour])
    images = {name: reading.image for name, reading in readings.items()}
    if not problems:
        fault = geometry_fault(job.patient, images, job.tumour, job.organs)
        problems += [] if fault is None else [fault]
        moved = registration_fault(images["CT"], images["PET"], readings["PET"].facts)
        problems += [] if moved is None else [f"{job.patient.where('PET')}: {moved}"]
    crop, cover = None, None
    if not problems:
        try:
            crop, cover = _crop(job, images)
        except CIPAError as error:
            problems.append(str(error))
        else:
            uncovered = cover.fault(job.least_pet_cover)
            problems += [] if uncovered is None else [f"{job.patient.where('PET')}: {uncovered}"]
    measured = None if problems or cover is None else _measure(job, readings, crop, cover)
    return CheckedStudy(job.patient, measured, tuple(problems))


def _with_gaps(tumour: Reading) -> Reading:
    """Add a note if slices seem to have been left out of a mask; of a structure set it may be there already."""
    note = note_of_gaps(tumour.image)
    return tumour if note is None or note in tumour.notes else replace(tumour, notes=(*tumour.notes, note))


def _crop(job: StudyCheckJob, images: dict[str, sitk.Image]) -> tuple[Crop | None, PetCover]:
    """Return what the case is to be cut to, and how much of that the PET covers."""
    if not job.crop:
        return None, measure_cover(images["CT"], images["PET"])
    ct = sitk.DICOMOrient(images["CT"], WRITTEN)
    mask = None if job.tumour is None else sitk.DICOMOrient(images[job.tumour], WRITTEN)
    x, y, z = ct.GetSpacing()
    tumour = None if mask is None else sitk.GetArrayViewFromImage(mask)
    crop = find_crop(sitk.GetArrayViewFromImage(ct), tumour, (z, y, x), job.patient.where("CT"))
    return crop, measure_cover(ct, images["PET"], crop)


def _measure(job: StudyCheckJob, readings: dict[str, Reading], crop: Crop | None, cover: PetCover) -> PatientFacts:
    images = {name: reading.image for name, reading in readings.items()}
    ct, pet = (images[name] for name in IMAGES)
    hu, suv = (sitk.GetArrayViewFromImage(image) for image in (ct, pet))
    tumour = None if job.tumour is None else sitk.GetArrayViewFromImage(images[job.tumour]) > 0
    told = {name: (*reading.notes, *(cover.notes if name == "PET" else ())) for name, reading in readings.items()}
    return PatientFacts(
        sha256={name: job.patient.sha256(name) for name in images},
        voxels_sha256={name: fingerprint(image) for name, image in images.items()},
        size=ct.GetSize(),
        spacing_mm=ct.GetSpacing(),
        pet_size=pet.GetSize(),
        pet_spacing_mm=pet.GetSpacing(),
        hu=(float(hu.min()), float(hu.max())),
        suv=(float(suv.min()), float(suv.max())),
        tumour_ml=None if tumour is None else float(np.count_nonzero(tumour) * np.prod(ct.GetSpacing()) / 1000),
        tumour_slices=None if tumour is None else int(np.count_nonzero(tumour.any(axis=(1, 2)))),
        pet_cover=cover.field,
        pet_body_cover=cover.body,
        orientation=sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(ct.GetDirection()),
        values={name: reading.facts for name, reading in readings.items() if reading.facts},
        notes={name: notes for name, notes in told.items() if notes},
        crop=crop,
    )
