"""Samples of several slices, of which each has its target."""

from dataclasses import dataclass
from typing import ClassVar

from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from torch import nn

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.trainers.sampling.windows import SliceWindows


@dataclass(frozen=True)
class SliceStacks(SliceWindows):
    """Stacks of neighbouring slices with the targets of all; an iteration has as many slices as the plans' batch.

    It has two stacks at least, so that nnU-Net draws one of them around foreground. The Dice of a batch without any
    asks for nothing but fewer positive pixels, and of single stacks most are without. In the loss each slice is a
    sample, as where slices are drawn by themselves: the Dice of a stack would be that of its large slices, and of the
    first and last of a lesion it would say little.

    A network of single slices that takes stacks too, (B, 2, D, H, W), is trained on (B, 2, slices, H, W).

    Parameters
    ----------
    tile_depth : int
        Slices of a tile of prediction. What is beyond a tile is unknown to the network, so that cases should be one
        tile; the slices that nnU-Net pads a shorter case with are encoded once for all.
    slices : int
        Slices of a sample, at most.
    """

    tile_depth: int = 256
    slices: int = 8
    name: ClassVar[str] = "stack"
    filling: ClassVar[str] = "slices of zeros, which are not part of a stack, fill it up"

    def check(self, slices: int) -> None:
        """Refuse a network that reads windows.

        Raises
        ------
        CIPAError
            With the remedy.
        """
        if slices != 1:
            raise CIPAError(
                f"architecture asks for windows of {slices} slices, and the trainer draws stacks with a target for "
                'each slice; leave out "slices", or set its sampling to SliceWindows()'
            )

    def depth(self, trainer: nnUNetTrainer) -> int:
        """Return the slices of a sample: half of the batch's, between two and ``slices``."""
        return min(self.slices, max(2, int(trainer.batch_size) // 2))

    def batch_size(self, trainer: nnUNetTrainer) -> int:
        """Return the stacks of an iteration: as many as its slices make, and two at least."""
        return max(2, int(trainer.batch_size) // self.depth(trainer))

    def padding(self, depth: int) -> int:
        """Return 0: each slice of a case is in some stack, and has its target there."""
        del depth
        return 0

    def adapt_loss(self, loss: nn.Module) -> nn.Module:
        """Let the loss take the slices of stacks (B, C, D, H, W) for samples (B D, C, H, W)."""
        loss.register_forward_pre_hook(lambda _, maps: tuple(stacks.transpose(1, 2).flatten(0, 1) for stacks in maps))
        return loss

    def last_transforms(self) -> list[BasicTransform]:
        """Return none: slices and labels stay as they are."""
        return []
