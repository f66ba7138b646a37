"""Saves that are killed or find the disk full."""

import resource
import shutil
import signal

import pytest
import torch

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.trainers.robust import checkpoint_files
from nnunet_cipa.trainers.robust.checkpoint_files import find_damage, previous_of, save_file
from nnunet_cipa.trainers.robust.resuming import LATEST
from tests.trainers import small_training
from tests.trainers.checkpoints import load
from tests.trainers.small_training import forkserver


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


@pytest.mark.slow
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
