"""The predictor of a node: a trained model."""

from dataclasses import dataclass
from pathlib import Path

from nnunet_cipa.listen.worker import Outcome
from nnunet_cipa.predict.options import PredictOptions
from nnunet_cipa.processes.workers import run_jobs


@dataclass(frozen=True)
class ModelPredictor:
    """Predicts with a trained model, as ``predict_study`` does.

    Attributes
    ----------
    model
        Its folder, or a zip.
    options
        How it predicts.
    """

    model: Path
    options: PredictOptions

    def __call__(self, study: Path, out: Path) -> Outcome:
        """Predict the study in a folder."""
        from nnunet_cipa.predict.run import predict_study  # noqa: PLC0415 - torch takes seconds to import

        outcomes = predict_study(study, out, self.model, self.options)
        failures = tuple(one.failure for one in outcomes if one.failure)
        return Outcome(failures, tuple(warning for one in outcomes for warning in one.warnings))

    def check(self) -> None:
        """Read the model once, in a process apart, so that what it takes in memory is free again.

        Raises
        ------
        CIPAError
            If the model or the options are wrong.
        """
        run_jobs(_check, [self], 2, "checking the model", unit="model")


def _check(predictor: ModelPredictor) -> None:
    from nnunet_cipa.dicom.export.rois import check_roi_options  # noqa: PLC0415 - slow to import
    from nnunet_cipa.ops.choice import check_device  # noqa: PLC0415 - as above
    from nnunet_cipa.predict.model.place import model_place  # noqa: PLC0415 - as above
    from nnunet_cipa.predict.model.read import read_trained_model  # noqa: PLC0415 - as above

    options = predictor.options
    check_device(options.use.device)
    check_roi_options(options.roi)
    with model_place(predictor.model, options.use.checkpoint) as folder:
        read_trained_model(folder, options.use, options.intensities)
