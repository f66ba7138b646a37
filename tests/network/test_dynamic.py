"""CIPADynamic: what is composed of a slice's neighbours, by what, and that a new network reads the nearest alone."""

import math

import numpy as np
import pytest
import torch
from scipy.special import softmax

from nnunet_cipa.network import CIPA
from nnunet_cipa.network.dynamic.attention import NeighbourAttention, compose
from nnunet_cipa.network.dynamic.network import CIPADynamic
from nnunet_cipa.weights.slices import fit_slices, image_layers
from tests.network.helpers import WIDE, assert_all_take_part, assert_close, gradients, image, randomise

SIZE = (32, 32)


def nano(patch_size=SIZE, **switches):
    torch.manual_seed(0)
    settings = {"sim": "encoder", "spacing_z": 3.0, **switches}
    return CIPADynamic(2, 2, patch_size=patch_size, variant="nano", **settings).eval()


@torch.no_grad()
@pytest.mark.parametrize("slices", [3, 5, 7, 9])
@pytest.mark.parametrize(
    "settings", [{"sim": None}, {"sim": "encoder"}, {"sim": "input"}, {"sim": None, "backbone": "swin_t"}]
)
def test_a_new_network_is_that_of_the_nearest_three_slices(slices, settings):
    torch.manual_seed(0)
    fixed = CIPA(2, 2, patch_size=SIZE, variant="nano", slices=3, **settings).eval()
    if settings["sim"] != "input":  # whose attentions, once trained, look at all slices together
        randomise(fixed)
    network = nano(slices=slices, **settings)
    new = network.state_dict()
    state = fixed.state_dict()
    for name in [name for name in state if state[name].shape != new[name].shape]:
        state[name], _ = fit_slices(name, state[name], new[name], image_layers(network))
    for name in image_layers(network):
        assert not new[name][:, [0, 4]].any()
        assert new[name][:, 1:4].any()
    left = network.load_state_dict(state, strict=False)
    assert left.unexpected_keys == []
    assert all(name.startswith("neighbour_attention.") for name in left.missing_keys)
    x = image(2, 2, slices, *SIZE, dtype=torch.float32)
    middle = slice(slices // 2 - 1, slices // 2 + 2)
    assert_close(network(x.flatten(1, 2)), fixed(x[:, :, middle].flatten(1, 2)), 1e-6)
    stack = image(1, 2, 6, *SIZE, dtype=torch.float32)
    stack[:, :, 4:] = 0
    assert_close(network(stack), fixed(stack), 1e-5)


def angle_attention(spacing, scale):
    """An attention whose vectors have the angle atan2(PET, CT) of a cell of one value each, both above 0."""
    attention = NeighbourAttention(spacing)
    with torch.no_grad():
        for parameter in attention.parameters():
            parameter.zero_()
        for modality in (0, 1):
            attention.describe[0].weight[modality, modality] = 1 / 16
            attention.describe[2].weight[modality, modality, 1, 1] = 1
            attention.query.weight[modality, modality] = attention.key.weight[modality, modality] = 1
        attention.log_scale.fill_(math.log(scale))
    return attention


def windows_of(angles, size=SIZE):
    """Windows (1, 2, S, H, W) whose slices have one CT and PET each, large enough that GELU is the identity."""
    angles = torch.tensor(angles)
    return 50 * torch.stack((angles.cos(), angles.sin()))[None, :, :, None, None].expand(1, 2, -1, *size)


@torch.no_grad()
@pytest.mark.parametrize("spacing", [1.0, 6.0])
@pytest.mark.parametrize(("given", "scale"), [(2.0, 2.0), (1000.0, 100.0)])
def test_weights_are_those_of_angle_and_distance_in_mm(spacing, given, scale):
    angles = [0.3, 0.5, 1.2, 0.8, 0.8, 1.0, 0.4]
    weights = angle_attention(spacing, given)(windows_of(angles))
    assert weights.shape == (1, 2, 3, *SIZE)
    for side, indices in enumerate(([2, 1, 0], [4, 5, 6])):
        cosines = np.cos(np.array(angles)[indices] - angles[3])
        expected = softmax(scale * cosines - spacing * np.array([1, 2, 3]) / 10)
        for found in (weights[0, side, :, 0, 0], weights[0, side, :, 17, 9]):
            np.testing.assert_allclose(found, expected, atol=1e-5)


@torch.no_grad()
def test_each_region_has_weights_of_its_own():
    """Left, the second slice above is like the centre; right, the third."""
    left, right = (windows_of(a, (32, 16)) for a in ([0.8, 0.8, 0.8, 0.8, 0.1, 0.8, 0.1], [0.8] * 4 + [0.1, 0.1, 0.8]))
    attention = angle_attention(1.0, 100.0)
    weights = attention(torch.cat((left, right), dim=4))[0, 1]
    assert weights[1, :, :12].min() > 0.99
    assert weights[2, :, 20:].min() > 0.99
    torch.testing.assert_close(weights.sum(0), torch.ones(SIZE))


@torch.no_grad()
def test_the_mean_of_each_side_lies_round_the_three_in_the_middle():
    windows, drawn = image(2, 2, 7, *SIZE), image(2, 2, 3, *SIZE, seed=1).softmax(2)
    found = compose(windows, drawn)
    assert torch.equal(found[:, :, 1:4], windows[:, :, 2:5])
    for side, slices, place in ((0, [2, 1, 0], 0), (1, [4, 5, 6], 4)):
        for modality in (0, 1):
            expected = sum(drawn[:, side, i] * windows[:, modality, z] for i, z in enumerate(slices))
            torch.testing.assert_close(found[:, modality, place], expected)


def test_what_reads_the_two_learns_from_the_first_step_on_and_the_attention_from_the_second():
    network = nano().train()
    found = gradients(network, batch=2)
    (name,) = image_layers(network)
    assert found[name][:, [0, 4]].abs().amax((0, 2, 3)).min() > 0
    assert not any(g.any() for n, g in found.items() if n.startswith("neighbour_attention."))
    with torch.no_grad():
        network.get_parameter(name).sub_(found[name].sign(), alpha=1e-3)
    network.zero_grad()
    later = gradients(network, batch=2)
    assert all(g.any() for n, g in later.items() if n.startswith("neighbour_attention."))


def test_every_parameter_takes_part():
    assert_all_take_part(gradients(randomise(nano(WIDE[4])), batch=1))


@torch.no_grad()
def test_order_and_offset_of_the_modalities_do_not_matter():
    network, other = randomise(nano()), randomise(nano(modalities=("PET", "CT"), offset=(0.5, -1.0)))
    x = image(1, 2, 7, *SIZE, dtype=torch.float32)
    swapped = torch.stack((x[:, 1] - 0.5, x[:, 0] + 1.0), dim=1)
    assert_close(other(swapped.flatten(1, 2)), network(x.flatten(1, 2)), 1e-4)


@pytest.mark.parametrize(
    ("switches", "match"),
    [
        ({"spacing_z": -1.0}, "spacing_z is -1.0; it has to be a distance in mm"),
        ({"slices": 1}, "slices is 1; choose one of 3, 5, 7, 9"),
        ({"sim": "features"}, "sim is 'features'; slices are composed before the encoder"),
    ],
)
def test_what_has_no_meaning_is_refused(switches, match):
    with pytest.raises(ValueError, match=match):
        nano(**switches)
