"""What is segmented: the GTV or the IGTV of the phantoms, and in which fold."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Target:
    """A data set of the phantoms and a fold of it.

    Attributes
    ----------
    roi : str
        "GTV" or "IGTV".
    dataset_id : int
        nnU-Net's number.
    fold : int
        Whose training cases are trained on, and whose validation cases are scored.
    """

    roi: str
    dataset_id: int
    fold: int

    @property
    def dataset(self) -> str:
        """Name of the data set."""
        return f"Dataset{self.dataset_id}_{self.roi}"


GTV, IGTV = Target("GTV", 701, 1), Target("IGTV", 702, 0)
# What starts from GTV starts from this fold: the patients held out are in no part of it.
SOURCE = Target("GTV", 701, 0)
