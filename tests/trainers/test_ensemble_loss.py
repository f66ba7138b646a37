"""The loss of networks with an output of each modality."""

import pytest
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunet_cipa import trainers
from tests.network.helpers import image
from tests.trainers.small_training import write_data

NAMES = ["nnUNetTrainerTokenFusion", "nnUNetTrainerCEN"]


@pytest.fixture(params=NAMES)
def trainer(request, make_trainer, plans, dataset_json, tmp_path):
    plans["configurations"]["2d"]["patch_size"] = [32, 32]
    write_data(tmp_path, plans, dataset_json)
    small = type(f"{request.param}_small", (getattr(trainers, request.param),), {"architecture": {"variant": "nano"}})
    trainer = make_trainer(small)
    trainer.initialize()
    return trainer


@pytest.fixture
def target():
    return (image(2, 1, 32, 32) > 0).float()


def test_in_training_every_output_has_nnunets_loss_and_the_penalty_is_added(trainer, target):
    stock = nnUNetTrainer._build_loss(trainer)
    output = trainer.network.train()(image(2, 2, 32, 32, dtype=torch.float32))
    assert output.penalty > 0
    expected = sum(stock(logits, target) for logits in output.logits) + output.penalty
    torch.testing.assert_close(trainer.loss(output, target), expected)


def test_the_first_output_is_the_mean_of_the_others_before_training(trainer):
    both, ct, pet = trainer.network.train()(image(2, 2, 32, 32, dtype=torch.float32)).logits
    torch.testing.assert_close(both, (ct + pet) / 2)


def test_in_validation_the_ensemble_alone_has_the_loss(trainer, target):
    stock = nnUNetTrainer._build_loss(trainer)
    logits = trainer.network.eval()(image(2, 2, 32, 32, dtype=torch.float32))
    torch.testing.assert_close(trainer.loss(logits, target), stock(logits, target))


def test_the_ensembles_weights_do_not_pull_at_the_networks(trainer, target):
    output = trainer.network.train()(image(2, 2, 32, 32, dtype=torch.float32))
    trainer.loss.loss(output.logits[0], target).backward()
    moved = [name for name, parameter in trainer.network.named_parameters() if parameter.grad.any()]
    assert moved == ["ensemble.alpha"]
