"""Parts of the cases by the volume of their true tumour."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np


@dataclass(frozen=True)
class Stratum:
    """Cases with true volumes from ``low`` to ``high`` ml."""

    title: str
    low: float
    high: float
    cases: tuple[str, ...]


def volume_strata(volumes: Mapping[str, float], parts: int = 3) -> list[Stratum]:
    """Part cases by their true volume into groups of about equal number; cases without tumour are in none.

    Parameters
    ----------
    volumes : dict
        Case -> true volume in ml.
    parts : int
        Number of groups; equal volumes stay together, so there may be fewer.
    """
    tumours = {case: volume for case, volume in volumes.items() if volume > 0}
    if not tumours:
        return []
    inner = np.quantile(list(tumours.values()), np.arange(1, parts) / parts)
    edges = [-math.inf, *sorted({float(edge) for edge in inner}), math.inf]
    strata = []
    for low, high in pairwise(edges):
        inside = {case: volume for case, volume in tumours.items() if low < volume <= high}
        if inside:
            smallest, largest = min(inside.values()), max(inside.values())
            strata.append(Stratum(f"{smallest:.3g} to {largest:.3g} ml", smallest, largest, tuple(sorted(inside))))
    return strata
