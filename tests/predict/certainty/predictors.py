"""nnU-Net's predictor with the weights of two small folds, and the properties of an image."""

import copy

import torch
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
from torch import nn

from nnunet_cipa.predict.load import MemberPredictor
from tests.trainers.conftest import DATASET, PLANS

RESAMPLING = {
    "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
    "resampling_fn_probabilities_kwargs": {"is_seg": False, "order": 1, "order_z": 0, "force_separate_z": None},
}
FOLDS = ("fold_0", "fold_2")


class Net(nn.Module):
    """A convolution that no flip leaves as it is, in two or three dimensions."""

    def __init__(self, dimensions, outputs=2):
        super().__init__()
        self.layer = (nn.Conv2d, nn.Conv3d)[dimensions - 2](2, outputs, 5, padding=2)

    def forward(self, x):
        return 3 * torch.tanh(self.layer(x))


def make(configuration="2d", axes=(0, 1), labels=None, **how):
    plans = copy.deepcopy(PLANS)
    patch = [16, 24] if configuration == "2d" else [4, 16, 24]
    plans["configurations"][configuration] |= {**RESAMPLING, "patch_size": patch}
    dataset = {**copy.deepcopy(DATASET), **(labels or {})}
    plans = PlansManager(plans)
    torch.manual_seed(0)
    outputs = plans.get_label_manager(dataset).num_segmentation_heads
    nets = [Net(len(plans.get_configuration(configuration).patch_size), outputs) for _ in FOLDS]
    predictor = MemberPredictor(device=torch.device("cpu"), allow_tqdm=False, **how)
    predictor.manual_initialization(
        nets[0], plans, plans.get_configuration(configuration), [copy.deepcopy(net.state_dict()) for net in nets],
        dataset, "nnUNetTrainer", axes,
    )  # fmt: skip
    return predictor


PROPERTIES = {
    "spacing": [2.8, 1.0, 1.0],
    "shape_before_cropping": (8, 35, 40),
    "shape_after_cropping_and_before_resampling": (6, 30, 40),
    "bbox_used_for_cropping": [[1, 7], [5, 35], [0, 40]],
}
