"""Two trainings that start at the same moment on a data set without splits."""

import json
import multiprocessing
from pathlib import Path

import pytest
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import generate_crossval_split

from tests.trainers import small_training

ROUNDS = 200


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
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(2), context.Queue()
    workers = [
        context.Process(target=split_often, args=(fold, tmp_path, plans, dataset_json, barrier, results))
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


@pytest.mark.parametrize("fold", ["all", 3])
def test_splits_that_are_there_are_left_as_they_are(tmp_path, plans, dataset_json, fold):
    small_training.write_data(tmp_path, plans, dataset_json)
    trainer = small_training.make(tmp_path, plans, dataset_json, tmp_path / "results")
    trainer.fold = fold
    splits = Path(trainer.preprocessed_dataset_folder_base, "splits_final.json")
    before = splits.read_bytes()
    trainer.do_split()
    assert splits.read_bytes() == before
