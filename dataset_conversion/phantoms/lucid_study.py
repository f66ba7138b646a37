"""The volumes of one patient of the breathing phantom."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnunet_cipa.dataset_conversion.phantoms.geometry import FloatArray, PhantomGrid


@dataclass(frozen=True)
class LucidStudy:
    """One patient's images.

    Attributes
    ----------
    grid, pet_grid
        Of the CT and the masks, and of the PET.
    ct
        HU at one phase of breathing (int16).
    pet
        SUVbw, averaged over the cycle (float32).
    gtv, igtv
        Tumour at the CT's phase, and its union over the cycle (uint8).
    heart
        The heart at the CT's phase, which holds no tumour (uint8); empty if the scan does not reach it.
    body
        All within the skin (uint8).
    """

    grid: PhantomGrid
    pet_grid: PhantomGrid
    ct: NDArray[np.int16]
    pet: FloatArray
    gtv: NDArray[np.uint8]
    igtv: NDArray[np.uint8]
    heart: NDArray[np.uint8]
    body: NDArray[np.uint8]
