"""Trainers of networks that read neighbouring slices: nnUNetTrainerCIPA25D, and those with SIM."""

from copy import copy
from typing import Any, ClassVar

from batchgenerators.dataloading.nondet_multi_threaded_augmenter import NonDetMultiThreadedAugmenter
from batchgenerators.dataloading.single_threaded_augmenter import SingleThreadedAugmenter
from batchgeneratorsv2.helpers.scalar_type import RandomScalar
from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from nnunetv2.training.dataloading.data_loader import nnUNetDataLoader
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.default_n_proc_DA import get_allowed_n_proc_DA
from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager

from nnunet_cipa.trainers.augmentation import SlicesToChannelsTransform
from nnunet_cipa.trainers.base import nnUNetTrainerCIPA
from nnunet_cipa.trainers.plans import plan_cipa


class nnUNetTrainerCIPA25D(nnUNetTrainerCIPA):
    """CIPA on windows of three neighbouring slices, without SIM; everything else is nnUNetTrainerCIPA's.

    A training sample is a window of which every slice of a case can be the centre; the target is the centre slice.
    Neighbours beyond the case are copies of its nearest slice in training and in prediction alike; the network puts
    them where nnU-Net pads with zeros. nnU-Net predicts with tiles of ``tile_depth`` slices, of which the network makes
    each slice a centre; the slices that it pads a shorter case with cost next to nothing, and tiles of a longer case
    overlap by half. Test-time mirroring is in plane.
    """

    architecture: ClassVar[dict[str, Any]] = {"slices": 3}
    # Neighbours beyond a tile are missing to the network, so that most cases should be one tile.
    tile_depth: ClassVar[int] = 160

    @classmethod
    def edit_plans(cls, plans: dict[str, Any], configuration: str, dataset_json: dict[str, Any]) -> None:
        """Put a patch of ``tile_depth`` slices and the network into one configuration of the plans."""
        plan_cipa(plans, configuration, dataset_json, cls.architecture, depth=cls.tile_depth)

    def configure_rotation_dummyDA_mirroring_and_inital_patch_size(  # noqa: N802 - nnU-Net's name
        self,
    ) -> tuple[RandomScalar, bool, list[int], tuple[int, ...]]:
        """Take what nnU-Net chooses for the patch in plane, for a window of slices that is never turned out of it."""
        _, *plane = self.configuration_manager.patch_size
        in_plane = copy(self)
        in_plane.configuration_manager = ConfigurationManager(
            {**self.configuration_manager.configuration, "patch_size": plane}
        )
        chosen = nnUNetTrainer.configure_rotation_dummyDA_mirroring_and_inital_patch_size(in_plane)
        rotation, dummy_2d, initial, mirror_axes = chosen
        self.inference_allowed_mirroring_axes = tuple(axis + 1 for axis in mirror_axes)
        initial = [self.architecture["slices"], *(int(side) for side in initial)]
        return rotation, dummy_2d, initial, self.inference_allowed_mirroring_axes

    def get_dataloaders(self) -> tuple[Any, Any]:
        """Make the loaders of training and validation windows."""
        rotation, dummy_2d, initial, mirror_axes = self.configure_rotation_dummyDA_mirroring_and_inital_patch_size()
        window = [initial[0], *self.configuration_manager.patch_size[1:]]
        labels = {
            "is_cascaded": self.is_cascaded,
            "foreground_labels": self.label_manager.foreground_labels,
            "regions": self.label_manager.foreground_regions if self.label_manager.has_regions else None,
            "ignore_label": self.label_manager.ignore_label,
        }
        masks = self.configuration_manager.use_mask_for_norm
        training = self.get_training_transforms(
            window, rotation, None, mirror_axes, dummy_2d, use_mask_for_norm=masks, **labels
        )
        validation = self.get_validation_transforms(None, **labels)
        train_cases, val_cases = self.get_tr_and_val_datasets()
        processes = get_allowed_n_proc_DA()
        loaders = (
            self._start(self._load(train_cases, initial, window, training), processes),
            self._start(self._load(val_cases, window, window, validation), -(-processes // 2)),
        )
        for loader in loaders:
            next(loader)
        return loaders

    def get_tr_and_val_datasets(self) -> tuple[Any, Any]:
        """Return the cases of the fold, and log how many have fewer slices than a window."""
        datasets = super().get_tr_and_val_datasets()
        window = self.architecture["slices"]
        cases = {case: dataset for dataset in datasets for case in dataset.identifiers}
        short = [case for case, dataset in cases.items() if dataset.load_case(case)[0].shape[1] < window]
        if short:
            self.print_to_log_file(
                f"{len(short)} of {len(cases)} cases have fewer slices than the window's {window}, as {short[0]}; "
                "copies of the nearest slice stand for missing neighbours"
            )
        return datasets

    def _load(
        self, cases: Any, first_size: list[int], final_size: list[int], transforms: BasicTransform
    ) -> nnUNetDataLoader:
        # Padding by S - 1 slices in all, half of them on each side, makes the first and the last slice centres too.
        return nnUNetDataLoader(
            cases,
            self.batch_size,
            first_size,
            final_size,
            self.label_manager,
            oversample_foreground_percent=self.oversample_foreground_percent,
            pad_sides=(final_size[0] - 1, 0, 0),
            probabilistic_oversampling=self.probabilistic_oversampling,
            transforms=transforms,
        )

    def _start(self, loader: nnUNetDataLoader, processes: int) -> Any:
        if processes == 0:
            return SingleThreadedAugmenter(loader, None)
        return NonDetMultiThreadedAugmenter(
            loader,
            None,
            processes,
            num_cached=max(6, processes // 2),
            pin_memory=self.device.type == "cuda",
            wait_time=0.002,
        )

    @staticmethod
    def get_validation_transforms(*args: Any, **kwargs: Any) -> BasicTransform:
        """Make slices channels and take the centre slice's labels, then do what nnU-Net does to labels."""
        labels = nnUNetTrainer.get_validation_transforms(*args, **kwargs)
        return ComposeTransforms([SlicesToChannelsTransform(), labels])


class nnUNetTrainerCIPA25D_5slices(nnUNetTrainerCIPA25D):
    """Five slices instead of three, without SIM."""

    architecture: ClassVar[dict[str, Any]] = {"slices": 5}


class nnUNetTrainerCIPASIM(nnUNetTrainerCIPA25D):
    """Three slices and the slice interaction module on them: the IGTV paper's model."""

    architecture: ClassVar[dict[str, Any]] = {"slices": 3, "sim": "input"}


class nnUNetTrainerCIPASIM_5slices(nnUNetTrainerCIPASIM):
    """Five slices instead of three."""

    architecture: ClassVar[dict[str, Any]] = {"slices": 5, "sim": "input"}


class nnUNetTrainerCIPASIM_learnable(nnUNetTrainerCIPASIM):
    """The weights of SIM's branches are learned."""

    architecture: ClassVar[dict[str, Any]] = {"slices": 3, "sim": "input", "sim_learnable": True}


class nnUNetTrainerCIPASIM_features(nnUNetTrainerCIPASIM):
    """SIM on the features of the three slices at each stage, instead of on the slices."""

    architecture: ClassVar[dict[str, Any]] = {"slices": 3, "sim": "features"}
    tile_depth: ClassVar[int] = 64  # the features of all slices of a tile are held at once


class nnUNetTrainerCIPASIM_noChannel(nnUNetTrainerCIPASIM):
    """SIM without its channel attention ("what")."""

    architecture: ClassVar[dict[str, Any]] = {"slices": 3, "sim": "input", "sim_branches": ["spatial", "relation"]}


class nnUNetTrainerCIPASIM_noSpatial(nnUNetTrainerCIPASIM):
    """SIM without its spatial attention ("where")."""

    architecture: ClassVar[dict[str, Any]] = {"slices": 3, "sim": "input", "sim_branches": ["channel", "relation"]}


class nnUNetTrainerCIPASIM_noRelation(nnUNetTrainerCIPASIM):
    """SIM without its slice relation."""

    architecture: ClassVar[dict[str, Any]] = {"slices": 3, "sim": "input", "sim_branches": ["channel", "spatial"]}
