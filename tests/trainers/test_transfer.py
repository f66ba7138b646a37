"""The settings of fine-tuning."""

import pytest
import torch

from nnunet_cipa.trainers import (
    nnUNetTrainerCIPA25DTransfer,
    nnUNetTrainerCIPASIM,
    nnUNetTrainerCIPASIM_dynamic,
    nnUNetTrainerCIPASIM_features,
    nnUNetTrainerCIPASIM_input,
    nnUNetTrainerCIPASIMTransfer,
    nnUNetTrainerCIPAStack,
    nnUNetTrainerCIPATransfer,
)


@pytest.fixture
def ready(make_trainer, monkeypatch):
    """Build a trainer with a nano network and its optimizer."""

    def make(trainer_class, **settings):
        monkeypatch.setattr(trainer_class, "architecture", {**trainer_class.architecture, "variant": "nano"})
        trainer = make_trainer(trainer_class)
        for name, value in settings.items():
            setattr(trainer, name, value)
        trainer.network = trainer.build_network_architecture(
            trainer.plans_manager, trainer.configuration_manager, 2, 2, False
        )
        trainer.optimizer, trainer.lr_scheduler = trainer.configure_optimizers()
        return trainer

    return make


def rates(trainer):
    named = {id(p): name for name, p in trainer.network.named_parameters()}
    return {named[id(p)]: group["lr"] for group in trainer.optimizer.param_groups for p in group["params"]}


@pytest.mark.parametrize(
    ("trainer_class", "slices", "sim"),
    [
        (nnUNetTrainerCIPATransfer, 1, False),
        (nnUNetTrainerCIPA25DTransfer, 3, False),
        (nnUNetTrainerCIPASIMTransfer, 3, True),
    ],
)
def test_the_encoder_has_a_tenth_of_the_rate_from_the_first_to_the_last_iteration(ready, trainer_class, slices, sim):
    trainer = ready(trainer_class)
    assert (trainer.network.slices, trainer.network.encoder_sims is not None) == (slices, sim)
    assert trainer.num_epochs * trainer.num_iterations_per_epoch == 10_000
    assert trainer.lr_scheduler.warmup == 500
    for epoch, factor in ((0, 1 / 500), (2, 1.0), (21, 0.5), (40, 1e-6)):
        trainer.lr_scheduler.step(epoch)
        found = rates(trainer)
        assert found.keys() == {name for name, _ in trainer.network.named_parameters()}
        for name, rate in found.items():
            assert rate == pytest.approx(6e-5 * factor * (0.1 if name.startswith("encoder.") else 1), rel=1e-4)


def test_training_from_scratch_has_one_rate_and_no_warm_up(ready):
    trainer = ready(nnUNetTrainerCIPASIM)
    trainer.lr_scheduler.step(0)
    assert set(rates(trainer).values()) == {6e-5}


def test_a_frozen_encoder_stays_as_it_is_and_the_rest_learns(ready):
    trainer = ready(nnUNetTrainerCIPASIMTransfer, freeze_encoder=True, initial_lr=1e-2)
    before = {name: tensor.clone() for name, tensor in trainer.network.named_parameters()}
    trainer.lr_scheduler.step(5)
    torch.manual_seed(0)
    trainer.network.train()(torch.randn(1, 6, 96, 64)).square().mean().backward()
    trainer.optimizer.step()
    moved = {name for name, tensor in trainer.network.named_parameters() if not torch.equal(tensor, before[name])}
    assert not any(name.startswith("encoder.") for name in moved)
    assert any(name.startswith("encoder_sims.") for name in moved)
    assert any(name.startswith("fusions.") for name in moved)
    assert any(name.startswith("decoder.") for name in moved)


@pytest.mark.parametrize(
    ("trainer_class", "parts"),
    [
        (nnUNetTrainerCIPATransfer, ()),
        (nnUNetTrainerCIPASIMTransfer, ("encoder_sims.",)),
        (nnUNetTrainerCIPASIM_features, ("feature_sims.",)),
        (nnUNetTrainerCIPASIM_input, ("sim.",)),
        (nnUNetTrainerCIPASIM_dynamic, ("encoder_sims.", "neighbour_attention.")),
        (nnUNetTrainerCIPAStack, ("stack_scans.",)),
    ],
)
def test_what_joins_slices_has_a_rate_of_its_own(ready, trainer_class, parts):
    trainer = ready(trainer_class, slice_rate=10.0, encoder_rate=0.5, warmup_epochs=0)
    found = rates(trainer)
    assert found.keys() == {name for name, _ in trainer.network.named_parameters()}
    for name, rate in found.items():
        factor = 0.5 if name.startswith("encoder.") else 10.0 if name.startswith(parts or ("none",)) else 1.0
        assert rate == pytest.approx(6e-5 * factor, rel=1e-4), name
    assert all(any(name.startswith(part) for name in found) for part in parts)


def test_without_it_the_groups_are_those_of_earlier_checkpoints(ready):
    """Of the encoder and of the rest, each with and without weight decay, as --c has to find them."""
    trainer = ready(nnUNetTrainerCIPASIM)
    named = [name for name, _ in trainer.network.named_parameters()]
    of_group = [len(group["params"]) for group in trainer.optimizer.param_groups]
    encoder = sum(name.startswith("encoder.") for name in named)
    assert len(of_group) == 4
    assert (sum(of_group[:2]), sum(of_group[2:])) == (encoder, len(named) - encoder)
