"""Steps whose loss or gradient is not finite."""

import itertools
import math
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.nn.parallel import DistributedDataParallel

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.plugin import plugin_path
from nnunet_cipa.trainers import nnUNetTrainerCIPA_demo
from nnunet_cipa.trainers.nonfinite import _describe_parts
from tests.trainers.small_training import SIDE, write_data

BAD = math.nan


@pytest.fixture
def ready(make_trainer, plans):
    """A trainer with network, loss and optimizer, but without data."""
    plans["configurations"]["2d"]["patch_size"] = [32, 32]
    return prepare(make_trainer(nnUNetTrainerCIPA_demo))


def prepare(trainer):
    torch.manual_seed(0)
    trainer.network = trainer.build_network_architecture(
        trainer.plans_manager, trainer.configuration_manager, 2, 2, False
    ).train()
    trainer.optimizer, trainer.lr_scheduler = trainer.configure_optimizers()
    trainer.loss = trainer._build_loss()
    trainer.lr_scheduler.step(0)
    return trainer


def make_batch(seed, bad=None):
    generator = torch.Generator().manual_seed(seed)
    data = torch.randn(2, 2, 32, 32, generator=generator)
    if bad is not None:
        data[1, 0, 3, 3] = bad
    target = torch.randint(0, 2, (2, 1, 32, 32), generator=generator)
    return {"data": data, "target": target, "keys": np.array([f"patient_{seed}", f"patient_{seed + 1}"])}


def state(trainer):
    tensors = {f"network {name}": t.clone() for name, t in trainer.network.state_dict().items()}
    for index, group in trainer.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer {index} {name}": t.clone() for name, t in group.items()}
    return tensors


def weights(trainer):
    return {name: parameter.detach().clone() for name, parameter in trainer.network.named_parameters()}


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name in first:
        assert torch.equal(first[name], second[name]), name


def log_of(trainer):
    return Path(trainer.log_file).read_text()


def train_on(trainer, batches):
    for batch in batches:
        trainer.train_step(batch)


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


def validated(loss, tp, fp, fn):
    counts = {"tp_hard": [tp], "fp_hard": [fp], "fn_hard": [fn]}
    return [{"loss": np.float32(loss), **{key: np.array(value, np.float32) for key, value in counts.items()}}]


GOOD, BETTER, BEST = (1.0, 10, 10, 10), (1.0, 20, 10, 10), (1.0, 30, 10, 10)
NO_LOSS, NOTHING_THERE = (math.nan, 90, 0, 0), (1.0, 0, 0, 0)


def run_epochs(trainer, monkeypatch, epochs):
    """Run the ends of epochs with these validation results; returns the epochs after which a best one was saved."""
    saved = []
    monkeypatch.setattr(trainer, "save_checkpoint", lambda name: saved.append((trainer.current_epoch, name)))
    monkeypatch.setattr(trainer.logger, "plot_progress_png", lambda folder: None)
    for train_loss, *validation in epochs:
        trainer.on_epoch_start()
        trainer.logger.log("lrs", 1e-3, trainer.current_epoch)
        trainer.on_train_epoch_end([{"loss": np.array(train_loss, np.float32)}])
        trainer.on_validation_epoch_end(validated(*validation))
        trainer.on_epoch_end()
    return [epoch for epoch, name in saved if name.endswith("checkpoint_best.pth")]


@pytest.mark.parametrize(
    ("epochs", "best"),
    [
        ([(1.0, *GOOD), (1.0, *BETTER), (1.0, *GOOD)], [0, 1]),
        ([(1.0, *NO_LOSS), (1.0, *GOOD), (1.0, *NO_LOSS), (1.0, *BETTER)], [1, 3]),
        ([(1.0, *NOTHING_THERE), (1.0, *NOTHING_THERE), (1.0, *GOOD), (1.0, *GOOD)], [2]),
        ([(1.0, *GOOD), (math.nan, *BEST), (1.0, *BETTER)], [0, 2]),
        ([(math.inf, *BEST)], []),
    ],
    ids=["all finite", "validation loss", "no foreground", "training loss", "infinite"],
)
def test_an_epoch_that_is_not_finite_is_never_the_best(make_trainer, monkeypatch, epochs, best):
    trainer = make_trainer(nnUNetTrainerCIPA_demo)
    assert run_epochs(trainer, monkeypatch, epochs) == best


def test_the_moving_average_goes_on_without_such_epochs(make_trainer, monkeypatch):
    trainer = make_trainer(nnUNetTrainerCIPA_demo)
    run_epochs(trainer, monkeypatch, [(1.0, *e) for e in (NOTHING_THERE, GOOD, NO_LOSS, BETTER, NOTHING_THERE, GOOD)])
    good, better = 20 / 40, 40 / 60
    after_better = 0.9 * good + 0.1 * better
    expected = [math.nan, good, good, after_better, after_better, 0.9 * after_better + 0.1 * good]
    assert trainer.logger.get_value("ema_fg_dice", step=None) == pytest.approx(expected, nan_ok=True)
    assert trainer._best_ema == pytest.approx(after_better)
    assert "epoch 2 cannot be the best: val_losses is nan" in log_of(trainer)


def test_the_mean_loss_of_an_epoch_is_that_of_the_steps_taken(make_trainer):
    trainer = make_trainer(nnUNetTrainerCIPA_demo)
    trainer.on_train_epoch_end([{"loss": np.array(loss, np.float32)} for loss in (1.0, math.nan, 3.0)])
    assert trainer.logger.get_value("train_losses", step=-1) == pytest.approx(2.0)
    assert "1 of 3 steps were skipped" in log_of(trainer)


def train_two(rank, port, folder, trainer):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    dist.init_process_group("gloo", rank=rank, world_size=2)
    torch.set_num_threads(1)
    trainer.is_ddp, trainer.local_rank = True, rank
    prepare(trainer)
    trainer.network = DistributedDataParallel(trainer.network)
    trainer.network.train()
    losses, before, message = [], [], ""
    for step, bad_rank in enumerate([None, 0, 1, None]):
        before.append(weights(trainer))
        bad = BAD if rank == bad_rank else None
        losses.append(float(trainer.train_step(make_batch(100 * rank + step, bad))["loss"]))
    before.append(weights(trainer))
    try:
        trainer.non_finite_limit = 2
        train_on(trainer, [make_batch(100 * rank, BAD if rank else None)] * 5)
    except CIPAError as error:
        message = str(error)
    torch.save({"losses": losses, "states": before, "message": message, "end": weights(trainer)}, folder / f"{rank}")
    dist.destroy_process_group()


@pytest.mark.slow
def test_all_ranks_decide_alike(make_trainer, plans, tmp_path):
    plans["configurations"]["2d"]["patch_size"] = [32, 32]
    trainer = make_trainer(nnUNetTrainerCIPA_demo)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    mp.spawn(train_two, args=(port, tmp_path, trainer), nprocs=2)
    results = [torch.load(tmp_path / str(rank)) for rank in (0, 1)]
    for result in results:
        assert [math.isnan(loss) for loss in result["losses"]] == [False, True, True, False]
        states = result["states"]
        name = "module.encoder.patch_embed.proj.0.weight"
        assert [torch.equal(a[name], b[name]) for a, b in itertools.pairwise(states)] == [
            False, True, True, False
        ]  # fmt: skip
        assert_same(result["end"], states[-1])
        assert "cases patient_0, patient_1" in result["message"]
        assert "cases patient_100, patient_101" in result["message"]
    assert_same(results[0]["end"], results[1]["end"])


@pytest.mark.slow
def test_the_command_ends_with_an_exit_status_and_the_reason(plans, dataset_json, tmp_path):
    plans["configurations"]["2d"]["patch_size"] = [SIDE, SIDE]
    write_data(tmp_path, plans, dataset_json, scale=np.float32(BAD))
    folders = {f"nnUNet_{name}": str(tmp_path / name) for name in ("raw", "preprocessed", "results")}
    command = ["nnUNetv2_train", "701", "2d", "0", "-tr", "nnUNetTrainerCIPA_demo", "-device", "cpu"]
    done = subprocess.run(
        [str(Path(sys.executable).parent / command[0]), *command[1:]],
        env={**os.environ, **folders, "nnUNet_extTrainer": str(plugin_path()), "nnUNet_n_proc_DA": "0"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 1, done.stderr[-3000:]
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("nnunet_cipa.errors.CIPAError: ")
    assert "10 training steps in a row had a loss or gradient that is not finite" in last
    assert "input NOT finite, cases case_" in last
    assert not list((tmp_path / "results").rglob("checkpoint*"))
