"""Collects the members of a model while it predicts a patient."""

import contextlib
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import SimpleITK as sitk
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

from nnunet_cipa.dicom.export.prediction import Prediction, place_values
from nnunet_cipa.evaluation.calibration.record import read_temperature
from nnunet_cipa.predict.certainty.certainty import Certainty
from nnunet_cipa.predict.certainty.members import Members
from nnunet_cipa.predict.certainty.options import CertaintyOptions
from nnunet_cipa.predict.certainty.passes import flip_logits, tumour_probability
from nnunet_cipa.predict.model.trained import TrainedModel


class MemberWatch:
    """Sees each fold of a model on one patient, and what its mirrored passes predict if they are wanted.

    Parameters
    ----------
    predictor : nnUNetPredictor
        Which predicts; of each fold while its weights are loaded.
    model : TrainedModel
        What predicts.
    options : CertaintyOptions
        How.

    Raises
    ------
    CIPAError
        If calibration.json of the model is damaged.
    """

    def __init__(self, predictor: nnUNetPredictor, model: TrainedModel, options: CertaintyOptions) -> None:
        self._predictor, self._options = predictor, options
        given = options.temperature
        self._temperature, self._note = read_temperature(model.folder, model.hashes) if given is None else (given, "")
        self._members: Members | None = None

    def __call__(self, member: str, logits: torch.Tensor, properties: Mapping[str, Any], image: torch.Tensor) -> None:
        """Take a fold.

        Parameters
        ----------
        member : str
            Its name, such as ``fold_0``.
        logits : Tensor
            (labels, z, y, x) of the preprocessed image; they are not kept.
        properties : dict
            nnU-Net's of the image.
        image : Tensor
            (channels, z, y, x), preprocessed.
        """
        name, predictor = member.replace("_", " "), self._predictor
        if self._options.flips and predictor.use_mirroring and predictor.allowed_mirroring_axes:
            with contextlib.closing(flip_logits(predictor, image)) as passes:  # it gives the predictor back on an error
                for flip, flipped in passes:
                    self._add(f"{name}, {flip}", flipped, properties)
        else:
            self._add(name, logits, properties)

    def _add(self, name: str, logits: torch.Tensor, properties: Mapping[str, Any]) -> None:
        probability = tumour_probability(self._predictor, logits, properties)
        if self._members is None:
            self._members = Members(probability.shape, self._temperature, information=self._options.flips)
        self._members.add(name, probability)

    def certainty(self, prediction: Prediction, grid: sitk.Image) -> Certainty:
        """Compare the members that were seen.

        Parameters
        ----------
        prediction : Prediction
            The mask that they led to, on the voxels of the image that was predicted.
        grid : Image
            The CT, of which these are a part, perhaps with axes turned; the maps are put on it.

        Raises
        ------
        ValueError
            If none was seen.
        """
        if self._members is None:
            raise ValueError("no member was seen")
        image = prediction.image
        inside = sitk.GetArrayViewFromImage(image) > 0
        found = self._members.summarise(inside, math.prod(image.GetSpacing()) / 1000, self._options.unsure_below)
        maps = {name: place_values(values, image, grid, prediction.path) for name, values in found.maps.items()}
        return replace(found, maps=maps, note=self._note)
