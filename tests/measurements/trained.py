"""A trained model for the measurements."""

import contextlib
import io
from pathlib import Path

from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

from nnunet_cipa.predict.load import load_predictor
from nnunet_cipa.predict.model.options import IntensityOptions, UseOptions
from nnunet_cipa.predict.model.read import read_trained_model


def first_fold(model: Path, *, mirrored: bool = True) -> nnUNetPredictor:
    """Return nnU-Net's predictor with the first fold of a model's folder, in silence."""
    # Images are taken as they are stored, so that the range of SUV has no effect.
    use = UseOptions(folds=("0",), disable_tta=not mirrored)
    trained = read_trained_model(model, use, IntensityOptions(suv_range=(0.0, 20.0)))
    with contextlib.redirect_stdout(io.StringIO()):
        return load_predictor(trained, use)
