"""Rules for the SUV of one PET series, beside its headers."""

from dataclasses import dataclass

from nnunet_cipa.dicom.suv.options import SuvOptions
from nnunet_cipa.dicom.suv.override import SuvOverride
from nnunet_cipa.options import UsageError

# After so many half lives less than 2 % of the activity is left, and nobody scans any more: 11 h with fluorine-18.
MOST_HALF_LIVES = 6.0


@dataclass(frozen=True)
class SuvRules:
    """What counts beside the headers.

    Attributes
    ----------
    most_half_lives
        The longest time from injection to scan that is believed, in half lives; times that were both given by hand are
        believed up to ``MOST_HALF_LIVES``.
    override
        Values in place of the headers'.

    Raises
    ------
    UsageError
        If the time is longer than anybody waits.
    """

    most_half_lives: float = SuvOptions.most_half_lives
    override: SuvOverride | None = None

    def __post_init__(self) -> None:
        """Check the longest time."""
        if not 0 < self.most_half_lives <= MOST_HALF_LIVES:
            raise UsageError(
                f"--most-half-lives {self.most_half_lives:g}: give a number above 0, up to {MOST_HALF_LIVES:g}"
            )
