"""The checkpoints of a training, whole and damaged."""

import hashlib
import shutil

import pytest
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.trainers.robust.checkpoint_files import checksum_of, find_damage, previous_of, save_file
from nnunet_cipa.trainers.robust.resuming import BEST, LATEST
from tests.trainers import small_training
from tests.trainers.checkpoints import empty, flip_a_bit, fold_of, load, truncate
from tests.trainers.steps import log_of


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


DAMAGES = [truncate, flip_a_bit, empty]


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
    monkeypatch.setattr(
        "nnunet_cipa.trainers.robust.resuming.save_file", lambda content, path, **_: written.append(path.name)
    )
    trainer.save_checkpoint(str(folder / LATEST))
    trainer.save_checkpoint(str(folder / LATEST))
    assert written == [BEST, LATEST, LATEST]
