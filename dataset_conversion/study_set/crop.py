"""Crops a CT to the patient's outline in the axial plane, so that patches are not spent on air, and undoes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nnunet_cipa.dataset_conversion.study_set.body import LEAST_BODY_ML, TISSUE_ABOVE, find_body, largest
from nnunet_cipa.errors import CIPAError

MARGIN_MM = 10.0
Box: TypeAlias = tuple[slice, slice, slice]
Triple: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True)
class Crop:
    """Which part of a CT a case was cut to: x, y, z in voxels of the CT in the orientation that is written.

    Attributes
    ----------
    offset, size
        Of the part.
    original_size
        Of the CT.
    margin_mm
        Left round the body.
    enlarged_for_tumour
        Whether the body's box would have cut the tumour or its margin, and was enlarged.
    """

    offset: Triple
    size: Triple
    original_size: Triple
    margin_mm: float
    enlarged_for_tumour: bool

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Crop":
        """Make it again from what a case's provenance has under ``crop``."""
        offset, size, original = (tuple(content[name]) for name in ("offset", "size", "original_size"))
        return cls(offset, size, original, content["margin_mm"], content["enlarged_for_tumour"])

    @property
    def region(self) -> Box:
        """Slices along x, y, z, as SimpleITK takes them; it keeps the part where it is in space."""
        x, y, z = (slice(start, start + length) for start, length in zip(self.offset, self.size, strict=True))
        return x, y, z

    def pad(self, part: NDArray[np.generic]) -> NDArray[np.generic]:
        """Put an array (z, y, x) of the case back among zeros of the CT's size.

        Raises
        ------
        CIPAError
            If the array is not of the case's size.
        """
        if part.shape != self.size[::-1]:
            raise CIPAError(
                f"an array of {part.shape} voxels (z, y, x) does not fit the crop of {self.size[::-1]}; give one of "
                "the case that the crop was recorded for"
            )
        whole = np.zeros(self.original_size[::-1], dtype=part.dtype)
        whole[self.region[::-1]] = part
        return whole


def find_crop(hu: NDArray[Any], tumour: NDArray[Any] | None, spacing: tuple[float, float, float], source: str) -> Crop:
    """Crop to the body; the tumour, with the margin, is inside whatever the body's outline is.

    Parameters
    ----------
    hu, tumour
        The CT and a mask, or None where there is none to keep, (z, y, x).
    spacing
        In mm, z, y, x.
    source
        Names the CT in errors.

    Raises
    ------
    CIPAError
        If there is no body.
    """
    outline = body_box(hu, spacing, source)
    box = outline
    if tumour is not None and tumour.any():
        # Every slice is kept, so only what lies in the plane can be cut.
        rows, columns = (_extent((tumour != 0).any(axis=(0, 2 - axis)), spacing[axis + 1]) for axis in (0, 1))
        box = outline[0], _union(outline[1], rows), _union(outline[2], columns)
    offset, size = ([part.start for part in box[::-1]], [part.stop - part.start for part in box[::-1]])
    return Crop(
        offset=(offset[0], offset[1], offset[2]),
        size=(size[0], size[1], size[2]),
        original_size=(hu.shape[2], hu.shape[1], hu.shape[0]),
        margin_mm=MARGIN_MM,
        enlarged_for_tumour=box != outline,
    )


def body_box(hu: NDArray[Any], spacing: tuple[float, float, float], source: str = "CT") -> Box:
    """Find the smallest axial rectangle that holds the trunk on every slice, with a margin of 10 mm.

    The body is that of ``find_body``; on each slice its largest part is the trunk, so that arms beside it do not count.
    Where the outline bends sharply, the opening takes up to 6 mm of the margin.

    Parameters
    ----------
    hu
        (z, y, x); y runs to the back.
    spacing
        In mm, z, y, x.
    source
        Names the CT in errors.

    Returns
    -------
    tuple of slice
        Along z (all), y and x.

    Raises
    ------
    CIPAError
        If the body has less than 250 ml.
    """
    body = find_body(hu, spacing)
    if body.millilitres < LEAST_BODY_ML:
        raise CIPAError(
            f"{source}: has no body to crop to, as the largest region above {TISSUE_ABOVE:g} HU has "
            f"{body.millilitres:.0f} ml; check that it is in HU, or leave out --crop"
        )
    trunk = np.zeros(body.mask.shape[1:], dtype=bool)
    for values in body.mask:
        trunk |= largest(values)
    rows, columns = (
        _extent(np.repeat(trunk.any(axis=1 - axis), step)[:length], size)
        for axis, (step, length, size) in enumerate(zip(body.steps, hu.shape[1:], spacing[1:], strict=True))
    )
    return slice(0, len(hu)), rows, columns


def _extent(inside: NDArray[np.bool_], spacing: float) -> slice:
    where = np.flatnonzero(inside)
    margin = int(np.ceil(MARGIN_MM / spacing))
    return slice(max(0, int(where[0]) - margin), min(len(inside), int(where[-1]) + 1 + margin))


def _union(part: slice, other: slice) -> slice:
    return slice(min(part.start, other.start), max(part.stop, other.stop))
