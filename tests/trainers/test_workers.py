"""Worker processes of a training with a seed: their batches come in the same order at every start."""

import os
import shutil
import time

import pytest
import torch
from batchgenerators.dataloading.data_loader import DataLoader
from batchgenerators.dataloading.nondet_multi_threaded_augmenter import NonDetMultiThreadedAugmenter
from nnunetv2.run.run_training import maybe_load_checkpoint

from nnunet_cipa.trainers.robust.workers import WorkersInTurns, take_in_turns
from tests.trainers.seeded_training import TRAINERS, interrupt, results_of, same, trained
from tests.trainers.steps import log_of


class Draws(DataLoader):
    """Batches that take longer or shorter, whatever the seed."""

    def __init__(self):
        super().__init__(None, 1, infinite=True)

    def generate_train_batch(self):
        time.sleep(os.urandom(1)[0] / 5e3)
        return {"process": os.getpid(), "drawn": torch.rand(()).item()}


class Fails(Draws):
    def generate_train_batch(self):
        raise ValueError("no such case")


def draw(loader_class, seeds, count):
    loader = take_in_turns(NonDetMultiThreadedAugmenter(loader_class(), None, 3, 2, seeds, wait_time=0.01))
    try:
        return [next(loader) for _ in range(count)]
    finally:
        loader._finish()


def test_workers_of_unequal_speed_are_taken_in_turns():
    first, second = (draw(Draws, [1, 2, 3], 30) for _ in range(2))
    assert [batch["drawn"] for batch in first] == [batch["drawn"] for batch in second]
    assert len({batch["drawn"] for batch in first}) == 30
    processes = [batch["process"] for batch in first]
    assert processes == processes[:3] * 10
    assert len(set(processes)) == 3


def test_a_worker_that_fails_ends_the_training_as_nnunet_does():
    with pytest.raises(RuntimeError, match="background workers are no longer alive"):
        draw(Fails, [1, 2, 3], 1)


@pytest.mark.parametrize("trainer_class", TRAINERS[1:])
def test_two_workers_give_the_same_batches_in_the_same_order(start, trainer_class):
    """Also at a start that comes later than the other, and not the same batches from both workers."""
    found = []
    for _ in range(2):
        trainer = start(trainer_class, workers="2")
        trainer.on_train_start()
        loader = trainer.dataloader_train
        assert isinstance(loader, NonDetMultiThreadedAugmenter)
        assert loader.num_processes == 2
        found.append([next(loader)["data"] for _ in range(12)])
        trainer.dataloader_val._finish()
        workers = [process for worker in loader._workers for process in worker._processes]
        loader._finish()
        assert len(workers) == 2
        assert not any(process.is_alive() for process in workers)
    assert all(torch.equal(*pair) for pair in zip(*found, strict=True))
    assert not torch.equal(found[0][0], found[0][1])


def test_a_training_with_workers_ends_with_the_same_weights_and_no_workers(start):
    trainers = [start(TRAINERS[2], workers="2") for _ in range(2)]
    first, second = map(trained, trainers)
    assert same(first, second)
    for trainer in trainers:
        assert isinstance(trainer.dataloader_train, WorkersInTurns)
        assert not trainer.dataloader_train._workers


def test_workers_of_a_continued_training_have_new_seeds(start, tmp_path):
    broken = start(workers="2")
    interrupt(broken)
    again = []
    for index in range(2):
        shutil.copytree(results_of(broken), tmp_path / f"again{index}")
        trainer = start(results=tmp_path / f"again{index}", workers="2")
        maybe_load_checkpoint(trainer, continue_training=True, validation_only=False)
        trainer.on_train_start()
        again.append(trainer.dataloader_train.seeds)
    for loader in (broken.dataloader_train, broken.dataloader_val):
        loader._finish()
    assert again[0] == again[1]
    assert not set(again[0]) & set(broken.dataloader_train.seeds)


def test_without_the_variable_loaders_are_nnunets(start):
    trainer = start(seed="", workers="1")
    trainer.on_train_start()
    assert type(trainer.dataloader_train) is NonDetMultiThreadedAugmenter
    for loader in (trainer.dataloader_train, trainer.dataloader_val):
        loader._finish()
    assert "seed" not in log_of(trainer).replace("seeded", "")
