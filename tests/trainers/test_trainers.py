import dataclasses

import pytest
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

import nnunet_cipa.trainers as trainers
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network.layers.recomputing import Recomputing
from nnunet_cipa.plugin import plugin_path
from nnunet_cipa.trainers.base import CHECKPOINTING_VARIABLE
from nnunet_cipa.weights.files import write_checkpoint
from tests.measurements.evidence.nnunet_trainers.slice_dice import nnUNetTrainer_sliceDice

SWITCHES = {
    "nnUNetTrainerCIPA": (True, True),
    "nnUNetTrainerCIPA_noCRM": (False, True),
    "nnUNetTrainerCIPA_noDCIM": (True, False),
    "nnUNetTrainerCIPA_noCRM_noDCIM": (False, False),
}


@pytest.mark.parametrize("name", trainers.__all__)
def test_nnunet_finds_every_trainer_in_the_plugin_path(name, monkeypatch):
    monkeypatch.setenv("nnUNet_extTrainer", str(plugin_path()))
    found = recursive_find_trainer_class_by_name(name)
    assert issubclass(found, nnUNetTrainer)
    assert found is getattr(trainers, name)
    assert "__" not in name, "nnU-Net splits folder names at two underscores"


@pytest.mark.parametrize(("name", "switches"), SWITCHES.items())
def test_ablations_build_the_network_they_name(name, switches, make_trainer, monkeypatch):
    trainer_class = getattr(trainers, name)
    monkeypatch.setattr(trainer_class, "architecture", {**trainer_class.architecture, "variant": "nano"})
    trainer = make_trainer(trainer_class)
    network = trainer.build_network_architecture(trainer.plans_manager, trainer.configuration_manager, 2, 2, False)
    assert [(f.crm is not None, f.dcim is not None) for f in network.fusions] == [switches] * 4


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("regionPET_localPET", ("PET", "PET", True, True)),
        ("regionCT_localCT", ("CT", "CT", True, True)),
        ("regionCT_localPET", ("CT", "PET", True, True)),
        ("localCT", ("PET", "CT", False, True)),
        ("regionPET", ("PET", "CT", True, False)),
    ],
)
def test_table_6_builds_the_interaction_it_names(name, expected, make_trainer, monkeypatch):
    trainer_class = getattr(trainers, f"nnUNetTrainerCIPA_{name}")
    monkeypatch.setattr(trainer_class, "architecture", {**trainer_class.architecture, "variant": "nano"})
    trainer = make_trainer(trainer_class)
    network = trainer.build_network_architecture(trainer.plans_manager, trainer.configuration_manager, 2, 2, False)
    found = {dataclasses.astuple(fusion.dcim.variant) for fusion in network.fusions}
    assert found == {expected}


@pytest.mark.parametrize(
    ("name", "encoder"),
    [("ResNet50", "ResNet50Encoder"), ("SwinT", "TwoStreamSwinEncoder"), ("SwinTShared", "SharedSwinEncoder")],
)
def test_backbones_build_the_encoder_they_name(name, encoder, make_trainer, monkeypatch):
    trainer_class = getattr(trainers, f"nnUNetTrainerCIPA_{name}")
    monkeypatch.setattr(trainer_class, "architecture", {**trainer_class.architecture, "variant": "nano"})
    trainer = make_trainer(trainer_class)
    network = trainer.build_network_architecture(trainer.plans_manager, trainer.configuration_manager, 2, 2, False)
    assert type(network.encoder).__name__ == encoder


def test_settings_of_the_paper(make_trainer):
    trainer = make_trainer(trainers.nnUNetTrainerCIPA)
    assert trainer.num_epochs * trainer.num_iterations_per_epoch == pytest.approx(54_400, rel=0.005)
    assert (trainer.initial_lr, trainer.weight_decay, trainer.enable_deep_supervision) == (6e-5, 1e-2, False)


def test_weight_decay_spares_biases_norms_scales_and_state_space_parameters(make_trainer):
    trainer = make_trainer(trainers.nnUNetTrainerCIPA_demo)
    trainer.network = trainer.build_network_architecture(
        trainer.plans_manager, trainer.configuration_manager, 2, 2, False
    )
    optimizer, _ = trainer.configure_optimizers()
    assert isinstance(optimizer, torch.optim.AdamW)
    decays = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    assert len(decays) == len(list(trainer.network.parameters()))
    for module_name, module in trainer.network.named_modules():
        norm = isinstance(module, torch.nn.LayerNorm | torch.nn.BatchNorm2d)
        for name, parameter in module.named_parameters(recurse=False):
            spared = norm or name in {"bias", "dt_projs_bias", "A_logs", "Ds", "scale1", "scale2"}
            assert decays[id(parameter)] == (0.0 if spared else 1e-2), f"{module_name}.{name}"


def started(trainer, monkeypatch):
    """Start the trainer as far as this package's part goes; nnU-Net's part needs preprocessed data."""

    def initialize():
        trainer.network = trainer.build_network_architecture(
            trainer.plans_manager, trainer.configuration_manager, 2, 2, False
        )
        trainer.was_initialized = True

    monkeypatch.setattr(nnUNetTrainer, "on_train_start", lambda self: None)
    monkeypatch.setattr(trainer, "initialize", initialize)
    return trainer


def encoder_file(trainer, folder):
    network = trainer.build_network_architecture(trainer.plans_manager, trainer.configuration_manager, 2, 2, False)
    path = folder / "encoder.pth"
    write_checkpoint(network.state_dict(), path)
    return path, network


def same(one, other, prefix):
    pairs = [(p, dict(other.named_parameters())[n]) for n, p in one.named_parameters() if n.startswith(prefix)]
    return all(torch.equal(a, b) for a, b in pairs)


def test_encoder_variable_fills_the_encoder_of_a_new_training(make_trainer, tmp_path, monkeypatch):
    trainer = started(make_trainer(trainers.nnUNetTrainerCIPA_demo), monkeypatch)
    path, source = encoder_file(trainer, tmp_path)
    monkeypatch.setenv("NNUNET_CIPA_ENCODER", str(path))
    trainer.on_train_start()
    assert same(trainer.network, source, "encoder.")
    assert not same(trainer.network, source, "decoder.")


def test_encoder_variable_leaves_pretrained_weights_alone(make_trainer, tmp_path, monkeypatch):
    trainer = started(make_trainer(trainers.nnUNetTrainerCIPA_demo), monkeypatch)
    path, source = encoder_file(trainer, tmp_path)
    monkeypatch.setenv("NNUNET_CIPA_ENCODER", str(path))
    trainer.initialize()
    trainer.on_train_start()
    assert not same(trainer.network, source, "encoder.")


def test_encoder_file_of_another_variant_is_refused(make_trainer, tmp_path, monkeypatch):
    trainer = started(make_trainer(trainers.nnUNetTrainerCIPA_demo), monkeypatch)
    path = tmp_path / "other.pth"
    write_checkpoint({"encoder.patch_embed.proj.0.weight": torch.zeros(96, 3, 4, 4)}, path)
    monkeypatch.setenv("NNUNET_CIPA_ENCODER", str(path))
    with pytest.raises(CIPAError, match=r"other\.pth"):
        trainer.on_train_start()


@pytest.mark.parametrize(("planned", "trained"), [(17, 8), (8, 8), (2, 2)])
def test_short_trainings_have_small_batches(planned, trained, make_trainer, plans):
    plans["configurations"]["2d"]["batch_size"] = planned
    trainer = make_trainer(trainers.nnUNetTrainerCIPA_demo)
    assert trainer.configuration_manager.batch_size == trained


class BatchDice(trainers.nnUNetTrainerCIPA_demo):
    batch_dice = True


@pytest.mark.parametrize(
    ("trainer_class", "planned", "batch_dice"),
    [
        (trainers.nnUNetTrainerCIPA, True, True),
        (trainers.nnUNetTrainerCIPA, False, False),
        (trainers.nnUNetTrainerCIPA_sliceDice, True, False),
        (trainers.nnUNetTrainerCIPASIM_sliceDice, True, False),
        (trainers.nnUNetTrainerCIPA_demo, True, False),
        (BatchDice, False, True),
        (nnUNetTrainer_sliceDice, True, False),
    ],
)
def test_dice_is_that_of_each_slice_or_of_the_batch_as_plans_and_trainer_say(
    trainer_class, planned, batch_dice, make_trainer, plans
):
    """Nothing of a slice without a tumour is in the Dice of that slice, and all of it is in that of a batch."""
    plans["configurations"]["2d"]["batch_dice"] = planned
    trainer = make_trainer(trainer_class)
    assert trainer.configuration_manager.batch_dice is batch_dice
    trainer.enable_deep_supervision = False  # ours have one output; nnU-Net's loss would be of several
    logits = torch.zeros(2, 2, 4, 4, requires_grad=True)
    target = torch.zeros(2, 1, 4, 4)
    target[1, 0, :2] = 1
    trainer._build_loss().dc(logits, target).backward()
    assert (logits.grad[0].abs().max() > 1e-3) == batch_dice
    assert logits.grad[1].abs().max() > 1e-3


def test_network_is_unwrapped_from_torch_compile(make_trainer, monkeypatch):
    trainer = started(make_trainer(trainers.nnUNetTrainerCIPA_demo), monkeypatch)
    trainer.initialize()
    network = trainer.network
    trainer.network = torch.compile(network, backend="eager")
    assert trainer.unwrapped_network() is network


@pytest.mark.parametrize(
    ("attribute", "variable", "expected"),
    [(False, None, False), (True, None, True), (True, "", True), (False, "1", True), (True, "0", False)],
)
def test_activation_checkpointing_by_attribute_or_variable(attribute, variable, expected, make_trainer, monkeypatch):
    class Subclass(trainers.nnUNetTrainerCIPASIM_demo):
        settings = {"activation_checkpointing": attribute}

    monkeypatch.delenv(CHECKPOINTING_VARIABLE, raising=False)
    if variable is not None:
        monkeypatch.setenv(CHECKPOINTING_VARIABLE, variable)
    trainer = make_trainer(Subclass)
    monkeypatch.setattr("nnunetv2.training.nnUNetTrainer.nnUNetTrainer.infer_dataset_class", lambda folder: None)
    monkeypatch.setattr(Subclass, "_do_i_compile", lambda self: True)  # the shell must not hide the network
    trainer.initialize()
    switches = {module.recompute for module in trainer.unwrapped_network().modules() if isinstance(module, Recomputing)}
    assert switches == {expected}


def test_a_setting_that_no_trainer_has_is_refused(make_trainer):
    class Misspelt(trainers.nnUNetTrainerCIPASIM_demo):
        settings = {"num_epoch": 3}

    with pytest.raises(CIPAError, match="Misspelt: settings has 'num_epoch', and trainers have no such attribute"):
        make_trainer(Misspelt)


def test_another_value_of_the_variable_is_refused_before_the_network_is_built(make_trainer, monkeypatch):
    monkeypatch.setenv(CHECKPOINTING_VARIABLE, "yes")
    trainer = make_trainer(trainers.nnUNetTrainerCIPA_demo)
    with pytest.raises(CIPAError, match=r"NNUNET_CIPA_ACTIVATION_CHECKPOINTING is 'yes'; set it to 1 or 0"):
        trainer.initialize()
    assert trainer.network is None
