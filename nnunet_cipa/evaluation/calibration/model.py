"""Calibration of a model by the validation cases of its folds."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nnunet_cipa.evaluation.calibration.counts import Counts, add_counts, count_voxels
from nnunet_cipa.evaluation.calibration.near import near_tumour
from nnunet_cipa.evaluation.calibration.reliability import Reliability, measure_reliability
from nnunet_cipa.evaluation.calibration.temperature import fit_temperature
from nnunet_cipa.evaluation.settings import Settings
from nnunet_cipa.files.volumes import check_same_geometry, read_mask
from nnunet_cipa.nnunet.probabilities import read_probabilities


@dataclass(frozen=True)
class CalibrationCase:
    """A validation case: its true and predicted mask, and what nnU-Net saved of the probabilities."""

    patient: str
    fold: int
    truth: Path
    prediction: Path
    probabilities: Path


@dataclass(frozen=True, eq=False)
class CaseCounts:
    """The voxels of a case near tumours, and all of them."""

    patient: str
    fold: int
    near: Counts
    whole: Counts


@dataclass(frozen=True)
class ModelCalibration:
    """How well a model's probabilities are calibrated.

    Attributes
    ----------
    temperature : float
        Of all folds, for a new patient; NaN where tumour or background is missing.
    fold_temperatures : dict
        Fold -> temperature of the other folds, with which it is scored. Empty if there is only one fold.
    cases, patients : int
        How many.
    near, near_scaled : Reliability or None
        Of the voxels near tumours, as the network gives them and at the temperature of the other folds.
    whole, whole_scaled : Reliability or None
        The same of all voxels.
    """

    temperature: float
    fold_temperatures: Mapping[int, float]
    cases: int
    patients: int
    near: Reliability
    near_scaled: Reliability | None
    whole: Reliability
    whole_scaled: Reliability | None


def count_case(case: CalibrationCase) -> CaseCounts:
    """Count the voxels of a case.

    Raises
    ------
    CIPAError
        If a file cannot be read, or they do not belong to each other.
    """
    truth, prediction = read_mask(case.truth), read_mask(case.prediction)
    check_same_geometry(truth, prediction)
    background, tumour = read_probabilities(case.probabilities, prediction)
    place, near = near_tumour(truth.array, prediction.array, truth.spacing)
    return CaseCounts(
        case.patient,
        case.fold,
        count_voxels(background[place][near], tumour[place][near], truth.array[place][near]),
        count_voxels(background, tumour, truth.array),
    )


def calibrate_model(cases: Sequence[CaseCounts], settings: Settings) -> ModelCalibration:
    """Fit temperatures, and measure reliability before and after.

    Each fold is scored at the temperature of the other folds, so no case has a part in its own. Temperatures are fitted
    to all voxels: those near tumours alone would ask for a higher one, at which much of the body is tumour to a few
    percent.
    """
    folds = sorted({case.fold for case in cases})
    others = {
        fold: fit_temperature(add_counts(case.whole for case in cases if case.fold != fold)) for fold in folds
    } if len(folds) > 1 else {}  # fmt: skip
    scaled = bool(others) and all(map(math.isfinite, others.values()))
    raw = dict.fromkeys(folds, 1.0)
    return ModelCalibration(
        temperature=fit_temperature(add_counts(case.whole for case in cases)),
        fold_temperatures=others,
        cases=len(cases),
        patients=len({case.patient for case in cases}),
        near=_reliability(((case, case.near) for case in cases), raw, settings),
        near_scaled=_reliability(((case, case.near) for case in cases), others, settings) if scaled else None,
        whole=_reliability(((case, case.whole) for case in cases), raw, settings),
        whole_scaled=_reliability(((case, case.whole) for case in cases), others, settings) if scaled else None,
    )


def _reliability(
    counted: Iterable[tuple[CaseCounts, Counts]], temperatures: Mapping[int, float], settings: Settings
) -> Reliability:
    patients: dict[str, dict[float, Counts]] = {}
    for case, counts in counted:
        mine, temperature = patients.setdefault(case.patient, {}), temperatures[case.fold]
        mine[temperature] = mine[temperature] + counts if temperature in mine else counts
    return measure_reliability(patients, settings)
