"""Two trainings that start at the same moment: on a data set without splits, and into one folder of results."""

import copy
import errno
import json
import os
import signal
from pathlib import Path

import pytest
import torch
from nnunetv2.training.nnUNetTrainer import nnUNetTrainer
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import generate_crossval_split

from nnunet_cipa.trainers.robust.side_by_side import START
from tests.trainers import small_training
from tests.trainers.small_training import forkserver

ROUNDS = 200
SHARED = ("plans.json", "dataset.json", "dataset_fingerprint.json")


def split_often(fold, folder, plans, dataset_json, barrier, results):
    """Split again and again, each time at the same moment as the other process and without a file of splits."""
    small_training.silence()
    trainer = small_training.make(folder, plans, dataset_json, Path(folder, f"results{fold}"))
    trainer.fold = fold
    splits = Path(trainer.preprocessed_dataset_folder_base, "splits_final.json")
    try:
        for _ in range(ROUNDS):
            if fold == 0:
                splits.unlink(missing_ok=True)
            barrier.wait(timeout=60)
            cases = trainer.do_split()
            barrier.wait(timeout=60)
            results.put((fold, [sorted(part) for part in cases], json.loads(splits.read_bytes())))
            barrier.wait(timeout=60)
    except BaseException as error:
        results.put((fold, repr(error), None))
        barrier.abort()
        raise


@pytest.mark.slow
def test_two_folds_that_start_at_once_make_one_whole_file_of_splits(tmp_path, plans, dataset_json):
    small_training.write_data(tmp_path, plans, dataset_json, cases=5)
    barrier, results = forkserver.Barrier(2), forkserver.Queue()
    workers = [
        forkserver.Process(target=split_often, args=(fold, tmp_path, plans, dataset_json, barrier, results))
        for fold in (0, 1)
    ]
    for worker in workers:
        worker.start()
    expected = generate_crossval_split([f"case_{number}" for number in range(5)], seed=12345, n_splits=5)
    expected = [{part: [str(case) for case in cases] for part, cases in split.items()} for split in expected]
    for _ in range(2 * ROUNDS):
        fold, cases, splits = results.get(timeout=120)
        assert cases == [sorted(expected[fold][part]) for part in ("train", "val")]
        assert splits == expected
    for worker in workers:
        worker.join(timeout=60)
        assert worker.exitcode == 0
    base = tmp_path / "preprocessed" / plans["dataset_name"]
    assert [path.name for path in base.iterdir() if path.name.startswith(".")] == []


@pytest.fixture
def own_settings(monkeypatch):
    """Take back what the making of a trainer sets in this process."""
    for name in ("nnUNet_preprocessed", "nnUNet_results", "nnUNet_n_proc_DA"):
        monkeypatch.setenv(name, "0")
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("own_settings")
@pytest.mark.parametrize("fold", ["all", 3])
def test_splits_that_are_there_are_left_as_they_are(tmp_path, plans, dataset_json, fold):
    small_training.write_data(tmp_path, plans, dataset_json)
    trainer = small_training.make(tmp_path, plans, dataset_json, tmp_path / "results")
    trainer.fold = fold
    splits = Path(trainer.preprocessed_dataset_folder_base, "splits_final.json")
    before = splits.read_bytes()
    trainer.do_split()
    assert splits.read_bytes() == before


def start_often(fold, trainer_class, folder, plans, dataset_json, barrier):
    """Start again and again, each time at the same moment as the other process."""
    small_training.silence()
    trainer = small_training.make(folder, plans, dataset_json, Path(folder, "results"), trainer_class, fold)
    try:
        for _ in range(ROUNDS):
            barrier.wait(timeout=120)
            trainer.on_train_start()
    except BaseException:
        barrier.abort()
        raise


def shared_files(folder, plans, dataset_json, trainer_class):
    """Return what is in the files that all folds write when they start, and the folder that these are in."""
    edited = copy.deepcopy(plans)
    trainer_class.edit_plans(edited, "2d", dataset_json)
    texts = [json.dumps(content, indent=4).encode() for content in (edited, dataset_json)]
    fingerprint = folder / "preprocessed" / plans["dataset_name"] / SHARED[2]
    model = folder / "results" / plans["dataset_name"] / f"{trainer_class.__name__}__{plans['plans_name']}__2d"
    return dict(zip(SHARED, (*texts, fingerprint.read_bytes()), strict=True)), model


def write_large_data(folder, plans, dataset_json):
    """Write files as long as those of a real data set, so that writing them takes a while."""
    plans["foreground_intensity_properties_per_channel"] = {"0": {"values": list(range(3000))}}
    small_training.write_data(folder, plans, dataset_json, cases=5)
    fingerprint = folder / "preprocessed" / plans["dataset_name"] / SHARED[2]
    fingerprint.write_text(json.dumps({"spacings": [[1.0, 1.0, 2.8]] * 3000}))


@pytest.mark.slow
def test_two_folds_that_start_at_once_never_show_a_part_of_a_file(tmp_path, plans, dataset_json):
    """This process reads the three files all the time."""
    write_large_data(tmp_path, plans, dataset_json)
    trainer_class = small_training.nnUNetTrainerCIPA_tiny
    expected, model = shared_files(tmp_path, plans, dataset_json, trainer_class)
    barrier = forkserver.Barrier(2)
    arguments = (trainer_class, tmp_path, plans, dataset_json, barrier)
    workers = [forkserver.Process(target=start_often, args=(fold, *arguments), daemon=True) for fold in (0, 1)]
    for worker in workers:
        worker.start()
    reads = dict.fromkeys(SHARED, 0)
    while any(worker.is_alive() for worker in workers):
        for name in SHARED:
            if not reads[name] and not (model / name).exists():
                continue
            content = (model / name).read_bytes()
            assert content == expected[name], f"{len(content)} of {len(expected[name])} bytes of {name}"
            reads[name] += 1
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert min(reads.values()) > ROUNDS
    assert list(model.glob(f"{START}*")) == []
    debug = json.loads((model / "fold_1" / "debug.json").read_bytes())
    assert debug["output_folder_base"] == str(model)


def start_and_end_in_the_middle(how, folder, plans, dataset_json):
    """Start, and be killed or fail in the middle of a file."""
    small_training.silence()

    def cut_off(content, path, **options):
        text = json.dumps(content)
        Path(path).write_text(text[: len(text) // 2])
        if how == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        raise OSError(errno.ENOSPC, "No space left on device", path)

    trainer = small_training.make(folder, plans, dataset_json, folder / "results")
    trainer.on_train_start()
    nnUNetTrainer.save_json = cut_off
    trainer.on_train_start()


@pytest.mark.usefixtures("own_settings")
@pytest.mark.parametrize(("how", "left"), [("killed", [f"{START}0_0"]), ("fails", [])])
def test_a_start_that_ends_in_the_middle_leaves_the_files_of_the_one_before(tmp_path, plans, dataset_json, how, left):
    small_training.write_data(tmp_path, plans, dataset_json)
    expected, model = shared_files(tmp_path, plans, dataset_json, small_training.nnUNetTrainerCIPA_tiny)
    process = forkserver.Process(target=start_and_end_in_the_middle, args=(how, tmp_path, plans, dataset_json))
    process.start()
    process.join()
    assert process.exitcode == (-signal.SIGKILL if how == "killed" else 1)
    assert {name: (model / name).read_bytes() for name in SHARED} == expected
    assert [path.name for path in model.glob(f"{START}*")] == left
    small_training.make(tmp_path, plans, dataset_json, tmp_path / "results").on_train_start()
    assert list(model.glob(f"{START}*")) == []
