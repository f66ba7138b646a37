"""docs/development.md, "Add a network", followed: the network and its trainers are named nowhere else."""

import copy

import numpy as np
import pytest
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

from nnunet_cipa import trainers
from nnunet_cipa.benchmark.report.cost import count_cost
from nnunet_cipa.trainers.target import find_trainer, plan_training
from nnunet_cipa.weights import adapt_weights, export_stock
from tests.recipes.documented import add_files, follow_imports
from tests.trainers import small_training
from tests.trainers.checkpoints import fold_of, load
from tests.trainers.small_training import SIDE, SLICES, Tiny

HEADING = "Add a network"
WIDTH, CLASSES = 16, 2


@pytest.fixture(autouse=True)
def followed(tmp_path, monkeypatch):
    add_files(HEADING, tmp_path, monkeypatch)
    follow_imports(HEADING, trainers, monkeypatch)


@pytest.fixture(params=["nnUNetTrainerEarlyFusion", "nnUNetTrainerEarlyFusion25D"])
def trained(request, data, tmp_path, monkeypatch):
    """Train it by nnU-Net's own loop. Returns its class and the model's folder."""
    for variable in ("nnUNet_preprocessed", "nnUNet_results", "nnUNet_n_proc_DA"):
        monkeypatch.setenv(variable, "")
    monkeypatch.setattr(small_training, "EPOCHS", 2)
    threads = torch.get_num_threads()
    trainer_class = type(f"{request.param}_tiny", (Tiny, find_trainer(request.param)), {})
    small_training.make(*copy.deepcopy(data(tmp_path / "results")), trainer_class).run_training()
    torch.set_num_threads(threads)
    return trainer_class, fold_of(tmp_path / "results").parent


def test_it_is_trained_predicted_counted_and_adapted(trained, plans, dataset_json, tmp_path):
    trainer_class, model = trained
    slices = trainer_class.architecture.get("slices", 1)
    checkpoint = model / "fold_0" / "checkpoint_final.pth"
    assert load(checkpoint)["current_epoch"] == 2

    predictor = nnUNetPredictor(device=torch.device("cpu"), use_mirroring=False, allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(str(export_stock(model, tmp_path)), (0,), "checkpoint_final.pth")
    volume = torch.from_numpy(np.random.default_rng(0).normal(size=(2, SLICES, SIDE, SIDE)).astype(np.float32))
    logits = predictor.predict_logits_from_preprocessed_data(volume)
    assert logits.shape == (CLASSES, SLICES, SIDE, SIDE)
    assert logits.isfinite().all()

    cost = count_cost(model, "2d")
    first, last = 2 * slices * 9 * WIDTH, WIDTH * CLASSES
    assert (cost.problem, cost.parameters) == ("", first + WIDTH + last + CLASSES)
    assert cost.multiply_adds == SIDE * SIDE * (first + last)

    dataset_json["labels"]["node"] = 2
    network = plan_training(trainer_class, plans, "2d", dataset_json).build_network()
    table = adapt_weights(checkpoint, tmp_path / "adapted.pth", network, dataset_json)
    assert table.names("loaded") == ["encoder.0.weight", "encoder.0.bias"]
    assert table.names("initial") == ["classify.weight", "classify.bias"]


def test_a_patch_is_rounded_up_to_what_the_network_takes(plans, dataset_json):
    plans["configurations"]["2d"]["patch_size"] = [33, 64]
    find_trainer("nnUNetTrainerEarlyFusion").edit_plans(plans, "2d", dataset_json)
    assert plans["configurations"]["2d"]["patch_size"] == [40, 64]
