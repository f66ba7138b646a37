"""Air is left out, and nothing else: what is predicted elsewhere stays, and what does not tell air is told."""

import copy
import json
import warnings

import numpy as np
import pytest
import torch
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.nnunet.air import find_air
from nnunet_cipa.trainers import nnUNetTrainerCIPA
from nnunet_cipa.trainers.air import skip_air
from tests.trainers.conftest import DATASET, PLANS
from tests.trainers.planning import plan_cipa

SIDE, DEPTH = 32, 9
STORED = {"hu_window": [-1200.0, -200.0], "intensity_range": {"0": [0.0, 3.2], "1": [0.0, 3.2]}}
AIR = 0.64  # -1000 HU in that window


def make_plans(ct=1.6, pet=0.1, **more):
    plans = copy.deepcopy(PLANS)
    plans["foreground_intensity_properties_per_channel"] = {
        "0": {"percentile_00_5": ct},
        "1": {"percentile_00_5": pet},
    }
    plans["configurations"]["2d"].update(more)
    return plans


@pytest.fixture
def volume():
    """A body in the slices 3 to 5 of air with noise."""
    rng = np.random.default_rng(0)
    volume = np.zeros((2, DEPTH, SIDE, SIDE), np.float32)
    volume[0] = AIR + rng.uniform(-0.1, 0.1, volume[0].shape)
    volume[1] = rng.uniform(0, 0.1, volume[1].shape)
    volume[:, 3:6, 8:24, 8:24] = rng.uniform(1, 3.2, (2, 3, 16, 16))
    return torch.from_numpy(volume)


def make_network(slices, counted):
    """CIPA with random weights as it is, and as it leaves out air; what the second sees is counted."""
    plans, dataset_json = make_plans(patch_size=[SIDE, SIDE]), {**DATASET, **STORED}
    plan_cipa(plans, "2d", dataset_json, {"slices": slices, "variant": "nano"}, DEPTH if slices > 1 else None)
    manager = PlansManager(plans)
    settings = manager.get_configuration("2d")
    torch.manual_seed(0)
    plain = nnUNetTrainerCIPA.build_network_architecture(manager, settings, 2, 2, False).eval()
    other = copy.deepcopy(plain)
    whole = other.forward
    other.forward = lambda x: counted.append(tuple(x.shape)) or whole(x)
    skip_air(other, plans, settings, dataset_json, 2)
    return plain, other


@torch.no_grad()
def test_of_a_stack_the_slices_round_the_body_are_left_out(volume):
    counted = []
    plain, other = make_network(3, counted)
    stack = volume[None]
    expected, found = plain(stack), other(stack)
    assert counted == [(1, 2, 5, SIDE, SIDE)]  # the body's and a neighbour on each side
    torch.testing.assert_close(found[:, :, 3:6], expected[:, :, 3:6], atol=1e-5, rtol=0)
    rest = found[:, :, [0, 1, 2, 6, 7, 8]]
    assert (rest[:, 0] == 10).all()
    assert (rest[:, 1] == -10).all()


@torch.no_grad()
@pytest.mark.parametrize("slices", [1, 3])
def test_of_slices_and_windows_those_of_air_are_left_out(slices, volume):
    counted = []
    plain, other = make_network(slices, counted)
    part = volume[:, 2:5] if slices == 1 else volume[:, [0, 1, 2, 3, 4, 5, 6, 7, 8]]
    windows = part.transpose(0, 1) if slices == 1 else part.unflatten(1, (3, 3)).transpose(0, 1).flatten(1, 2)
    expected, found = plain(windows), other(windows)
    filled = [1, 2] if slices == 1 else [1]
    assert counted == [(len(filled), 2 * slices, SIDE, SIDE)]
    torch.testing.assert_close(found[filled], expected[filled], atol=1e-5, rtol=0)
    assert (found[0].argmax(0) == 0).all()
    assert (found[0, 0] == 10).all()


@torch.no_grad()
@pytest.mark.parametrize("slices", [1, 3])
def test_of_air_alone_nothing_is_predicted(slices, volume):
    counted = []
    _, other = make_network(slices, counted)
    x = volume[:, :3].transpose(0, 1) if slices == 1 else volume[None, :, :3]
    found = other(x)
    assert counted == []
    assert found.shape == (len(x), 2, *x.shape[2:])
    assert (found.argmax(1) == 0).all()


@torch.no_grad()
@pytest.mark.parametrize("lacking", ["air", "PET", "CT"])
def test_what_is_not_air_in_both_is_predicted_to_the_last_bit(lacking, volume):
    counted = []
    plain, other = make_network(3, counted)
    if lacking == "air":
        volume = volume[:, 3:6]
    elif lacking == "PET":
        volume[1], volume[0] = 0, 2
    else:
        volume[0], volume[1] = 0, 0.2
    assert torch.equal(other(volume[None]), plain(volume[None]))
    assert counted == [(1, *volume.shape)]


@torch.no_grad()
def test_a_value_that_is_not_finite_is_not_air(volume):
    _, other = make_network(3, [])
    volume[1, 0, 5, 5] = torch.nan
    with pytest.raises(ValueError, match="the PET of this case has values that are not finite"):
        other(volume[None])


def test_a_training_sees_air(volume):
    counted = []
    _, other = make_network(1, counted)
    other.train()(volume[:, :2].transpose(0, 1))
    assert counted == [(2, 2, SIDE, SIDE)]


@pytest.mark.parametrize(
    ("ct", "pet", "modalities", "limits"),
    [
        (1.6, 0.1, ("CT", "PET"), (0.96, 0.1)),  # -900 HU are 300 of 1000 HU of the window, and so 0.3 * 3.2
        (0.8, 0.1, ("CT", "PET"), (0.8, 0.1)),
        (0.1, 1.6, ("PET", "CT"), (0.1, 0.96)),
    ],
)
def test_limits_in_closed_form(ct, pet, modalities, limits):
    dataset_json = {**DATASET, **STORED, "modalities": dict(zip("01", modalities, strict=True))}
    air = find_air(make_plans(ct, pet), ["NoNormalization"] * 2, dataset_json, 3)
    assert air.limits == pytest.approx(limits)
    assert air.logits == (10, -10, -10)


def test_outside_of_regions_every_output_is_low():
    dataset_json = {**DATASET, **STORED, "labels": {"background": 0, "IGTV": [1, 2], "GTV": 2}}
    assert find_air(make_plans(), ["NoNormalization"] * 2, dataset_json, 2).logits == (-10, -10)


@pytest.mark.parametrize(
    ("schemes", "stored", "plans", "told"),
    [
        (("CTNormalization", "NoNormalization"), {}, {}, "the CT is normalised by CTNormalization"),
        (("NoNormalization", "ZScoreNormalization"), {}, {}, "the PET is normalised by ZScoreNormalization"),
        ((), {"hu_window": None}, {}, "dataset.json has no hu_window or no intensity_range"),
        ((), {"hu_window": [-160.0, 240.0]}, {}, "stored from -160 HU on, which does not tell air from tissue"),
        ((), {}, {"foreground_intensity_properties_per_channel": {"0": {}}}, "no percentile_00_5"),
    ],
)
def test_where_air_is_not_known_all_is_computed_and_it_is_told(schemes, stored, plans, told):
    known = {**make_plans(normalization_schemes=list(schemes or ["NoNormalization"] * 2)), **plans}
    network = torch.nn.Conv2d(2, 2, 1)
    forward = network.forward
    with pytest.warns(UserWarning, match=f"air is not left out: .*{told}"):
        skip_air(network, known, PlansManager(known).get_configuration("2d"), {**DATASET, **STORED, **stored}, 2)
    assert network.forward == forward


def test_stock_commands_are_told_by_the_variable(tmp_path, monkeypatch, volume):
    plans, dataset_json = make_plans(patch_size=[SIDE, SIDE]), {**DATASET, **STORED}
    plan_cipa(plans, "2d", dataset_json, {"variant": "nano"})
    (tmp_path / "dataset.json").write_text(json.dumps(dataset_json))
    manager = PlansManager(plans)
    monkeypatch.setenv("NNUNET_CIPA_SKIP_AIR", str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network = nnUNetTrainerCIPA.build_network_architecture(manager, manager.get_configuration("2d"), 2, 2, False)
    network.load_state_dict(network.state_dict())
    with torch.no_grad():
        found = network.eval()(volume[:, :1].transpose(0, 1))
    assert (found[:, 0] == 10).all()
    monkeypatch.setenv("NNUNET_CIPA_SKIP_AIR", str(tmp_path / "missing"))
    with pytest.raises(CIPAError, match=r"NNUNET_CIPA_SKIP_AIR is .*missing: there is no .*dataset\.json"):
        nnUNetTrainerCIPA.build_network_architecture(manager, manager.get_configuration("2d"), 2, 2, False)
