"""nnU-Net's own training and validation steps, with classes, with regions, and with the ignore label."""

import numpy as np
import pytest
import torch

from nnunet_cipa.trainers import nnUNetTrainerCIPA_demo

LABELS = {
    "classes": {"background": 0, "GTV": 1},
    "ignore": {"background": 0, "GTV": 1, "ignore": 2},
    "regions": {"background": 0, "IGTV": [1, 2], "GTV": [2]},
    "regions and ignore": {"background": 0, "IGTV": [1, 2], "GTV": [2], "ignore": 3},
}


@pytest.fixture
def make_ready(make_trainer, dataset_json, plans):
    """Build a trainer with network, loss and optimizer, but without data."""

    def make(labels):
        dataset_json["labels"] = LABELS[labels]
        if "regions" in labels:
            dataset_json["regions_class_order"] = [1, 2]
        plans["configurations"]["2d"]["patch_size"] = [64, 64]
        trainer = make_trainer(nnUNetTrainerCIPA_demo)
        heads = trainer.label_manager.num_segmentation_heads
        trainer.network = trainer.build_network_architecture(
            trainer.plans_manager, trainer.configuration_manager, 2, heads, trainer.enable_deep_supervision
        )
        trainer.optimizer, trainer.lr_scheduler = trainer.configure_optimizers()
        trainer.loss = trainer._build_loss()
        return trainer

    return make


def batch(trainer):
    """Make images in which the label is the sum of the two channels, through the trainer's own transforms."""
    manager = trainer.label_manager
    transforms = trainer.get_training_transforms(
        [64, 64],
        (-0.2, 0.2),
        None,
        (0, 1),
        False,
        regions=manager.foreground_regions if manager.has_regions else None,
        ignore_label=manager.ignore_label,
    )
    samples = []
    for left in (12, 24):
        segmentation = torch.zeros(1, 90, 90, dtype=torch.int16)
        segmentation[:, left : left + 40, 20:60] = 1
        if manager.has_regions:
            segmentation[:, left : left + 15, 20:60] = 2
        image = segmentation.float().repeat(2, 1, 1) * torch.tensor([1.0, 0.5])[:, None, None]
        if manager.has_ignore_label:
            segmentation[:, :10] = manager.ignore_label
        samples.append(transforms(image=image, segmentation=segmentation))
    return {
        "data": torch.stack([s["image"] for s in samples]),
        "target": torch.stack([s["segmentation"] for s in samples]),
    }


@pytest.mark.parametrize("labels", LABELS)
def test_steps_learn(labels, make_ready):
    torch.manual_seed(0)
    np.random.seed(0)
    trainer = make_ready(labels)
    trainer.on_validation_epoch_start()
    with torch.no_grad():
        outputs = trainer.validation_step(batch(trainer))
    foreground = len(LABELS[labels]) - 1 - ("ignore" in labels)
    assert outputs["tp_hard"].shape == (foreground,)
    trainer.network.train()
    losses = [float(trainer.train_step(batch(trainer))["loss"]) for _ in range(12)]
    assert np.isfinite(losses).all()
    assert np.mean(losses[-3:]) < np.mean(losses[:3]) - 0.2


def test_pixels_with_the_ignore_label_give_no_gradient(make_ready):
    """Changing the truth under ignored pixels changes nothing: the loss sees the same labels."""
    trainer = make_ready("ignore")
    target = torch.zeros(2, 1, 64, 64)
    target[:, :, 20:40] = 1
    target[:, :, :10] = 2
    logits = torch.randn(2, 2, 64, 64, requires_grad=True)
    trainer.loss(logits, target).backward()
    assert torch.count_nonzero(logits.grad[:, :, :10]) == 0
    assert torch.count_nonzero(logits.grad[:, :, 10:]) > 0
