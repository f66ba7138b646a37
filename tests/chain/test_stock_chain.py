"""nnU-Net's commands, unpatched, from planning to a model that is installed elsewhere and predicts."""

import json
import math
import re
import signal
import subprocess
import time

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from tests.chain.conftest import STORED

pytestmark = pytest.mark.slow
DATASET_ID = 701
TRAINER, SECOND_TRAINER = "nnUNetTrainerCIPA_short", "nnUNetTrainerCIPA_short_noCRM"
EPOCHS, FIRST_RATE = 4, 1e-3


@pytest.fixture(scope="module")
def interrupted(planned):
    """Train fold 0, kill it with -9 after its first checkpoint, and continue with --c."""
    process = subprocess.Popen(
        planned.stock.command("nnUNetv2_train", *planned.training(0, "--npz")),
        env={**planned.variables, "nnUNet_n_proc_DA": "0"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    checkpoint = planned.fold(0) / "checkpoint_latest.pth"
    deadline = time.monotonic() + 300
    while not checkpoint.exists():
        assert process.poll() is None, "the training ended before its first checkpoint"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (planned.fold(0) / "checkpoint_final.pth").exists(), "the training ended before it was killed"
    return planned.stock.train(0, "--npz", "--c")


@pytest.fixture(scope="module")
def trained(planned, interrupted):
    """Train folds 0 and 1 of the first model and of the second."""
    planned.train(1, "--npz")
    for fold in (0, 1):
        planned.train(fold, "--npz", trainer=SECOND_TRAINER)
    return planned


@pytest.fixture(scope="module")
def predicted(planned, interrupted):
    """Predict imagesTs with fold 0."""
    out = planned.folder / "predictions"
    planned.stock.run("nnUNetv2_predict", *prediction(planned.raw / "imagesTs", out), "-npp", 1, "-nps", 1)
    return out


def prediction(images, out):
    return ["-i", images, "-o", out, "-d", DATASET_ID, "-c", "2d", "-tr", TRAINER, "-f", 0, "-device", "cpu",
            "--save_probabilities"]  # fmt: skip


def test_splits_are_the_converters_and_by_patient(planned):
    preprocessed = planned.folder / "nnUNet_preprocessed" / planned.raw.name
    splits = json.loads((preprocessed / "splits_final.json").read_text())
    assert splits == json.loads((planned.raw / "splits_final.json").read_text())
    cases = {p.name.removesuffix(".nii.gz") for p in (planned.raw / "labelsTr").glob("*.nii.gz")}
    assert len(splits) == 5
    assert sorted(case for split in splits for case in split["val"]) == sorted(cases)
    assert all(set(split["train"]) == cases - set(split["val"]) for split in splits)


def test_continued_training_goes_on_where_it_was_killed(planned, interrupted):
    epochs = [int(e) for e in re.findall(r"Epoch (\d+)\b", interrupted)]
    assert epochs == list(range(epochs[0], EPOCHS))
    assert epochs[0] >= 1
    rates = [float(r) for r in re.findall(r"Current learning rate: (\S+)", interrupted)]
    cosine = [FIRST_RATE * (1 + math.cos(math.pi * epoch / EPOCHS)) / 2 for epoch in epochs]
    assert rates == pytest.approx(cosine, abs=1e-5)
    assert (planned.fold(0) / "checkpoint_final.pth").exists()
    names = {path.name for path in planned.fold(0).iterdir() if path.name.startswith(("checkpoint", "."))}
    kept = {"checkpoint_final.pth", "checkpoint_best.pth"}
    assert names == kept | {f"{name}.sha256" for name in kept}


def test_plans_of_the_model_describe_the_network(planned, interrupted):
    plans = json.loads((planned.results() / "plans.json").read_text())
    configuration = plans["configurations"]["2d"]
    assert configuration["patch_size"] == [64, 64]
    assert configuration["architecture"] == {
        "network_class_name": "nnunet_cipa.network.CIPA",
        "arch_kwargs": {"patch_size": [64, 64], "modalities": ["CT", "PET"], **STORED, "variant": "nano"},
        "_kw_requires_import": [],
    }


def test_val_alone_repeats_the_validation(planned, interrupted):
    summary = planned.fold(0) / "validation" / "summary.json"
    before = json.loads(summary.read_text())["foreground_mean"]
    summary.unlink()
    planned.train(0, "--val")
    assert json.loads(summary.read_text())["foreground_mean"] == pytest.approx(before, nan_ok=True)


def test_pretrained_weights_are_where_a_training_starts(planned, interrupted):
    """With as good as no iterations in it, the new model is still close to the old one and far from a fresh one."""
    source = planned.fold(0) / "checkpoint_final.pth"
    printed = planned.train(2, "-pretrained_weights", source, trainer=TRAINER)
    assert "Loading pretrained weights" in printed
    before, after = (load(path)["network_weights"] for path in (source, planned.fold(2) / "checkpoint_final.pth"))
    name = "encoder.stages.0.blocks.0.ss2d.in_proj.weight"
    difference = (before[name] - after[name]).norm() / before[name].norm()
    assert 0 < difference < 0.5


def test_prediction_has_the_geometry_of_its_case(planned, predicted):
    masks = sorted(predicted.glob("*.nii.gz"))
    assert [p.name for p in masks] == sorted(p.name for p in (planned.raw / "labelsTs").glob("*.nii.gz"))
    for path in masks:
        mask, truth = sitk.ReadImage(str(path)), sitk.ReadImage(str(planned.raw / "labelsTs" / path.name))
        for attribute in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):
            assert getattr(mask, attribute)() == pytest.approx(getattr(truth, attribute)())
        assert set(np.unique(sitk.GetArrayViewFromImage(mask))) <= {0, 1}


def test_probabilities_are_the_network_of_the_plans_on_the_preprocessed_case(planned, predicted):
    """The stock prediction equals the network by hand: each slice, flipped four ways, averaged."""
    from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    plans = PlansManager(str(planned.results() / "plans.json"))
    configuration = plans.get_configuration("2d")
    dataset_json = json.loads((planned.results() / "dataset.json").read_text())
    case = min(p.name for p in predicted.glob("*.nii.gz")).removesuffix(".nii.gz")
    images = sorted(str(p) for p in (planned.raw / "imagesTs").glob(f"{case}_*.nii.gz"))
    data, _, _ = DefaultPreprocessor(verbose=False).run_case(images, None, plans, configuration, dataset_json)[:3]
    network = get_network_from_plans(
        configuration.network_arch_class_name, configuration.network_arch_init_kwargs, [], 2, 2, True, False
    ).eval()
    network.load_state_dict(load(planned.fold(0) / "checkpoint_final.pth")["network_weights"])
    slices = torch.as_tensor(np.asarray(data)).float().transpose(0, 1)
    with torch.no_grad():
        flips = [(), (2,), (3,), (2, 3)]
        logits = torch.stack([torch.flip(network(torch.flip(slices, axes)), axes) for axes in flips]).mean(0)
    by_hand = logits.softmax(1).transpose(0, 1).numpy()
    stock = np.load(predicted / f"{case}.npz")["probabilities"]
    assert stock.shape == by_hand.shape
    np.testing.assert_allclose(stock, by_hand, atol=5e-3)


def test_best_configuration_is_chosen_among_two_trainers_and_their_ensemble(trained):
    arguments = ["-c", "2d", "-tr", TRAINER, SECOND_TRAINER, "-f", 0, 1, "-np", 1]
    printed = trained.stock.run("nnUNetv2_find_best_configuration", DATASET_ID, *arguments)
    assert "nnUNetv2_predict" in printed
    information = json.loads((trained.results().parent / "inference_information.json").read_text())
    assert len(information["considered_models"]) == 2
    assert any("ensemble" in name for name in information["all_results"])


def test_exported_model_predicts_elsewhere(planned, predicted, interrupted, tmp_path):
    archive = tmp_path / "model.zip"
    export = ["-d", DATASET_ID, "-o", archive, "-c", "2d", "-tr", TRAINER, "-f", 0, "--not_strict"]
    planned.stock.run("nnUNetv2_export_model_to_zip", *export)
    elsewhere = type(planned)(tmp_path / "elsewhere")
    elsewhere.run("nnUNetv2_install_pretrained_model_from_zip", archive)
    out = tmp_path / "predictions"
    elsewhere.run("nnUNetv2_predict", *prediction(planned.raw / "imagesTs", out), "-npp", 0, "-nps", 0)
    for path in predicted.glob("*.nii.gz"):
        first, second = (sitk.GetArrayFromImage(sitk.ReadImage(str(f / path.name))) for f in (predicted, out))
        np.testing.assert_array_equal(first, second)


def load(path):
    return torch.load(path, map_location="cpu", weights_only=False)
