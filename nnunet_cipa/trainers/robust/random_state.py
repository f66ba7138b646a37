"""The states of the random number generators that a training draws from, as plain values that any torch can load."""

import random
from typing import Any

import numpy as np
import torch
from batchgenerators.dataloading.nondet_multi_threaded_augmenter import NonDetMultiThreadedAugmenter


def capture_random_state(device: torch.device) -> dict[str, Any]:
    """Return the states of Python, NumPy, torch and, on a GPU, its generator."""
    numpy_state: Any = np.random.get_state(legacy=False)  # noqa: NPY002 - the one that nnU-Net's loaders draw from
    return {
        "python": random.getstate(),
        "numpy": {**numpy_state, "state": {**numpy_state["state"], "key": numpy_state["state"]["key"].tolist()}},
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
    }


def restore_random_state(state: dict[str, Any], device: torch.device) -> None:
    """Set the generators to what ``capture_random_state`` returned."""
    random.setstate(state["python"])
    numbers = state["numpy"]
    key = np.array(numbers["state"]["key"], np.uint32)
    np.random.set_state({**numbers, "state": {**numbers["state"], "key": key}})  # noqa: NPY002 - as above
    torch.set_rng_state(state["torch"])
    if device.type == "cuda" and state["cuda"] is not None:
        torch.cuda.set_rng_state(state["cuda"], device)


def seed_workers(loader: Any) -> None:
    """Start a loader's worker processes again, each with a seed drawn from NumPy's generator; others stay as they are.

    As nnU-Net starts them, all workers have the same generator of torch and draw the same crops from it.
    """
    if isinstance(loader, NonDetMultiThreadedAugmenter):
        loader.seeds = np.random.randint(2**31, size=loader.num_processes).tolist()  # noqa: NPY002 - as above
        loader.restart()
