"""What is segmented: the GTV or the IGTV of the phantoms, and the fold whose held-out patients are scored."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Target:
    """A data set of the phantoms.

    Attributes
    ----------
    roi : str
        "GTV" or "IGTV".
    dataset_id : int
        nnU-Net's number.
    fold : int
        The one whose validation cases are the held-out patients.
    """

    roi: str
    dataset_id: int
    fold: int

    @property
    def dataset(self) -> str:
        """Name of the data set."""
        return f"Dataset{self.dataset_id}_{self.roi}"


# Fold 0 of GTV is the source of what starts from GTV: the patients held out are in no part of it.
GTV, IGTV = Target("GTV", 701, 1), Target("IGTV", 702, 0)
SOURCE_FOLD = 0
