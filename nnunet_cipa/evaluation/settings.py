"""Settings of scores, intervals and tests."""

from dataclasses import dataclass
from typing import Annotated

from nnunet_cipa.evaluation.metrics.catalogue import TESTED, shown_metrics
from nnunet_cipa.options import Option


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
    tested: Annotated[tuple[str, ...], Option("NAME", flag="measures", choices=shown_metrics)] = TESTED
