"""A training of a second or two on random slices, and processes that run it or parts of it and can be killed."""

import io
import multiprocessing
import os
import random
import signal
import sys
from pathlib import Path

import numpy as np
import torch
from batchgenerators.utilities.file_and_folder_operations import save_json
from nnunetv2.run.run_training import maybe_load_checkpoint
from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2

from nnunet_cipa.trainers import nnUNetTrainerCIPA_demo
from nnunet_cipa.trainers.robust.resuming import LATEST
from nnunet_cipa.trainers.variants.demo import Shortened

SIDE, SLICES, EPOCHS = 32, 3, 16

forkserver = multiprocessing.get_context("forkserver")
forkserver.set_forkserver_preload(["tests.trainers.small_training"])


class Tiny(Shortened):
    """Two iterations an epoch and a checkpoint after each; ``tell`` is called at every step and around every save."""

    tell = staticmethod(lambda: None)

    def __init__(self, plans, configuration, fold, dataset_json, device=torch.device("cuda")):
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.num_epochs = EPOCHS
        self.num_iterations_per_epoch = 2
        self.num_val_iterations_per_epoch = 1
        self.save_every = 1
        self.logger.plot_progress_png = lambda *_: None

    def train_step(self, batch):
        self.tell()
        return super().train_step(batch)

    def save_checkpoint(self, filename):
        self.tell()
        super().save_checkpoint(filename)
        self.tell()


class nnUNetTrainerCIPA_tiny(Tiny, nnUNetTrainerCIPA_demo):
    """The nano variant."""


def write_data(folder, plans, dataset_json, scale=1.0, cases=4):
    """Write cases as nnU-Net's preprocessing leaves them, with noise times ``scale`` in them."""
    base = Path(folder, "preprocessed", plans["dataset_name"])
    data = base / plans["configurations"]["2d"]["data_identifier"]
    data.mkdir(parents=True)
    rng = np.random.default_rng(0)
    names = [f"case_{number}" for number in range(cases)]
    for name in names:
        noise = rng.normal(size=(2, SLICES, SIDE + 8, SIDE + 8)).astype(np.float32)
        images, segmentation = scale * noise, (noise[1:] > 0.5).astype(np.int16)
        properties = {"class_locations": {1: np.argwhere(segmentation)}}
        nnUNetDatasetBlosc2.save_case(images, segmentation, properties, str(data / name))
    save_json([{"train": names[:2], "val": names[2:]}], str(base / "splits_final.json"))
    save_json(plans, str(base / f"{plans['plans_name']}.json"))
    save_json(dataset_json, str(base / "dataset.json"))
    save_json({}, str(base / "dataset_fingerprint.json"))


def make(folder, plans, dataset_json, results, trainer_class=nnUNetTrainerCIPA_tiny, fold=0):
    """Make the trainer as a process does that has just been started, always with the same random numbers."""
    os.environ.update(
        nnUNet_preprocessed=str(Path(folder, "preprocessed")), nnUNet_results=str(results), nnUNet_n_proc_DA="0"
    )
    torch.set_num_threads(1)
    random.seed(1)
    np.random.seed(2)
    torch.manual_seed(3)
    return trainer_class({**plans, "continue_training": True}, "2d", fold, dataset_json, torch.device("cpu"))


def train(events, folder, plans, dataset_json, results):
    """Start or continue the training, as nnUNetv2_train does with --c; a byte goes to ``events`` at every event."""
    silence()
    trainer = make(folder, plans, dataset_json, results)
    trainer.tell = lambda: events.send_bytes(b"x")
    maybe_load_checkpoint(trainer, continue_training=True, validation_only=False)
    trainer.run_training()


def silence():
    sys.stdout = sys.stderr = io.StringIO()


def save_and_die(operation, trainer_folder, content):
    """Save over the latest checkpoint and be killed at the n-th write or change of a file's name."""
    from nnunet_cipa.trainers.robust import checkpoint_files

    left = [operation]

    def count(event, arguments):
        if event in {"open", "os.rename", "os.remove", "os.link"} and str(trainer_folder) in str(arguments[0]):
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

    write = checkpoint_files._Hashed.write

    def counted_write(self, data):
        count("open", [trainer_folder])
        return write(self, data)

    checkpoint_files._Hashed.write = counted_write
    sys.addaudithook(count)
    checkpoint_files.save_file(content, Path(trainer_folder, LATEST), keep_previous=True)
