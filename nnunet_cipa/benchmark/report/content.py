"""Content of a report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nnunet_cipa.benchmark.report.cost import Cost
from nnunet_cipa.evaluation.leakage import LeakageAudit
from nnunet_cipa.evaluation.scoring import Score
from nnunet_cipa.evaluation.statistics import Statistics
from nnunet_cipa.nnunet.logs import Curve


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
    """

    title: str
    cost: Cost
    curves: Mapping[int, Curve] = field(default_factory=dict)
    training: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """The content of a report.

    Attributes
    ----------
    dataset : str
        DatasetNNN_NAME.
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
    def titles(self) -> list[str]:
        """Names of the models in their order."""
        return [model.title for model in self.models]

    def of(self, title: str) -> list[Score]:
        """Return the scores of a model."""
        return [score for score in self.scores if score.model == title]
