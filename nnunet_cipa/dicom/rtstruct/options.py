"""Options of regions that were drawn with slices left out."""

from enum import Enum


class MissingSlices(str, Enum):
    """What to do about slices that were left out between contours of one lesion.

    ``refuse``: end with an error. ``interpolate``: draw them between the shapes on both sides. ``accept``: take the
    region as it is.
    """

    REFUSE = "refuse"
    INTERPOLATE = "interpolate"
    ACCEPT = "accept"
