"""Settings of scores, intervals and tests."""

from dataclasses import dataclass
from typing import Annotated

from nnunet_cipa.evaluation.metrics import METRICS
from nnunet_cipa.options import Option

# In mm, of the normalised surface Dice.
TOLERANCE_MM = 2.0


@dataclass(frozen=True)
class Settings:
    """How intervals and tests are made.

    Attributes
    ----------
    tested : tuple of str
        Measures that are tested between models.
    resamples : int
        Resamples of the bootstrap.
    seed : int
        Seed of the bootstrap.
    """

    resamples: Annotated[int, Option("N", least=1)] = 9999
    seed: Annotated[int, Option("N", least=0)] = 12345
    tested: Annotated[tuple[str, ...], Option("NAME", flag="measures", choices=lambda: METRICS)] = (
        "dice",
        "nsd",
        "hd95_mm",
    )
