"""From a case in nnU-Net's format to a mask, with nnU-Net's own preprocessing and export."""

from collections.abc import Sequence
from pathlib import Path

import SimpleITK as sitk
import torch
from nnunetv2.inference.export_prediction import export_prediction_from_logits
from torch import Tensor

from nnunet_cipa.dicom.export.prediction import Prediction, place_values, read_prediction
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.predict.certainty import MemberPredictor
from nnunet_cipa.predict.comparison import Comparison


def predict_case(
    predictor: MemberPredictor, images: Sequence[Path], mask: Path, comparison: Comparison | None = None
) -> Prediction:
    """Predict a case as ``nnUNetv2_predict`` does, in this process.

    Parameters
    ----------
    predictor
        With the weights of all folds.
    images
        NIfTI files of the channels, in their order.
    mask
        The file to write; its ending is that of the model's data set.
    comparison
        Gets what each fold predicts.

    Raises
    ------
    CIPAError
        If the network's output is not finite.
    """
    plans, settings, description = predictor.plans_manager, predictor.configuration_manager, predictor.dataset_json
    preprocessor = settings.preprocessor_class(verbose=False)
    preprocessor.show_progress_bar = False
    data, _, properties = preprocessor.run_case([str(path) for path in images], None, plans, settings, description)
    if comparison is not None:
        comparison.begin(predictor, properties)
    logits = predictor.predict_logits_from_preprocessed_data(torch.from_numpy(data))
    del data
    _check_finite(logits)
    ending = description["file_ending"]
    export_prediction_from_logits(
        logits, properties, settings, plans, description, str(mask).removesuffix(ending), save_probabilities=False
    )
    return read_prediction(mask)


def _check_finite(logits: Tensor) -> None:
    """Refuse what would be taken for background.

    Raises
    ------
    CIPAError
        If a value is not finite.
    """
    for number, values in enumerate(logits.unbind(1), 1):
        if not torch.isfinite(values).all():
            raise CIPAError(
                f"the network's output is not finite on slice {number}, so its weights or the images are at fault; "
                "predict with another checkpoint or other folds"
            )


def on_grid(prediction: Prediction, grid: sitk.Image) -> sitk.Image:
    """Return a mask of all labels (uint8) on the voxels of a CT that the case was perhaps cropped from.

    Raises
    ------
    CIPAError
        If its voxels are none of the grid.
    """
    values = sitk.GetArrayFromImage(sitk.Cast(prediction.image, sitk.sitkUInt8))
    mask = sitk.GetImageFromArray(place_values(values, prediction.image, grid, prediction.path))
    mask.CopyInformation(grid)
    return mask
