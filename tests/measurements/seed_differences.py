"""How far apart trainings with one seed end: ``python -m tests.measurements.seed_differences``.

Each training is a process of its own: ``nnUNetTrainerCIPA_demo`` for 10 iterations on noise of 128 x 128 pixels. Prints
whether two trainings ended with the same bits, and the largest difference of a weight and of an epoch's loss.
"""

import copy
import multiprocessing
import os
import tempfile
from pathlib import Path

import torch

from nnunet_cipa.trainers import nnUNetTrainerCIPA_demo
from nnunet_cipa.trainers.robust.seeding import SEED_VARIABLE
from tests.trainers import small_training
from tests.trainers.checkpoints import fold_of, load
from tests.trainers.conftest import DATASET, PLANS

SIDE = 128
RUNS = {
    "1 thread": {},
    "1 thread, 2 workers": {"workers": 2},
    "2 threads": {"threads": 2},
    "2 threads, 2 workers": {"threads": 2, "workers": 2},
    "no seed": {"seed": ""},
    "seed 4": {"seed": "4"},
}
TWICE = [name for name in RUNS if name != "seed 4"]
PAIRS = [("1 thread", other) for other in ("2 threads", "1 thread, 2 workers", "seed 4")]


class nnUNetTrainerCIPA_10(nnUNetTrainerCIPA_demo):
    """Two epochs of five iterations."""

    settings = {"num_epochs": 2, "num_iterations_per_epoch": 5, "num_val_iterations_per_epoch": 1}


def train(folder, plans, results, seed="3", threads=1, workers=0):
    small_training.silence()
    os.environ.update(nnUNet_preprocessed=str(Path(folder, "preprocessed")), nnUNet_results=results)
    os.environ.update({"nnUNet_n_proc_DA": str(workers), SEED_VARIABLE: seed})
    torch.set_num_threads(threads)
    plans = {**plans, "continue_training": False}
    nnUNetTrainerCIPA_10(plans, "2d", 0, copy.deepcopy(DATASET), torch.device("cpu")).run_training()


def compare(title, first, second):
    weights, others = (content["network_weights"] for content in (first, second))
    bits = "same" if all(torch.equal(weights[name], others[name]) for name in weights) else "other"
    # the statistics of batch norms have the scale of what they are of, and would hide the weights
    learned = [name for name in weights if "running_" not in name]
    weight = max((weights[name] - others[name]).abs().max().item() for name in learned)
    losses = zip(*(content["logging"]["train_losses"] for content in (first, second)), strict=True)
    loss = max(abs(one - other) for one, other in losses)
    print(f"{title}: {bits} bits, weights {weight:.2g}, loss {loss:.2g}", flush=True)


def main():
    context = multiprocessing.get_context("spawn")
    plans = copy.deepcopy(PLANS)
    plans["configurations"]["2d"]["patch_size"] = [SIDE, SIDE]
    small_training.SIDE = SIDE
    with tempfile.TemporaryDirectory() as folder:
        small_training.write_data(folder, plans, DATASET)

        def run(name):
            results = tempfile.mkdtemp(dir=folder)
            process = context.Process(target=train, args=(folder, plans, results), kwargs=RUNS[name])
            process.start()
            process.join()
            return load(fold_of(results) / "checkpoint_final.pth")

        contents = {name: run(name) for name in RUNS}
        for name in TWICE:
            compare(f"{name}, twice", contents[name], run(name))
        for first, second in PAIRS:
            compare(f"{first} and {second}", contents[first], contents[second])
        print(f"loss at the end: {contents['1 thread']['logging']['train_losses'][-1]:.3f}")


if __name__ == "__main__":
    main()
