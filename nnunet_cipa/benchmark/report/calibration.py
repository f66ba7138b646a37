"""Calibration of the models of a report, where nnU-Net saved the probabilities of every validation case."""

from collections.abc import Sequence

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.evaluation.calibration.model import (
    CalibrationCase,
    ModelCalibration,
    calibrate_model,
    count_case,
)
from nnunet_cipa.evaluation.calibration.record import write_calibration
from nnunet_cipa.evaluation.report.content import Report
from nnunet_cipa.evaluation.scoring import Model, Score, Study, find_jobs
from nnunet_cipa.evaluation.settings import Settings
from nnunet_cipa.nnunet.probabilities import probability_file
from nnunet_cipa.processes.workers import run_jobs


def check_probabilities(study: Study) -> None:
    """Refuse a study whose models cannot all be calibrated.

    Raises
    ------
    CIPAError
        If the probabilities of a validation case are not there.
    """
    for job in find_jobs(study):
        for prediction in job.predictions:
            path = probability_file(prediction, job.files.name)
            if not path.is_file():
                raise CIPAError(
                    f"{path}: no such file, so there is no temperature; validate fold {job.fold} with nnUNetv2_train "
                    "--val --npz, or leave out --calibrate"
                )


def calibrate(scores: Sequence[Score], settings: Settings, processes: int = 1) -> ModelCalibration | None:
    """Calibrate a model by the cases that it scored; None if the probabilities of one are not there.

    Raises
    ------
    CIPAError
        If a file is damaged, or does not belong to its mask.
    """
    cases = []
    for score in scores:
        prediction = score.files.prediction
        assert prediction is not None  # noqa: S101 - for the type checker; a scored case has one
        assert score.fold is not None  # noqa: S101 - as above; a cross-validation has folds
        path = probability_file(prediction, score.files.name)
        cases.append(CalibrationCase(score.patient, score.fold, score.files.truth, prediction, path))
    if not all(case.probabilities.is_file() for case in cases):
        return None
    counted = run_jobs(
        count_case, cases, processes, "calibration", lambda case: f"case {case.prediction.name}", unit="case"
    )
    return calibrate_model(counted, settings)


def keep_temperatures(models: Sequence[Model], report: Report) -> None:
    """Write the temperature of each model to its folder, where ``predict`` looks for it.

    Raises
    ------
    CIPAError
        As ``write_calibration``.
    """
    for model, facts in zip(models, report.models, strict=True):
        assert facts.calibration is not None  # noqa: S101 - check_probabilities saw to it
        folds = {score.fold for score in report.of(model.title) if score.fold is not None}
        write_calibration(model.folder, facts.calibration, tuple(sorted(folds)))
