"""Steps whose loss or gradient is not finite."""

import math

import numpy as np
import pytest
import torch

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.trainers import nnUNetTrainerCIPA_demo
from nnunet_cipa.trainers.robust.nonfinite import _describe_parts
from tests.trainers.steps import BAD, assert_same, log_of, make_batch, prepare, train_on, weights


@pytest.fixture
def ready(make_trainer, plans):
    """A trainer with network, loss and optimizer, but without data."""
    plans["configurations"]["2d"]["patch_size"] = [32, 32]
    return prepare(make_trainer(nnUNetTrainerCIPA_demo))


def state(trainer):
    tensors = {f"network {name}": t.clone() for name, t in trainer.network.state_dict().items()}
    for index, group in trainer.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer {index} {name}": t.clone() for name, t in group.items()}
    return tensors


class SqrtOfZero(torch.nn.Module):
    """Its value is 0 and its gradient 0 / 0."""

    def forward(self, output, target):
        return (output - output).square().sum().sqrt()


class Times(torch.nn.Module):
    """A loss, times a factor."""

    def __init__(self, loss, factor):
        super().__init__()
        self.loss, self.factor = loss, factor

    def forward(self, output, target):
        return self.factor * self.loss(output, target)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_bad_batch_leaves_no_trace_but_in_the_log(ready, bad):
    ready.train_step(make_batch(0))
    before, rate = state(ready), ready.lr_scheduler.iteration
    skipped = ready.train_step(make_batch(10, bad))
    assert math.isnan(skipped["loss"])
    assert_same(state(ready), before)
    assert ready.lr_scheduler.iteration == rate
    logged = log_of(ready)
    assert "1 in a row" in logged
    assert "input NOT finite, cases patient_10, patient_11" in logged
    assert "ce nan" in logged
    assert "dc " in logged
    after = ready.train_step(make_batch(20))
    assert np.isfinite(after["loss"])
    assert not torch.equal(
        state(ready)["network encoder.patch_embed.proj.0.weight"], before["network encoder.patch_embed.proj.0.weight"]
    )


def test_parts_of_the_loss_in_the_log_are_those_of_the_two_losses(ready):
    batch = make_batch(0)
    with torch.no_grad():
        output = ready.network(batch["data"])
        expected = {"ce": ready.loss.ce(output, batch["target"][:, 0]), "dc": ready.loss.dc(output, batch["target"])}
    text = _describe_parts(ready.loss, output, batch["target"])
    assert sorted(text.strip(" ()").split(", ")) == [f"{name} {value.item():.4g}" for name, value in expected.items()]
    assert not ready.loss.ce._forward_hooks


def test_a_gradient_that_is_not_finite_is_as_bad_as_a_loss(ready):
    ready.train_step(make_batch(0))
    before, real = state(ready), ready.loss
    ready.loss = SqrtOfZero()
    assert math.isnan(ready.train_step(make_batch(1))["loss"])
    ready.loss = real
    assert_same(state(ready), before)
    assert "loss 0, gradient nan, input finite, cases patient_1, patient_2" in log_of(ready)


def test_only_steps_in_a_row_end_the_training(ready):
    assert ready.non_finite_limit == 10
    ready.non_finite_limit = 3
    for seed in range(2):
        for _ in range(2):
            ready.train_step(make_batch(seed, BAD))
        assert ready.non_finite_in_a_row == 2
        ready.train_step(make_batch(seed))
        assert ready.non_finite_in_a_row == 0
    before = state(ready)
    with pytest.raises(CIPAError, match=r"3 training steps in a row.*cases patient_7, patient_8.*--c"):
        train_on(ready, [make_batch(7, BAD)] * 10)
    assert ready.non_finite_in_a_row == 3
    assert_same(state(ready), before)


def test_steps_are_those_of_nnunet_where_all_is_finite(ready, make_trainer):
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    stock = prepare(make_trainer(nnUNetTrainerCIPA_demo))
    for seed in range(2):
        ours, theirs = ready.train_step(make_batch(seed)), nnUNetTrainer.train_step(stock, make_batch(seed))
        assert ours["loss"] == theirs["loss"]
        assert ours["loss"].shape == theirs["loss"].shape
    assert_same(state(ready), state(stock))


def test_overflow_by_the_scale_is_the_scalers_affair(ready):
    """The gradient of 2 ** 8 times the loss is too large for float32 at first; nothing is counted until it is not."""
    ready.loss = Times(ready.loss, 2.0**8)
    ready.grad_scaler = torch.GradScaler("cpu", init_scale=2.0**126)
    ready.non_finite_limit = 2
    before, steps = weights(ready), 0
    while ready.grad_scaler.get_scale() == 2.0 ** (126 - steps):
        assert_same(weights(ready), before)
        assert np.isfinite(ready.train_step(make_batch(steps))["loss"])
        assert ready.non_finite_in_a_row == 0
        steps += 1
    assert 2 < steps < 30
    name = "encoder.patch_embed.proj.0.weight"
    assert not torch.equal(weights(ready)[name], before[name])
    assert "skipped" not in log_of(ready)


def test_a_bad_loss_leaves_the_scale_and_bad_gradients_end_the_training_at_scale_one(ready):
    ready.grad_scaler = torch.GradScaler("cpu", init_scale=16.0)
    ready.train_step(make_batch(0, BAD))
    assert ready.grad_scaler.get_scale() == 16
    assert ready.non_finite_in_a_row == 1
    assert np.isfinite(ready.train_step(make_batch(1))["loss"])
    before, ready.loss, ready.non_finite_limit = weights(ready), SqrtOfZero(), 2
    for scale in (8, 4, 2, 1):
        ready.train_step(make_batch(2))
        assert (ready.grad_scaler.get_scale(), ready.non_finite_in_a_row) == (scale, 0)
    ready.train_step(make_batch(2))
    assert ready.non_finite_in_a_row == 1
    with pytest.raises(CIPAError, match="gradient nan"):
        ready.train_step(make_batch(2))
    assert_same(weights(ready), before)


def test_a_bad_validation_case_ends_no_training_and_a_prediction_refuses_it(ready):
    ready.network.eval()
    with torch.no_grad():
        assert math.isnan(ready.validation_step(make_batch(0, bad=BAD))["loss"])
        with pytest.raises(ValueError, match="the CT of this case has values that are not finite"):
            ready.network(make_batch(0, bad=BAD)["data"])
