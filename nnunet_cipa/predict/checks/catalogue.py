"""The checks of a predicted patient, in the order in which they are told."""

from collections.abc import Callable, Iterable

from nnunet_cipa.predict.checks.field import at_the_border, covered_in_part, outside_the_pet
from nnunet_cipa.predict.checks.intensities import unlike_the_training_tumours
from nnunet_cipa.predict.checks.plausible import implausibly_large, no_tumour, specks, unsure
from nnunet_cipa.predict.checks.spacing import unlike_the_training_scans
from nnunet_cipa.predict.lesions.measured import PatientLesions
from nnunet_cipa.predict.predicted import Predicted

# Of a patient and the lesions: a sentence for each thing to look at.
Check = Callable[[Predicted, PatientLesions], Iterable[str]]
CHECKS: tuple[Check, ...] = (
    no_tumour,
    unsure,
    implausibly_large,
    covered_in_part,
    outside_the_pet,
    at_the_border,
    unlike_the_training_scans,
    unlike_the_training_tumours,
    specks,
)


def find_warnings(predicted: Predicted, lesions: PatientLesions) -> tuple[str, ...]:
    """Return what a person should look at, a sentence each; they name no patient."""
    return tuple(sentence for check in CHECKS for sentence in check(predicted, lesions))
