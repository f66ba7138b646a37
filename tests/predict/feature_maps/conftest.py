"""Trained models of nano networks with random weights, and a case for them."""

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from nnunet_cipa.dataset_conversion.study_set.options import Storage
from nnunet_cipa.trainers.target import find_trainer, plan_training
from tests.predict.models import make_dataset_json, make_plans, write_model

SIDE, SPACING = 64, 4.0


@pytest.fixture
def make_nano(tmp_path):
    """Make a model of a trainer; further keys go to dataset.json."""

    def make(trainer="nnUNetTrainerCIPA_demo", name="models", **more):
        dataset_json = make_dataset_json(Storage(), **more)
        training = plan_training(find_trainer(trainer), make_plans(SPACING, SIDE), "2d", dataset_json)
        network = training.build_network()
        with torch.random.fork_rng():
            torch.manual_seed(3)
            for parameter in network.parameters():
                parameter.data += 0.1 * torch.randn_like(parameter)
        folds = {0: network.state_dict()}
        return write_model(tmp_path / name, training.plans, dataset_json, folds, trainer=trainer)

    return make


@pytest.fixture
def case(tmp_path):
    """Prefix of a case of 5 slices of 80 x 72, whose first and last are zero; PET is highest on the fourth."""
    images = np.random.default_rng(0).uniform(0.1, 3, (2, 5, 80, 72)).astype(np.float32)
    images[:, [0, 4]] = 0
    images[1, 3, 40, 30] = 3.2
    for channel, values in enumerate(images):
        image = sitk.GetImageFromArray(values)
        image.SetSpacing((SPACING, SPACING, 5.0))
        sitk.WriteImage(image, tmp_path / f"case_{channel:04d}.nii.gz")
    return tmp_path / "case"
