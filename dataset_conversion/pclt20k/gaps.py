"""Suspects where slices are missing between neighbours that are numbered consecutively."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CT_JUMP = 1.6
CT_RISE = 1.25
AREA_RATIO = 3.0
BLOCKS = 64


@dataclass(frozen=True)
class SliceChange:
    """How one slice differs from the one before it.

    Attributes
    ----------
    area_ratio
        Larger tumour area over the smaller.
    overlap
        Tumour pixels both share, over the smaller area.
    ct_change
        Mean absolute difference of the CT's grey values, averaged over blocks of pixels, 64 to a side: that takes the
        noise away, which differs between any two slices.
    """

    area_ratio: float
    overlap: float
    ct_change: float


def measure_step(
    before: tuple[NDArray[np.uint8], NDArray[np.bool_]], after: tuple[NDArray[np.uint8], NDArray[np.bool_]]
) -> SliceChange:
    """Compare two neighbouring slices, each given as CT (rows, columns) and tumour (rows, columns)."""
    (ct0, tumour0), (ct1, tumour1) = before, after
    areas = np.count_nonzero(tumour0), np.count_nonzero(tumour1)
    shared = np.count_nonzero(tumour0 & tumour1)
    change = np.abs(_blocks(ct1) - _blocks(ct0)).mean()
    return SliceChange(max(areas) / min(areas), shared / min(areas), float(change))


def suspect_gaps(steps: list[SliceChange]) -> list[int]:
    """Return the indices i for which slices seem to be missing between slice i and slice i + 1.

    A step is suspected if the tumours of the two slices do not overlap; or the CT changes more than ``CT_JUMP`` times
    the median of the case's steps; or it changes more than ``CT_RISE`` times the median and the tumour's area more
    than ``AREA_RATIO`` times, which it also does at the ends of a tumour without a gap.
    """
    if not steps:
        return []
    usual = float(np.median([step.ct_change for step in steps]))
    return [
        index
        for index, step in enumerate(steps)
        if step.overlap == 0
        or step.ct_change > CT_JUMP * usual
        or (step.ct_change > CT_RISE * usual and step.area_ratio > AREA_RATIO)
    ]


def _blocks(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    size = max(1, min(image.shape) // BLOCKS)
    rows, columns = (length // size for length in image.shape)
    whole = image[: rows * size, : columns * size]
    means: NDArray[np.float64] = whole.reshape(rows, size, columns, size).mean(axis=(1, 3))
    return means
