"""Trainings that are killed and go on."""

import copy
import hashlib
import os
import random
import resource
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from batchgenerators.dataloading.data_loader import DataLoader
from batchgenerators.dataloading.nondet_multi_threaded_augmenter import NonDetMultiThreadedAugmenter
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.trainers import checkpoint_files
from nnunet_cipa.trainers.checkpoint_files import checksum_of, find_damage, previous_of, save_file
from nnunet_cipa.trainers.random_state import capture_random_state, restore_random_state, seed_workers
from nnunet_cipa.trainers.resuming import BEST, LATEST
from tests.trainers import small_training
from tests.trainers.conftest import DATASET, PLANS
from tests.trainers.small_training import EPOCHS, SIDE, forkserver

KILLS = 20


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Preprocessed data, and how to train on them into one results folder or another."""
    folder, plans, dataset_json = tmp_path_factory.mktemp("resuming"), copy.deepcopy(PLANS), copy.deepcopy(DATASET)
    plans["configurations"]["2d"]["patch_size"] = [SIDE, SIDE]
    small_training.write_data(folder, plans, dataset_json)
    return lambda results: (folder, plans, dataset_json, results)


def fold_of(results):
    return next(Path(results).glob("*/*/fold_0"))


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


def load(path):
    return torch.load(path, map_location="cpu", weights_only=False)


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
        assert live(killed, rng.randrange(9), rng.uniform(0, 0.05)), "it ended before it was killed"
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


@pytest.fixture(scope="module")
def third_epoch(data, tmp_path_factory):
    """Train in this process, up to the end of the third of three epochs."""
    threads, results = torch.get_num_threads(), tmp_path_factory.mktemp("third_epoch")
    with pytest.MonkeyPatch.context() as patch:
        set_variables(patch)
        patch.setattr(small_training, "EPOCHS", 3)
        trainer = small_training.make(*data(results))
        patch.setattr(trainer, "on_train_end", lambda: None)  # which removes the latest checkpoint
        trainer.run_training()
    torch.set_num_threads(threads)
    return results


def set_variables(patch):
    """Let pytest take back what the making of a trainer sets."""
    for name in ("nnUNet_preprocessed", "nnUNet_results", "nnUNet_n_proc_DA"):
        patch.setenv(name, "0")


@pytest.fixture
def trained(data, third_epoch, tmp_path, monkeypatch):
    """The folder of a training in its third epoch, and how to make a trainer that goes on."""
    set_variables(monkeypatch)
    monkeypatch.setattr(small_training, "EPOCHS", 3)
    threads, results = torch.get_num_threads(), tmp_path / "results"
    shutil.copytree(third_epoch, results)
    yield fold_of(results), lambda: small_training.make(*data(results))
    torch.set_num_threads(threads)


def truncate(path):
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(content)


def empty(path):
    path.write_bytes(b"")


DAMAGES = [truncate, flip_a_bit, empty]


def log_of(trainer):
    return Path(trainer.log_file).read_text()


def test_files_of_a_training(trained):
    """Checked with another program's eyes: torch's, sha256sum's, and the stock trainer's."""
    folder, make = trained
    for path, epoch in ((folder / LATEST, 2), (previous_of(folder / LATEST), 1)):
        assert load(path)["current_epoch"] == epoch
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert checksum_of(path).read_text() == f"{digest}  {path.name}\n"
    trainer = make()
    nnUNetTrainer.load_checkpoint(trainer, str(folder / LATEST))
    assert trainer.current_epoch == 2
    weights = load(folder / LATEST)["network_weights"]
    for name, tensor in trainer.network.state_dict().items():
        assert torch.equal(tensor, weights[name])


@pytest.mark.parametrize("checksum", [True, False], ids=["checksum", "no checksum"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_latest_falls_back_to_the_one_before_and_says_so(trained, damage, checksum):
    folder, make = trained
    (folder / BEST).unlink()
    damage(folder / LATEST)
    if not checksum:
        checksum_of(folder / LATEST).unlink()
    trainer = make()
    trainer.load_checkpoint(str(folder / LATEST))
    assert trainer.current_epoch == 1
    expected = load(previous_of(folder / LATEST))["network_weights"]
    assert all(torch.equal(tensor, expected[name]) for name, tensor in trainer.network.state_dict().items())
    logged = log_of(trainer)
    assert f"{LATEST} is damaged" in logged
    assert "Loading checkpoint_latest.previous.pth, the last good one" in logged


def test_the_newest_good_one_is_taken_and_none_is_an_error(trained):
    folder, make = trained
    trainer = make()
    best, before = folder / BEST, previous_of(folder / LATEST)
    shutil.copy(folder / LATEST, best)  # a newer file than the one before the latest
    shutil.copy(checksum_of(folder / LATEST), checksum_of(best))
    flip_a_bit(folder / LATEST)
    trainer.load_checkpoint(str(folder / LATEST))
    assert trainer.current_epoch == 2
    assert f"Loading {BEST}" in log_of(trainer)
    flip_a_bit(best)
    trainer.load_checkpoint(str(folder / LATEST))
    assert trainer.current_epoch == 1
    with pytest.raises(CIPAError, match=rf"fold_0: {BEST} is damaged: its checksum.*train this fold again"):
        trainer.load_checkpoint(str(best))
    truncate(before)
    with pytest.raises(CIPAError, match=rf"fold_0: {LATEST} is damaged.*previous.pth is damaged.*{BEST} is damaged"):
        trainer.load_checkpoint(str(folder / LATEST))


def test_a_damaged_latest_never_replaces_the_good_one_before_it(trained):
    folder, _ = trained
    latest = folder / LATEST
    flip_a_bit(latest)
    save_file({"new": torch.ones(2)}, latest, keep_previous=True)
    assert load(previous_of(latest))["current_epoch"] == 1
    assert find_damage(previous_of(latest)) is None
    save_file({"newer": torch.ones(2)}, latest, keep_previous=True)
    assert load(previous_of(latest)).keys() == {"new"}
    assert find_damage(latest) is find_damage(previous_of(latest)) is None


def test_another_schedule_is_said_in_the_log(trained):
    folder, make = trained
    trainer = make()
    trainer.num_epochs = 30
    trainer.load_checkpoint(str(folder / LATEST))
    assert "'iterations': 6" in log_of(trainer)
    assert "goes on as {'iterations': 60" in log_of(trainer)


def test_weights_that_are_not_finite_are_not_saved(trained):
    folder, make = trained
    trainer = make()
    trainer.load_checkpoint(str(folder / LATEST))
    before = (folder / LATEST).read_bytes()
    with torch.no_grad():
        trainer.network.decoder.head.weight[0, 0] = torch.inf
    with pytest.raises(CIPAError, match=r"decoder\.head\.weight is not finite and is not saved"):
        trainer.save_checkpoint(str(folder / LATEST))
    assert (folder / LATEST).read_bytes() == before


def test_a_new_best_is_there_before_the_latest(trained, monkeypatch):
    """A kill between the two leaves no latest checkpoint that claims a best one which was never written."""
    folder, make = trained
    trainer = make()
    trainer.load_checkpoint(str(folder / LATEST))
    trainer.logger.log("mean_fg_dice", 1.0, 2)
    written = []
    monkeypatch.setattr("nnunet_cipa.trainers.resuming.save_file", lambda content, path, **_: written.append(path.name))
    trainer.save_checkpoint(str(folder / LATEST))
    trainer.save_checkpoint(str(folder / LATEST))
    assert written == [BEST, LATEST, LATEST]


def test_a_full_disk_leaves_the_checkpoint_and_says_what_to_do(tmp_path, monkeypatch):
    path, limits = tmp_path / LATEST, resource.getrlimit(resource.RLIMIT_FSIZE)
    save_file({"old": torch.ones(2)}, path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
    try:
        with pytest.raises(CIPAError, match=rf"{LATEST}: cannot be written \(File too large\).*--c"):
            save_file({"new": torch.ones(100_000)}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    usage = shutil.disk_usage(tmp_path)._replace(free=11 << 20)
    monkeypatch.setattr(checkpoint_files.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(CIPAError, match=rf"{LATEST}: needs 12 MiB, and 11 MiB are free"):
        save_file({"new": [torch.ones(1 << 20)]}, path)
    assert find_damage(path) is None
    assert load(path).keys() == {"old"}
    assert sorted(p.name for p in tmp_path.iterdir()) == [LATEST, f"{LATEST}.sha256"]


def test_a_good_checkpoint_is_there_whenever_a_save_is_killed(tmp_path):
    """Kills at every change of a name and every write, one after the other, until a save is not killed any more."""
    for operation in range(1, 200):
        folder = tmp_path / str(operation)
        folder.mkdir()
        path = folder / LATEST
        save_file({"number": 1}, path, keep_previous=True)
        save_file({"number": 2}, path, keep_previous=True)
        process = forkserver.Process(target=small_training.save_and_die, args=(operation, folder, {"number": 3}))
        process.start()
        process.join()
        assert find_damage(path) is None
        numbers = {load(file)["number"] for file in (path, previous_of(path)) if find_damage(file) is None}
        assert numbers in ({1, 2}, {2}, {2, 3}), operation
        assert load(path)["number"] in {2, 3}
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
    assert operation > 10
    assert numbers == {2, 3}


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
