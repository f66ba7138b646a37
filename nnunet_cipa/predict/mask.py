"""From a case in nnU-Net's format to a mask, with nnU-Net's own preprocessing and export."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any, Protocol

import SimpleITK as sitk
import torch
from nnunetv2.inference.export_prediction import export_prediction_from_logits
from torch import Tensor

from nnunet_cipa.dicom.export.prediction import Prediction, place_values, read_prediction
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.predict.load import MemberPredictor


class Watch(Protocol):
    """Sees what each fold predicts, before the folds are averaged."""

    def __call__(self, member: str, logits: Tensor, properties: Mapping[str, Any], image: Tensor) -> None:
        """Take the logits of one fold, (classes, z, y, x), which change afterwards.

        Parameters
        ----------
        member
            Name of the fold, whose weights are loaded.
        logits
            Of the preprocessed image.
        properties
            nnU-Net's of the image.
        image
            (channels, z, y, x), preprocessed.
        """


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
    image, properties = preprocess(predictor, images)
    with torch.inference_mode():
        each = _watched(zip(members, predictor.members(image), strict=True), properties, image, watch)
        mean = reduce(Tensor.add_, each)  # keeps no fold but the first, which becomes the sum
        if len(members) > 1:
            mean /= len(members)
    del image
    ending = description["file_ending"]
    export_prediction_from_logits(
        mean, properties, settings, plans, description, str(mask).removesuffix(ending), save_probabilities=False
    )
    return read_prediction(mask)


def preprocess(predictor: MemberPredictor, images: Sequence[Path]) -> tuple[Tensor, Mapping[str, Any]]:
    """Preprocess a case as nnU-Net does: its image (channels, z, y, x), and nnU-Net's properties of it.

    Parameters
    ----------
    predictor
        Of the model.
    images
        Files of the channels, in their order.
    """
    settings = predictor.configuration_manager
    preprocessor = settings.preprocessor_class(verbose=False)
    preprocessor.show_progress_bar = False
    data, _, properties = preprocessor.run_case(
        [str(path) for path in images], None, predictor.plans_manager, settings, predictor.dataset_json
    )
    return torch.from_numpy(data), properties


def _watched(
    predicted: Iterable[tuple[str, Tensor]], properties: Mapping[str, Any], image: Tensor, watch: Watch | None
) -> Iterator[Tensor]:
    for member, logits in predicted:
        _check_finite(member, logits)
        if watch is not None:
            watch(member, logits, properties, image)
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
                "fault; predict with another checkpoint or other folds"
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
