"""docs/development.md, "Add a trainer", followed: a class and a line are all that it needs."""

import math

import pytest
import torch

from nnunet_cipa import trainers
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.trainers.target import find_trainer
from tests.recipes.documented import add_files, follow_imports
from tests.trainers.steps import assert_same, log_of, make_batch, prepare, train_on, weights

HEADING, NAME = "Add a trainer", "nnUNetTrainerCIPA_crossEntropy"


@pytest.fixture(autouse=True)
def followed(tmp_path, monkeypatch):
    add_files(HEADING, tmp_path, monkeypatch)
    follow_imports(HEADING, trainers, monkeypatch)


@pytest.fixture
def trainer(make_trainer, plans, monkeypatch):
    plans["configurations"]["2d"]["patch_size"] = [32, 32]
    trainer_class = find_trainer(NAME)
    monkeypatch.setattr(trainer_class, "architecture", {"variant": "nano"})
    return prepare(make_trainer(trainer_class))


def test_it_has_its_settings_and_those_of_its_parents(trainer):
    assert (trainer.num_epochs, trainer.initial_lr, trainer.weight_decay) == (109, 6e-5, 1e-2)


def test_messages_offer_it():
    with pytest.raises(CIPAError, match=NAME):
        find_trainer("nnUNetTrainerThatThereIsNot")


def test_it_is_trained_by_its_loss(trainer):
    batch = make_batch(1)
    with torch.no_grad():
        probabilities = trainer.network(batch["data"]).double().softmax(1)
    true = probabilities.gather(1, batch["target"])
    loss = trainer.train_step(batch)["loss"]
    assert float(loss) == pytest.approx(-true.log().mean().item(), rel=1e-5)


def test_a_step_that_is_not_finite_is_skipped_as_with_any_loss(trainer):
    before = weights(trainer)
    train_on(trainer, [make_batch(1, bad=math.nan)])
    assert_same(weights(trainer), before)
    assert "step skipped" in log_of(trainer)
