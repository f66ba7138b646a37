"""The budget, on the trainers that nnU-Net finds."""

import copy
import os

import pytest
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

from nnunet_cipa import trainers
from nnunet_cipa.benchmark.plan.budget import Budget
from nnunet_cipa.benchmark.plan.plan import search_path
from nnunet_cipa.benchmark.plan.variants import TrainerVariant
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.trainers.robust.seeding import SeededTraining

OWN = """
import torch
from nnunet_cipa.trainers import nnUNetTrainerCIPASIM_demo


class nnUNetTrainerOfMine(nnUNetTrainerCIPASIM_demo):
    def __init__(self, plans, configuration, fold, dataset_json, device=torch.device("cuda")):
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.num_epochs = 3
        self.initial_lr = 0.5
"""
PLANS = {
    "dataset_name": "Dataset701_Phantom",
    "plans_name": "nnUNetPlans",
    "transpose_forward": [0, 1, 2],
    "label_manager": "LabelManager",
    "configurations": {"2d": {"data_identifier": "x", "patch_size": [64, 64], "spacing": [1.0, 1.0], "batch_size": 2,
                              "architecture": {}}},
    "continue_training": False,
}  # fmt: skip
DATASET = {"channel_names": {"0": "CT", "1": "PET"}, "labels": {"background": 0, "GTV": 1}, "file_ending": ".nii.gz"}


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Write a trainer at a budget, let nnU-Net find it, and build it."""
    monkeypatch.setenv("nnUNet_results", str(tmp_path / "results"))
    monkeypatch.setenv("nnUNet_preprocessed", str(tmp_path / "preprocessed"))
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "trainers_of_mine.py").write_text(OWN)
    monkeypatch.setenv("nnUNet_extTrainer", str(mine))
    monkeypatch.setenv("nnUNet_extTrainer", search_path(tmp_path / "written"))

    def make(budget, name, seed=None):
        variant = TrainerVariant(name, budget, seed)
        variant.write(tmp_path / "written")
        found = recursive_find_trainer_class_by_name(variant.name)
        return found(copy.deepcopy(PLANS), "2d", 0, copy.deepcopy(DATASET), torch.device("cpu"))

    return make


@pytest.mark.parametrize(
    ("name", "base", "rate"),
    [
        ("nnUNetTrainer", nnUNetTrainer, 1e-2),
        ("nnUNetTrainerCIPA", trainers.nnUNetTrainerCIPA, 6e-5),
        ("nnUNetTrainerCIPASIMTransfer", trainers.nnUNetTrainerCIPASIMTransfer, 6e-5),
        ("nnUNetTrainerCIPA_demo", trainers.nnUNetTrainerCIPA_demo, 3e-3),
        ("nnUNetTrainerOfMine", trainers.nnUNetTrainerCIPASIM_demo, 0.5),
    ],
)
def test_every_trainer_has_the_budget_and_keeps_the_rest(build, name, base, rate):
    trainer = build(Budget(30, 100), name)
    assert isinstance(trainer, base)
    assert (trainer.num_epochs, trainer.num_iterations_per_epoch, trainer.num_val_iterations_per_epoch) == (30, 100, 20)
    assert trainer.save_every == 2
    assert trainer.initial_lr == rate
    assert trainer.output_folder.endswith(f"{name}_30x100__nnUNetPlans__2d/fold_0")
    assert trainer.my_init_kwargs.keys() == {"plans", "configuration", "fold", "dataset_json", "device"}


def test_trainers_of_the_same_benchmark_are_found_beside_each_other(build):
    assert build(Budget(1, 1), "nnUNetTrainerOfMine").num_epochs == 1
    assert build(Budget(1, 1), "nnUNetTrainer").num_val_iterations_per_epoch == 1
    assert build(Budget(1, 1), "nnUNetTrainerCIPA").num_epochs == 1


@pytest.mark.parametrize(
    ("name", "epochs"), [("nnUNetTrainer", 1000), ("nnUNetTrainerCIPA_demo", 10), ("nnUNetTrainerOfMine", 3)]
)
@pytest.mark.parametrize("budget", [Budget(4, 10), None], ids=["at a budget", "own length"])
def test_every_trainer_has_a_seed_that_the_variable_does_not_change(build, monkeypatch, name, epochs, budget):
    drawn = []
    monkeypatch.setenv("NNUNET_CIPA_SEED", "5")
    monkeypatch.setattr(nnUNetTrainer, "initialize", lambda self: drawn.append(torch.rand(()).item()))
    monkeypatch.setattr(trainers.nnUNetTrainerCIPA, "initialize", SeededTraining.initialize)
    for seed in (2, 2, 3):
        trainer = build(budget, name, seed)
        trainer.initialize()
        assert (trainer.seed, isinstance(trainer, SeededTraining)) == (seed, True)
    assert drawn[0] == drawn[1] != drawn[2]
    assert trainer.output_folder.endswith(f"{name}{'_4x10' if budget else ''}_seed3__nnUNetPlans__2d/fold_0")
    assert trainer.num_epochs == (4 if budget else epochs)


@pytest.mark.parametrize("name", ["nnUNetTrainer", "nnUNetTrainerCIPA_demo", "nnUNetTrainerOfMine"])
@pytest.mark.parametrize(("budget", "seed"), [(Budget(4, 10), None), (Budget(4, 10), 2), (None, 2)])
def test_every_trainer_has_the_threads_that_its_job_is_given(build, monkeypatch, name, budget, seed):
    seen, before = [], torch.get_num_threads()
    monkeypatch.setenv("NNUNET_CIPA_THREADS", str(before + 3))
    monkeypatch.setattr(nnUNetTrainer, "initialize", lambda _: seen.append(torch.get_num_threads()))
    monkeypatch.setattr(trainers.nnUNetTrainerCIPA, "initialize", SeededTraining.initialize)
    try:
        build(budget, name, seed).initialize()
    finally:
        torch.set_num_threads(before)
    assert seen == [before + 3]


@pytest.mark.parametrize(("epochs", "save_every"), [(1, 1), (20, 1), (21, 2), (218, 11), (1000, 50), (8000, 50)])
def test_checkpoints_are_a_twentieth_apart_and_nnunets_fifty_at_most(epochs, save_every):
    assert Budget(epochs, 250).save_every == save_every


def test_default_is_the_length_of_the_cvpr_paper():
    assert Budget().total == pytest.approx(54_400, rel=0.005)


@pytest.mark.parametrize("numbers", [(0, 250), (10, 0), (-1, 5)])
def test_no_budget_is_refused(numbers):
    with pytest.raises(CIPAError, match="1 or more"):
        Budget(*numbers)


def test_search_path_keeps_the_users_folders_and_names_each_once(tmp_path, monkeypatch):
    from nnunet_cipa.plugin import plugin_path

    monkeypatch.setenv("nnUNet_extTrainer", os.pathsep.join(["/mine", str(plugin_path()), "", "/mine"]))
    assert search_path(tmp_path).split(os.pathsep) == [str(plugin_path()), "/mine", str(tmp_path)]
