"""Samples of one slice, as nnU-Net's two-dimensional configurations have them."""

from collections.abc import Mapping, Sequence
from typing import Any

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.trainers.sampling.sampling import Geometry, Sampling


class SingleSlices(Sampling):
    """Slices by themselves; everything is nnU-Net's."""

    def check(self, slices: int) -> None:
        """Refuse a network that reads neighbours.

        Raises
        ------
        CIPAError
            With the remedy.
        """
        if slices != 1:
            raise CIPAError(
                f"architecture asks for {slices} slices, and the trainer draws single ones; derive it from a trainer "
                "on neighbouring slices such as nnUNetTrainerCIPA25D, or set its sampling to SliceWindows()"
            )

    def plan_patch(self, patch_size: Sequence[int]) -> list[int]:
        """Return the patch as it is."""
        return list(patch_size)

    def sample_size(self, planned: Sequence[int]) -> tuple[int, ...]:
        """Return the patch as it is."""
        return tuple(planned)

    def choose_geometry(self, trainer: nnUNetTrainer) -> Geometry:
        """Choose as nnU-Net does."""
        return Geometry(*nnUNetTrainer.configure_rotation_dummyDA_mirroring_and_inital_patch_size(trainer))

    def make_loaders(self, trainer: nnUNetTrainer) -> tuple[Any, Any]:
        """Make nnU-Net's loaders."""
        loaders: tuple[Any, Any] = nnUNetTrainer.get_dataloaders(trainer)
        return loaders

    def remark(self, trainer: nnUNetTrainer, cases: Mapping[str, Any]) -> str | None:
        """Return None: no case has fewer slices than one."""
        del trainer, cases
        return None
