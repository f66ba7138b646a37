"""Trainers on neighbouring slices: the plans, what the loaders give, and prediction in tiles."""

import json
from collections import Counter

import numpy as np
import pytest
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.inference.sliding_window_prediction import compute_gaussian
from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

import nnunet_cipa.trainers as trainers
from nnunet_cipa.trainers.plans import plan_network
from tests.trainers.planning import plan_cipa

DEPTHS = {"case_1": 1, "case_2": 2, "case_7": 7}
PET = 100.0
WINDOWED = {
    "nnUNetTrainerCIPA25D": {"slices": 3},
    "nnUNetTrainerCIPASIM": {"slices": 3, "sim": "encoder"},
    "nnUNetTrainerCIPASIMTransfer": {"slices": 3, "sim": "encoder"},
    "nnUNetTrainerCIPASIM_misaligned": {"slices": 3, "sim": "encoder"},
    "nnUNetTrainerCIPASIM_sliceDice": {"slices": 3, "sim": "encoder"},
    "nnUNetTrainerCIPASIM_5slices": {"slices": 5, "sim": "encoder"},
    "nnUNetTrainerCIPASIM_learnable": {"slices": 3, "sim": "encoder", "sim_learnable": True},
    "nnUNetTrainerCIPA25DTransfer": {"slices": 3},
    "nnUNetTrainerCIPA25D_5slices": {"slices": 5},
    "nnUNetTrainerCIPASIM_noChannel": {"slices": 3, "sim": "encoder", "sim_branches": ["spatial", "relation"]},
    "nnUNetTrainerCIPASIM_noSpatial": {"slices": 3, "sim": "encoder", "sim_branches": ["channel", "relation"]},
    "nnUNetTrainerCIPASIM_noRelation": {"slices": 3, "sim": "encoder", "sim_branches": ["channel", "spatial"]},
    "nnUNetTrainerCIPASIM_input": {"slices": 3, "sim": "input"},
    "nnUNetTrainerCIPASIM_features": {"slices": 3, "sim": "features"},
    "nnUNetTrainerCIPASIM_dynamic": {"slices": 7, "sim": "encoder", "spacing_z": 3.0},
    "nnUNetTrainerCIPASIM_demo": {"slices": 3, "sim": "encoder", "variant": "nano"},
}


@pytest.mark.parametrize(("name", "architecture"), WINDOWED.items())
def test_plans_have_three_entries_and_the_network_of_the_name(name, architecture, plans, dataset_json):
    trainer_class = getattr(trainers, name)
    trainer_class.edit_plans(plans, "2d", dataset_json)
    once = json.dumps(plans)
    trainer_class.edit_plans(plans, "2d", dataset_json)
    assert json.dumps(plans) == once
    configuration = PlansManager(json.loads(once)).get_configuration("2d")
    assert configuration.patch_size == [64 if "features" in name else 160, 96, 64]
    assert configuration.spacing == [1.0, 1.0]
    expected = {"patch_size": [96, 64], "modalities": ["CT", "PET"], **architecture}
    assert configuration.network_arch_init_kwargs == expected


def test_a_model_keeps_the_reading_of_sim_that_its_plans_name(plans, dataset_json):
    """As one has that was trained when nnUNetTrainerCIPASIM had SIM on the slices."""
    plan_cipa(plans, "2d", dataset_json, {"slices": 3, "sim": "input", "variant": "nano"}, 160)
    manager = PlansManager(plans)
    network = trainers.nnUNetTrainerCIPASIM.build_network_architecture(
        manager, manager.get_configuration("2d"), 2, 2, False
    )
    assert network.sim is not None
    assert network.encoder_sims is None


def test_slices_that_are_not_axial_are_refused(plans, dataset_json):
    plans["transpose_forward"] = [1, 0, 2]
    with pytest.raises(NotImplementedError, match=r"transpose_forward is \[1, 0, 2\].*axial"):
        trainers.nnUNetTrainerCIPASIM.edit_plans(plans, "2d", dataset_json)


@pytest.fixture
def make_loaders(make_trainer, dataset_json, plans, tmp_path, monkeypatch):
    """Build a trainer's loaders over cases whose slice number z is z in CT, 100 + z in PET, and has the label z."""
    monkeypatch.setenv("nnUNet_n_proc_DA", "0")
    dataset_json["labels"] = {"background": 0, **{f"slice {z}": z + 1 for z in range(max(DEPTHS.values()))}}
    folder = tmp_path / "preprocessed" / plans["dataset_name"] / plans["configurations"]["2d"]["data_identifier"]
    folder.mkdir(parents=True)
    for case, depth in DEPTHS.items():
        number = np.arange(1, depth + 1, dtype=np.float32)[:, None, None] * np.ones((1, 70, 60), np.float32)
        properties = {"class_locations": {z: places(number, z) for z in range(1, 8)}}
        segmentation = number.astype(np.int16)
        if depth > 2:
            segmentation[2, :35] = -1  # as outside the mask of nnU-Net's normalisation
        data = np.stack([number, PET + number])
        nnUNetDatasetBlosc2.save_case(data, segmentation[None], properties, str(folder / case))

    def make(trainer_class, masks=(False, False)):
        plans["configurations"]["2d"]["use_mask_for_norm"] = list(masks)
        monkeypatch.setattr(trainer_class, "architecture", {**trainer_class.architecture, "variant": "nano"})
        trainer = make_trainer(trainer_class, fold="all")
        trainer.batch_size = 8
        trainer.dataset_class = nnUNetDatasetBlosc2
        return trainer, trainer.get_dataloaders()

    return make


def places(number, label):
    found = np.argwhere(number == label)
    return np.concatenate([np.zeros((len(found), 1), int), found], axis=1)


def read_window(sample, slices):
    """The numbers of a window's slices; the two modalities and all pixels that are not padding agree on them."""
    numbers = []
    for ct, pet in zip(sample[:slices], sample[slices:], strict=True):
        present = pet > PET / 2
        if not present.any():
            assert ct.abs().max() < 1e-3
            numbers.append(0)
            continue
        inside = pet > pet.max() - 1e-2
        assert inside.float().mean() > 0.1
        assert (pet[inside] - ct[inside]).sub(PET).abs().max() < 0.05
        numbers.append(round(float(ct.max())))
    return numbers


@pytest.mark.parametrize("slices", [3, 5])
def test_every_slice_is_a_centre_with_its_own_neighbours_and_labels(slices, make_loaders):
    name = {3: "nnUNetTrainerCIPASIM", 5: "nnUNetTrainerCIPASIM_5slices"}[slices]
    np.random.seed(0)
    torch.manual_seed(0)
    _, loaders = make_loaders(getattr(trainers, name))
    for loader in loaders:
        centres = Counter()
        for _ in range(30):
            batch = next(loader)
            assert batch["data"].shape == (8, 2 * slices, 96, 64)
            assert batch["target"].shape == (8, 1, 96, 64)
            for sample, target, case in zip(batch["data"], batch["target"], batch["keys"], strict=True):
                centre = int(target.max())
                if centre == 0:
                    continue  # a patch that was turned out of the image
                expected = [centre + k for k in range(-(slices // 2), slices // 2 + 1)]
                expected = [z if 1 <= z <= DEPTHS[case] else 0 for z in expected]
                assert read_window(sample, slices) == expected
                assert set(target.unique().tolist()) <= {0, centre}
                centres[case, centre] += 1
        assert set(centres) == {(case, z) for case, depth in DEPTHS.items() for z in range(1, depth + 1)}


@pytest.mark.parametrize(
    ("name", "told"), [("nnUNetTrainerCIPASIM", "2 of 3"), ("nnUNetTrainerCIPA25D_5slices", "2 of 3")]
)
def test_the_log_says_how_many_cases_have_fewer_slices_than_the_window(name, told, make_loaders, capsys):
    make_loaders(getattr(trainers, name))
    assert f"{told} cases have fewer slices than the window's" in capsys.readouterr().out


def test_each_slice_has_its_own_mask_of_the_normalisation(make_loaders):
    """Of case_7's third slice half is outside the mask; nothing else is."""
    np.random.seed(0)
    torch.manual_seed(0)
    _, (loader, _) = make_loaders(trainers.nnUNetTrainerCIPASIM, masks=(False, True))
    largest = Counter()
    for _ in range(20):
        batch = next(loader)
        for sample in batch["data"]:
            for ct, pet in zip(sample[:3], sample[3:], strict=True):
                number = round(float(ct.max()))
                if number > 0:
                    without_pet = pet[ct > number - 0.01] == 0
                    largest[number] = max(largest[number], float(without_pet.float().mean()))
    assert largest[3] > 0.3
    assert max(largest[2], largest[4]) < 0.05


def test_mirroring_is_in_plane(make_loaders):
    trainer, _ = make_loaders(trainers.nnUNetTrainerCIPASIM)
    assert trainer.inference_allowed_mirroring_axes == (1, 2)


def make_predictor(name, plans, dataset_json, **settings):
    plans["configurations"]["2d"]["patch_size"] = [32, 32]
    trainer = getattr(trainers, name)
    architecture = {key: value for key, value in WINDOWED[name].items() if key != "spacing_z"}  # of the plans
    plan_network(
        plans, "2d", dataset_json, trainer.network_class_name, {**architecture, "variant": "nano"}, trainer.sampling
    )
    manager = PlansManager(plans)
    configuration = manager.get_configuration("2d")
    torch.manual_seed(0)
    network = trainer.build_network_architecture(manager, configuration, 2, 2, False).eval()
    predictor = nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False, **settings)
    predictor.manual_initialization(network, manager, configuration, None, dataset_json, name, (1, 2))
    return predictor


def weight_of_tiles(predictor, depth):
    """nnU-Net sums tiles in float16, so where their weight is tiny, in the corners, logits lose their digits."""
    tile = tuple(predictor.configuration_manager.patch_size)
    gaussian = compute_gaussian(tile, 1 / 8, 10, device=torch.device("cpu")).float()
    weight = torch.zeros(max(depth, tile[0]), *tile[1:])
    for slicer in predictor._internal_get_sliding_window_slicers(weight.shape):
        weight[slicer[1:]] += gaussian
    first = (len(weight) - depth) // 2
    return weight[first : first + depth]


@torch.no_grad()
@pytest.mark.parametrize(
    ("name", "depth", "step", "bound", "at_ends", "share"),
    [
        ("nnUNetTrainerCIPA25D", 1, 0.5, 0.01, 0, 0.99), ("nnUNetTrainerCIPA25D", 130, 0.9, 0.01, 0, 0.95),
        ("nnUNetTrainerCIPA25D_5slices", 2, 0.5, 0.01, 0, 0.99), ("nnUNetTrainerCIPA25D_5slices", 80, 1, 0.01, 0, 0.95),
        ("nnUNetTrainerCIPASIM", 1, 1, 0.01, 0, 0.99), ("nnUNetTrainerCIPASIM", 2, 0.9, 0.01, 0, 0.99),
        ("nnUNetTrainerCIPASIM", 17, 0.5, 0.01, 0, 0.99), ("nnUNetTrainerCIPASIM", 66, 1, 0.01, 0, 0.95),
        ("nnUNetTrainerCIPASIM", 130, 1, 0.01, 0, 0.95), ("nnUNetTrainerCIPASIM", 162, 0.5, 0.02, 2, 0.9),
        ("nnUNetTrainerCIPASIM", 240, 0.5, 0.03, 0, 0.9),
        ("nnUNetTrainerCIPASIM_features", 17, 0.9, 0.01, 0, 0.99),
        ("nnUNetTrainerCIPASIM_features", 66, 0.5, 0.01, 0.8, 0.9),
        ("nnUNetTrainerCIPASIM_features", 100, 0.5, 0.03, 0, 0.9),
    ],
)  # fmt: skip
def test_tiled_prediction_is_the_whole_volume_at_once(name, depth, step, bound, at_ends, share, plans, dataset_json):
    """Just above a tile's depth two slices are partly predicted where their tile ends, and may differ more."""
    predictor = make_predictor(name, plans, dataset_json, use_mirroring=False, tile_step_size=step)
    volume = torch.randn(2, depth, 32, 32, generator=torch.Generator().manual_seed(0))
    whole = predictor.network(volume[None])[0]
    tiled = predictor.predict_sliding_window_return_logits(volume).float()
    assert tiled.shape == whole.shape == (2, depth, 32, 32)
    assert whole.std() > 0.5
    heavy = weight_of_tiles(predictor, depth) > 6e-6
    assert heavy.float().mean() > share
    difference = torch.where(heavy, (tiled - whole).abs().amax(0), 0).amax((1, 2)).sort(descending=True).values
    assert difference[:2].max() < max(bound, at_ends)
    assert difference[2:].numel() == 0 or difference[2:].max() < bound


@torch.no_grad()
def test_mirrored_prediction_averages_flips_in_plane(plans, dataset_json):
    predictor = make_predictor("nnUNetTrainerCIPASIM", plans, dataset_json)
    stack = torch.randn(1, 2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    flips = [(), (3,), (4,), (3, 4)]
    expected = sum(predictor.network(stack.flip(axes)).flip(axes) for axes in flips) / 4
    torch.testing.assert_close(predictor._internal_maybe_mirror_and_predict(stack), expected, atol=1e-4, rtol=1e-4)
