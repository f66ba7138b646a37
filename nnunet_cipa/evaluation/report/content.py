"""Content of a report."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nnunet_cipa.evaluation.calibration.model import ModelCalibration
from nnunet_cipa.evaluation.leakage import LeakageAudit
from nnunet_cipa.evaluation.scoring import Score
from nnunet_cipa.evaluation.statistics import Statistics
from nnunet_cipa.nnunet.logs import Curve

_SLICE = 512 * 512


@dataclass(frozen=True)
class Cost:
    """Cost of a network.

    Attributes
    ----------
    parameters : int
        All trainable numbers; 0 if they were not counted.
    patch : tuple of int
        What it was counted for; a slice for networks that take a slice with its neighbours.
    multiply_adds : float
        Of one prediction of a patch, without mirroring and overlap of tiles; NaN if they were not counted.
    problem : str
        Why nothing was counted; empty if it was.
    """

    parameters: int = 0
    patch: tuple[int, ...] = ()
    multiply_adds: float = math.nan
    problem: str = ""

    @property
    def of_a_slice(self) -> float:
        """Multiply-adds of 512 x 512 pixels, for another patch in proportion."""
        return self.multiply_adds / math.prod(self.patch) * _SLICE if self.patch else math.nan


@dataclass(frozen=True)
class ModelFacts:
    """A model beside its scores.

    Attributes
    ----------
    title : str
        As in the scores.
    cost : Cost
        Parameters and multiply-adds.
    curves : dict
        Fold -> training curve, of the folds that have a log.
    training : dict
        Name -> value of what nnU-Net recorded of the training, the same for all folds.
    calibration : ModelCalibration or None
        None where probabilities were not saved for every case.
    """

    title: str
    cost: Cost = field(default_factory=Cost)
    curves: Mapping[int, Curve] = field(default_factory=dict)
    training: Mapping[str, str] = field(default_factory=dict)
    calibration: ModelCalibration | None = None


@dataclass(frozen=True)
class Report:
    """The content of a report.

    Attributes
    ----------
    dataset : str
        What was scored, as DatasetNNN_NAME.
    scores : sequence of Score
        Of every case and model.
    statistics : Statistics
        Computed from them.
    models : sequence of ModelFacts
        In the order of the tables.
    audit : LeakageAudit or None
        None if none was made.
    tolerance_mm : float
        Of the normalised surface Dice.
    notices : sequence of str
        What every reader has to know before any figure.
    commands : sequence of str
        How the results came about.
    facts : dict
        Hardware, versions, seeds: name -> value.
    """

    dataset: str
    scores: Sequence[Score]
    statistics: Statistics
    models: Sequence[ModelFacts]
    audit: LeakageAudit | None
    tolerance_mm: float
    notices: Sequence[str] = ()
    commands: Sequence[str] = ()
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def cross_validated(self) -> bool:
        """Whether every case was scored by the fold in which it was held out."""
        return all(score.fold is not None for score in self.scores)

    @property
    def heading(self) -> str:
        """Title of the page."""
        return f"Benchmark on {self.dataset}" if self.cross_validated else f"Evaluation on {self.dataset}"

    @property
    def how(self) -> str:
        """How the cases were scored, as in "12 cases, ..."."""
        return "each scored by the fold in which it was held out" if self.cross_validated else "each scored once"

    @property
    def titles(self) -> list[str]:
        """Names of the models in their order."""
        return [model.title for model in self.models]

    def of(self, title: str) -> list[Score]:
        """Return the scores of a model."""
        return [score for score in self.scores if score.model == title]
