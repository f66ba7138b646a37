import copy
import json

import pytest
import torch
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network import CIPA
from nnunet_cipa.trainers.plans import plan_network
from nnunet_cipa.trainers.sampling import SingleSlices, SliceWindows
from tests.trainers.planning import plan_cipa


def test_patch_is_rounded_up_to_multiples_of_32(plans, dataset_json):
    plan_cipa(plans, "2d", dataset_json, {})
    assert plans["configurations"]["2d"]["patch_size"] == [96, 64]


def test_nnunet_keeps_everything_else(plans, dataset_json):
    before = copy.deepcopy(plans)
    plan_cipa(plans, "2d", dataset_json, {})
    for edited in ("patch_size", "architecture"):
        del plans["configurations"]["2d"][edited], before["configurations"]["2d"][edited]
    assert plans == before


def test_editing_twice_changes_nothing_and_json_keeps_it(plans, dataset_json):
    plan_cipa(plans, "2d", dataset_json, {"variant": "nano"})
    once = copy.deepcopy(plans)
    plan_cipa(plans, "2d", dataset_json, {"variant": "nano"})
    assert plans == once == json.loads(json.dumps(plans))


def test_inherited_configuration_is_resolved(plans, dataset_json):
    plan_cipa(plans, "2d_small_batch", dataset_json, {})
    configuration = PlansManager(plans).get_configuration("2d_small_batch")
    assert configuration.patch_size == [96, 64]
    assert configuration.batch_size == 1
    assert configuration.network_arch_class_name == "nnunet_cipa.network.CIPA"
    assert plans["configurations"]["2d"]["patch_size"] == [80, 64], "the parent stays as it was"


def test_nnunet_builds_the_network_from_the_plans_alone(plans, dataset_json):
    plan_cipa(plans, "2d", dataset_json, {"variant": "nano", "crm": False})
    configuration = PlansManager(json.loads(json.dumps(plans))).get_configuration("2d")
    network = get_network_from_plans(
        configuration.network_arch_class_name,
        configuration.network_arch_init_kwargs,
        configuration.network_arch_init_kwargs_req_import,
        2,
        3,
        allow_init=True,
        deep_supervision=False,
    )
    assert isinstance(network, CIPA)
    assert network.patch_size == (96, 64)
    assert all(fusion.crm is None for fusion in network.fusions)
    assert network.eval()(torch.zeros(1, 2, 96, 64)).shape == (1, 3, 96, 64)


@pytest.mark.parametrize(("configuration", "reason"), [("2d_cascade", "cascade"), ("3d_fullres", "three-dimensional")])
def test_other_configurations_are_refused(plans, dataset_json, configuration, reason):
    with pytest.raises(NotImplementedError, match=f"{configuration}.*{reason}.*2d"):
        plan_cipa(plans, configuration, dataset_json, {})


def test_slices_that_are_not_axial_are_refused(plans, dataset_json):
    plans["transpose_forward"] = [2, 0, 1]
    with pytest.raises(NotImplementedError, match=r"transpose_forward is \[2, 0, 1\].*axial"):
        plan_cipa(plans, "2d", dataset_json, {})


@pytest.mark.parametrize(("names", "order"), [(("CT", "PET"), ["CT", "PET"]), (("PT", "ct"), ["PET", "CT"])])
def test_modalities_from_channel_names(plans, dataset_json, names, order):
    del dataset_json["modalities"]
    dataset_json["channel_names"] = {"0": names[0], "1": names[1]}
    plan_cipa(plans, "2d", dataset_json, {})
    assert plans["configurations"]["2d"]["architecture"]["arch_kwargs"]["modalities"] == order


def test_modalities_key_wins_over_channel_names(plans, dataset_json):
    dataset_json["modalities"] = {"1": "CT", "0": "PET"}
    plan_cipa(plans, "2d", dataset_json, {})
    assert plans["configurations"]["2d"]["architecture"]["arch_kwargs"]["modalities"] == ["PET", "CT"]


@pytest.mark.parametrize(
    "channels",
    [
        {"0": "CT"},
        {"0": "CT", "1": "CT"},
        {"0": "T1", "1": "T2"},
        {"0": "CT", "2": "PET"},
        {"CT": 0, "PET": 1},
        ["CT", "PET"],
        None,
        {},
    ],
)
def test_other_inputs_are_refused_with_what_was_found(plans, dataset_json, channels):
    del dataset_json["modalities"]
    dataset_json["channel_names"] = channels
    with pytest.raises(RuntimeError) as error:
        plan_cipa(plans, "2d", dataset_json, {})
    assert str(channels) in str(error.value)
    assert "modalities" in str(error.value)


def test_two_channels_of_one_name_are_told_apart_by_the_key_that_the_message_names(plans, dataset_json):
    """As in autoPET's data, both of whose channels are normalised as CT."""
    del dataset_json["modalities"]
    dataset_json["channel_names"] = {"0": "CT", "1": "CT"}
    with pytest.raises(RuntimeError, match=r'set "modalities": (\{.*?\}) .*nnUNet_preprocessed, from which') as error:
        plan_cipa(plans, "2d", dataset_json, {})
    told = str(error.value).split('"modalities": ', 1)[1]
    dataset_json["modalities"] = json.loads(told[: told.index("}") + 1])
    plan_cipa(plans, "2d", dataset_json, {})
    assert plans["configurations"]["2d"]["architecture"]["arch_kwargs"]["modalities"] == ["CT", "PET"]


@pytest.mark.parametrize("modalities", [None, {"0": "CT", "1": "PET"}])
def test_a_third_channel_is_refused_once_whatever_names_two_of_them(plans, dataset_json, modalities):
    """nnU-Net would give it to the network, so naming two of three does not help."""
    del dataset_json["modalities"]
    dataset_json |= {} if modalities is None else {"modalities": modalities}
    dataset_json["channel_names"] = {"0": "CT", "1": "PET", "2": "organs"}
    with pytest.raises(RuntimeError, match=r"'organs'.*reads two channels.*make one with these two alone"):
        plan_cipa(plans, "2d", dataset_json, {})


@pytest.mark.parametrize(
    "more", [{"modality": {"0": "CT", "1": "PET", "2": "organs"}}, {"channel_names": "CTs"}, {"channel_names": None}]
)
def test_what_nnunet_would_count_as_other_channels_is_refused(more, plans, dataset_json):
    with pytest.raises(CIPAError, match="reads two channels"):
        plan_cipa(plans, "2d", {**dataset_json, **more}, {})


def test_the_network_gets_the_offset_and_the_range_of_the_stored_intensities(plans, dataset_json):
    dataset_json["intensity_offset"] = {"1": -1.5, "0": -1.6}
    dataset_json["intensity_range"] = {"0": [0, 3.2], "1": [0, 3]}
    plan_cipa(plans, "2d", dataset_json, {})
    found = plans["configurations"]["2d"]["architecture"]["arch_kwargs"]
    assert (found["offset"], found["intensity_range"]) == ([-1.6, -1.5], [[0, 3.2], [0, 3]])


def test_a_dataset_without_an_offset_is_planned_as_before(plans, dataset_json):
    plan_cipa(plans, "2d", dataset_json, {"variant": "nano"})
    found = plans["configurations"]["2d"]["architecture"]["arch_kwargs"]
    assert found.keys() == {"patch_size", "modalities", "variant"}


@pytest.mark.parametrize("value", [None, -1.6, {"0": -1.6}, {"0": "a", "1": 0}, {"0": float("nan"), "1": 0}, [0, 0]])
def test_a_damaged_offset_is_refused(plans, dataset_json, value):
    dataset_json["intensity_offset"] = value
    with pytest.raises(CIPAError, match=r"dataset\.json: intensity_offset is .*convert the data set again"):
        plan_cipa(plans, "2d", dataset_json, {})


@pytest.mark.parametrize("value", [None, {"0": [0, 1]}, {"0": [0, 1], "1": [1, 0]}, {"0": [0, 1], "1": 3}])
def test_a_damaged_range_is_refused(plans, dataset_json, value):
    dataset_json["intensity_range"] = value
    with pytest.raises(CIPAError, match=r"dataset\.json: intensity_range is .*convert the data set again"):
        plan_cipa(plans, "2d", dataset_json, {})


@pytest.mark.parametrize(
    ("name", "architecture", "sampling", "message"),
    [
        (
            "nnunet_cipa.network.CIPA",
            {"slices": 3},
            SingleSlices(),
            "asks for 3 slices.*set its sampling to SliceWindows",
        ),
        ("nnunet_cipa.network.CIPA", {}, SliceWindows(), 'asks for one slice.*give it "slices"'),
        ("nnunet_cipa.network.CIPE", {}, SingleSlices(), "'nnunet_cipa.network.CIPE', and there is no such class"),
        ("torch.nn.Conv2d", {}, SingleSlices(), "'torch.nn.Conv2d', and there is no such class"),
    ],
)
def test_a_network_that_does_not_fit_its_trainer_is_refused(name, architecture, sampling, message, plans, dataset_json):
    before = copy.deepcopy(plans)
    with pytest.raises(CIPAError, match=message):
        plan_network(plans, "2d", dataset_json, name, architecture, sampling)
    assert plans == before


def test_the_remedy_of_a_number_of_slices_that_does_not_fit(plans, dataset_json):
    plan_network(plans, "2d", dataset_json, "nnunet_cipa.network.CIPA", {"slices": 3}, SliceWindows())
    assert plans["configurations"]["2d"]["patch_size"] == [160, 96, 64]
