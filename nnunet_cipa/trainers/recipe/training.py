"""The CVPR paper's way to train: AdamW, cosine schedule, augmentation."""

from typing import Any, ClassVar

import torch
from batchgeneratorsv2.helpers.scalar_type import RandomScalar
from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunet_cipa.network.petct import PETCTNetwork
from nnunet_cipa.trainers.recipe.augmentation import augmentation
from nnunet_cipa.trainers.recipe.optimizer import rated_groups
from nnunet_cipa.trainers.recipe.schedule import CosineSchedule
from nnunet_cipa.trainers.robust.resuming import unwrap


class PaperRecipe(nnUNetTrainer):
    """AdamW with rate 6e-5 and weight decay 0.01, none on biases, norms, A_logs and Ds; cosine schedule by iteration.

    218 epochs of 250 iterations, as many as the paper's 50 epochs have (54,400), to 1e-6 of the first rate. Flips,
    affine and crops of 0.7 to 0.9 of the side. Losses, batch size and logging are nnU-Net's.

    Source: arXiv 2503.17261.
    """

    settings: ClassVar[dict[str, Any]] = {
        "initial_lr": 6e-5,
        "weight_decay": 1e-2,
        "num_epochs": 218,
        "enable_deep_supervision": False,
    }
    betas = (0.9, 0.999)
    warmup_epochs = 0
    encoder_rate = 1.0
    slice_rate = 1.0
    freeze_encoder = False

    def unwrapped_network(self) -> PETCTNetwork:
        """Return the network without the shells of distributed training and torch.compile."""
        network = unwrap(self.network)
        assert isinstance(network, PETCTNetwork)  # noqa: S101
        return network

    def configure_optimizers(self) -> tuple[torch.optim.Optimizer, CosineSchedule]:
        """Make AdamW, with own rates of encoder and slice modules, and the schedule; freeze the encoder if asked to."""
        network = self.unwrapped_network()
        network.encoder.requires_grad_(not self.freeze_encoder)
        own_rates = [([network.encoder], self.encoder_rate)]
        if self.slice_rate != 1:  # else the groups are those that earlier checkpoints have
            own_rates.append((network.slice_modules(), self.slice_rate))
        groups = rated_groups(network, own_rates, self.weight_decay, self.initial_lr)
        # One pass over all tensors: on two cores a quarter of the time of one after the other.
        fused = self.device.type in {"cpu", "cuda"}
        optimizer = torch.optim.AdamW(groups, lr=self.initial_lr, betas=self.betas, fused=fused)
        epoch = self.num_iterations_per_epoch
        schedule = CosineSchedule(optimizer, self.num_epochs * epoch, epoch, warmup=self.warmup_epochs * epoch)
        return optimizer, schedule

    @staticmethod
    def get_training_transforms(
        patch_size: Any,
        rotation_for_DA: RandomScalar,
        deep_supervision_scales: list[Any] | tuple[Any, ...] | None,
        mirror_axes: tuple[int, ...],
        do_dummy_2d_data_aug: bool,
        use_mask_for_norm: list[bool] | None = None,
        is_cascaded: bool = False,
        foreground_labels: Any = None,
        regions: Any = None,
        ignore_label: int | None = None,
    ) -> BasicTransform:
        """Make the papers' augmentation, then what nnU-Net does to the labels of every patch."""
        del do_dummy_2d_data_aug
        masked = [channel for channel, use_mask in enumerate(use_mask_for_norm or ()) if use_mask]
        transforms = augmentation(patch_size, rotation_for_DA, mirror_axes, masked)
        labels = nnUNetTrainer.get_validation_transforms(
            deep_supervision_scales, is_cascaded, foreground_labels, regions, ignore_label
        )
        return ComposeTransforms([*transforms, labels])
