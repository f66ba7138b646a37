"""From a case in nnU-Net's format to a mask, with nnU-Net's own preprocessing and export."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import SimpleITK as sitk
import torch
from nnunetv2.inference.export_prediction import export_prediction_from_logits
from torch import Tensor

from nnunet_cipa.dicom.export.prediction import Prediction, read_prediction
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.predict.model.members import MemberPredictor


class Watch(Protocol):
    """Sees what each fold predicts, before the folds are averaged."""

    def __call__(self, member: str, logits: Tensor, properties: dict[str, Any]) -> None:
        """Take the logits of one fold, (classes, z, y, x), which change afterwards, and nnU-Net's properties."""


def predict_case(
    predictor: MemberPredictor, members: Sequence[str], images: Sequence[Path], mask: Path, watch: Watch | None = None
) -> Prediction:
    """Predict a case as ``nnUNetv2_predict`` does, in this process.

    Parameters
    ----------
    predictor
        With the weights of the members.
    members
        Names of the folds.
    images
        NIfTI files of the channels, in their order.
    mask
        The file to write; its ending is that of the model's data set.
    watch
        Sees each fold's logits.

    Raises
    ------
    CIPAError
        If the network's output is not finite.
    """
    plans, settings, description = predictor.plans_manager, predictor.configuration_manager, predictor.dataset_json
    preprocessor = settings.preprocessor_class(verbose=False)
    preprocessor.show_progress_bar = False
    data, _, properties = preprocessor.run_case([str(path) for path in images], None, plans, settings, description)
    with torch.inference_mode():
        each = _watched(members, predictor.members(torch.from_numpy(data)), properties, watch)
        total = next(each)
        for logits in each:
            total += logits
        if len(members) > 1:
            total /= len(members)
    del data
    ending = description["file_ending"]
    export_prediction_from_logits(
        total, properties, settings, plans, description, str(mask).removesuffix(ending), save_probabilities=False
    )
    return read_prediction(mask)


def _watched(
    members: Sequence[str], predicted: Iterator[Tensor], properties: dict[str, Any], watch: Watch | None
) -> Iterator[Tensor]:
    for member, logits in zip(members, predicted, strict=True):
        _check_finite(member, logits)
        if watch is not None:
            watch(member, logits, properties)
        yield logits


def _check_finite(member: str, logits: Tensor) -> None:
    """Refuse what would be taken for background.

    Raises
    ------
    CIPAError
        If a value is not finite.
    """
    for number, values in enumerate(logits.unbind(1), 1):
        if not torch.isfinite(values).all():
            raise CIPAError(
                f"{member}: the network's output is not finite on slice {number}, so its weights or the images are at "
                "fault; predict with another checkpoint or fold"
            )


def on_grid(prediction: Prediction, grid: sitk.Image) -> sitk.Image:
    """Return a mask of all labels (uint8) on the voxels of a CT that the case was perhaps cropped from.

    Raises
    ------
    CIPAError
        If its voxels are none of the grid.
    """
    values = sitk.GetArrayFromImage(grid)
    values[:] = 0
    for value in prediction.present:
        values[prediction.on(grid, (value,))] = value
    mask = sitk.GetImageFromArray(values)
    mask.CopyInformation(grid)
    return mask
