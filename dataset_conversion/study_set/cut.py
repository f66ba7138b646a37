"""Cuts a patient's CT and masks, as they are read, to the PET's field of view or to the slices with tumour."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import SimpleITK as sitk

from nnunet_cipa.dataset_conversion.study_set.image import corner_points
from nnunet_cipa.dataset_conversion.study_set.study_set import Patient, Reading
from nnunet_cipa.errors import CIPAError

Box = tuple[slice, slice, slice]


@dataclass(frozen=True)
class CutPatient:
    """A patient of whom only a part of the CT and of the masks is read; the PET is whole.

    Attributes
    ----------
    patient
        The whole patient; masks are on the CT's grid.
    tumour
        Name of the mask of the tumour.
    to_pet
        Leave out what the PET does not cover.
    to_tumour
        Leave out the slices before the first and after the last with tumour, if there is any.
    """

    patient: Patient
    tumour: str
    to_pet: bool
    to_tumour: bool

    @property
    def name(self) -> str:
        """Name of the case."""
        return self.patient.name

    @property
    def subject(self) -> str:
        """Whose study it is."""
        return self.patient.subject

    @property
    def part(self) -> str:
        """Either ``train`` or ``test``."""
        return self.patient.part

    def where(self, volume: str) -> str:
        """Say where a volume is."""
        return self.patient.where(volume)

    def sha256(self, volume: str) -> str:
        """Hash the files of a volume."""
        return self.patient.sha256(volume)

    def read(self, volume: str) -> Reading:
        """Read a volume, and cut it.

        Raises
        ------
        CIPAError
            If nothing is left, or a part of the tumour is not.
        """
        whole = self.patient.read(volume)
        if volume == "PET":
            return whole
        part = whole.image[self._box]
        if volume == self.tumour:
            lost = _count(whole.image) - _count(part)
            if lost:
                raise CIPAError(
                    f"{self.where('PET')}: does not cover {lost} of the {_count(whole.image)} voxels of the tumour in "
                    f"{self.where(volume)}; give a PET that holds the tumour, or remove the patient"
                )
        offset, size = ([int(at) for at in found] for found in zip(*map(_extent, self._box), strict=True))
        cut = {"offset": offset, "size": size, "original_size": list(whole.image.GetSize())}
        return replace(whole, image=part, facts={**whole.facts, "cut": cut})

    @cached_property
    def _box(self) -> Box:
        """Voxels of the CT along x, y, z, as they are stored."""
        tumour = self.patient.read(self.tumour).image
        box: Box = tuple(slice(0, length) for length in tumour.GetSize())  # type: ignore[assignment]
        if self.to_pet:
            box = _covered(self.patient.read("CT").image, self.patient.read("PET").image)
            if any(part.stop <= part.start for part in box):
                raise CIPAError(
                    f"{self.where('PET')}: lies beside {self.where('CT')}; give a PET and a CT of one study, in "
                    "one frame"
                )
        slices = np.flatnonzero(sitk.GetArrayViewFromImage(tumour).any(axis=(1, 2)))
        if self.to_tumour and len(slices):
            first, last = int(slices[0]), int(slices[-1])
            box = (box[0], box[1], slice(max(box[2].start, first), min(box[2].stop, last + 1)))
        return box


def _covered(ct: sitk.Image, pet: sitk.Image) -> Box:
    """Return the voxels of an axial CT whose centres lie within the voxels of the PET."""
    points, half = corner_points(pet), np.asarray(pet.GetSpacing()) / 2
    corners = np.stack([points.min(axis=0) - half, points.max(axis=0) + half])
    ends = np.array([ct.TransformPhysicalPointToContinuousIndex(corner.tolist()) for corner in corners])
    low, high = np.ceil(ends.min(axis=0) - 1e-6), np.floor(ends.max(axis=0) + 1e-6)
    x, y, z = (
        slice(max(0, int(start)), max(0, min(length, int(end) + 1)))
        for start, end, length in zip(low, high, ct.GetSize(), strict=True)
    )
    return x, y, z


def _count(mask: sitk.Image) -> int:
    return int(np.count_nonzero(sitk.GetArrayViewFromImage(mask)))


def _extent(part: slice) -> tuple[int, int]:
    return part.start, part.stop - part.start
