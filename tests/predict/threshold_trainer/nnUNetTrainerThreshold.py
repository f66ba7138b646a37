"""A trainer whose network is a threshold of the PET, so that what it predicts is known in closed form."""

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer


class nnUNetTrainerThreshold(nnUNetTrainer):
    """Logits 0 for background and PET less a threshold for the tumour, which the weights hold."""

    @staticmethod
    def build_network_architecture(
        plans_manager, configuration_manager, num_input_channels, num_output_channels, enable_deep_supervision=True
    ):
        """Build a 1 x 1 convolution."""
        kind = torch.nn.Conv3d if len(configuration_manager.patch_size) == 3 else torch.nn.Conv2d
        return kind(num_input_channels, num_output_channels, 1)
