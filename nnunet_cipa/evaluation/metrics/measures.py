"""The measures of one case: every metric of the catalogue for its two masks."""

import math
from collections.abc import Iterator, Mapping

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.evaluation.metrics.catalogue import TOLERANCE_MM, all_metrics
from nnunet_cipa.evaluation.metrics.masks import MaskPair
from nnunet_cipa.files.volumes import Volume


class Measures(Mapping[str, float]):
    """What one case scored: name of a metric -> value, NaN where it is not defined; each is an attribute too.

    One rule holds for empty masks. If both are empty, overlaps and distances are not defined. If one is, every overlap
    is 0 and every distance is the image's diagonal.

    Parameters
    ----------
    **values : float
        By the names of the catalogue.
    """

    def __init__(self, **values: float) -> None:
        self._values = values

    def __getitem__(self, name: str) -> float:
        """Return the value of a metric."""
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        """Return the names of the metrics, in the order of the catalogue."""
        return iter(self._values)

    def __len__(self) -> int:
        """Return how many metrics there are."""
        return len(self._values)

    def __getattr__(self, name: str) -> float:
        """Return the value of a metric."""
        # "_values" itself is asked for while a copy from another process is not yet filled
        if name == "_values" or name not in self._values:
            raise AttributeError(f"{type(self).__name__} has no metric {name!r}")
        return self._values[name]

    def __repr__(self) -> str:
        """Return it as it is made."""
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.items())})"


def measure(truth: Volume, prediction: Volume, tolerance_mm: float = TOLERANCE_MM) -> Measures:
    """Compare two masks of one case, as ``read_mask`` gives them.

    Parameters
    ----------
    truth, prediction : Volume
        Masks (z, y, x).
    tolerance_mm : float
        Of the normalised surface Dice.

    Raises
    ------
    CIPAError
        If they do not lie on one voxel grid, or the tolerance is not a positive number.
    """
    check_tolerance(tolerance_mm)
    masks = MaskPair.of(truth, prediction, tolerance_mm)
    return Measures(**{metric.name: metric.compute(masks) for metric in all_metrics()})


def check_tolerance(tolerance_mm: float) -> None:
    """Refuse a tolerance of the normalised surface Dice that cannot be.

    Raises
    ------
    CIPAError
        If it is not finite or not above 0.
    """
    if not (math.isfinite(tolerance_mm) and tolerance_mm > 0):
        raise CIPAError(f"tolerance {tolerance_mm:g} mm: give a positive number of mm for the normalised surface Dice")
