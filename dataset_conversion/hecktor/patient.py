"""One patient of HECKTOR: the chosen values of its label become a mask on the CT's grid."""

from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk

from nnunet_cipa.dataset_conversion.hecktor.options import Region
from nnunet_cipa.dataset_conversion.study_set.image import read_nifti, same_grid
from nnunet_cipa.dataset_conversion.study_set.nifti_set import NiftiPatient
from nnunet_cipa.dataset_conversion.study_set.study_set import Facts, Reading
from nnunet_cipa.errors import CIPAError

_VALUES = (0, 1, 2)


@dataclass(frozen=True)
class HecktorPatient(NiftiPatient):
    """The files of a patient, and what of the label is the tumour."""

    region: Region = Region.BOTH

    def read(self, volume: str) -> Reading:
        """Read a volume; a label on the PET's grid comes to the CT's by nearest neighbour.

        Raises
        ------
        CIPAError
            If it cannot be read, or a label has other values or lies on neither grid.
        """
        found = super().read(volume)
        if volume != "GTV":
            return found
        values = np.unique(sitk.GetArrayViewFromImage(found.image))
        if not np.isin(values, _VALUES).all():
            raise CIPAError(
                f"{self.where(volume)}: holds the values {values[:5].tolist()}, but HECKTOR's are 0, 1 (GTVp) and 2 "
                "(GTVn); write the label again"
            )
        mask = self._chosen(found.image)
        facts: Facts = {"region": self.region.value}
        ct = read_nifti(self.paths["CT"])
        if same_grid(mask, ct):
            return replace(found, image=mask, facts=facts)
        if not same_grid(mask, read_nifti(self.paths["PET"])):
            raise CIPAError(
                f"{self.where(volume)}: is neither on the grid of the CT nor on that of the PET; resample it to the "
                "CT by nearest neighbour"
            )
        moved = sitk.Resample(mask, ct, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
        return Reading(moved, facts, ("is on the PET's grid, and was brought to the CT's by nearest neighbour",))

    def _chosen(self, label: sitk.Image) -> sitk.Image:
        inside = np.isin(sitk.GetArrayViewFromImage(label), self.region.values)
        mask = sitk.GetImageFromArray(inside.astype(np.uint8))
        mask.CopyInformation(label)
        return mask
