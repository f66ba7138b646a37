"""Faults in how a patient's volumes lie."""

import SimpleITK as sitk

from nnunet_cipa.dataset_conversion.study_set.image import same_grid
from nnunet_cipa.dataset_conversion.study_set.pet_cover import covers_all
from nnunet_cipa.dataset_conversion.study_set.study_set import IMAGES, Patient

CT, PET = IMAGES


def geometry_fault(
    patient: Patient, images: dict[str, sitk.Image], tumour: str | None, organs: tuple[str, ...]
) -> str | None:
    """Return why the volumes of a patient do not lie as they must: masks on the CT's grid, the PET over the tumour.

    Parameters
    ----------
    patient
        For the places in the message.
    images
        CT, PET and masks by their names.
    tumour, organs
        Names of the masks; no tumour where there is none to compare with.
    """
    ct = images[CT]
    for name in (*(() if tumour is None else (tumour,)), *organs):
        if not same_grid(images[name], ct):
            grids = f"{_grid(images[name])} is not the grid of the CT, {_grid(ct)}"
            return f"{patient.where(name)}: {grids}; resample the mask to the CT by nearest neighbour"
    if tumour is not None and not covers_all(images[tumour], images[PET]):
        return f"{patient.where(PET)}: does not cover all of the {tumour}; give a PET in the CT's frame that does"
    return None


def _grid(image: sitk.Image) -> str:
    size = " x ".join(str(n) for n in image.GetSize())
    spacing = " x ".join(f"{s:.4g}" for s in image.GetSpacing())
    origin = ", ".join(f"{o:.2f}" for o in image.GetOrigin())
    return f"{size} voxels of {spacing} mm from ({origin})"
