"""A region of a patient that is to be written, as an ROI or a segment."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnunet_cipa.dicom.roi_kinds import RoiKind


@dataclass(frozen=True)
class Region:
    """A region to be written.

    Attributes
    ----------
    name
        At most 64 printable ASCII characters without a backslash.
    kind
        What it is.
    colour
        Red, green and blue, 0 to 255.
    mask
        (slices, rows, columns) on the grid of the CT; it may be empty.
    """

    name: str
    kind: RoiKind
    colour: tuple[int, int, int]
    mask: NDArray[np.bool_]
