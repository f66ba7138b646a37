"""Models with random weights that predict a patient: CIPA on slices and windows, and what nnU-Net plans."""

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
from torch import nn

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.speed.catalogue import NNUNET, PATIENT_TRAINERS
from nnunet_cipa.speed.networks import NetworkSetting
from nnunet_cipa.speed.options import PREDICTORS
from nnunet_cipa.trainers.target import find_trainer, plan_training
from nnunet_cipa.trainers.tiles import TilePredictor

_CLASSES = dict(zip(PREDICTORS, (nnUNetPredictor, TilePredictor), strict=True))
_DATASET = {
    "channel_names": {"0": "noNorm", "1": "noNorm"},
    "modalities": {"0": "CT", "1": "PET"},
    "labels": {"background": 0, "tumour": 1},
    "file_ending": ".nii.gz",
}
# 3d_fullres as nnU-Net plans it for CT of about 3 x 1 x 1 mm on a GPU of 8 GB.
_VOLUME_PATCH = (48, 192, 192)
_VOLUME_STRIDES = ((1, 1, 1), (1, 2, 2), (2, 2, 2), (2, 2, 2), (2, 2, 2), (1, 2, 2))
_VOLUME_KERNELS = ((1, 3, 3), *[(3, 3, 3)] * 5)
_VOLUME_FEATURES = (32, 64, 128, 256, 320, 320)


@dataclass(frozen=True)
class PatientModel:
    """A model for images of a size.

    Attributes
    ----------
    name : str
        One of ``PATIENT_NETWORKS``.
    variant : str
        Of CIPA.
    size : (int, int)
        Rows and columns of the images, which the patch has too, rounded up to what the network takes.
    """

    name: str
    variant: str
    size: tuple[int, int]

    def make_predictors(self, mirror: bool, device: torch.device, names: Sequence[str]) -> dict[str, nnUNetPredictor]:
        """Build the network once, and nnU-Net's predictor or ours of it.

        Raises
        ------
        CIPAError
            If the network cannot be built.
        """
        plans, network = self._build()
        manager = PlansManager(plans)
        settings = manager.get_configuration("2d")
        axes = tuple(range(len(settings.patch_size)))
        made = {}
        for name in names:
            with contextlib.redirect_stdout(io.StringIO()):  # it prints where it is not on a GPU
                made[name] = _CLASSES[name](device=device, use_mirroring=mirror, allow_tqdm=False)
            made[name].manual_initialization(
                network.to(device), manager, settings, [network.state_dict()], _DATASET, "",
                axes[-2:] if self.name in PATIENT_TRAINERS else axes,
            )  # fmt: skip
        return made

    def _build(self) -> tuple[dict[str, Any], nn.Module]:
        plans = _plans(self.size)
        if self.name in PATIENT_TRAINERS:
            training = plan_training(find_trainer(PATIENT_TRAINERS[self.name]), plans, "2d", _DATASET)
            training.plans["configurations"]["2d"]["architecture"]["arch_kwargs"]["variant"] = self.variant
            return training.plans, training.build_network()
        patch = plans["configurations"]["2d"]["patch_size"]
        if self.name in NNUNET:
            patch[:] = [max(256, -(-side // 128) * 128) for side in self.size]
            setting = NetworkSetting(self.name, self.variant, 1, (patch[0], patch[1]), 1)
            setting.check()
            return plans, setting.build()
        patch[:] = _VOLUME_PATCH
        return plans, _build_volume_network()


def _plans(size: tuple[int, int]) -> dict[str, Any]:
    configuration = {
        "patch_size": list(size),
        "spacing": [1.0, 1.0],
        "batch_size": 1,
        "architecture": {"network_class_name": "", "arch_kwargs": {}, "_kw_requires_import": []},
    }
    return {
        "plans_name": "nnUNetPlans",
        "label_manager": "LabelManager",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "configurations": {"2d": configuration},
    }


def _build_volume_network() -> nn.Module:
    try:
        unets = import_module("dynamic_network_architectures.architectures.unet")
    except ImportError as error:
        raise CIPAError(f"3d_fullres needs dynamic_network_architectures: {error}; pip install nnunetv2") from error
    torch.manual_seed(0)
    network: nn.Module = unets.PlainConvUNet(
        2, len(_VOLUME_STRIDES), _VOLUME_FEATURES, nn.Conv3d, _VOLUME_KERNELS, _VOLUME_STRIDES, 2, 2, 2,
        conv_bias=True, norm_op=nn.InstanceNorm3d, norm_op_kwargs={"eps": 1e-5, "affine": True},
        nonlin=nn.LeakyReLU, nonlin_kwargs={"inplace": True},
    )  # fmt: skip
    return network
