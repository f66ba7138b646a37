"""Measured lesions, of which a report is made."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import UID, generate_uid

from nnunet_cipa.dicom.roi_kinds import RoiKind


def new_uid() -> UID:
    """Return a UID that nobody has, under no organisation's root."""
    return generate_uid(prefix=None)


@dataclass(frozen=True)
class MeasuredLesion:
    """A lesion.

    Attributes
    ----------
    name
        Its tracking identifier, in ASCII.
    place
        A box in the CT, (z, y, x).
    inside
        Its voxels in the box.
    values
        By names of ``QUANTITIES``; those that are not known are not there.
    tracking_uid
        By which report and segment tell that they are of the same lesion.
    """

    name: str
    place: tuple[slice, slice, slice]
    inside: NDArray[np.bool_]
    values: Mapping[str, float]
    tracking_uid: str = field(default_factory=new_uid)


@dataclass(frozen=True)
class MeasuredRegion:
    """The lesions of a label of a mask, which do not overlap.

    Attributes
    ----------
    name
        Tracking identifier of all together, in ASCII.
    kind
        What it is.
    colour
        Red, green and blue, 0 to 255.
    lesions
        Perhaps none.
    values
        Of all together, as in ``MeasuredLesion``.
    tracking_uid
        Of all together.
    """

    name: str
    kind: RoiKind
    colour: tuple[int, int, int]
    lesions: tuple[MeasuredLesion, ...]
    values: Mapping[str, float]
    tracking_uid: str = field(default_factory=new_uid)
