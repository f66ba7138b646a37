"""Faults that the values of a volume show: a line with the remedy, or None."""

import numpy as np
from numpy.typing import NDArray

HU_LOWEST, HU_HIGHEST, AIR_BELOW = -3100.0, 40000.0, -200.0
SUV_LOWEST, SUV_LEAST_MAXIMUM = -1.0, 0.5
MOST_TUMOUR = 0.5


def ct_fault(values: NDArray[np.generic]) -> str | None:
    """Return why values are not those of a CT in HU."""
    low, high = float(values.min()), float(values.max())
    if low < HU_LOWEST or high > HU_HIGHEST:
        return f"values {low:g} to {high:g} are not HU ({HU_LOWEST:g} to {HU_HIGHEST:g}); rescale them to HU"
    if low > AIR_BELOW:
        return f"the lowest value is {low:g}, so there is no air and these are not HU; write the CT in HU, not windowed"
    return None


def pet_fault(values: NDArray[np.generic], highest: float) -> str | None:
    """Return why values are not those of a PET in SUV by body weight, none of which is above ``highest``."""
    low, high = float(values.min()), float(values.max())
    if low < SUV_LOWEST:
        return f"the lowest value is {low:g}, which is not SUV; write the PET in SUV by body weight"
    if high > highest:
        return (
            f"the highest value is {high:g}, and SUV above {highest:g} is not plausible; likely Bq/ml, or a wrong "
            "weight or dose: correct it, and convert the PET to SUV by body weight, or give a --highest-suv above it"
        )
    if high < SUV_LEAST_MAXIMUM:
        return (
            f"the highest value is {high:g}, so there is no uptake in SUV; likely other units, or a wrong weight or "
            "dose: correct it, and write the PET in SUV by body weight"
        )
    return None


def binary_fault(values: NDArray[np.generic]) -> str | None:
    """Return why values are not those of a mask."""
    found = np.unique(values)
    if not np.isin(found, (0, 1)).all():
        return f"holds the values {found[:5].tolist()}, but a mask is 0 and 1; write it so, one region in a file"
    return None


def tumour_fault(values: NDArray[np.generic], *, may_be_empty: bool = False) -> str | None:
    """Return why values are not those of the mask of a tumour."""
    fault = binary_fault(values)
    if fault is not None:
        return fault
    part = float(np.count_nonzero(values)) / values.size
    if part == 0 and not may_be_empty:
        return "is empty; contour the region or remove the patient"
    if part > MOST_TUMOUR:
        return (
            f"{part:.0%} of the voxels are 1, as in an inverted mask; write 1 for the tumour, or choose another region "
            "with --roi"
        )
    return None
