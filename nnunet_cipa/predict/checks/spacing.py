"""A check of the distance of slices and the size of pixels against the scans that the model was trained on."""

from collections.abc import Iterator

from nnunet_cipa.predict.checks.known import trained_spacings
from nnunet_cipa.predict.lesions.measured import PatientLesions
from nnunet_cipa.predict.predicted import Predicted

# So many times beyond the training scans is told: of their range, or where that is not known of their median.
BEYOND_RANGE, BEYOND_MEDIAN = 1.25, 1.5
_FOUND = ("slices are {:.2f} mm apart", "rows are {:.2f} mm apart", "columns are {:.2f} mm apart")


def unlike_the_training_scans(predicted: Predicted, _lesions: PatientLesions) -> Iterator[str]:
    """Tell of slices, rows or columns that are much closer or wider apart than those of the training scans."""
    trained = trained_spacings(predicted.model)
    if trained is None:
        yield "The model's files do not tell the distance of its training scans' slices, so that it was not compared."
        return
    factor = BEYOND_MEDIAN if predicted.model.fingerprint is None else BEYOND_RANGE
    low, high = trained.min(axis=0), trained.max(axis=0)
    for axis, found in enumerate(predicted.ct.GetSpacing()[::-1]):
        if not low[axis] / factor <= found <= high[axis] * factor:
            known = (
                f"{low[axis]:.2f} to {high[axis]:.2f} mm"
                if predicted.model.fingerprint is not None
                else f"{low[axis]:.2f} mm at the median"
            )
            yield f"The CT's {_FOUND[axis].format(found)}; in the scans that the model was trained on it was {known}."
