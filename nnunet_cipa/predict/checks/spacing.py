"""A check of the distance of slices and the size of pixels against the scans that the model was trained on."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from nnunet_cipa.predict.lesions.measured import PatientLesions
from nnunet_cipa.predict.model.trained import TrainedModel
from nnunet_cipa.predict.predicted import Predicted

# So many times beyond the training scans is told: of their range, or where that is not known of their median.
BEYOND_RANGE, BEYOND_MEDIAN = 1.25, 1.5
_FOUND = ("slices are {:.2f} mm apart", "rows are {:.2f} mm apart", "columns are {:.2f} mm apart")


def unlike_the_training_scans(predicted: Predicted, _lesions: PatientLesions) -> Iterator[str]:
    """Tell of slices, rows or columns that are much closer or wider apart than those of the training scans."""
    trained, factor = _trained(predicted.model)
    low, high = trained.min(axis=0), trained.max(axis=0)
    for axis, found in enumerate(predicted.ct.GetSpacing()[::-1]):
        if not low[axis] / factor <= found <= high[axis] * factor:
            known = (
                f"{low[axis]:.2f} to {high[axis]:.2f} mm" if len(trained) > 1 else f"{low[axis]:.2f} mm at the median"
            )
            yield f"The CT's {_FOUND[axis].format(found)}; in the scans that the model was trained on it was {known}."


def _trained(model: TrainedModel) -> tuple[NDArray[np.float64], float]:
    """Return spacings (scans, 3), z, y, x in mm, that a model knows, and how far beyond them it is told."""
    if model.fingerprint is not None:
        return np.array(model.fingerprint["spacings"], dtype=float), BEYOND_RANGE
    median = np.array(model.plans["original_median_spacing_after_transp"], dtype=float)
    return median[model.plans["transpose_backward"]][None], BEYOND_MEDIAN
