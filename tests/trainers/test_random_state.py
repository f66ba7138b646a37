"""Random numbers that go on where they were."""

import os
import random
import time

import numpy as np
import torch
from batchgenerators.dataloading.data_loader import DataLoader
from batchgenerators.dataloading.nondet_multi_threaded_augmenter import NonDetMultiThreadedAugmenter

from nnunet_cipa.trainers.robust.random_state import capture_random_state, restore_random_state, seed_workers


def test_random_states_continue_where_they_were(tmp_path):
    def draw():
        return [
            random.random(),
            random.gauss(0, 1),
            np.random.normal(),
            *np.random.choice(9, 5),
            *torch.rand(3).tolist(),
        ]

    np.random.normal()  # leaves the second of a pair behind
    state = capture_random_state(torch.device("cpu"))
    torch.save(state, tmp_path / "state")
    expected = draw()
    assert draw() != expected
    restore_random_state(torch.load(tmp_path / "state", weights_only=True), torch.device("cpu"))
    assert draw() == expected


class Draws(DataLoader):
    """What nnU-Net's loaders draw from in a worker: torch's generator and NumPy's."""

    def __init__(self):
        super().__init__(None, 1, infinite=True)

    def generate_train_batch(self):
        time.sleep(0.01)  # leave some for the other worker
        return {"process": os.getpid(), "torch": torch.rand(()).item(), "numpy": np.random.random()}


def test_workers_have_seeds_of_their_own_that_follow_from_the_state():
    device = torch.device("cpu")
    state, loader = capture_random_state(device), NonDetMultiThreadedAugmenter(Draws(), None, 2, wait_time=0.01)
    try:
        next(loader)
        seed_workers(loader)
        first = list(loader.seeds)
        batches = [next(loader) for _ in range(40)]
        seed_workers(loader)
        second = list(loader.seeds)
        restore_random_state(state, device)
        seed_workers(loader)
        assert loader.seeds == first
    finally:
        loader._finish()
    assert len(set(first + second)) == 4
    assert len({batch["process"] for batch in batches}) == 2
    for key in ("torch", "numpy"):
        assert len({batch[key] for batch in batches}) == 40
