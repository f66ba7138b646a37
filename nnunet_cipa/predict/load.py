"""Loads a trained model into nnU-Net's predictor, which tells what each fold predicts before they are averaged."""

import contextlib
import io
import sys
from collections.abc import Iterator

import torch
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.predict.model.options import UseOptions
from nnunet_cipa.predict.model.trained import TrainedModel
from nnunet_cipa.trainers.air import skip_air
from nnunet_cipa.trainers.target import Training, find_trainer
from nnunet_cipa.trainers.tiles import TilePredictor
from nnunet_cipa.weights.files import read_state_dict


class MemberPredictor(TilePredictor):
    """Predicts as nnU-Net does, fold by fold.

    Attributes
    ----------
    bfloat16 : bool
        Compute any network's matrix products and convolutions in bfloat16 on the CPU.
    """

    bfloat16 = False

    def members(self, data: torch.Tensor) -> Iterator[torch.Tensor]:
        """Yield the logits of each fold, (classes, z, y, x) on the CPU; its weights are loaded until the next one.

        Their sum in this order by their number is what ``predict_logits_from_preprocessed_data`` gives, bit by bit.

        Parameters
        ----------
        data
            (channels, z, y, x), preprocessed.
        """
        network = self.plain_network
        for parameters in self.list_of_parameters:
            network.load_state_dict(parameters)
            with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
                logits = self.predict_sliding_window_return_logits(data).to("cpu")
            yield logits


def load_predictor(model: TrainedModel, use: UseOptions) -> MemberPredictor:
    """Build the network and read the weights of all folds, without running what is in the files.

    Parameters
    ----------
    model
        What ``read_trained_model`` gives.
    use
        Device, mirror images, precision, and whether air is left out.

    Raises
    ------
    CIPAError
        If there is no such trainer, its network cannot be built, or weights do not fit it.
    """
    trainer = find_trainer(model.trainer, f"{model.folder}: trainer")
    plans, dataset_json = dict(model.plans), dict(model.dataset_json)
    manager = PlansManager(plans)
    network = Training(trainer, plans, model.configuration, dataset_json).build_network()
    parameters = []
    for path in model.paths.values():
        weights = read_state_dict(path)
        try:
            network.load_state_dict(weights)
        except RuntimeError as error:
            reason = str(error).splitlines()[-1].strip()
            raise CIPAError(
                f"{path}: its weights do not fit the network of {model.name} ({reason}); give the model's own folder"
            ) from error
        parameters.append(weights)
    if use.skip_air:
        heads = manager.get_label_manager(dataset_json).num_segmentation_heads
        skip_air(network, plans, manager.get_configuration(model.configuration), dataset_json, heads)
    # It prints where it is not on a GPU
    with contextlib.redirect_stdout(io.StringIO()):
        predictor = MemberPredictor(
            use_mirroring=not use.disable_tta, device=torch.device(use.device), allow_tqdm=sys.stderr.isatty()
        )
        predictor.bfloat16 = use.bf16
        predictor.manual_initialization(
            network.to(predictor.device),
            manager,
            manager.get_configuration(model.configuration),
            parameters,
            dataset_json,
            model.trainer,
            model.mirror_axes,
        )
    return predictor
