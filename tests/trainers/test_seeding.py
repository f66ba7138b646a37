"""Trainings with a seed: two starts with the same one end with the same weights."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from batchgenerators.dataloading.nondet_multi_threaded_augmenter import NonDetMultiThreadedAugmenter
from nnunetv2.run.run_training import maybe_load_checkpoint
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.trainers import nnUNetTrainerCIPASIM_demo
from nnunet_cipa.trainers.resuming import LATEST
from nnunet_cipa.trainers.seeding import SEED_VARIABLE, SeededTraining, read_seed
from nnunet_cipa.trainers.workers import WorkersInTurns
from nnunet_cipa.weights.files import write_checkpoint
from tests.trainers import small_training
from tests.trainers.checkpoints import fold_of, load
from tests.trainers.steps import log_of

EPOCHS = 3


class Settings:
    """Six iterations and a checkpoint after every second."""

    settings = {"num_epochs": EPOCHS, "num_iterations_per_epoch": 2, "num_val_iterations_per_epoch": 1, "save_every": 1}


class nnUNetTrainerCIPASIM_tiny(Settings, nnUNetTrainerCIPASIM_demo):
    """Three slices with SIM."""


class nnUNetTrainer_seeded(SeededTraining):
    """The mix-in over nnU-Net's own trainer and a network that is not CIPA."""

    num_epochs, num_iterations_per_epoch, num_val_iterations_per_epoch = EPOCHS, 2, 1
    enable_deep_supervision = False
    set_deep_supervision_enabled = lambda self, enabled: None  # noqa: E731

    def __setattr__(self, name, value):
        if name not in vars(nnUNetTrainer_seeded):  # nnU-Net sets its own lengths
            super().__setattr__(name, value)

    @staticmethod
    def build_network_architecture(*_):
        return torch.nn.Sequential(torch.nn.Conv2d(2, 4, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(4, 2, 1))


TRAINERS = (small_training.nnUNetTrainerCIPA_tiny, nnUNetTrainerCIPASIM_tiny, nnUNetTrainer_seeded)


@pytest.fixture
def start(data, tmp_path, monkeypatch):
    """Make a trainer in a process whose generators are anywhere; each start has results of its own."""
    threads, count = torch.get_num_threads(), iter(range(100))
    for name in ("nnUNet_preprocessed", "nnUNet_results", "nnUNet_n_proc_DA", SEED_VARIABLE):
        monkeypatch.setenv(name, "0")
    monkeypatch.setattr(small_training, "EPOCHS", EPOCHS)
    monkeypatch.setattr("nnunetv2.training.nnUNetTrainer.nnUNetTrainer.MetaLogger.plot_progress_png", lambda *_: None)

    def make(trainer_class=TRAINERS[0], seed="3", results=None, workers="0"):
        results = results or tmp_path / f"results_{next(count)}"
        trainer = small_training.make(*data(results), trainer_class)
        monkeypatch.setenv("nnUNet_n_proc_DA", workers)
        monkeypatch.setenv(SEED_VARIABLE, seed)
        random.seed()
        np.random.seed()
        torch.seed()
        return trainer

    yield make
    torch.set_num_threads(threads)


def weights_of(trainer):
    return trainer.network.state_dict()


def trained(trainer):
    trainer.run_training()
    return weights_of(trainer)


def same(first, second):
    assert first.keys() == second.keys()
    return all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("trainer_class", TRAINERS)
def test_same_seed_same_weights_and_another_seed_others(start, trainer_class):
    first, second, other = (trained(start(trainer_class, seed)) for seed in ("3", "3", "4"))
    assert same(first, second)
    assert not same(first, other)


def test_without_a_seed_two_starts_differ(start):
    assert not same(trained(start(seed="")), trained(start(seed="")))
