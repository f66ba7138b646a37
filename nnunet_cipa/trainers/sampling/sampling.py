"""Interface of the ways to sample."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from batchgeneratorsv2.helpers.scalar_type import RandomScalar
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from torch import nn


class Geometry(NamedTuple):
    """What nnU-Net's trainer chooses from the patch size.

    Attributes
    ----------
    rotation : RandomScalar
        Range of rotations in radians.
    dummy_2d : bool
        Whether a volume is augmented slice by slice.
    initial_patch_size : sequence of int
        What is cut out of a case before it is rotated.
    mirror_axes : tuple of int
        Axes that may be flipped.
    """

    rotation: RandomScalar
    dummy_2d: bool
    initial_patch_size: Sequence[int]
    mirror_axes: tuple[int, ...]


class Sampling(ABC):
    """Everything that depends on what a sample of a training is, beside the network itself.

    The number of slices is an argument of the network, ``slices``, and is read from there.
    """

    @abstractmethod
    def check(self, slices: int) -> None:
        """Refuse a number of slices that samples of this kind do not have.

        Raises
        ------
        CIPAError
            With the remedy.
        """

    @abstractmethod
    def plan_patch(self, patch_size: Sequence[int]) -> list[int]:
        """Return the plans' patch, which is the tile of prediction, for a sample of (H, W)."""

    @abstractmethod
    def sample_size(self, planned: Sequence[int]) -> tuple[int, ...]:
        """Return (H, W) of a sample's target from the plans' patch."""

    @abstractmethod
    def choose_geometry(self, trainer: nnUNetTrainer) -> Geometry:
        """Choose rotation, first cut and mirroring as nnU-Net does, and set the trainer's mirroring of prediction."""

    @abstractmethod
    def make_loaders(self, trainer: nnUNetTrainer) -> tuple[Any, Any]:
        """Make the loaders of training and validation samples."""

    def adapt_loss(self, loss: nn.Module) -> nn.Module:
        """Return nnU-Net's loss as it suits the samples; by itself as it is."""
        return loss

    @abstractmethod
    def remark(self, trainer: nnUNetTrainer, cases: Mapping[str, Any]) -> str | None:
        """Return what the log should say of the cases of a fold, given with their data sets, or None."""
