"""Trainers of stacks: the plans, what the loaders give, and prediction of cases in one tile and in several."""

import copy
import json
from collections import Counter

import numpy as np
import pytest
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.trainers import nnUNetTrainerCIPA, nnUNetTrainerCIPAStack
from nnunet_cipa.trainers.sampling import SliceStacks
from tests.network.helpers import randomise
from tests.trainers.conftest import DATASET, PLANS
from tests.trainers.test_neighbours import weight_of_tiles

DEPTHS = {"case_3": 3, "case_40": 40}
TUMOUR = 20
SLICES = 8


class Nano(nnUNetTrainerCIPAStack):
    """The nano variant."""

    architecture = {"variant": "nano"}


class ShortTiles(Nano):
    """Tiles of 32 slices."""

    sampling = SliceStacks(tile_depth=32)


def test_plans_have_the_spacing_and_a_tile_for_the_whole_case(plans, dataset_json):
    plans["original_median_spacing_after_transp"] = [2.5, 1.0, 1.0]
    nnUNetTrainerCIPAStack.edit_plans(plans, "2d", dataset_json)
    once = json.dumps(plans)
    nnUNetTrainerCIPAStack.edit_plans(plans, "2d", dataset_json)
    assert json.dumps(plans) == once
    configuration = PlansManager(json.loads(once)).get_configuration("2d")
    assert configuration.patch_size == [256, 96, 64]
    assert configuration.spacing == [1.0, 1.0]
    assert configuration.network_arch_init_kwargs == {
        "patch_size": [96, 64], "modalities": ["CT", "PET"], "spacing_z": 2.5,
    }  # fmt: skip


@pytest.mark.parametrize("spacing", [None, [1.0, 1.0], [0.0, 1.0, 1.0], "3"])
def test_plans_without_the_distance_of_slices_are_refused(spacing, plans, dataset_json):
    plans["original_median_spacing_after_transp"] = spacing
    with pytest.raises(CIPAError, match=r"original_median_spacing_after_transp is .* in the plans.*plan the data set"):
        nnUNetTrainerCIPAStack.edit_plans(plans, "2d", dataset_json)


def test_a_network_of_windows_is_refused(plans, dataset_json):
    class Wrong(nnUNetTrainerCIPA):
        architecture = {"slices": 3}
        sampling = SliceStacks()

    with pytest.raises(CIPAError, match=r"windows of 3 slices.*SliceWindows\(\)"):
        Wrong.edit_plans(plans, "2d", dataset_json)


def test_the_encoder_is_that_of_cipa_in_a_folder_of_encoders():
    assert nnUNetTrainerCIPAStack.encoder_name() == nnUNetTrainerCIPA.encoder_name() == "CIPA"


@pytest.fixture
def make_loaders(make_trainer, plans, tmp_path, monkeypatch):
    """Build loaders over cases whose slice z is 100 + z in PET; one slice of the deep case has a tumour."""
    monkeypatch.setenv("nnUNet_n_proc_DA", "0")
    folder = tmp_path / "preprocessed" / plans["dataset_name"] / plans["configurations"]["2d"]["data_identifier"]
    folder.mkdir(parents=True)
    for case, depth in DEPTHS.items():
        number = np.arange(1, depth + 1, dtype=np.float32)[:, None, None] * np.ones((1, 120, 100), np.float32)
        segmentation = (number == TUMOUR).astype(np.int16)[None]
        properties = {"class_locations": {1: np.argwhere(segmentation)}}
        nnUNetDatasetBlosc2.save_case(np.stack([number, 100 + number]), segmentation, properties, str(folder / case))

    def make(batch_size):
        trainer = make_trainer(Nano, fold="all")
        trainer.batch_size = batch_size
        trainer.dataset_class = nnUNetDatasetBlosc2
        return trainer.get_dataloaders()

    return make


def read_slice(ct, pet):
    """The number of a slice, or 0 for padding."""
    return round(float(ct[pet > 50].max())) if (pet > 50).any() else 0


def test_every_slice_of_a_stack_has_its_own_target(make_loaders):
    np.random.seed(0)
    torch.manual_seed(0)
    for loader in make_loaders(2 * SLICES + 1):
        seen = Counter()
        for _ in range(25):
            batch = next(loader)
            assert batch["data"].shape == (2, 2, SLICES, 96, 64)
            assert batch["target"].shape == (2, 1, SLICES, 96, 64)
            for sample, target, case in zip(batch["data"], batch["target"], batch["keys"], strict=True):
                numbers = [read_slice(ct, pet) for ct, pet in zip(*sample, strict=True)]
                there = [z for z in numbers if z]
                assert there == list(range(min(there, default=1), max(there, default=0) + 1))
                assert len(there) <= DEPTHS[case]
                assert [bool(plane.any()) for plane in target[0]] == [z == TUMOUR for z in numbers]
                seen.update((case, z) for z in there)
        assert {("case_3", z) for z in (1, 2, 3)} < set(seen)
        assert len(seen) > 30


@pytest.mark.parametrize(
    ("planned", "stacks", "slices"), [(40, 5, 8), (17, 2, 8), (15, 2, 7), (8, 2, 4), (5, 2, 2), (2, 2, 2)]
)
def test_each_batch_has_foreground(planned, stacks, slices, make_loaders):
    """nnU-Net draws a part of the samples of a batch around foreground, of two one, and of one none."""
    np.random.seed(0)
    torch.manual_seed(0)
    loader, _ = make_loaders(planned)
    for _ in range(20):
        batch = next(loader)
        assert batch["target"].shape == (stacks, 1, slices, 96, 64)
        around = [keys for keys, target in zip(batch["keys"], batch["target"], strict=True) if target.any()]
        assert around or batch["keys"][-1] == "case_3"  # which has none


@pytest.mark.parametrize("batch_dice", [False, True])
def test_each_slice_is_a_sample_of_the_loss(batch_dice, make_trainer, plans):
    """One pixel of tumour in a slice counts as much as a slice full of it where nnU-Net takes Dice of each sample."""
    plans["configurations"]["2d"]["batch_dice"] = batch_dice
    logits = torch.randn(2, 2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    target = torch.zeros(2, 1, 3, 8, 8)
    target[0, 0, 0], target[0, 0, 1, 0, 0], target[1, 0, 2, :2] = 1, 1, 1
    nnunet = nnUNetTrainer._build_loss(make_trainer(nnUNetTrainerCIPA))
    slices = [(logits[[i], :, z], target[[i], :, z]) for i in range(2) for z in range(3)]
    whole = nnunet(*(torch.cat(maps) for maps in zip(*slices, strict=True)))
    if not batch_dice:
        torch.testing.assert_close(whole, torch.stack([nnunet(*one) for one in slices]).mean())
        assert abs(whole - nnunet(logits, target)) > 1e-3
    torch.testing.assert_close(make_trainer(Nano)._build_loss()(logits, target), whole)


def test_the_log_says_how_many_cases_are_shorter_than_a_stack(make_loaders, capsys):
    make_loaders(2 * SLICES)
    assert "1 of 2 cases have fewer slices than the stack's 8, as case_3; slices of zeros" in capsys.readouterr().out


def make_predictor(step, trainer_class=ShortTiles):
    """A predictor of a network whose gates are open."""
    plans, dataset_json = copy.deepcopy(PLANS), copy.deepcopy(DATASET)
    plans["configurations"]["2d"]["patch_size"] = [32, 32]
    trainer_class.edit_plans(plans, "2d", dataset_json)
    manager = PlansManager(plans)
    configuration = manager.get_configuration("2d")
    torch.manual_seed(0)
    network = randomise(trainer_class.build_network_architecture(manager, configuration, 2, 2, False)).eval()
    predictor = nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False, use_mirroring=False, tile_step_size=step)
    predictor.manual_initialization(network, manager, configuration, None, dataset_json, trainer_class.__name__, (1, 2))
    return predictor


@torch.no_grad()
@pytest.mark.parametrize(
    ("depth", "step", "bound"),
    [(1, 0.5, 0.01), (20, 1, 0.01), (32, 0.9, 0.01), (48, 0.5, 0.25), (64, 0.5, 0.25), (34, 0.5, 0.25)],
)
def test_a_case_in_tiles_is_the_whole_case(depth, step, bound):
    """Up to a tile the difference is nnU-Net's rounding; above it what the other tile's slices say, see the docs."""
    predictor = make_predictor(step)
    volume = torch.randn(2, depth, 32, 32, generator=torch.Generator().manual_seed(0))
    whole = predictor.network(volume[None])[0]
    tiled = predictor.predict_sliding_window_return_logits(volume).float()
    assert tiled.shape == whole.shape == (2, depth, 32, 32)
    heavy = weight_of_tiles(predictor, depth) > 6e-6
    difference = torch.where(heavy, (tiled - whole).abs().amax(0), 0).amax((1, 2))
    assert difference.max() < bound * whole.std()
