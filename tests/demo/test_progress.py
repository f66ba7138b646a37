"""How far a training is, from what nnU-Net 2.8.1 prints."""

import math

import pytest

from nnunet_cipa.demo.layout import length_of
from nnunet_cipa.demo.progress import TrainingStep, training_losses
from nnunet_cipa.demo.steps import StepRunner
from nnunet_cipa.trainers import nnUNetTrainerCIPA_demo, nnUNetTrainerCIPASIM_demoTransfer

EPOCH = """2000-01-01 00:00:00.000001: Epoch {number}
2000-01-01 00:00:00.000002: Current learning rate: 0.003
2000-01-01 00:00:00.000003: train_loss {loss}
2000-01-01 00:00:00.000004: val_loss 9.9999
2000-01-01 00:00:00.000005: Pseudo dice [np.float32({dice})]
2000-01-01 00:00:00.000006: Epoch time: {seconds} s
2000-01-01 00:00:00.000007: Yayy! New best EMA pseudo Dice: 0.9876
"""


def log(*seconds):
    return "".join(
        EPOCH.format(number=number, loss=-0.1 * number, dice=f"0.{number}5", seconds=value)
        for number, value in enumerate(seconds)
    )


@pytest.mark.parametrize(
    ("seconds", "line"),
    [
        ((), ""),
        ((80.0,), "epoch 1 of 4, loss 0.0, Dice of validation patches 0.05, about 4 min left"),
        ((80.0, 20.0), "epoch 2 of 4, loss -0.1, Dice of validation patches 0.15, about 40 s left"),
        ((80.0, 20.0, 40.0), "epoch 3 of 4, loss -0.2, Dice of validation patches 0.25, about 30 s left"),
        ((80.0, 20.0, 40.0, 30.0), ""),
    ],
)
def test_line_after_each_epoch(seconds, line):
    step = TrainingStep("train", ("nnUNetv2_train",), epochs=4)
    assert step.describe(log(*seconds)) == line
    # what the next epoch prints before its end changes nothing
    assert (
        step.describe(f"{log(*seconds)}Epoch {len(seconds)}\ntrain_loss -0.9\nPseudo dice [np.float32(0.9)]\n") == line
    )


def test_losses_of_the_epochs():
    losses = training_losses(log(1, 2, 3).replace("-0.2\n", "nan\n"))
    assert losses[:2] == [0, -0.1]
    assert math.isnan(losses[2])


def test_length_is_that_of_the_trainer():
    for trainer in (nnUNetTrainerCIPA_demo, nnUNetTrainerCIPASIM_demoTransfer):
        length = length_of(trainer.__name__)
        settings = trainer.settings
        assert (length.epochs, length.iterations) == (settings["num_epochs"], settings["num_iterations_per_epoch"])
        assert length.val_iterations == settings["num_val_iterations_per_epoch"]


def test_lines_are_printed_while_a_training_runs(tmp_path, monkeypatch, capsys):
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "nnUNetv2_train"
    pieces = [EPOCH.format(number=number, loss=-0.5, dice=0.5, seconds=30.0) for number in range(3)]
    printed = "\n".join(f"cat <<'END'\n{piece}END\nsleep 0.3" for piece in pieces)
    program.write_text(f"#!/bin/sh\n{printed}\n")
    program.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(tmp_path / "bin" / "python"))
    monkeypatch.setattr("nnunet_cipa.demo.steps._POLL", 0.02)
    StepRunner(tmp_path, {"PATH": "/usr/bin:/bin"}).run(TrainingStep("train", ("nnUNetv2_train",), epochs=3))
    assert capsys.readouterr().out.splitlines() == [
        "  epoch 1 of 3, loss -0.5, Dice of validation patches 0.5, about 60 s left",
        "  epoch 2 of 3, loss -0.5, Dice of validation patches 0.5, about 30 s left",
    ]
