"""Options on how sure a prediction is."""

from dataclasses import dataclass
from typing import Annotated

from nnunet_cipa.evaluation.calibration.limits import HIGHEST, LOWEST
from nnunet_cipa.options import Option, UsageError


@dataclass(frozen=True)
class CertaintyOptions:
    """How sure the prediction is, told by comparing folds.

    Attributes
    ----------
    certainty : bool
        Compare the folds of the model, and write maps of where they differ.
    flips : bool
        Compare each mirrored pass of each fold too; takes twice the time, as the mask stays that of nnU-Net.
    unsure_below : float
        Expected Dice between two members below which a patient is flagged.
    temperature : float or None
        Divides the log-odds of probabilities in the maps.
    """

    certainty: bool = True
    flips: bool = False
    unsure_below: Annotated[float, Option("DICE")] = 0.8
    temperature: Annotated[
        float | None, Option("T", default="that of calibration.json in the model's folder, else 1")
    ] = None

    def check(self) -> None:
        """Refuse values that say nothing.

        Raises
        ------
        UsageError
            For the first of them.
        """
        if not 0 <= self.unsure_below <= 1:
            raise UsageError(f"--unsure-below {self.unsure_below:g}: is not a Dice; give a number from 0 to 1")
        if self.temperature is not None and not LOWEST <= self.temperature <= HIGHEST:
            raise UsageError(
                f"--temperature {self.temperature:g}: give a number from {LOWEST:g} to {HIGHEST:g}; 1 changes nothing"
            )
        if self.flips and not self.certainty:
            raise UsageError("--flips and --no-certainty: there is nothing to compare flips for; leave out one")
