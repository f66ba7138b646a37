"""Collects the members of a model while it predicts."""

from collections.abc import Mapping
from typing import Any

import torch

from nnunet_cipa.evaluation.calibration.record import read_temperature
from nnunet_cipa.predict.certainty.members import Members
from nnunet_cipa.predict.certainty.options import CertaintyOptions
from nnunet_cipa.predict.certainty.passes import MemberPredictor, tumour_probability
from nnunet_cipa.predict.model.trained import TrainedModel


def watch_members(
    predictor: MemberPredictor,
    model: TrainedModel,
    properties: Mapping[str, Any],
    shape: tuple[int, ...],
    options: CertaintyOptions,
) -> tuple[Members, str]:
    """Make a predictor fill members with the next image that it predicts.

    Parameters
    ----------
    predictor : MemberPredictor
        With the weights of the model's folds.
    model : TrainedModel
        What predicts.
    properties : dict
        nnU-Net's of the image.
    shape : tuple of int
        (z, y, x), the image's before preprocessing.
    options : CertaintyOptions
        How.

    Returns
    -------
    Members, str
        The members, filled once ``predict_logits_from_preprocessed_data`` has run, and why probabilities are not
        calibrated, else empty.

    Raises
    ------
    CIPAError
        If calibration.json of the model is damaged.
    """
    given = options.temperature
    temperature, note = read_temperature(model.folder, model.hashes) if given is None else (given, "")
    members = Members(shape, temperature, information=options.flips)

    def take(name: str, logits: torch.Tensor) -> None:
        members.add(name, tumour_probability(predictor, logits, properties))

    predictor.watch([fold.replace("_", " ") for fold in model.hashes], take, flips=options.flips)
    return members, note
