"""A training as its command line names it."""

from dataclasses import dataclass
from typing import Annotated

from nnunet_cipa.options import Option


@dataclass(frozen=True)
class Target:
    """A training as its command line names it: ``nnUNetv2_train DATASET_ID CONFIGURATION -tr TRAINER -p PLANS``.

    Attributes
    ----------
    dataset_id : int
        Data set of the training.
    trainer : str
        Its trainer, as after -tr.
    plans : str
        Its plans.
    configuration : str
        Its configuration.
    """

    dataset_id: Annotated[int, Option("N")]
    trainer: Annotated[str, Option("NAME")]
    plans: Annotated[str, Option("NAME")] = "nnUNetPlans"
    configuration: Annotated[str, Option("NAME")] = "2d"
