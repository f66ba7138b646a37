"""CIPA on neighbouring slices, with and without SIM."""

import os
import subprocess
import sys

import pytest
import torch

from nnunet_cipa.network import CIPA
from nnunet_cipa.network.sim.sim import SIM
from tests.network.helpers import WIDE, assert_all_take_part, assert_close, gradients, image, randomise

SIZE = (32, 32)
SETTINGS = {
    "3": {"slices": 3},
    "5": {"slices": 5},
    "sim 1": {"slices": 1, "sim": "input"},
    "sim 3": {"slices": 3, "sim": "input"},
    "sim 5": {"slices": 5, "sim": "input"},
    "learnable": {"slices": 3, "sim": "input", "sim_learnable": True},
    "relation alone": {"slices": 3, "sim": "input", "sim_branches": ["relation"]},
    "encoder 1": {"slices": 1, "sim": "encoder"},
    "encoder 3": {"slices": 3, "sim": "encoder"},
    "encoder 5": {"slices": 5, "sim": "encoder", "sim_learnable": True},
    "encoder shared": {"slices": 3, "sim": "encoder", "sim_shared": True, "sim_stages": [3, 1]},
    "features 3": {"slices": 3, "sim": "features"},
    "features 5": {"slices": 5, "sim": "features", "sim_learnable": True},
}


def nano(patch_size=SIZE, **switches):
    torch.manual_seed(0)
    return randomise(CIPA(2, 2, patch_size=patch_size, variant="nano", **switches)).eval()


def window_at(stack, z, slices, depth):
    """The window around slice z of a stack (B, 2, D, H, W) of which ``depth`` slices are not padding, by hand."""
    margin = slices // 2
    chosen = [min(max(i, 0), depth - 1) for i in range(z - margin, z + margin + 1)]
    return stack[:, :, chosen].flatten(1, 2)


@torch.no_grad()
@pytest.mark.parametrize("setting", SETTINGS)
def test_a_stack_is_its_windows_with_copies_for_missing_neighbours(setting):
    network, stack = nano(**SETTINGS[setting]), image(2, 2, 4, *SIZE, dtype=torch.float32)
    stack[1, :, 2:] = 0  # padding, which is done once for all slices
    logits = network(stack)
    assert logits.shape == (2, 2, 4, *SIZE)
    for sample, depth in ((0, 4), (1, 2)):
        for z in range(depth):
            window = window_at(stack[[sample]], z, network.slices, depth)
            assert_close(logits[[sample], :, z], network(window), 1e-5)
    assert_close(logits[[1], :, 2:], network(torch.zeros(1, 2, 2, *SIZE)), 1e-5)


@torch.no_grad()
@pytest.mark.parametrize("setting", ["3", "sim 3", "encoder 3", "features 3"])
def test_few_windows_at_a_time_are_all_at_once(setting, monkeypatch):
    network, stack = nano(**SETTINGS[setting]), image(1, 2, 5, *SIZE, dtype=torch.float32)
    whole = network(stack)
    monkeypatch.setattr("nnunet_cipa.network.petct.PIXELS_AT_ONCE", 2 * 32 * 32)
    assert_close(network(stack), whole, 1e-5)


PEAK = """
import sys
import torch
from nnunet_cipa.speed.timing import _peak_memory
from nnunet_cipa.network import CIPA, petct

petct.PIXELS_AT_ONCE = 2 * 64 * 64
network = CIPA(2, 2, patch_size=(64, 64), variant="nano", slices=3).eval()
with torch.inference_mode():
    for depth in (4, int(sys.argv[1])):  # the first call loads what every call needs
        stack = torch.randn(1, 2, depth, 64, 64)
        peak = _peak_memory(lambda: network(stack), torch.device("cpu"))
print(peak)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_grows_with_slices_by_what_goes_in_and_comes_out():
    """64 slices more: input and logits have 2 values a pixel, activations of a slice some 500."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    peaks = []
    for depth in (16, 80):
        command = [sys.executable, "-c", PEAK, str(depth)]
        result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        peaks.append(float(result.stdout))
    values = (peaks[1] - peaks[0]) / 4 / (64 * 64 * 64)
    assert values < 40, values


@torch.no_grad()
@pytest.mark.parametrize(
    ("setting", "filled", "expected"),
    [
        ("features 3", 6, 2 * 6),  # each slice once
        ("features 5", 6, 2 * 6),
        ("features 3", 2, 2 * (2 + 1)),  # and padding once
        ("sim 3", 6, 2 * 6),  # a window per slice
        ("sim 3", 2, 2 * (2 + 1)),  # two windows around slices, and the empty one
    ],
)
def test_nothing_is_encoded_twice_in_one_call(setting, filled, expected):
    network, stack = nano(**SETTINGS[setting]), torch.zeros(1, 2, 6, *SIZE)
    stack[:, :, :filled] = image(1, 2, filled, *SIZE, dtype=torch.float32)
    encoded = []
    network.encoder.register_forward_pre_hook(lambda _, inputs: encoded.append(len(inputs[0])))
    network(stack)
    assert sum(encoded) == expected


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_parameter_takes_part(setting):
    assert_all_take_part(gradients(nano(WIDE[4], **SETTINGS[setting]), batch=1))


@pytest.mark.parametrize("slices", [1, 3])
@pytest.mark.parametrize("sim", ["encoder", "input", "features"])
def test_sim_leaves_every_other_tensor_as_it_is(slices, sim):
    plain = CIPA(2, 2, patch_size=SIZE, variant="nano").state_dict()
    with_sim = CIPA(2, 2, patch_size=SIZE, variant="nano", slices=slices, sim=sim).state_dict()
    others = {name: tensor.shape for name, tensor in with_sim.items() if "sim" not in name}
    assert others == {name: tensor.shape for name, tensor in plain.items()}


def test_parameters_of_sim_are_what_its_layers_add_up_to():
    def count(**switches):
        network = CIPA(2, 2, patch_size=SIZE, variant="nano", **switches)
        return sum(p.numel() for m in network.modules() if isinstance(m, SIM) for p in m.parameters())

    def on_input(s):
        return (s * 8 + 8 + 8 * s + s) + (2 * 49 + 1) + (9 * s + s + s * s + s)

    def on_maps(c):
        h = c // 16
        return (c * h + h + h * c + c) + (2 * 49 + 1) + (9 * c + c + c * c + c)

    def on_features(s, c):
        h = c // 16
        return (c * h * s + h + h * c + c) + (2 * 49 + 1) + (9 * s * c + c + 9 * c + c)

    widths = (32, 64, 128, 256)
    for s in (1, 3, 5):
        assert count(slices=s, sim="encoder") == 2 * sum(map(on_maps, widths))
        assert count(slices=s, sim="input") == 2 * on_input(s)
        assert count(slices=s, sim="features") == 2 * sum(on_features(s, c) for c in widths)
    assert count(slices=3, sim="input", sim_learnable=True) == 2 * (on_input(3) + 3)
    assert count(slices=3, sim="encoder", sim_shared=True) == sum(map(on_maps, widths))
    assert count(slices=3, sim="encoder", sim_stages=[1, 2]) == 2 * (on_maps(64) + on_maps(128))
    assert count(slices=3) == 0


@torch.no_grad()
@pytest.mark.parametrize("setting", [name for name in SETTINGS if "sim" in SETTINGS[name]])
def test_a_new_sim_changes_nothing(setting):
    """The logits are those of the network without SIM whose encoder has the same weights but for SIM's factor."""
    torch.manual_seed(0)
    network = CIPA(2, 2, patch_size=SIZE, variant="nano", **SETTINGS[setting]).eval()
    torch.manual_seed(0)
    if network.feature_sims is None:
        plain, centre = CIPA(2, 2, patch_size=SIZE, variant="nano", slices=network.slices).eval(), slice(None)
    else:  # each slice by itself, of which the centre's features are kept
        plain = CIPA(2, 2, patch_size=SIZE, variant="nano").eval()
        centre = [network.slices // 2, network.slices + network.slices // 2]
    state = network.state_dict()
    for name, factor in network.initial_gains().items():
        state[name] = state[name] * factor
        torch.testing.assert_close(state[name], plain.state_dict()[name])  # its initial value without SIM
    plain.load_state_dict({name: state[name] for name in plain.state_dict()})
    x = image(2, 2 * network.slices, *SIZE, dtype=torch.float32)
    assert_close(network(x), plain(x[:, centre]), 1e-5)


@torch.no_grad()
def test_modalities_have_a_sim_each():
    x = image(1, 6, *SIZE, dtype=torch.float32)
    on_input, on_encoder = nano(slices=3, sim="input"), nano(slices=3, sim="encoder")
    for network, sims in ((on_input, on_input.sim), (on_encoder, on_encoder.encoder_sims["2"])):
        before = network(x)
        sims["CT"].load_state_dict(sims["PET"].state_dict())
        assert not torch.equal(network(x), before)
