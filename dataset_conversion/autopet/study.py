"""One study of autoPET: its CT comes to the PET's grid, on which the lesions are."""

from dataclasses import dataclass, replace

import SimpleITK as sitk

from nnunet_cipa.dataset_conversion.study_set.image import read_nifti, same_grid
from nnunet_cipa.dataset_conversion.study_set.nifti_set import NiftiPatient
from nnunet_cipa.dataset_conversion.study_set.options import LOWEST_HU
from nnunet_cipa.dataset_conversion.study_set.pet_cover import pet_cover
from nnunet_cipa.dataset_conversion.study_set.study_set import Reading
from nnunet_cipa.errors import CIPAError

# A CT is 50 cm wide and a PET 70 cm: half of its area
LEAST_COVER = 0.25


@dataclass(frozen=True)
class AutopetStudy(NiftiPatient):
    """The files of a study, and the archive's name of it."""

    study: str = ""

    def read(self, volume: str) -> Reading:
        """Read a volume; a CT on a grid of its own is resampled to the PET's, as autoPET's CTres was."""
        found = super().read(volume)
        if volume != "CT":
            return found
        named = replace(found, facts={"study": self.study})
        pet = read_nifti(self.paths["PET"])
        if same_grid(found.image, pet):
            return named
        if pet_cover(pet, found.image) < LEAST_COVER:
            raise CIPAError(
                f"{self.where('CT')}: covers little or nothing of {self.where('PET')}; give the CT of the same study"
            )
        # Beyond the CT is air
        ct = sitk.Resample(found.image, pet, sitk.Transform(), sitk.sitkLinear, LOWEST_HU, sitk.sitkFloat32)
        return replace(named, image=ct, notes=("is on a grid of its own, and was resampled to the PET's",))
