"""Scans and tumours that a model was trained on, as far as its files tell, which may lack or spoil anything."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnunet_cipa.predict.model.trained import TrainedModel

_DAMAGE = (LookupError, TypeError, ValueError, AttributeError)


def trained_spacings(model: TrainedModel) -> NDArray[np.float64] | None:
    """Return z, y, x in mm of each training scan (scans, 3), or of the median alone; None if nothing tells."""
    try:
        if model.fingerprint is not None:
            return _sound(model.fingerprint["spacings"])
        median = np.asarray(model.plans["original_median_spacing_after_transp"], dtype=float)
        return _sound(median[model.plans["transpose_backward"]][None])
    except _DAMAGE:
        return None


def trained_range(model: TrainedModel, channel: int) -> tuple[float, float] | None:
    """Return the 0.5th and 99.5th percentile over the tumours' voxels, as they were stored; None if nothing tells."""
    try:
        found = model.plans["foreground_intensity_properties_per_channel"][str(channel)]
        low, high = (float(found[name]) for name in ("percentile_00_5", "percentile_99_5"))
    except _DAMAGE:
        return None
    return (low, high) if np.isfinite([low, high]).all() else None


def _sound(values: Any) -> NDArray[np.float64] | None:
    spacings = np.asarray(values, dtype=float)
    whole = spacings.ndim == 2 and spacings.shape[1] == 3 and len(spacings) > 0
    return spacings if whole and bool((np.isfinite(spacings) & (spacings > 0)).all()) else None
