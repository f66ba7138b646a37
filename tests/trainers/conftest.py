"""Plans as nnU-Net's planner writes them, cut down to what a trainer reads."""

import copy
import random

import numpy as np
import pytest

CONFIGURATION_2D = {
    "data_identifier": "nnUNetPlans_2d",
    "preprocessor_name": "DefaultPreprocessor",
    "batch_size": 2,
    "patch_size": [80, 64],
    "median_image_size_in_voxels": [80.0, 64.0],
    "spacing": [1.0, 1.0],
    "normalization_schemes": ["NoNormalization", "NoNormalization"],
    "use_mask_for_norm": [False, False],
    "architecture": {"network_class_name": "PlainConvUNet", "arch_kwargs": {}, "_kw_requires_import": []},
    "batch_dice": True,
}
PLANS = {
    "dataset_name": "Dataset701_Phantom",
    "plans_name": "nnUNetPlans",
    "image_reader_writer": "SimpleITKIO",
    "label_manager": "LabelManager",
    "transpose_forward": [0, 1, 2],
    "transpose_backward": [0, 1, 2],
    "original_median_spacing_after_transp": [3.0, 1.0, 1.0],
    "configurations": {
        "2d": CONFIGURATION_2D,
        "2d_small_batch": {"inherits_from": "2d", "batch_size": 1},
        "2d_cascade": {"inherits_from": "2d", "previous_stage": "2d"},
        "3d_fullres": {**CONFIGURATION_2D, "spacing": [2.8, 1.0, 1.0], "patch_size": [16, 80, 64]},
    },
}
DATASET = {
    "channel_names": {"0": "noNorm", "1": "noNorm"},
    "modalities": {"0": "CT", "1": "PET"},
    "labels": {"background": 0, "GTV": 1},
    "numTraining": 6,
    "file_ending": ".nii.gz",
}


@pytest.fixture
def plans():
    return copy.deepcopy(PLANS)


@pytest.fixture
def dataset_json():
    return copy.deepcopy(DATASET)


@pytest.fixture
def make_trainer(plans, dataset_json, tmp_path, monkeypatch):
    """Build a trainer on the CPU whose results go to a temporary folder."""
    from nnunetv2.paths import nnUNet_preprocessed, nnUNet_results

    monkeypatch.setenv("nnUNet_results", str(tmp_path / "results"))
    monkeypatch.setenv("nnUNet_preprocessed", str(tmp_path / "preprocessed"))
    assert nnUNet_results.is_set()
    assert nnUNet_preprocessed.is_set()

    def make(trainer_class, configuration="2d", fold=0):
        import torch

        return trainer_class(
            {**plans, "continue_training": False}, configuration, fold, dataset_json, torch.device("cpu")
        )

    return make


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Preprocessed data, and how to train on them into one results folder or another."""
    from tests.trainers import small_training

    folder, plans, dataset_json = tmp_path_factory.mktemp("resuming"), copy.deepcopy(PLANS), copy.deepcopy(DATASET)
    plans["configurations"]["2d"]["patch_size"] = [small_training.SIDE, small_training.SIDE]
    small_training.write_data(folder, plans, dataset_json)
    return lambda results: (folder, plans, dataset_json, results)


@pytest.fixture
def start(data, tmp_path, monkeypatch):
    """Make a trainer in a process whose generators are anywhere; each start has results of its own.

    Without a seed the variable stays as it is.
    """
    import torch

    from nnunet_cipa.trainers.robust.seeding import SEED_VARIABLE
    from tests.trainers import seeded_training, small_training

    threads, count = torch.get_num_threads(), iter(range(100))
    for name in ("nnUNet_preprocessed", "nnUNet_results", "nnUNet_n_proc_DA", SEED_VARIABLE):
        monkeypatch.setenv(name, "0")
    monkeypatch.setattr(small_training, "EPOCHS", seeded_training.EPOCHS)
    monkeypatch.setattr("nnunetv2.training.nnUNetTrainer.nnUNetTrainer.MetaLogger.plot_progress_png", lambda *_: None)

    def make(trainer_class=small_training.nnUNetTrainerCIPA_tiny, seed="3", results=None, workers="0"):
        results = results or tmp_path / f"results_{next(count)}"
        trainer = small_training.make(*copy.deepcopy(data(results)), trainer_class)  # trainers edit the plans
        monkeypatch.setenv("nnUNet_n_proc_DA", workers)
        if seed is not None:
            monkeypatch.setenv(SEED_VARIABLE, seed)
        random.seed()
        np.random.seed()
        torch.seed()
        return trainer

    yield make
    torch.set_num_threads(threads)
