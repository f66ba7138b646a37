"""The training that a command line would start, beside the one that nnU-Net starts."""

import json

import pytest
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunet_cipa import trainers
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.trainers.target import Target, find_trainer, plan_training, resolve_target

UNET = {
    "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
    "arch_kwargs": {
        "n_stages": 2,
        "features_per_stage": [4, 8],
        "conv_op": "torch.nn.modules.conv.Conv2d",
        "kernel_sizes": [[3, 3], [3, 3]],
        "strides": [[1, 1], [2, 2]],
        "n_conv_per_stage": [1, 1],
        "n_conv_per_stage_decoder": [1],
        "conv_bias": True,
        "norm_op": "torch.nn.modules.instancenorm.InstanceNorm2d",
        "norm_op_kwargs": {"eps": 1e-05, "affine": True},
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    },
    "_kw_requires_import": ["conv_op", "norm_op", "nonlin"],
}
TRAINERS = {
    "nnUNetTrainer": (nnUNetTrainer, (80, 64)),
    "nnUNetTrainerCIPA_demo": (trainers.nnUNetTrainerCIPA_demo, (96, 64)),
    "nnUNetTrainerCIPASIM_demo": (trainers.nnUNetTrainerCIPASIM_demo, (96, 64)),
}


@pytest.fixture
def with_unet(plans):
    plans["configurations"]["2d"]["architecture"] = UNET
    return plans


def shapes(network):
    return {name: tensor.shape for name, tensor in network.state_dict().items()}


@pytest.mark.parametrize("name", TRAINERS)
def test_network_and_batch_are_those_of_the_training(
    name, with_unet, dataset_json, make_trainer, tmp_path, monkeypatch
):
    trainer_class, patch_size = TRAINERS[name]
    folder = tmp_path / "preprocessed" / "Dataset701_Phantom"
    (folder / "nnUNetPlans_2d").mkdir(parents=True)
    (folder / "nnUNetPlans_2d" / "a.b2nd").touch()
    (folder / "nnUNetPlans.json").write_text(json.dumps(with_unet))
    (folder / "dataset.json").write_text(json.dumps(dataset_json))
    started = make_trainer(trainer_class)
    started.initialize()
    training = resolve_target(Target(701, name))
    assert shapes(training.build_network()) == shapes(started.network)
    assert training.batch_size == started.batch_size
    assert training.patch_size == patch_size


def test_initial_values_are_the_same_each_time_and_leave_the_callers_numbers_alone(with_unet, dataset_json):
    training = plan_training(find_trainer("nnUNetTrainer"), with_unet, "2d", dataset_json)
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    first, second = training.build_network(), training.build_network()
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_plans_stay_as_they_are(with_unet, dataset_json):
    before = json.dumps(with_unet)
    training = plan_training(trainers.nnUNetTrainerCIPASIM_demo, with_unet, "2d", dataset_json)
    assert json.dumps(with_unet) == before
    assert training.plans["configurations"]["2d"]["architecture"]["network_class_name"] == "nnunet_cipa.network.CIPA"


FAULTS = {
    "import no_such_package": "ModuleNotFoundError: No module named 'no_such_package'",
    "raise RuntimeError('no CUDA here')": "RuntimeError: no CUDA here",
    "class Mine(": "SyntaxError: ",
}


@pytest.mark.parametrize(("line", "cause"), FAULTS.items())
def test_another_file_in_the_search_that_cannot_be_imported_is_named(line, cause, tmp_path, monkeypatch):
    (tmp_path / "another.py").write_text(f"{line}\n")
    (tmp_path / "mine.py").write_text("class nnUNetTrainerMine:\n    pass\n")
    monkeypatch.setenv("nnUNet_extTrainer", str(tmp_path))
    with pytest.raises(CIPAError) as told:
        find_trainer("nnUNetTrainerMine")
    assert str(told.value).startswith(f"{tmp_path / 'another.py'}: cannot be imported ({cause}")
    assert "until it finds nnUNetTrainerMine: mend the file or take it out" in str(told.value)


def test_a_class_that_is_no_trainer_is_told(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text("class nnUNetTrainerMine:\n    pass\n")
    monkeypatch.setenv("nnUNet_extTrainer", str(tmp_path))
    with pytest.raises(CIPAError, match=r"--trainer nnUNetTrainerMine: .* must inherit from 'nnUNetTrainer'"):
        find_trainer("nnUNetTrainerMine")
