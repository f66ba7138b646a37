"""CIPADynamic: which neighbours are chosen, by what, and that a new network chooses the nearest."""

import math

import pytest
import torch

from nnunet_cipa.network import CIPA
from nnunet_cipa.network.dynamic.chooser import NeighbourChooser, take_chosen
from nnunet_cipa.network.dynamic.network import CIPADynamic
from tests.network.helpers import WIDE, assert_all_take_part, assert_close, gradients, image, randomise

SIZE = (32, 32)


def nano(patch_size=SIZE, **switches):
    torch.manual_seed(0)
    settings = {"sim": "encoder", "spacing_z": 3.0, **switches}
    return CIPADynamic(2, 2, patch_size=patch_size, variant="nano", **settings).eval()


@torch.no_grad()
@pytest.mark.parametrize("slices", [3, 5, 7, 9])
@pytest.mark.parametrize("sim", [None, "encoder", "input"])
def test_a_new_network_is_that_of_the_nearest_three_slices(slices, sim):
    torch.manual_seed(0)
    fixed = randomise(CIPA(2, 2, patch_size=SIZE, variant="nano", slices=3, sim=sim)).eval()
    network = nano(slices=slices, sim=sim)
    left = network.load_state_dict(fixed.state_dict(), strict=False)
    assert left.unexpected_keys == []
    assert all(name.startswith("chooser.") for name in left.missing_keys)
    x = image(2, 2, slices, *SIZE, dtype=torch.float32)
    middle = slice(slices // 2 - 1, slices // 2 + 2)
    assert torch.equal(network(x.flatten(1, 2)), fixed(x[:, :, middle].flatten(1, 2)))
    stack = image(1, 2, 6, *SIZE, dtype=torch.float32)
    stack[:, :, 4:] = 0
    assert_close(network(stack), fixed(stack), 1e-5)


def brightness_chooser(scale, spacing):
    """A chooser whose content score is the product of the mean PET of centre and slice, times ``scale``."""
    chooser = NeighbourChooser(spacing)
    with torch.no_grad():
        for parameter in chooser.parameters():
            parameter.zero_()
        chooser.describe[0].weight[0, 1] = 1 / 16
        chooser.describe[2].weight[0, 0] = 1 / 16
        chooser.query.weight[0, 0] = chooser.key.weight[0, 0] = 1
        chooser.scale.fill_(scale)
    return chooser


def windows_of(brightness):
    """Windows (1, 2, S, 32, 32) with one PET value a slice, large enough that GELU is the identity."""
    pet = torch.tensor(brightness)[None, :, None, None].expand(1, -1, *SIZE)
    return torch.stack((torch.zeros_like(pet), pet), dim=1)


@torch.no_grad()
@pytest.mark.parametrize("spacing", [1.0, 6.0])
def test_the_score_is_content_minus_distance_in_mm(spacing):
    chooser = brightness_chooser(0.5, spacing)
    score = chooser.score(windows_of([12.0, 10.0, 11.0, 20.0, 13.0, 14.0, 15.0]))
    content = torch.tensor([[[11.0, 10.0, 12.0], [13.0, 14.0, 15.0]]]) * 20 / math.sqrt(32)
    expected = 0.5 * content - spacing * torch.tensor([1.0, 2.0, 3.0]) / 10
    torch.testing.assert_close(score, expected)


@torch.no_grad()
@pytest.mark.parametrize(
    ("spacing", "expected"),
    [
        (1.0, [12.0, 20.0, 15.0]),  # the brightest on each side
        (100.0, [11.0, 20.0, 13.0]),  # too far away: the nearest
    ],
)
def test_a_slice_that_fits_is_chosen_unless_it_is_far(spacing, expected):
    windows = windows_of([12.0, 10.0, 11.0, 20.0, 13.0, 14.0, 15.0])
    taken = take_chosen(windows, brightness_chooser(0.5, spacing)(windows))
    assert taken.shape == (1, 2, 3, *SIZE)
    assert torch.equal(taken, windows_of(expected))


def test_the_gradient_of_the_choice_is_that_of_the_softmax():
    torch.manual_seed(0)
    chooser = randomise(NeighbourChooser(3.0))
    windows = image(2, 2, 7, *SIZE, dtype=torch.float32)
    weights = image(2, 2, 3, seed=1, dtype=torch.float32)
    (chooser(windows) * weights).sum().backward()
    found = [parameter.grad.clone() for parameter in chooser.parameters()]
    chooser.zero_grad()
    (chooser.score(windows).softmax(-1) * weights).sum().backward()
    for gradient, parameter in zip(found, chooser.parameters(), strict=True):
        assert_close(gradient, parameter.grad, 1e-5)


def test_a_new_network_learns_to_look_at_content():
    """Its choice is that of the distance alone, and yet the scale of the content has a gradient."""
    network = nano().train()
    found = gradients(network, batch=2)
    assert found["chooser.scale"].abs() > 0
    assert [name for name, gradient in found.items() if gradient is None] == []


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
        ({"sim": "features"}, "sim is 'features'; slices are chosen before the encoder"),
    ],
)
def test_what_has_no_meaning_is_refused(switches, match):
    with pytest.raises(ValueError, match=match):
        nano(**switches)
