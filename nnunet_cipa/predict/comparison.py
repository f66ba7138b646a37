"""The members of a model on one patient, with maps on the voxels of the CT."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import SimpleITK as sitk

from nnunet_cipa.dicom.export.prediction import Prediction, place_values
from nnunet_cipa.predict.certainty import Certainty, CertaintyOptions, MemberPredictor, Members, watch_members
from nnunet_cipa.predict.model.trained import TrainedModel


@dataclass
class Comparison:
    """Members that are compared while they predict a case of a shape (z, y, x).

    Attributes
    ----------
    model, shape, options
        Who, on what, and how.
    members
        What they predicted; none before ``begin``.
    note
        Why probabilities are the network's own; empty if they are calibrated.
    """

    model: TrainedModel
    shape: tuple[int, ...]
    options: CertaintyOptions
    members: Members | None = field(default=None, init=False)
    note: str = field(default="", init=False)

    def begin(self, predictor: MemberPredictor, properties: Mapping[str, Any]) -> None:
        """Look at each member of a predictor; ``properties`` are nnU-Net's of the case.

        Raises
        ------
        CIPAError
            If the model's calibration.json is damaged.
        """
        self.members, self.note = watch_members(predictor, self.model, properties, self.shape, self.options)

    def summarise(self, prediction: Prediction, grid: sitk.Image) -> Certainty:
        """Compare the members with each other and with the mask that they led to.

        Raises
        ------
        ValueError
            If nothing was predicted.
        """
        if self.members is None:
            raise ValueError("no member has predicted")
        image = prediction.image
        voxel_ml = float(np.prod(image.GetSpacing()) / 1000)
        mask = sitk.GetArrayFromImage(image) != 0
        found = self.members.summarise(mask, voxel_ml, self.options.unsure_below)
        maps = {name: place_values(values, image, grid, prediction.path) for name, values in found.maps.items()}
        return replace(found, maps=maps)
