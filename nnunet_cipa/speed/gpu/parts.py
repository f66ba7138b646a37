"""The parts of a run, the most valuable first, and their shares of its time."""

from typing import NamedTuple


class Part(NamedTuple):
    """A part of a run.

    Attributes
    ----------
    name : str
        What ``bench plot`` and the file call it.
    module : str
        In this package; its ``items(job)`` names what is to be measured, and how.
    share : float
        Of the time; what is left of it goes to the parts after it.
    """

    name: str
    module: str
    share: float


PARTS = (
    Part("agreement", "agreement", 0.25),
    Part("scan", "scans", 0.16),
    Part("network", "networks", 0.34),
    Part("profile", "profiled", 0.08),
    Part("training", "training", 0.17),
)
