"""Samples of neighbouring slices, of which the one in the middle has the target."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, ClassVar

from batchgenerators.dataloading.nondet_multi_threaded_augmenter import NonDetMultiThreadedAugmenter
from batchgenerators.dataloading.single_threaded_augmenter import SingleThreadedAugmenter
from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from nnunetv2.training.dataloading.data_loader import nnUNetDataLoader
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.default_n_proc_DA import get_allowed_n_proc_DA
from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.trainers.recipe.augmentation import SlicesToChannelsTransform
from nnunet_cipa.trainers.sampling.sampling import Geometry, Sampling


@dataclass(frozen=True)
class SliceWindows(Sampling):
    """Windows of which every slice of a case can be the centre; the target is the centre slice's.

    Neighbours beyond the case are padded with zeros, which the network takes for missing. The plans' patch has three
    entries while the spacing keeps two, so that preprocessing leaves the slices as they are, and nnU-Net predicts with
    tiles of ``tile_depth`` slices, of which the network makes each a centre.

    Parameters
    ----------
    tile_depth : int
        Slices of a tile of prediction. Neighbours beyond a tile are missing to the network, so that most cases should
        be one tile; the slices that nnU-Net pads a shorter case with cost next to nothing.
    """

    tile_depth: int = 160
    name: ClassVar[str] = "window"
    filling: ClassVar[str] = "copies of the nearest slice stand for missing neighbours"

    def depth(self, trainer: nnUNetTrainer) -> int:
        """Return the slices of a sample."""
        return int(trainer.configuration_manager.network_arch_init_kwargs["slices"])

    def batch_size(self, trainer: nnUNetTrainer) -> int:
        """Return the samples of an iteration."""
        return int(trainer.batch_size)

    def padding(self, depth: int) -> int:
        """Return the slices by which a case is padded: with half a window on each side its ends are centres too."""
        return depth - 1

    def last_transforms(self) -> list[BasicTransform]:
        """Return what makes a sample of slices and their labels, (C, S, H, W), what the network is given."""
        return [SlicesToChannelsTransform()]

    def check(self, slices: int) -> None:
        """Refuse windows of one slice.

        Raises
        ------
        CIPAError
            With the remedy.
        """
        if slices == 1:
            raise CIPAError(
                'architecture asks for one slice, and the trainer draws windows; give it "slices", or derive it from '
                "a trainer on single slices"
            )

    def plan_patch(self, patch_size: Sequence[int]) -> list[int]:
        """Return a tile of prediction: [tile_depth, H, W]."""
        return [self.tile_depth, *patch_size]

    def sample_size(self, planned: Sequence[int]) -> tuple[int, ...]:
        """Return (H, W) of a tile."""
        return tuple(planned[1:])

    def choose_geometry(self, trainer: nnUNetTrainer) -> Geometry:
        """Take what nnU-Net chooses for the patch in plane, for a window that is never turned out of it."""
        in_plane = copy(trainer)
        in_plane.configuration_manager = ConfigurationManager(
            {
                **trainer.configuration_manager.configuration,
                "patch_size": list(self.sample_size(trainer.configuration_manager.patch_size)),
            }
        )
        chosen = Geometry(*nnUNetTrainer.configure_rotation_dummyDA_mirroring_and_inital_patch_size(in_plane))
        trainer.inference_allowed_mirroring_axes = tuple(axis + 1 for axis in chosen.mirror_axes)
        return chosen._replace(
            initial_patch_size=[self.depth(trainer), *(int(side) for side in chosen.initial_patch_size)],
            mirror_axes=trainer.inference_allowed_mirroring_axes,
        )

    def make_loaders(self, trainer: nnUNetTrainer) -> tuple[Any, Any]:
        """Make the loaders of training and validation windows."""
        geometry = trainer.configure_rotation_dummyDA_mirroring_and_inital_patch_size()
        rotation, dummy_2d, initial, mirror_axes = geometry
        window = [self.depth(trainer), *self.sample_size(trainer.configuration_manager.patch_size)]
        labels = {
            "is_cascaded": trainer.is_cascaded,
            "foreground_labels": trainer.label_manager.foreground_labels,
            "regions": trainer.label_manager.foreground_regions if trainer.label_manager.has_regions else None,
            "ignore_label": trainer.label_manager.ignore_label,
        }
        masks = trainer.configuration_manager.use_mask_for_norm
        training = trainer.get_training_transforms(
            window, rotation, None, mirror_axes, dummy_2d, use_mask_for_norm=masks, **labels
        )
        validation = trainer.get_validation_transforms(None, **labels)
        train_cases, val_cases = trainer.get_tr_and_val_datasets()
        processes = get_allowed_n_proc_DA()
        loaders = (
            _start(trainer, self._load(trainer, train_cases, (initial, window), training), processes),
            _start(trainer, self._load(trainer, val_cases, (window, window), validation), -(-processes // 2)),
        )
        for loader in loaders:
            next(loader)
        return loaders

    def remark(self, trainer: nnUNetTrainer, cases: Mapping[str, Any]) -> str | None:
        """Return how many cases have fewer slices than a window, or None."""
        slices = self.depth(trainer)
        short = [case for case, dataset in cases.items() if dataset.load_case(case)[0].shape[1] < slices]
        if not short:
            return None
        return (
            f"{len(short)} of {len(cases)} cases have fewer slices than the {self.name}'s {slices}, as {short[0]}; "
            f"{self.filling}"
        )

    def _load(
        self, trainer: nnUNetTrainer, cases: Any, sizes: tuple[list[int], list[int]], transforms: BasicTransform
    ) -> nnUNetDataLoader:
        return nnUNetDataLoader(
            cases,
            self.batch_size(trainer),
            *sizes,
            trainer.label_manager,
            oversample_foreground_percent=trainer.oversample_foreground_percent,
            pad_sides=(self.padding(sizes[1][0]), 0, 0),
            probabilistic_oversampling=trainer.probabilistic_oversampling,
            transforms=ComposeTransforms([transforms, *self.last_transforms()]),
        )


def _start(trainer: nnUNetTrainer, loader: nnUNetDataLoader, processes: int) -> Any:
    if processes == 0:
        return SingleThreadedAugmenter(loader, None)
    return NonDetMultiThreadedAugmenter(
        loader,
        None,
        processes,
        num_cached=max(6, processes // 2),
        pin_memory=trainer.device.type == "cuda",
        wait_time=0.002,
    )
