"""Short trainings with a seed: of one slice, of three with SIM, and of nnU-Net's own trainer with another network."""

from pathlib import Path

import pytest
import torch

from nnunet_cipa.trainers import nnUNetTrainerCIPASIM_demo
from nnunet_cipa.trainers.robust.seeding import SeededTraining
from tests.trainers.small_training import nnUNetTrainerCIPA_tiny

EPOCHS = 3


class Settings:
    """Six iterations and a checkpoint after every second."""

    settings = {"num_epochs": EPOCHS, "num_iterations_per_epoch": 2, "num_val_iterations_per_epoch": 1, "save_every": 1}


class nnUNetTrainerCIPASIM_tiny(Settings, nnUNetTrainerCIPASIM_demo):
    """Three slices with SIM."""


class nnUNetTrainer_seeded(SeededTraining):
    """The mix-in over nnU-Net's own trainer and a network that is not CIPA."""

    def __init__(self, plans, configuration, fold, dataset_json, device=torch.device("cuda")):
        super().__init__(plans, configuration, fold, dataset_json, device)
        vars(self).update(Settings.settings, enable_deep_supervision=False)

    def set_deep_supervision_enabled(self, enabled):
        """Do nothing: the network has one output."""

    @staticmethod
    def build_network_architecture(plans_manager, *_):
        return torch.nn.Sequential(torch.nn.Conv2d(2, 4, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(4, 2, 1))


TRAINERS = (nnUNetTrainerCIPA_tiny, nnUNetTrainerCIPASIM_tiny, nnUNetTrainer_seeded)


def weights_of(trainer):
    return trainer.network.state_dict()


def trained(trainer):
    trainer.run_training()
    return weights_of(trainer)


def same(first, second):
    assert first.keys() == second.keys()
    return all(torch.equal(first[name], second[name]) for name in first)


def interrupt(trainer):
    """Train, and be interrupted after the checkpoint of the second epoch."""

    def begin_epoch():
        if trainer.current_epoch == 2:
            raise KeyboardInterrupt
        type(trainer).on_epoch_start(trainer)

    trainer.on_epoch_start = begin_epoch
    with pytest.raises(KeyboardInterrupt):
        trainer.run_training()


def results_of(trainer):
    return Path(trainer.output_folder).parents[2]
