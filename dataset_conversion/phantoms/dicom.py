"""A synthetic patient as a hospital would export it: CT, PET and RTSTRUCT in DICOM, in one folder."""

from pathlib import Path

import numpy as np

from nnunet_cipa.dataset_conversion.phantoms.dicom_headers import Identity
from nnunet_cipa.dataset_conversion.phantoms.dicom_series import (
    draw_injection,
    write_ct,
    write_pet,
    write_uncorrected_pet,
)
from nnunet_cipa.dataset_conversion.phantoms.dicom_structures import write_structures
from nnunet_cipa.dataset_conversion.phantoms.lucid_study import LucidStudy


def write_dicom(folder: Path, identity: Identity, study: LucidStudy) -> None:
    """Write a patient's objects to a new folder, under names that tell neither series nor order.

    CT and PET share a frame of reference. Every second patient, from the second on, has a PET without attenuation
    correction too.

    Parameters
    ----------
    folder
        Does not exist yet.
    identity
        Who the patient is.
    study
        The images, as ``image_study`` makes them.
    """
    folder.mkdir()
    injection = draw_injection(np.random.default_rng([identity.seed, identity.index, 3]))
    write_ct(folder, identity, study, injection)
    write_pet(folder, identity, study, injection)
    if identity.index % 2 == 1:
        write_uncorrected_pet(folder, identity, study, injection)
    write_structures(folder, identity, study, injection)
