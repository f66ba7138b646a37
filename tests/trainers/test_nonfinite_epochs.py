"""Epochs whose loss or validation is not finite."""

import math

import numpy as np
import pytest

from nnunet_cipa.trainers import nnUNetTrainerCIPA_demo
from tests.trainers.steps import log_of


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
