"""Threads of a training on a CPU, of which nnU-Net takes one for each core of the machine."""

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunet_cipa.processes.cores import usable_cores
from nnunet_cipa.switches import read_integer

THREADS_VARIABLE = "NNUNET_CIPA_THREADS"


class FittingThreads(nnUNetTrainer):
    """nnU-Net's training, on a CPU with as many threads as it has cores, or as ``NNUNET_CIPA_THREADS`` says.

    The cores are those that a cluster, a container or taskset leaves to it: more threads wait for each other.

    Raises
    ------
    CIPAError
        If the variable has another value than a number of threads.
    """

    def initialize(self) -> None:
        """Set the number of threads, then build the network as nnU-Net does."""
        if self.device.type == "cpu":
            torch.set_num_threads(read_threads() or min(torch.get_num_threads(), usable_cores()))
        super().initialize()


def read_threads() -> int | None:
    """Return the number in ``NNUNET_CIPA_THREADS``, None if it is not set.

    Raises
    ------
    CIPAError
        If it is not an integer from 1 to 9999.
    """
    return read_integer(THREADS_VARIABLE, "[1-9][0-9]{0,3}", 1, 9999)
