"""The seed of a training: two starts with the same one draw the same random numbers."""

import random
from typing import Any

import numpy as np
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunet_cipa.options import LARGEST_SEED
from nnunet_cipa.switches import read_integer
from nnunet_cipa.trainers.robust.random_state import seed_workers
from nnunet_cipa.trainers.robust.workers import take_in_turns

SEED_VARIABLE = "NNUNET_CIPA_SEED"


class SeededTraining(nnUNetTrainer):
    """nnU-Net's training, whose random numbers follow from the seed in ``NNUNET_CIPA_SEED``, if it is set.

    Initial weights are drawn from the seed, the same on every rank. Sampling, augmentation and what a network drops
    are drawn from the seed, the rank and the epoch of the start; generators are seeded again for that after nnU-Net has
    started, so that nothing that ran in between matters. Worker processes have seeds of their own, and their batches
    are taken in turns. Kernels are left as they are: see the documentation for what is not the same bit for bit.

    Raises
    ------
    CIPAError
        If the variable has a value that is not a seed.
    """

    dataloader_train: Any
    dataloader_val: Any
    seed: int | None = None  # a subclass that sets it does not read the variable

    def initialize(self) -> None:
        """Build the network as nnU-Net does, from the seed's random numbers."""
        if self.seed is None:
            self.seed = read_seed()
        if self.seed is not None:
            seed_generators(self.seed)
        super().initialize()

    def do_split(self) -> tuple[Any, Any]:
        """Return the cases to train and to validate on; sorted with a seed, as fold ``all`` is in a folder's order."""
        cases = super().do_split()
        return cases if self.seed is None else (sorted(cases[0]), sorted(cases[1]))

    def on_train_start(self) -> None:
        """Start as nnU-Net does, then seed sampling, augmentation and workers."""
        super().on_train_start()
        if self.seed is None:
            return
        self.print_to_log_file(f"seed {self.seed}: initial weights, sampling, augmentation and workers follow from it")
        seed_generators(_sampling_seed(self.seed, self.local_rank, self.current_epoch))
        self.dataloader_train = take_in_turns(self.dataloader_train)
        self.dataloader_val = take_in_turns(self.dataloader_val)
        for loader in (self.dataloader_train, self.dataloader_val):
            seed_workers(loader)

    def keep_seed(self, seed: int | None) -> None:
        """Go on with the seed of a checkpoint, or without one; the log says so if this start asks for another."""
        if seed != self.seed:
            kept = "the checkpoint was trained without a seed and goes on without"
            if seed is not None:
                kept = f"seed {seed} of the checkpoint is kept"
            asked = "not set" if self.seed is None else str(self.seed)
            self.print_to_log_file(f"{kept}; {SEED_VARIABLE} is {asked}")
        self.seed = seed


def read_seed() -> int | None:
    """Return the seed in ``NNUNET_CIPA_SEED``, None if it is not set.

    Raises
    ------
    CIPAError
        If it is not an integer from 0 to 2**32 - 1.
    """
    return read_integer(SEED_VARIABLE, "[0-9]{1,10}", 0, LARGEST_SEED)


def seed_generators(seed: int) -> None:
    """Seed the generators that a training draws from: Python's, NumPy's global one, and torch's on all devices."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the one that nnU-Net's loaders draw from
    torch.manual_seed(seed)


def _sampling_seed(seed: int, rank: int, epoch: int) -> int:
    """Return a seed that differs between ranks and between starts at different epochs."""
    return int(np.random.SeedSequence((seed, rank, epoch)).generate_state(1)[0])
