"""Trainings that are killed and go on."""

import random
import signal
import time

import pytest
import torch

from nnunet_cipa.trainers.robust.resuming import BEST
from tests.trainers import small_training
from tests.trainers.checkpoints import fold_of, load
from tests.trainers.small_training import EPOCHS, forkserver

KILLS = 20


def live(arguments, events=None, delay=0.0):
    """Train in a process of its own; kill it some time after so many events. Returns whether it was killed."""
    receiver, sender = forkserver.Pipe(duplex=False)
    process = forkserver.Process(target=small_training.train, args=(sender, *arguments))
    process.start()
    sender.close()
    try:
        for _ in range(10**6 if events is None else events):
            receiver.recv_bytes()
        time.sleep(delay)
    except EOFError:  # it has ended
        process.join()
    process.kill()
    process.join()
    assert process.exitcode in {0, -signal.SIGKILL}
    return process.exitcode != 0


def differences(first, second, where=""):
    """Name what differs between two checkpoints, bit by bit; times of day and folders apart."""
    if isinstance(first, dict):
        assert first.keys() == second.keys(), where
        keys = [key for key in first if "timestamps" not in str(key) and key != "init_args"]
        return [name for key in keys for name in differences(first[key], second[key], f"{where}/{key}")]
    if isinstance(first, list | tuple):
        pairs = zip(first, second, strict=True)
        return [name for index, pair in enumerate(pairs) for name in differences(*pair, f"{where}/{index}")]
    same = torch.equal(first, second) if isinstance(first, torch.Tensor) else first == second
    return [] if same else [where]


@pytest.mark.slow
def test_a_training_killed_at_random_moments_ends_bit_for_bit_as_one_that_was_not(data, tmp_path):
    whole, killed = data(tmp_path / "whole"), data(tmp_path / "killed")
    assert not live(whole)
    rng = random.Random(20)
    for _ in range(KILLS):
        assert live(killed, rng.randrange(7), rng.uniform(0, 0.05)), "it ended before it was killed"
    assert not live(killed)
    folds = fold_of(whole[-1]), fold_of(killed[-1])
    for name in ("checkpoint_final.pth", BEST):
        first, second = (load(fold / name) for fold in folds)
        assert differences(first, second) == []
    assert first["current_epoch"] <= EPOCHS
    assert len(list(folds[1].glob("training_log_*.txt"))) > KILLS / 2
    for fold in folds:
        names = {path.name for path in fold.iterdir() if path.name.startswith(("checkpoint", "."))}
        assert names == {"checkpoint_final.pth", "checkpoint_final.pth.sha256", BEST, f"{BEST}.sha256"}
